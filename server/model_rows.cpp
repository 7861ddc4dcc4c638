#include "server/model_rows.hpp"

#include <algorithm>
#include <utility>

#include "server/round_plan.hpp"

namespace fedstrata {
namespace {

struct HostRow {
  std::vector<float> values;  ///< [P + Q]
  std::span<float> parameters, buffers;
  explicit HostRow(LayerTable const& table)
      : values(static_cast<std::size_t>(table.parameter_count + table.buffer_count)),
        parameters(std::span(values).first(static_cast<std::size_t>(table.parameter_count))),
        buffers(std::span(values).subspan(static_cast<std::size_t>(table.parameter_count))) {}
};

}  // namespace

ModelRows::ModelRows(Experiment const& experiment, RunDirectory const& run, Device const& device,
                     std::int64_t round, RowKind kind, std::vector<std::int64_t> clients,
                     std::int64_t memory)
    : experiment_(&experiment),
      run_(&run),
      device_(&device),
      round_(round),
      kind_(kind),
      clients_(std::move(clients)) {
  auto const row = 4 * experiment.state().model_size();
  capacity_ =
      static_cast<std::size_t>(std::max<std::int64_t>(2, memory / std::max<std::int64_t>(row, 1)));
}

Weights ModelRows::weights_of(std::vector<float> const& row) const {
  auto const& table = experiment_->model.table();
  auto device_row = device_->row(static_cast<std::int64_t>(row.size()));
  device_->upload(row, device_row);
  return experiment_->model.view(device_row.narrow(0, 0, table.parameter_count),
                                 device_row.narrow(0, table.parameter_count, table.buffer_count));
}

Weights ModelRows::read(std::int64_t client) const {
  HostRow row(experiment_->model.table());
  run_->read(round_, kind_, client, row.parameters, row.buffers);
  return weights_of(row.values);
}

Weights ModelRows::mean() const {
  HostRow row(experiment_->model.table());
  std::vector<double> sum(row.values.size(), 0.0);
  auto const weights = experiment_->weights(clients_);
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    run_->read(round_, kind_, clients_[i], row.parameters, row.buffers);
    for (std::size_t j = 0; j < sum.size(); ++j) {
      sum[j] += weights[i] * static_cast<double>(row.values[j]);
    }
  }
  std::ranges::transform(sum, row.values.begin(), [](double v) { return static_cast<float>(v); });
  return weights_of(row.values);
}

Weights ModelRows::trained(std::int64_t client) {
  auto const found = std::ranges::find(entries_, client, &Entry::client);
  if (found != entries_.end()) {
    entries_.splice(entries_.begin(), entries_, found);
    return entries_.front().weights;
  }
  if (entries_.size() >= capacity_) entries_.pop_back();
  entries_.push_front({client, client == kMean ? mean() : read(client)});
  return entries_.front().weights;
}

Weights ModelRows::initial(std::int64_t client) {
  HostRow row(experiment_->model.table());
  experiment_->model.initialize(row.parameters, row.buffers, experiment_->config.run.seed,
                                experiment_->init_stream(client));
  return weights_of(row.values);
}

}  // namespace fedstrata
