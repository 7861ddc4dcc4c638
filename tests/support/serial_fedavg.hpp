#pragma once
#include <torch/types.h>

#include <cmath>
#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "client/trainer.hpp"
#include "common/federation/experiment.hpp"
#include "tests/support/model_fixture.hpp"

namespace fedstrata {

/// Federated averaging in the plainest words: every client keeps a whole row of its own
/// (parameters, buffers, what the optimizer keeps) for ever, one after another trains on it, and
/// due layers become the mean, or what their update makes of it.
class SerialFedAvg {
 public:
  using Row = std::vector<float>;

  Row global;
  std::vector<Row> clients;
  std::map<std::int64_t, Row> before;  ///< as trained in the latest round, of its participants
  std::set<std::int64_t> excluded;     ///< clients that diverged in any round

  SerialFedAvg(Experiment const& experiment, Device const& device, Samples const& train)
      : experiment_(experiment),
        state_(device.zeros(experiment.state().size())),
        global_(device.zeros(experiment.state().size())),
        trainer_({.experiment = &experiment,
                  .device = &device,
                  .data = &train,
                  .state = state_,
                  .global = global_}) {
    global = initial(0);
    for (auto const id : experiment.all_clients()) {
      clients.push_back(initial(experiment.init_stream(id)));
    }
    if (experiment.config.model.init == Init::same) return;
    auto const reference = global;
    auto const all = experiment.all_clients();
    for (int layer = 0; layer < layers(); ++layer) {
      for (auto const& slice : model_slices(layer)) take_mean(slice, reference, all, all);
    }
  }

  void round(std::int64_t number) {
    auto const ids = experiment_.participants(number);
    auto const reference = global;
    before.clear();
    std::vector<std::int64_t> kept;
    for (auto const id : ids) {
      auto const start = client(id);
      train(id, number);
      before[id] = client(id);
      if (finite(client(id))) {
        kept.push_back(id);
      } else {
        client(id) = start;
        excluded.insert(id);
      }
    }
    auto const policy = experiment_.config.train.momentum_at_averaging;
    for (int const layer : experiment_.schedule.due_layers(number)) {
      auto slices = model_slices(layer);
      if (policy == AtAveraging::average) {
        for (auto const& slice : optimizer_slices(layer)) slices.push_back(slice);
      }
      for (auto const& slice : slices) {
        take_mean(slice, reference, ids, kept);
        if (slice.offset == slices.front().offset) update(layer, slice, reference);
        for (auto& row : clients) copy(slice, global, row);
      }
      if (policy != AtAveraging::reset) continue;
      Row const zeros(global.size(), 0.0F);
      for (auto const& slice : optimizer_slices(layer)) {
        for (auto& row : clients) copy(slice, zeros, row);
      }
    }
  }

  Row& client(std::int64_t id) { return clients[static_cast<std::size_t>(id)]; }
  int layers() const { return static_cast<int>(experiment_.model.table().layers.size()); }

  /// Where a layer lies in a row: its parameters and each of its buffers.
  std::vector<Slice> model_slices(int layer) const {
    auto const& table = experiment_.model.table();
    std::vector<Slice> slices = {table.layers[static_cast<std::size_t>(layer)].parameters};
    for (auto const& buffer : table.buffers) {
      if (buffer.layer != layer) continue;
      slices.push_back({table.parameter_count + buffer.slice.offset, buffer.slice.size});
    }
    return slices;
  }

 private:
  Row initial(std::uint64_t stream) const {
    auto const& table = experiment_.model.table();
    Row row(static_cast<std::size_t>(experiment_.state().size()), 0.0F);
    auto const parameters = static_cast<std::size_t>(table.parameter_count);
    auto const buffers = static_cast<std::size_t>(table.buffer_count);
    experiment_.model.initialize(std::span(row).first(parameters),
                                 std::span(row).subspan(parameters, buffers),
                                 experiment_.config.run.seed, stream);
    return row;
  }

  void train(std::int64_t id, std::int64_t number) {
    std::ranges::copy(client(id), state_.data_ptr<float>());
    std::ranges::copy(global, global_.data_ptr<float>());
    trainer_.train(id, number, steps_[id]);
    steps_[id] += experiment_.local_steps(id);
    std::ranges::copy(values(state_), client(id).begin());
  }

