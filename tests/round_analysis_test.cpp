#include "server/round_analysis.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "common/error.hpp"
#include "tests/plain_evaluator.hpp"

namespace fedstrata {
namespace {

constexpr std::int64_t kTrain = 2 * kChunkBatches * 4 + 3;  // three chunks of batches of 4
constexpr std::int64_t kTest = 10;

/// A small mlp, some clients' models and samples, and the analysis of one round on them.
struct Federation {
  AnalysisConfig config;
  std::vector<double> alphas{0.0, 0.3, 0.5, 1.0};
  std::vector<std::int64_t> participants{2, 3, 7};
  std::string pairs = "all";
  std::int64_t round = 6;

  Model model = make_model({"mlp", {8, 6}, Norm::none, Init::different}, {1, 4, 4, 5});
  std::map<std::int64_t, HostModel> hosts;
  at::Tensor images, labels;

  Federation() {
    config.batch_size = 4;
    for (std::int64_t const id : {kMean, std::int64_t{2}, std::int64_t{3}, std::int64_t{7}}) {
      hosts[id] = make_host_model(model, static_cast<std::uint64_t>(id + 5));
      for (auto& value : hosts[id].row) value *= 3.0f;
    }
    images = at::randn({kTrain, 1, 4, 4}, at::detail::createCPUGenerator(1));
    labels = at::arange(kTrain, at::kLong).remainder(5);
  }

