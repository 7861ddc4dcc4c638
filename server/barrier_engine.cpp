#include "server/barrier_engine.hpp"

#include <algorithm>
#include <utility>

namespace fedstrata {
namespace {

std::int64_t bytes(State const& state) {
  auto const of = [](at::Tensor const& t) {
    return t.defined() ? static_cast<std::int64_t>(t.nbytes()) : 0;
  };
  return of(state.main) + of(state.skip);
}

/// Per stage, the most bytes that one sample's activations take at once from there to the end: the
/// input, the head's output and the tail's output of a stage.
std::vector<std::int64_t> activation_bytes(Model const& model, Weights const& weights,
                                           at::Tensor const& sample) {
  std::vector<std::int64_t> peak;
  State state{sample, {}};
  for (auto const& stage : model.stages()) {
    auto const head = stage.evaluate_head(state, weights);
    auto next = stage.evaluate_tail(head, weights);
    peak.push_back(bytes(state) + bytes(head) + bytes(next));
    state = std::move(next);
  }
  for (std::size_t s = peak.size() - 1; s > 0; --s) peak[s - 1] = std::max(peak[s - 1], peak[s]);
  return peak;
}

bool equal_layer(LayerTable const& table, Weights const& a, Weights const& b, int layer) {
  auto const equal = [layer](std::vector<NamedTensor> const& names, auto const& x, auto const& y) {
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (names[i].layer == layer && !at::equal(x[i], y[i])) return false;
    }
    return true;
  };
  return equal(table.parameters, a.parameters, b.parameters) &&
         equal(table.buffers, a.buffers, b.buffers);
}

void add(std::vector<LossSums>& to, std::span<LossSums const> sums, std::size_t at = 0) {
  for (std::size_t i = 0; i < sums.size(); ++i) to[at + i] += sums[i];
}

/// Calls change(index) for the tensors of a layer, parameters and buffers.
template <class ChangeParameter, class ChangeBuffer>
void for_layer(LayerTable const& table, int layer, ChangeParameter parameter, ChangeBuffer buffer) {
  for (std::size_t i = 0; i < table.parameters.size(); ++i) {
    if (table.parameters[i].layer == layer) parameter(i);
  }
  for (std::size_t i = 0; i < table.buffers.size(); ++i) {
    if (table.buffers[i].layer == layer) buffer(i);
  }
}

}  // namespace

Weights with_layer(LayerTable const& table, Weights base, Weights const& partner, int layer) {
  for_layer(
      table, layer, [&](std::size_t i) { base.parameters[i] = partner.parameters[i]; },
      [&](std::size_t i) { base.buffers[i] = partner.buffers[i]; });
  return base;
}

Weights interpolate_layer(LayerTable const& table, Weights base, Weights const& partner, int layer,
                          double step) {
  for_layer(
      table, layer,
      [&](std::size_t i) {
        base.parameters[i] = at::lerp(base.parameters[i], partner.parameters[i], step);
      },
      [&](std::size_t i) {
        base.buffers[i] = at::lerp(base.buffers[i], partner.buffers[i], step);
      });
  return base;
}

Weights interpolate_all(Weights const& base, Weights const& partner, double step) {
  Weights between = base;
  for (std::size_t i = 0; i < base.parameters.size(); ++i) {
    between.parameters[i] = at::lerp(base.parameters[i], partner.parameters[i], step);
  }
  for (std::size_t i = 0; i < base.buffers.size(); ++i) {
    between.buffers[i] = at::lerp(base.buffers[i], partner.buffers[i], step);
  }
  return between;
}

/// One sweep: what stays the same over its batches.
struct BarrierEngine::Sweep {
  BarrierEngine const& engine;
  Weights const& base;
  std::span<LayerPaths const> partners;
  Interlude const& interlude;
  std::vector<std::vector<bool>> equal;   // [partners][layers]
  std::vector<std::int64_t> stack_limit;  // steps stacked at once, per stage
  SweepSums sums;

  Sweep(BarrierEngine const& owner, Weights const& weights, std::span<LayerPaths const> towards,
        Interlude const& between)
      : engine(owner), base(weights), partners(towards), interlude(between) {
    auto const& table = engine.model_.table();
    auto const layers = static_cast<int>(table.layers.size());
    for (auto const& paths : partners) {
      auto& same = equal.emplace_back();
      for (int l = 0; l < layers; ++l) same.push_back(equal_layer(table, base, paths.partner, l));
      sums.paths.emplace_back(table.layers.size() * paths.steps.size());
    }
  }

  void plan_stacks(at::Tensor const& images) {
    for (auto const need : activation_bytes(engine.model_, base, images.narrow(0, 0, 1))) {
      auto const batch = std::max<std::int64_t>(1, need * engine.settings_.batch_size);
      stack_limit.push_back(std::max<std::int64_t>(1, engine.settings_.memory / batch));
    }
  }

