#include "experiments/run/network/trial.hpp"

#include <c10/core/InferenceMode.h>
#include <torch/types.h>

#include <algorithm>
#include <functional>
#include <map>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/random.hpp"
#include "common/base/text.hpp"
#include "common/model/script/script_model.hpp"

// A script can do anything. What a run takes for granted, such as that an answer depends on weights
// and sample alone, shows in results that differ with the number of ranks, or in a first round that
// fails; here it is asked of the network before anything is made.

namespace fedstrata {
namespace {

constexpr std::int64_t kSamples = 8;
// Kernels round differently for other shapes; what samples do to each other is larger by far.
constexpr double kRounding = 1e-4;

bool finite(at::Tensor const& tensor) {
  return tensor.numel() == 0 || at::isfinite(tensor).all().item<bool>();
}

std::string samples_text(std::int64_t count) {
  return std::to_string(count) + (count == 1 ? " sample" : " samples");
}

class Trial {
 public:
  Trial(Experiment const& experiment, Device const& device, Samples const& train)
      : experiment_(experiment), model_(experiment.model), device_(device), train_(train) {
    auto const& table = model_.table();
    auto const parameters = static_cast<std::size_t>(table.parameter_count);
    std::vector<float> row(parameters + static_cast<std::size_t>(table.buffer_count));
    model_.initialize(std::span(row).first(parameters), std::span(row).subspan(parameters),
                      experiment.config.run.seed, 0);
    start_ = device.zeros(std::ssize(row));
    device.upload(row, start_);
  }

  std::vector<std::string> run() const {
    check_values();
    auto const several = evaluate(0, std::min(kSamples, train_.size()));
    check(finite(several), "answers with values that are not finite (NaN or infinite)");
    check_same(several);
    check_alone(several);
    check_training();
    check_same(several);
    return warnings(several);
  }

 private:
  std::string sentence(std::string const& what) const {
    return "model.name = " + model_.name() + ": the network " + what;
  }

  void check(bool ok, std::string const& what) const { require_input(ok, sentence(what)); }

  std::vector<std::string> warnings(at::Tensor const& answers) const {
    std::vector<std::string> sentences;
    if (auto const names = operations_without_training(model_); !names.empty())
      sentences.push_back(
          sentence("was traced in evaluation mode: " + join(names, " and ") +
                   " will do in training what they do in evaluation (nothing is dropped out, "
                   "running statistics stay as they are); save it by torch.jit.script"));
    if (experiment_.dataset.classes() < 2) return sentences;
    if (probabilities(answers))
      sentences.push_back(
          sentence("ends in softmax: its answers are probabilities, but the loss, cross-entropy, "
                   "applies softmax itself, so gradients are small and the loss never comes near "
                   "0; leave the last softmax out"));
    if (probabilities(answers.exp()))
      sentences.push_back(sentence(
          "ends in log_softmax: its answers are logarithms of probabilities, but the loss, "
          "cross-entropy, applies log_softmax itself; leave the last one out"));
    return sentences;
  }

  static bool probabilities(at::Tensor const& answers) {
    return (answers >= 0).all().item<bool>() &&
           (answers.sum(1) - 1).abs().max().item<double>() < kRounding;
  }

  /// Does `work`; what a library says of it is said in one sentence.
  void attempt(std::string const& what, std::function<void()> const& work,
               std::string const& advice = "") const {
    std::string reason;
    try {
      work();
    } catch (std::exception const& error) {
      reason = reason_of(error);
    }
    check(reason.empty(), "fails " + what + " (" + reason + ")" + advice);
  }

  Weights view(at::Tensor const& row) const {
    auto const parameters = model_.table().parameter_count;
    return model_.view(row.narrow(0, 0, parameters),
                       row.narrow(0, parameters, row.numel() - parameters));
  }

  void check_values() const {
    auto const weights = view(start_);
    for (std::size_t i = 0; i < weights.parameters.size(); ++i)
      check(finite(weights.parameters[i]), "starts with values of " +
                                               model_.table().parameters[i].name +
                                               " that are not finite (NaN or infinite)");
    for (std::size_t i = 0; i < weights.buffers.size(); ++i)
      check(finite(weights.buffers[i]), "starts with values of " + model_.table().buffers[i].name +
                                            " that are not finite (NaN or infinite)");
  }