  RoundAnalysis analysis() const {
    return {config, alphas, model, parse_pairs(pairs, 100), 1, round, participants, kTrain, kTest};
  }
  ModelSource models() const {
    return {[this](std::int64_t id) { return load(model, hosts.at(id)); },
            [this](std::int64_t id) {
              return load(model, make_host_model(model, static_cast<std::uint64_t>(id)));
            }};
  }
  SplitSource samples() const {
    auto const read = [this](std::int64_t first, std::int64_t count) {
      return EvaluationBatch{images.narrow(0, first, count), labels.narrow(0, first, count)};
    };
    return {read, read};
  }
  AnalysisSegment run() const {
    auto const work = analysis();
    std::vector<std::vector<double>> results;
    for (std::size_t u = 0; u < work.units(); ++u) {
      results.push_back(work.compute(u, models(), samples(), {}));
      EXPECT_EQ(results.back().size(), work.values(u));
    }
    return work.assemble(results);
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

BarrierRecord find(AnalysisSegment const& tables, std::string const& split,
                   std::string const& target, std::int64_t a, std::int64_t b, std::int64_t rest) {
  for (auto const& r : tables.barriers) {
    if (r.split.str() == split && r.target.str() == target && r.a == a && r.b == b &&
        r.rest == rest) {
      return r;
    }
  }
  ADD_FAILURE() << "no row for " << target;
  return {};
}

/// All numbers of the tables, to compare bits (NaN included).
std::vector<std::string> bits(AnalysisSegment const& tables) {
  std::vector<std::string> result;
  auto const add = [&](auto const& records) {
    for (auto const& record : records) {
      auto const* bytes = reinterpret_cast<char const*>(&record);
      result.emplace_back(bytes, sizeof(record));
    }
  };
  add(tables.points);
  add(tables.barriers);
  add(tables.geometry);
  return result;
}

TEST(round_analysis, barriers_are_those_of_a_plain_evaluation) {
  Federation const setup;
  auto const tables = setup.run();
  for (auto const& [split, count] :
       std::map<std::string, std::int64_t>{{"train", kTrain}, {"test", kTest}}) {
    auto const end_a = setup.plain(setup.hosts.at(2), count);
    auto const end_b = setup.plain(setup.hosts.at(7), count);
    for (int layer = -1; layer < 3; ++layer) {
      auto const target =
          layer < 0 ? "all" : setup.model.table().layers[static_cast<std::size_t>(layer)].name;
      for (bool const into_b : {false, true}) {
        if (layer < 0 && into_b) continue;
        std::vector<double> loss, error;
        for (double const alpha : setup.alphas) {
          auto const host =
              into_b ? setup.mix(7, 2, 1 - alpha, layer) : setup.mix(2, 7, alpha, layer);
          auto const value = setup.plain(host, count);
          loss.push_back(value.loss);
          error.push_back(value.errors);
        }
        auto const r = find(tables, split, target, 2, 7, layer < 0 ? kNobody : into_b ? 7 : 2);
        double const reference = (end_a.loss + end_b.loss) / 2;
        EXPECT_NEAR(r.loss_a, end_a.loss, 1e-5);
        EXPECT_NEAR(r.loss_b, end_b.loss, 1e-5);
        EXPECT_NEAR(r.error_a, end_a.errors, 1e-12);
        EXPECT_NEAR(r.loss_mid, loss[2] - reference, 1e-5);
        EXPECT_NEAR(r.error_mid, error[2] - (end_a.errors + end_b.errors) / 2, 1e-12);
        double const at_third = loss[1] - (0.7 * loss[0] + 0.3 * loss[3]);
        double const at_half = loss[2] - (loss[0] + loss[3]) / 2;
        EXPECT_NEAR(r.loss_path, std::max(at_third, at_half), 1e-5);
        EXPECT_EQ(r.alpha_path, at_third > at_half ? 0.3 : 0.5);
        if (layer < 0) {
          EXPECT_TRUE(std::isnan(r.loss_swap) && std::isnan(r.error_swap));
        } else {
          EXPECT_NEAR(r.loss_swap, (into_b ? loss[0] : loss[3]) - reference, 1e-5);
        }
        EXPECT_EQ(r.samples, count);
        EXPECT_EQ(r.round, 6);
        EXPECT_EQ(r.round_b, 6);
      }
    }
  }
}

TEST(round_analysis, every_curve_has_its_points_and_rows_are_sorted_and_unique) {
  Federation const setup;
  auto const tables = setup.run();
  std::size_t const curves = 2 * 3 * (1 + 2 * 3);  // splits, pairs, full and both bases per layer
  EXPECT_EQ(tables.barriers.size(), curves);
  EXPECT_EQ(tables.points.size(), curves * setup.alphas.size());
  EXPECT_EQ(tables.geometry.size(), std::size_t{(3 + 3 + 3) * (3 + 1)});
  EXPECT_TRUE(tables.skipped.empty());
  auto const key = [](PointRecord const& r) {
    return std::tie(r.round, r.split, r.kind, r.target, r.a, r.b, r.round_b, r.other_run, r.rest,
                    r.draw, r.alpha);
  };
  for (std::size_t i = 1; i < tables.points.size(); ++i) {
    EXPECT_LT(key(tables.points[i - 1]), key(tables.points[i]));
  }
}

TEST(round_analysis, units_can_be_dealt_in_any_order_and_repeated) {
  Federation const setup;
  auto const expected = bits(setup.run());
  auto const work = setup.analysis();
  std::vector<std::vector<double>> results(work.units());
  for (std::size_t i = 0; i < work.units(); ++i) {
    auto const u = (i * 5 + 3) % work.units();
    results[u] = setup.analysis().compute(u, setup.models(), setup.samples(), {});
  }
  for (std::size_t u = 0; u < work.units(); ++u) {
    if (results[u].empty()) results[u] = work.compute(u, setup.models(), setup.samples(), {});
  }
  EXPECT_EQ(bits(work.assemble(results)), expected);
}

TEST(round_analysis, chunks_cover_every_sample_once) {
  Federation const setup;
  std::map<std::pair<int, std::int64_t>, std::int64_t> next;
  auto const work = setup.analysis();
  for (auto const& unit : work.plan().units) {
    if (unit.kind != Unit::Kind::sweep) continue;
    auto& expected = next[{static_cast<int>(unit.split), unit.a}];
    EXPECT_EQ(unit.samples.first, expected);
    EXPECT_LE(unit.samples.count, kChunkBatches * 4);
    expected += unit.samples.count;
  }
  EXPECT_EQ(next.size(), 6u);
  for (auto const& [key, end] : next) EXPECT_EQ(end, key.first == 0 ? kTrain : kTest);
}

TEST(round_analysis, identical_models_have_no_barrier_at_all) {
  Federation setup;
  setup.alphas = {0.0, 0.1, 0.35, 0.5, 0.9, 1.0};
  setup.hosts[3] = setup.hosts[7] = setup.hosts[2];
  for (auto const& r : setup.run().barriers) {
    EXPECT_EQ(r.loss_mid, 0.0);
    EXPECT_EQ(r.loss_path, 0.0);
    EXPECT_EQ(r.alpha_path, 0.1) << "the smallest on ties";
    EXPECT_EQ(r.error_mid, 0.0);
    EXPECT_EQ(r.error_path, 0.0);
    EXPECT_TRUE(r.kind.str() == "full" || r.loss_swap == 0.0);
  }
}

TEST(round_analysis, swapping_the_pair_swaps_the_bases) {
  Federation setup;
  setup.pairs = "2-7,7-2";
  setup.alphas = {0.0, 0.25, 0.5, 0.75, 1.0};
  auto const tables = setup.run();
  for (auto const& layer : setup.model.table().layers) {
    for (std::int64_t const rest : {2, 7}) {
      auto const r = find(tables, "train", layer.name, 2, 7, rest);
      auto const swapped = find(tables, "train", layer.name, 7, 2, rest);
      EXPECT_EQ(r.loss_mid, swapped.loss_mid);
      EXPECT_EQ(r.loss_swap, swapped.loss_swap);
      EXPECT_EQ(r.error_path, swapped.error_path);
    }
  }
}

TEST(round_analysis, a_model_of_one_layer_has_its_full_barrier) {
  Federation setup;
  setup.model = make_model({"mlp", {}, Norm::none, Init::different}, {1, 4, 4, 5});
  for (auto& [id, host] : setup.hosts) {
    host = make_host_model(setup.model, static_cast<std::uint64_t>(id + 5));
    for (auto& value : host.row) value *= 3.0f;
  }
  auto const tables = setup.run();
  auto const full = find(tables, "train", "all", 2, 3, kNobody);
  for (std::int64_t const rest : {2, 3}) {
    auto const layer = find(tables, "train", "fc1", 2, 3, rest);
    EXPECT_NEAR(layer.loss_mid, full.loss_mid, 1e-6);
    EXPECT_NEAR(layer.loss_path, full.loss_path, 1e-6);
    EXPECT_EQ(layer.error_mid, full.error_mid);
  }
}

TEST(round_analysis, settings_choose_kinds_splits_samples_and_pairs) {
  Federation setup;
  setup.config.kinds = {"full"};
  setup.config.split = SplitChoice::train;
  setup.config.samples = 9;
  setup.pairs = "2-3,2-4";
  auto const tables = setup.run();
  ASSERT_EQ(tables.barriers.size(), 1u);
  EXPECT_EQ(tables.barriers[0].samples, 9);
  EXPECT_NEAR(tables.barriers[0].loss_a, setup.plain(setup.hosts.at(2), 9).loss, 1e-5);
  ASSERT_EQ(tables.skipped.size(), 1u);
  EXPECT_EQ(tables.skipped[0].b, 4);

  setup.config.kinds = {"layer"};
  setup.config.split = SplitChoice::test;
  for (auto const& r : setup.run().barriers) {
    EXPECT_EQ(r.kind.str(), "layer");
    EXPECT_EQ(r.split.str(), "test");
  }
  setup.config.kinds = {"layers"};
  EXPECT_THROW(setup.analysis(), InputError);
}

TEST(round_analysis, little_memory_gives_the_same_tables) {
  Federation setup;
  auto const expected = setup.run();
  setup.config.memory = 1;
  EXPECT_GT(setup.analysis().units(), Federation().analysis().units());
  auto const tables = setup.run();
  ASSERT_EQ(tables.barriers.size(), expected.barriers.size());
  for (std::size_t i = 0; i < tables.barriers.size(); ++i) {
    EXPECT_EQ(tables.barriers[i].target, expected.barriers[i].target);
    EXPECT_NEAR(tables.barriers[i].loss_mid, expected.barriers[i].loss_mid, 1e-5);
    EXPECT_EQ(tables.barriers[i].loss_a, expected.barriers[i].loss_a);
  }
}

TEST(round_analysis, clients_are_compared_with_their_mean) {
  Federation setup;
  setup.pairs = "clients";
  auto const tables = setup.run();
  auto const mean_loss = [&](std::function<HostModel(std::int64_t)> const& host_of) {
    double sum = 0.0;
    for (auto const id : setup.participants) sum += setup.plain(host_of(id), kTrain).loss;
    return sum / 3;
  };
  double const clients = mean_loss([&](auto id) { return setup.hosts.at(id); });
  double const mean = setup.plain(setup.hosts.at(kMean), kTrain).loss;
  auto const full = find(tables, "train", "all", kNobody, kMean, kNobody);
  EXPECT_NEAR(full.loss_mid, mean - clients, 1e-5);
  EXPECT_NEAR(full.loss_a, clients, 1e-5);
  EXPECT_NEAR(full.loss_b, mean, 1e-5);
  EXPECT_TRUE(std::isnan(full.loss_path) && std::isnan(full.loss_swap));
  for (int l = 0; l < 3; ++l) {
    auto const& name = setup.model.table().layers[static_cast<std::size_t>(l)].name;
    auto const row = find(tables, "train", name, kNobody, kMean, kNobody);
    double const mixed = mean_loss([&](auto id) { return setup.mix(id, kMean, 1.0, l); });
    EXPECT_NEAR(row.loss_mid, mixed - clients, 1e-5) << name;
  }
  EXPECT_EQ(tables.barriers.size(), 2u * 4);
  EXPECT_EQ(tables.points.size(), 2u * (3 + 1 + 3 * 3));
}

TEST(round_analysis, geometry_compares_pairs_the_mean_and_the_start) {
  Federation const setup;
  auto const tables = setup.run();
  auto const row = [&](std::int64_t a, std::int64_t b, std::string const& layer) {
    for (auto const& r : tables.geometry) {
      if (r.a == a && r.b == b && r.layer.str() == layer) return r;
    }
    ADD_FAILURE() << "no row for " << layer;
    return GeometryRecord{};
  };
  auto const a = torch::tensor(setup.hosts.at(3).row, torch::kDouble);
  auto const b = torch::tensor(setup.hosts.at(7).row, torch::kDouble);
  auto const whole = row(3, 7, "all");
  EXPECT_NEAR(whole.distance, (a - b).norm().item<double>(), 1e-9);
  EXPECT_NEAR(whole.cosine, (a.dot(b) / (a.norm() * b.norm())).item<double>(), 1e-12);
  auto const slice = setup.model.table().layers[1].parameters;
  auto const part = a.narrow(0, slice.offset, slice.size);
  EXPECT_NEAR(row(3, 7, "fc2").norm_a, part.norm().item<double>(), 1e-9);
  EXPECT_GT(row(3, kMean, "all").distance, 0.0);
  auto const start = torch::tensor(make_host_model(setup.model, 3).row, torch::kDouble);
  EXPECT_NEAR(row(3, kInitialisation, "all").distance, (a - start).norm().item<double>(), 1e-9);
}

}  // namespace
}  // namespace fedstrata
