#include "server/engine/barrier_engine.hpp"

#include <torch/types.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "common/device/device.hpp"

// Evaluates a tree of points (evaluation_tree.hpp) stage by stage. What points share is computed
// once; points that differ so far and agree in all that remains are stacked along the batch; and a
// layer that is affine in its own parameters is evaluated at the two ends of a line only. The plain
// evaluator in tests/support/ is what this must agree with.

namespace fedstrata {
namespace {

std::int64_t bytes(Frame const& frame) {
  auto const of = [](at::Tensor const& t) {
    return t.defined() ? static_cast<std::int64_t>(t.nbytes()) : 0;
  };
  auto sum = of(frame.main);
  for (auto const& other : frame.others) sum += of(other);
  return sum;
}

/// `tensor` [k * B, ...] repeated to `rows`, stack after stack.
at::Tensor repeated(at::Tensor const& tensor, std::int64_t rows) {
  std::vector<std::int64_t> times(static_cast<std::size_t>(tensor.dim()), 1);
  times[0] = rows / tensor.size(0);
  return times[0] == 1 ? tensor : tensor.repeat(times);
}

}  // namespace

BarrierEngine::BarrierEngine(Model const& model, Task const& task, InputShape const& input,
                             EngineSettings settings)
    : BarrierEngine(model, task, at::zeros(input.batch(2)), std::move(settings)) {}

BarrierEngine::BarrierEngine(Model const& model, Task const& task, at::Tensor const& samples,
                             EngineSettings settings)
    : model_(model), task_(task), settings_(std::move(settings)) {
  at::NoGradGuard const no_gradient;
  auto const& table = model.table();
  auto const weights =
      model.view(at::zeros({table.parameter_count}), at::zeros({table.buffer_count}));
  Frame frame{samples};
  auto const count = samples.size(0);
  std::vector<std::int64_t> peak;  // bytes of one sample: a stage's input, head and output
  for (auto const& stage : model.stages()) {
    auto head = stage.evaluate_head(frame, weights);
    StageShape shape{.layers = stage.layers, .affine = stage.affine};
    shape.cost = stage.head->multiply_adds(head, weights);
    auto next = head;
    for (auto const& operation : stage.tail) {
      next = operation->evaluate(std::move(next), weights);
      shape.tail_cost += operation->multiply_adds(next, weights);
    }
    shape.cost /= static_cast<double>(count);
    shape.tail_cost /= static_cast<double>(count);
    stages_.push_back(std::move(shape));
    peak.push_back((bytes(frame) + bytes(head) + bytes(next)) / count);
    frame = std::move(next);
  }
  auto const calibration = settings_.calibration.defined() ? settings_.calibration.size(0) : 0;
  std::int64_t largest = 1;
  for (std::size_t s = peak.size(); s-- > 0;) {
    largest = std::max(largest, peak[s] * (settings_.batch_size + calibration));
    stages_[s].stack =
        static_cast<std::size_t>(std::max<std::int64_t>(1, settings_.memory / largest));
  }
}

/// The walk of one batch through a tree.
class BarrierEngine::Pass {
 public:
  Pass(BarrierEngine const& engine, EvaluationTree const& tree, BlendedWeights& weights,
       SampleLosses& losses, Interlude const& interlude)
      : engine_(engine), tree_(tree), weights_(weights), losses_(losses), interlude_(interlude) {}

  /// `place`: where in the rows of the losses the batch's samples go.
  void run(Batch const& batch, std::int64_t place) {
    auto const& calibration = engine_.settings_.calibration;
    targets_ = batch.targets.cpu();  // where tasks judge sample by sample
    place_ = place;
    calibration_ = calibration.defined() ? calibration.size(0) : 0;
    rows_ = calibration_ + batch.inputs.size(0);
    auto const inputs = calibration_ > 0 ? at::cat({calibration, batch.inputs}) : batch.inputs;
    descend(0, Frame{inputs});
    judge_waiting();
  }

 private:
  using Node = EvaluationTree::Node;

  void descend(std::size_t index, Frame in) {
    auto const& node = tree_.nodes[index];
    if (node.stage == engine_.stages_.size()) return leaf(node, in.main);
    auto const& stage = engine_.model_.stages()[node.stage];
    auto const stacked = static_cast<std::int64_t>(node.stack) * rows_;
    bool const splits = std::ranges::any_of(
        node.branches, [](auto const& branch) { return branch.outputs.size() > 1; });
    if (splits) in[stage.slot] = repeated(in[stage.slot], stacked);
    StageOutputs outputs(*this, node, in);
    for (std::size_t b = 0; b < node.branches.size(); ++b) {
      auto const& branch = node.branches[b];
      Frame frame = in;
      frame[stage.slot] = outputs.of(branch);
      if (b + 1 == node.branches.size()) {
        in = {};  // what is no longer needed is not kept while the last branch goes on
        outputs.clear();
      }
      frame = stage.evaluate_tail(std::move(frame), {});
      descend(branch.node, std::move(frame));
    }
  }