  at::Tensor evaluate(std::int64_t first, std::int64_t count) const {
    at::Tensor outputs;
    auto const row = start_.clone();
    attempt("in evaluation on " + samples_text(count), [&] {
      outputs = model_.evaluate(train_.range(first, count).inputs, view(row)).clone();
    });
    check(outputs.dim() == 2 && outputs.size(0) == count &&
              outputs.size(1) == experiment_.dataset.outputs,
          "does not give one answer a sample in evaluation on " + samples_text(count));
    check(at::equal(row, start_),
          "changes its parameters or buffers in evaluation; let it do so "
          "in training mode alone");
    return outputs;
  }

  /// Twice, for what is random or counts may happen to agree once.
  void check_same(at::Tensor const& several) const {
    for (int again = 0; again < 2; ++again)
      check(at::equal(evaluate(0, several.size(0)), several),
            "answers differently when asked again, so in evaluation it is random or remembers "
            "what it did; save it by torch.jit.script, or trace it after net.eval()");
  }

  void check_alone(at::Tensor const& several) const {
    auto const allowed = kRounding * several.abs().max().item<double>();
    for (std::int64_t i = 0; i < several.size(0); ++i)
      check((evaluate(i, 1)[0] - several[i]).abs().max().item<double>() <= allowed,
            "answers differently to a sample alone and among others, so in evaluation it uses "
            "statistics of the batch; give its normalisation running statistics");
  }

  /// One client for each size of batch, the largest first.
  std::map<std::int64_t, std::int64_t, std::greater<>> clients_of_sizes() const {
    std::map<std::int64_t, std::int64_t, std::greater<>> clients;
    for (auto const client : experiment_.all_clients()) {
      for (auto const size : experiment_.batch_sizes(client)) clients.try_emplace(size, client);
    }
    return clients;
  }

  void check_training() const {
    auto const sizes = clients_of_sizes();
    for (auto const& [size, client] : sizes) train(size, client);
    if (sizes.empty()) return;
    auto const unreached = unreached_parameters(model_);
    if (unreached.empty()) return;
    auto const others = unreached.size() - 1;
    check(false, "does not use parameter " + unreached.front() +
                     (others > 0 ? " and " + std::to_string(others) + " more" : "") +
                     " in training: no gradient reaches it; leave it out, or make it a buffer");
  }

  void train(std::int64_t size, std::int64_t client) const {
    auto const row = start_.clone();
    auto const gradient = device_.zeros(start_.numel());
    auto sums = device_.to_device(at::zeros({2}, at::kDouble));
    at::manual_seed(
        Random(experiment_.config.run.seed, Purpose::dropout, static_cast<std::uint64_t>(client))
            .next());
    auto const where = "in training on a batch of " + samples_text(size) + ", which client " +
                       std::to_string(client) + " has";
    std::string const advice = size < experiment_.config.train.batch_size
                                   ? "; train.last_batch = merge or drop, or another "
                                     "train.batch_size, avoids small batches"
                                   : "";
    attempt(
        where,
        [&] {
          auto const own = experiment_.partition.of(client);
          auto const batch = train_.gather(own.first(static_cast<std::size_t>(size)));
          model_.train_pass(batch.inputs, batch.targets, *experiment_.task, view(row),
                            {view(gradient), 0.0, 1.0}, sums);
        },
        advice);
    check(finite(sums) && finite(gradient) && finite(row),
          "gives values that are not finite (NaN or infinite) " + where + advice);
  }

  Experiment const& experiment_;
  Model const& model_;
  Device const& device_;
  Samples const& train_;
  at::Tensor start_;  ///< parameters and buffers
};

}  // namespace

std::vector<std::string> try_network(Experiment const& experiment, Device const& device,
                                     Samples const& train) {
  if (!script_file(experiment.config.model) || train.size() == 0) return {};
  c10::InferenceMode const no_gradients;
  return Trial(experiment, device, train).run();
}

}  // namespace fedstrata
