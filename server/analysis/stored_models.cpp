#include "server/analysis/stored_models.hpp"

#include <algorithm>
#include <span>

#include "common/base/error.hpp"

namespace fedstrata {
namespace {

/// In double, clients added in the order given.
void weighted_mean(AnalysisInput const& input, std::vector<std::int64_t> const& clients,
                   std::int64_t round, std::span<float> row, std::span<float> buffers) {
  std::vector<double> sum(row.size() + buffers.size(), 0.0);
  auto const weights = input.experiment->weights(clients);
  auto const kind = row_kind(input.experiment->config.analysis.at);
  for (std::size_t i = 0; i < clients.size(); ++i) {
    input.run->read(round, kind, clients[i], row, buffers);
    for (std::size_t j = 0; j < sum.size(); ++j) {
      auto const value = j < row.size() ? row[j] : buffers[j - row.size()];
      sum[j] += weights[i] * static_cast<double>(value);
    }
  }
  for (std::size_t j = 0; j < sum.size(); ++j) {
    (j < row.size() ? row[j] : buffers[j - row.size()]) = static_cast<float>(sum[j]);
  }
}

}  // namespace

StoredModels stored_models(AnalysisInput const& input, RoundJob const& round) {
  auto const read = [input, clients = round.clients](ModelSpec const& spec, std::span<float> row,
                                                     std::span<float> buffers) {
    auto const& experiment = *input.experiment;
    switch (spec.kind) {
      case ModelSpec::Kind::trained: {
        auto const& run = spec.other_run ? *input.other : *input.run;
        return run.read(spec.round, row_kind(experiment.config.analysis.at), spec.client, row,
                        buffers);
      }
      case ModelSpec::Kind::mean:
        return weighted_mean(input, spec.members.empty() ? clients : spec.members, spec.round, row,
                             buffers);
      case ModelSpec::Kind::initial:
        return experiment.model.initialize(row, buffers, experiment.config.run.seed,
                                           experiment.init_stream(spec.client));
      default:
        throw Error("not a stored model");
    }
  };
  return {read, round.trajectory};
}

Upload uploader(Model const& model, Device const& device) {
  return [&model, &device](std::vector<float> const& row) {
    auto const& table = model.table();
    auto device_row = device.row(static_cast<std::int64_t>(row.size()));
    device.upload(row, device_row);
    return model.view(narrow(device_row, {0, table.parameter_count}),
                      narrow(device_row, {table.parameter_count, table.buffer_count}));
  };
}

AlignModels aligner(AnalysisInput const& input) {
  auto const& config = input.experiment->config;
  auto const& model = input.experiment->model;
  if (config.analysis.align == Align::none) return {};
  require_structure(model);
  if (config.analysis.align == Align::weights) {
    return [&model, seed = config.run.seed, starts = config.analysis.align_starts](
               Weights const& a, Weights const& b) {
      return match_weights(model, a, b, seed, starts);
    };
  }
  auto const samples = std::min(config.analysis.align_samples, input.train->size());
  auto const batch = config.analysis.batch_size;
  auto const inputs = [train = input.train, samples, batch](std::int64_t i) {
    return train->range(i * batch, std::min(batch, samples - i * batch)).inputs;
  };
  return [&model, inputs, batches = (samples + batch - 1) / batch, at = config.analysis.align_at](
             Weights const& a, Weights const& b) {
    return match_activations(model, a, b, inputs, batches, at);
  };
}

}  // namespace fedstrata