  /// Answers of a device wait for those of the batch's other leaves, so that all come by one copy.
  void leaf(Node const& node, at::Tensor const& answers) {
    if (in_host_memory(answers)) {
      judge(node, answers);
    } else {
      leaves_.push_back(&node);
      answers_.push_back(answers);
    }
    if (interlude_) interlude_();
  }

  void judge_waiting() {
    if (leaves_.empty()) return;
    auto const all = at::cat(answers_).cpu();
    std::int64_t first = 0;
    for (std::size_t i = 0; i < leaves_.size(); ++i) {
      auto const rows = answers_[i].size(0);
      judge(*leaves_[i], all.narrow(0, first, rows));
      first += rows;
    }
    leaves_.clear();
    answers_.clear();
  }

  void judge(Node const& node, at::Tensor const& outputs) {
    auto const batch = targets_.size(0);
    for (std::size_t i = 0; i < node.points.size(); ++i) {
      auto const one =
          outputs.narrow(0, static_cast<std::int64_t>(i) * rows_ + calibration_, batch);
      auto const at = [&](auto row) {
        return row.subspan(static_cast<std::size_t>(place_), static_cast<std::size_t>(batch));
      };
      auto const point = node.points[i];
      engine_.task_.judge(one, targets_, at(losses_.loss(point)), at(losses_.error(point)));
    }
  }

  /// The outputs of a stage at the versions that a node asks for, computed when first needed.
  class StageOutputs {
   public:
    StageOutputs(Pass& pass, Node const& node, Frame const& in)
        : pass_(pass),
          node_(node),
          in_(in),
          known_(node.products.size()),
          uses_(node.products.size()) {
      for (auto const& branch : node.branches) {
        for (auto const& output : branch.outputs) {
          ++uses_[static_cast<std::size_t>(output.product)];
          if (output.other >= 0) ++uses_[static_cast<std::size_t>(output.other)];
        }
      }
    }

    /// One after another along the batch.
    at::Tensor of(EvaluationTree::Branch const& branch) {
      auto const& first = branch.outputs.front();
      if (branch.outputs.size() == 1) return output(first);
      auto const one = product(first.product, false);
      auto shape = one.sizes().vec();
      auto const rows = std::exchange(shape[0], shape[0] * std::ssize(branch.outputs));
      auto const stack = at::empty(shape, one.options(), one.suggest_memory_format());
      for (std::size_t i = 0; i < branch.outputs.size(); ++i) {
        write(branch.outputs[i], stack.narrow(0, static_cast<std::int64_t>(i) * rows, rows));
      }
      return stack;
    }

    /// Nothing more is needed.
    void clear() {
      known_.clear();
      in_ = {};
    }

   private:
    at::Tensor output(EvaluationTree::Output const& output) {
      auto const one = product(output.product, true);
      if (output.other < 0) return one;
      return at::lerp(one, product(output.other, true), output.step);
    }

    void write(EvaluationTree::Output const& output, at::Tensor to) {
      auto const one = product(output.product, true);
      if (output.other < 0)
        to.copy_(one);
      else
        at::lerp_out(to, one, product(output.other, true), output.step);
    }

    /// `use`: counts as one of the uses, after the last of which it is forgotten.
    at::Tensor product(int index, bool use) {
      auto const i = static_cast<std::size_t>(index);
      auto& known = known_[i];
      if (!known.defined()) {
        auto const& stage = pass_.engine_.model_.stages()[node_.stage];
        auto weights = pass_.weights_.get(stage.layers, node_.products[i]);
        weights.calibration = pass_.calibration_;
        weights.rows = pass_.rows_;
        auto head = stage.evaluate_head(in_, weights);
        known = head[stage.slot];
      }
      auto const result = known;
      if (use && --uses_[i] == 0) known = at::Tensor();
      return result;
    }

    Pass& pass_;
    Node const& node_;
    Frame in_;
    std::vector<at::Tensor> known_;
    std::vector<int> uses_;
  };

  BarrierEngine const& engine_;
  EvaluationTree const& tree_;
  BlendedWeights& weights_;
  SampleLosses& losses_;
  Interlude const& interlude_;
  at::Tensor targets_;               ///< in host memory
  std::vector<Node const*> leaves_;  ///< that wait to be judged,
  std::vector<at::Tensor> answers_;  ///< with what models answered
  std::int64_t place_ = 0;
  std::int64_t calibration_ = 0;
  std::int64_t rows_ = 0;
};

void BarrierEngine::evaluate(EvaluationTree const& tree, BlendedWeights& weights,
                             std::int64_t first, std::int64_t count, BatchLoader const& load,
                             SampleLosses& losses, Interlude const& interlude) const {
  at::NoGradGuard const no_gradient;
  Pass pass(*this, tree, weights, losses, interlude);
  for (std::int64_t begin = 0; begin < count; begin += settings_.batch_size) {
    auto const size = std::min(settings_.batch_size, count - begin);
    pass.run(load(first + begin, size), begin);
  }
}

}  // namespace fedstrata
