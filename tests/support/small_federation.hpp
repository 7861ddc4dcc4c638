#pragma once
#include <torch/types.h>

#include <algorithm>
#include <map>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "common/model/zoo/zoo.hpp"
#include "common/tasks/tasks.hpp"
#include "server/analysis/round_analysis.hpp"
#include "tests/support/plain_evaluator.hpp"

namespace fedstrata {

inline constexpr std::int64_t kTrain = 131;  // 33 batches of 4, the last of 3: two batches a unit
inline constexpr std::int64_t kTest = 10;

/// A small mlp, some clients' models and samples, and the analysis of one round on them.
struct Federation {
  AnalysisConfig config;
  std::vector<std::int64_t> participants{2, 3, 7};
  std::int64_t round = 6;

  Model model = make_model({"mlp", {8, 6}, Norm::none, Init::different}, {{1, 4, 4}, 5});
  std::map<std::int64_t, HostModel> hosts;
  at::Tensor images, labels;
  Partition partition{{0, 30, 100}, std::vector<std::int64_t>(100), {}};

  Federation() {
    config.batch_size = 4;
    config.alphas = parse_alphas("0.3");
    std::iota(partition.indices.begin(), partition.indices.end(), std::int64_t{0});
    for (std::int64_t const id : {kMean, std::int64_t{2}, std::int64_t{3}, std::int64_t{7}}) {
      hosts[id] = make_host_model(model, static_cast<std::uint64_t>(id + 5));
      for (auto& value : hosts[id].row) value *= 3.0f;
    }
    images = at::randn({kTrain, 1, 4, 4}, at::detail::createCPUGenerator(1));
    labels = at::arange(kTrain, at::kLong).remainder(5);
  }

  InputShape shape() const { return {{1, 4, 4}, 5}; }
  std::unique_ptr<RoundAnalysis> analysis() const {
    PlanInput const input{.config = config,
                          .table = model.table(),
                          .partition = partition,
                          .seed = 1,
                          .round = round,
                          .participants = participants,
                          .train_count = kTrain,
                          .test_count = kTest};
    return std::make_unique<RoundAnalysis>(input, model, classification_task(), shape(),
                                           at::Tensor());
  }
  AnalysisModels models(RoundPlan const& plan) const {
    StoredModels stored;
    stored.read = [this](ModelSpec const& spec, std::span<float> row, std::span<float> buffers) {
      auto const other = spec.kind == ModelSpec::Kind::initial
                             ? make_host_model(model, static_cast<std::uint64_t>(spec.client))
                             : HostModel{};
      auto const of_some = spec.members.empty() ? HostModel{} : mean_of(spec.members);
      auto const& host = !spec.members.empty()                   ? of_some
                         : spec.kind == ModelSpec::Kind::mean    ? hosts.at(kMean)
                         : spec.kind == ModelSpec::Kind::initial ? other
                                                                 : at_round(spec);
      std::ranges::copy(host.row, row.begin());
      std::ranges::copy(host.buffers, buffers.begin());
    };
    stored.trajectory = {1, 3, 4, 6};
    return {model,
            plan.models,
            1,
            stored,
            [this](std::vector<float> const& row) {
              return model.view(torch::tensor(row), torch::empty({0}));
            },
            [this](Weights const& a, Weights const& b) { return match_weights(model, a, b, 1); },
            config.memory / 2};
  }
  /// Weighted by id + 1, so that weights matter.
  HostModel mean_of(std::vector<std::int64_t> const& ids) const {
    auto mean = hosts.at(ids.front());
    std::int64_t total = 0;
    for (auto const id : ids) total += id + 1;
    for (std::size_t i = 0; i < mean.row.size(); ++i) {
      double sum = 0.0;
      for (auto const id : ids) {
        sum += static_cast<double>(id + 1) / static_cast<double>(total) *
               static_cast<double>(hosts.at(id).row[i]);
      }
      mean.row[i] = static_cast<float>(sum);
    }
    return mean;
  }
  /// A client's model in an earlier round lies on its way from the initialisation, a bit aside.
  HostModel at_round(ModelSpec const& spec) const {
    auto const& now = hosts.at(spec.client);
    if (spec.round == round) return now;
    auto host = make_host_model(model, static_cast<std::uint64_t>(spec.client + 40 * spec.round));
    for (std::size_t i = 0; i < host.row.size(); ++i) {
      host.row[i] = now.row[i] * static_cast<float>(spec.round) / 6.0f + 0.1f * host.row[i];
    }
    return host;
  }
  SampleSource samples() const {
    auto const read = [this](std::span<std::int64_t const> indices) {
      auto const index = torch::tensor(at::ArrayRef<std::int64_t>(indices.data(), indices.size()));
      return Batch{images.index_select(0, index), labels.index_select(0, index)};
    };
    return {read, read};
  }
  AnalysisSegment run() const {
    auto const work = analysis();
    auto source = models(work->plan());
    for (bool more = true; more;) {
      std::vector<UnitResult> results;
      for (std::size_t u = 0; u < work->units(); ++u) {
        results.push_back(work->compute(u, source, samples(), {}));
      }
      more = work->finish_phase(results);
    }
    return work->assemble();
  }
  PlainEvaluator::Result plain(HostModel const& host, std::int64_t count) const {
    PlainEvaluator const evaluator(model, images.narrow(0, 0, count), labels.narrow(0, 0, count));
    auto result = evaluator.evaluate(host);
    result.loss /= static_cast<double>(count);
    result.errors /= static_cast<double>(count);
    return result;
  }
  HostModel mix(std::int64_t a, std::int64_t b, double alpha, int layer) const {
    return PlainEvaluator(model, images, labels).mix(hosts.at(a), hosts.at(b), alpha, layer);
  }
};

}  // namespace fedstrata