  void batch(EvaluationBatch const& batch) {
    if (stack_limit.empty() && !partners.empty()) plan_stacks(batch.images);
    State state{batch.images, {}};
    for (std::size_t s = 0; s < engine.model_.stages().size(); ++s) {
      auto const& stage = engine.model_.stages()[s];
      auto head = stage.evaluate_head(state, base);
      for (int const layer : stage.layers) {
        for (std::size_t p = 0; p < partners.size(); ++p) {
          if (!equal[p][static_cast<std::size_t>(layer)]) path(s, layer, p, state, head, batch);
        }
      }
      state = stage.evaluate_tail(std::move(head), base);
    }
    sums.base += engine.sums(state.main, batch.labels, 1).front();
    if (interlude) interlude();
  }

  /// Adds the sums of one layer's path towards one partner.
  void path(std::size_t s, int layer, std::size_t p, State const& in, State const& head,
            EvaluationBatch const& batch) {
    auto const& stage = engine.model_.stages()[s];
    auto const& partner = partners[p].partner;
    auto const& steps = partners[p].steps;
    auto const& table = engine.model_.table();
    auto const part = [&stage](State const& state) {
      return stage.on_skip ? state.skip : state.main;
    };
    at::Tensor const near = part(head);
    at::Tensor const far = part(stage.evaluate_head(in, with_layer(table, base, partner, layer)));
    auto const at_step = [&](double step, at::Tensor out) {
      if (step == 1.0) {
        out.copy_(far);
      } else if (stage.affine) {
        at::lerp_out(out, near, far, step);
      } else {
        auto const weights = interpolate_layer(table, base, partner, layer, step);
        out.copy_(part(stage.evaluate_head(in, weights)));
      }
    };
    auto const limit = static_cast<std::size_t>(stack_limit[s]);
    for (std::size_t begin = 0; begin < steps.size(); begin += limit) {
      auto const count = std::min(limit, steps.size() - begin);
      auto shape = near.sizes().vec();
      auto const rows = std::exchange(shape[0], shape[0] * static_cast<std::int64_t>(count));
      auto const stack = at::empty(shape, near.options(), near.suggest_memory_format());
      for (std::size_t i = 0; i < count; ++i) {
        at_step(steps[begin + i], stack.narrow(0, static_cast<std::int64_t>(i) * rows, rows));
      }
      State state = head;
      (stage.on_skip ? state.skip : state.main) = stack;
      state = engine.run(s + 1, stage.evaluate_tail(std::move(state), base), base);
      add(sums.paths[p], engine.sums(state.main, batch.labels, static_cast<std::int64_t>(count)),
          static_cast<std::size_t>(layer) * steps.size() + begin);
      if (interlude) interlude();
    }
  }

  /// Layers that do not differ have the base's own sums.
  SweepSums finish() {
    for (std::size_t p = 0; p < partners.size(); ++p) {
      auto const steps = partners[p].steps.size();
      for (std::size_t i = 0; i < sums.paths[p].size(); ++i) {
        if (equal[p][i / steps]) sums.paths[p][i] = sums.base;
      }
    }
    return std::move(sums);
  }
};

EvaluationBatch BarrierEngine::load_batch(BatchLoader const& load, SampleRange range,
                                          std::int64_t begin) const {
  return load(range.first + begin, std::min(settings_.batch_size, range.count - begin));
}

std::vector<LossSums> BarrierEngine::sums(at::Tensor const& outputs, at::Tensor const& labels,
                                          std::int64_t stack) const {
  if (settings_.loss == Loss::cross_entropy) return loss_sums(outputs, labels, stack);
  std::vector<LossSums> result;
  for (auto const& one : outputs.chunk(stack)) {
    auto const difference = one.to(at::kDouble) - labels.view_as(one).to(at::kDouble);
    result.push_back({(difference * difference).sum().item<double>(), 0.0});
  }
  return result;
}

State BarrierEngine::run(std::size_t from, State state, Weights const& weights) const {
  for (auto const& stage : model_.stages().subspan(from)) {
    state = stage.evaluate_tail(stage.evaluate_head(std::move(state), weights), weights);
  }
  return state;
}

SweepSums BarrierEngine::sweep(Weights const& base, std::span<LayerPaths const> partners,
                               SampleRange range, BatchLoader const& load,
                               Interlude const& interlude) const {
  at::NoGradGuard const no_gradient;
  Sweep work(*this, base, partners, interlude);
  for (std::int64_t begin = 0; begin < range.count; begin += settings_.batch_size) {
    work.batch(load_batch(load, range, begin));
  }
  return work.finish();
}

std::vector<LossSums> BarrierEngine::full_path(Weights const& a, Weights const& b,
                                               std::span<double const> alphas, SampleRange range,
                                               BatchLoader const& load,
                                               Interlude const& interlude) const {
  at::NoGradGuard const no_gradient;
  std::vector<EvaluationBatch> batches;
  for (std::int64_t begin = 0; begin < range.count; begin += settings_.batch_size) {
    batches.push_back(load_batch(load, range, begin));
  }
  std::vector<LossSums> result;
  for (double const alpha : alphas) {
    auto const weights = interpolate_all(a, b, alpha);
    LossSums sum;
    for (auto const& batch : batches) {
      auto const state = run(0, State{batch.images, {}}, weights);
      sum += sums(state.main, batch.labels, 1).front();
      if (interlude) interlude();
    }
    result.push_back(sum);
  }
  return result;
}

}  // namespace fedstrata