  /// Momentum, or Adam's two moments and, last, its number of steps.
  std::vector<Slice> optimizer_slices(int layer) const {
    auto const& train = experiment_.config.train;
    auto const& table = experiment_.model.table();
    auto const& slice = table.layers[static_cast<std::size_t>(layer)].parameters;
    auto const fields = table.parameter_count + table.buffer_count;
    if (train.optimizer != "sgd") {
      return {{fields + slice.offset, slice.size},
              {fields + table.parameter_count + slice.offset, slice.size},
              {steps_offset() + layer, 1}};
    }
    if (train.momentum == 0.0) return {};
    return {{fields + slice.offset, slice.size}};
  }

  std::int64_t steps_offset() const {
    auto const& table = experiment_.model.table();
    return 3 * table.parameter_count + table.buffer_count;
  }

  static bool finite(Row const& row) {
    return std::ranges::all_of(row, [](float value) { return std::isfinite(value); });
  }

  static void copy(Slice slice, Row const& from, Row& to) {
    std::copy_n(from.begin() + slice.offset, slice.size, to.begin() + slice.offset);
  }

  /// The mean of `kept`, whose weights are shares of all `ids`, in integers: each addend is rounded
  /// to a multiple of 2^-36 of the power of two above the slice's largest magnitude before.
  void take_mean(Slice slice, Row const& reference, std::vector<std::int64_t> const& ids,
                 std::vector<std::int64_t> const& kept) {
    float largest = slice.offset >= steps_offset() ? 0x1p20F : 0x1p-6F;
    for (auto i = slice.offset; i < slice.offset + slice.size; ++i) {
      largest = std::max(largest, std::abs(reference[static_cast<std::size_t>(i)]));
    }
    double const quantum = std::exp2(std::floor(std::log2(largest)) + 1 - 36);
    auto const weights = experiment_.weights(ids);
    double divisor = 0.0;
    for (std::size_t c = 0; c < ids.size(); ++c) {
      if (std::ranges::binary_search(kept, ids[c])) divisor += weights[c];
    }
    if (kept.size() == ids.size()) divisor = 1.0;
    for (auto i = slice.offset; i < slice.offset + slice.size; ++i) {
      auto const element = static_cast<std::size_t>(i);
      std::int64_t sum = 0;
      for (std::size_t c = 0; c < ids.size(); ++c) {
        if (!std::ranges::binary_search(kept, ids[c])) continue;
        sum += std::llrint(client(ids[c])[element] * (weights[c] / quantum));
      }
      global[element] = static_cast<float>(static_cast<double>(sum) * (quantum / divisor));
    }
  }

  /// What average.NAME.update makes of the mean of a layer's parameters.
  void update(int layer, Slice slice, Row const& reference) {
    auto const& group = *experiment_.schedule.settings_of(layer);
    double const lr = group.update_lr, beta1 = group.update_beta1, beta2 = group.update_beta2;
    double const tau = group.update_tau;
    for (auto i = static_cast<std::size_t>(slice.offset);
         i < static_cast<std::size_t>(slice.offset + slice.size); ++i) {
      double const x = reference[i], mean = global[i], change = mean - x;
      auto& [m, v] = kept_.try_emplace(i, 0.0F, static_cast<float>(tau * tau)).first->second;
      if (group.update == "momentum") {
        global[i] = static_cast<float>(mean + ((lr - 1) * change + lr * (beta1 * m)));
        m = static_cast<float>(beta1 * m + change);
      } else if (group.update == "nesterov") {
        double const v_new = beta1 * m + change;
        global[i] = static_cast<float>(mean + ((lr - 1) * change + lr * beta1 * v_new));
        m = static_cast<float>(v_new);
      } else if (group.update != "mean") {
        double const m_new = beta1 * m + (1 - beta1) * change;
        double const square = change * change;
        double const v_new = group.update == "adam"      ? beta2 * v + (1 - beta2) * change * change
                             : group.update == "adagrad" ? v + square
                             : v > square                ? v - (1 - beta2) * square
                             : v < square                ? v + (1 - beta2) * square
                                                         : static_cast<double>(v);
        global[i] = static_cast<float>(x + lr * m_new / (std::sqrt(v_new) + tau));
        m = static_cast<float>(m_new);
        v = static_cast<float>(v_new);
      }
    }
  }

  Experiment const& experiment_;
  std::map<std::size_t, std::pair<float, float>> kept_;  ///< by updates, by element: m, v
  at::Tensor state_, global_;
  Trainer trainer_;
  std::map<std::int64_t, std::int64_t> steps_;
};

}  // namespace fedstrata
