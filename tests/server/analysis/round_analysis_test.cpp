#include "server/analysis/round_analysis.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <set>

#include "common/base/error.hpp"
#include "tests/support/small_federation.hpp"

namespace fedstrata {
namespace {

BarrierRecord find(AnalysisSegment const& tables, std::string const& split,
                   std::string const& target, std::int64_t a, std::int64_t b, std::int64_t rest) {
  for (auto const& r : tables.rows<BarrierRecord>()) {
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
  add(tables.rows<PointRecord>());
  add(tables.rows<BarrierRecord>());
  add(tables.rows<GeometryRecord>());
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
        for (double const alpha : {0.0, 0.3, 0.5, 1.0}) {
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
  EXPECT_EQ(tables.rows<BarrierRecord>().size(), curves);
  EXPECT_EQ(tables.rows<PointRecord>().size(), curves * 4);
  EXPECT_EQ(tables.rows<GeometryRecord>().size(), std::size_t{(3 + 3 + 3) * (3 + 1)});
  EXPECT_TRUE(tables.rows<SkippedRecord>().empty());
  auto const key = [](PointRecord const& r) {
    return std::tie(r.round, r.split, r.kind, r.target, r.a, r.b, r.round_b, r.other_run, r.rest,
                    r.draw, r.alpha);
  };
  for (std::size_t i = 1; i < tables.rows<PointRecord>().size(); ++i) {
    EXPECT_LT(key(tables.rows<PointRecord>()[i - 1]), key(tables.rows<PointRecord>()[i]));
  }
}

TEST(round_analysis, units_can_be_dealt_in_any_order_to_anyone) {
  Federation setup;
  setup.config.kinds = parse_kinds("full,layer,cumulative-deep,random:2");
  for (std::string const alphas : {"0.3", "search"}) {
    setup.config.alphas = parse_alphas(alphas);
    auto const expected = bits(setup.run());
    auto const leader = setup.analysis();
    for (bool more = true; more;) {
      std::vector<UnitResult> results(leader->units());
      auto const helper = setup.analysis();  // another rank, told of the phase
      helper->enter(leader->phase(), leader->requests());
      ASSERT_EQ(helper->units(), leader->units());
      auto source = setup.models(helper->plan());
      for (std::size_t i = leader->units(); i-- > 0;) {
        results[i] = helper->compute(i, source, setup.samples(), {});
      }
      more = leader->finish_phase(results);
    }
    EXPECT_EQ(bits(leader->assemble()), expected) << alphas;
  }
}

TEST(round_analysis, identical_models_have_no_barrier_at_all) {
  Federation setup;
  setup.config.alphas = parse_alphas("0.1,0.35,0.9");
  setup.hosts[3] = setup.hosts[7] = setup.hosts[2];
  auto const tables = setup.run();
  for (auto const& r : tables.rows<BarrierRecord>()) {
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
  setup.config.pairs = parse_pairs("2-7,7-2");
  setup.config.alphas = parse_alphas("5");
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
  setup.model = make_model({"mlp", {}, Norm::none, Init::different}, {{1, 4, 4}, 5});
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
  setup.config.kinds = parse_kinds("full");
  setup.config.split = parse_split("train");
  setup.config.samples = 9;
  setup.config.pairs = parse_pairs("2-3,2-4");
  auto const tables = setup.run();
  ASSERT_EQ(tables.rows<BarrierRecord>().size(), 1u);
  EXPECT_EQ(tables.rows<BarrierRecord>()[0].samples, 9);
  EXPECT_NEAR(tables.rows<BarrierRecord>()[0].loss_a, setup.plain(setup.hosts.at(2), 9).loss, 1e-5);
  ASSERT_EQ(tables.rows<SkippedRecord>().size(), 1u);
  EXPECT_EQ(tables.rows<SkippedRecord>()[0].b, 4);

  setup.config.kinds = parse_kinds("layer");
  setup.config.split = parse_split("test");
  auto const layers = setup.run();
  for (auto const& r : layers.rows<BarrierRecord>()) {
    EXPECT_EQ(r.kind.str(), "layer");
    EXPECT_EQ(r.split.str(), "test");
  }
  setup.config.kinds = parse_kinds("window:9");
  EXPECT_THROW(setup.analysis(), InputError);
}

TEST(round_analysis, little_memory_gives_the_same_tables) {
  Federation setup;
  setup.config.kinds = parse_kinds("full,layer,complement,subset:2");
  auto const expected = setup.run();
  setup.config.memory = 1;
  auto const tables = setup.run();
  ASSERT_EQ(tables.rows<BarrierRecord>().size(), expected.rows<BarrierRecord>().size());
  for (std::size_t i = 0; i < tables.rows<BarrierRecord>().size(); ++i) {
    EXPECT_EQ(tables.rows<BarrierRecord>()[i].target, expected.rows<BarrierRecord>()[i].target);
    EXPECT_NEAR(tables.rows<BarrierRecord>()[i].loss_mid,
                expected.rows<BarrierRecord>()[i].loss_mid, 1e-5);
    EXPECT_NEAR(tables.rows<BarrierRecord>()[i].loss_a, expected.rows<BarrierRecord>()[i].loss_a,
                1e-12);
  }
}

TEST(round_analysis, clients_are_compared_with_their_mean) {
  Federation setup;
  setup.config.pairs = parse_pairs("clients");
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
  EXPECT_EQ(tables.rows<BarrierRecord>().size(), 2u * 4);
  EXPECT_EQ(tables.rows<PointRecord>().size(), 2u * (3 + 1 + 3 * 3));
}

TEST(round_analysis, geometry_compares_pairs_the_mean_and_the_start) {
  Federation const setup;
  auto const tables = setup.run();
  auto const row = [&](std::int64_t a, std::int64_t b, std::string const& layer) {
    for (auto const& r : tables.rows<GeometryRecord>()) {
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

// --- Kinds -------------------------------------------------------------------------------------

/// The curves of one kind of a pair, by target, for rest = a.
std::map<std::string, BarrierRecord> curves(AnalysisSegment const& tables, std::string const& kind,
                                            std::int64_t rest, std::int64_t draw = 0) {
  std::map<std::string, BarrierRecord> result;
  for (auto const& r : tables.rows<BarrierRecord>()) {
    bool const wanted = r.split.str() == "train" && r.kind.str() == kind && r.a == 2 && r.b == 7 &&
                        r.rest == rest && r.draw == draw;
    if (wanted) result[r.target.str()] = r;
  }
  return result;
}

TEST(round_analysis, cumulative_and_window_rows_agree_with_layers_and_the_whole) {
  Federation setup;
  setup.config.kinds = parse_kinds(
      "full,layer,cumulative-shallow,cumulative-deep,cumulative-random,cumulative-minimal,window:1,"
      "window:3,complement,group:ends=first:1+last:1");
  auto const tables = setup.run();
  auto const full = find(tables, "train", "all", 2, 7, kNobody);
  for (std::int64_t const rest : {2, 7}) {
    auto const layer = curves(tables, "layer", rest);
    auto const shallow = curves(tables, "cumulative-shallow", rest);
    auto const deep = curves(tables, "cumulative-deep", rest);
    EXPECT_EQ(shallow.at("fc1").loss_mid, layer.at("fc1").loss_mid);
    EXPECT_EQ(deep.at("fc3").loss_mid, layer.at("fc3").loss_mid);
    for (auto const* last : {&shallow.at("fc3"), &deep.at("fc1")}) {
      EXPECT_EQ(last->loss_mid, full.loss_mid);
      EXPECT_EQ(last->loss_path, full.loss_path);
    }
    EXPECT_EQ(curves(tables, "window:3", rest).at("fc1..fc3").loss_mid, full.loss_mid);
    EXPECT_EQ(curves(tables, "window:1", rest).at("fc2..fc2").loss_mid, layer.at("fc2").loss_mid);
    auto const complement = curves(tables, "complement", rest);
    EXPECT_EQ(complement.at("fc3").loss_mid, shallow.at("fc2").loss_mid);
    EXPECT_EQ(complement.at("fc1").loss_mid, deep.at("fc2").loss_mid);
    EXPECT_EQ(curves(tables, "group", rest).at("ends").loss_mid, complement.at("fc2").loss_mid);
    for (auto const* order : {"cumulative-random", "cumulative-minimal"}) {
      auto const rows = curves(tables, order, rest);
      EXPECT_EQ(rows.size(), 3u);
      EXPECT_EQ(std::ranges::count_if(
                    rows, [&](auto const& row) { return row.second.loss_mid == full.loss_mid; }),
                1);
    }
  }
}

TEST(round_analysis, interaction_is_what_two_layers_do_beyond_each_alone) {
  Federation setup;
  setup.config.kinds = parse_kinds("layer,interaction,window:2");
  auto const tables = setup.run();
  for (std::int64_t const rest : {2, 7}) {
    auto const layer = curves(tables, "layer", rest);
    auto const both = curves(tables, "window:2", rest).at("fc1..fc2");
    auto const interaction = curves(tables, "interaction", rest);
    ASSERT_EQ(interaction.size(), 3u);
    auto const& r = interaction.at("fc1+fc2");
    EXPECT_NEAR(r.loss_mid, both.loss_mid - layer.at("fc1").loss_mid - layer.at("fc2").loss_mid,
                1e-12);
    EXPECT_NEAR(r.error_swap,
                both.error_swap - layer.at("fc1").error_swap - layer.at("fc2").error_swap, 1e-12);
    EXPECT_TRUE(std::isnan(r.loss_path));
  }
}

TEST(round_analysis, directions_are_as_long_as_the_way_to_the_partner) {
  Federation setup;
  setup.config.kinds = parse_kinds("random:2,subset:2,subspace:2,plane:2-3-7");
  auto const work = setup.analysis();
  auto source = setup.models(work->plan());
  auto const row = [&](int index) {
    std::vector<torch::Tensor> parts;
    for (auto const& tensor : source.get(index).parameters) parts.push_back(tensor.flatten());
    return torch::cat(parts).to(torch::kDouble);
  };
  auto const norm = [](torch::Tensor const& t) { return t.norm().item<double>(); };
  std::map<ModelSpec::Kind, int> seen;
  for (std::size_t i = 0; i < work->plan().models.size(); ++i) {
    auto const& spec = work->plan().models[i];
    ++seen[spec.kind];
    if (spec.base < 0 || spec.kind == ModelSpec::Kind::plane) continue;
    auto const base = row(spec.base), moved = row(static_cast<int>(i)) - base;
    auto const way = row(spec.partner) - base;
    if (spec.kind == ModelSpec::Kind::subset) {
      auto const changed = moved.ne(0);
      EXPECT_EQ(changed.sum().item<std::int64_t>(), spec.elements);
      EXPECT_TRUE(torch::equal(moved.masked_select(changed), way.masked_select(changed)));
      continue;
    }
    auto const& client = work->plan().models[static_cast<std::size_t>(spec.base)];
    std::vector<torch::Tensor> steps;
    for (std::size_t r = 1; r < 4; ++r) {
      std::array<std::int64_t, 4> const rounds{1, 3, 4, 6};
      auto const at = [&](std::int64_t round) {
        auto place = client;
        place.round = round;
        return torch::tensor(setup.at_round(place).row, torch::kDouble);
      };
      steps.push_back(at(rounds[r]) - at(rounds[r - 1]));
    }
    auto const& layers = setup.model.table().layers;
    for (std::size_t l = 0; l < layers.size(); ++l) {
      auto const& slice = layers[l].parameters;
      auto const part = [&](torch::Tensor const& t) {
        return spec.by_layer ? t.narrow(0, slice.offset, slice.size) : t;
      };
      EXPECT_NEAR(norm(part(moved)), norm(part(way)), 1e-4 * norm(part(way)));
      if (spec.kind == ModelSpec::Kind::random) continue;
      std::vector<torch::Tensor> span;
      for (auto const& step : steps) span.push_back(part(step));
      auto const basis = std::get<0>(torch::linalg_qr(torch::stack(span, 1)));
      double const inside = norm(basis.t().mv(part(moved))) / norm(part(moved));
      EXPECT_NEAR(inside, spec.kind == ModelSpec::Kind::span ? 1.0 : 0.0, 1e-3);
    }
  }
  EXPECT_EQ(seen[ModelSpec::Kind::random], 3 * 2 * 2 * 2);  // pairs, bases, draws; whole, by layer
  EXPECT_EQ(seen[ModelSpec::Kind::subset], 3 * 2 * 2 * 3);
  EXPECT_EQ(seen[ModelSpec::Kind::span], seen[ModelSpec::Kind::complement]);
}

TEST(round_analysis, draws_have_a_mean_with_an_interval) {
  Federation setup;
  setup.config.kinds = parse_kinds("random:3");
  auto const tables = setup.run();
  auto const mean = curves(tables, "random", 2, -1).at("fc2");
  std::vector<double> values;
  for (std::int64_t draw = 0; draw < 3; ++draw) {
    values.push_back(curves(tables, "random", 2, draw).at("fc2").loss_mid);
  }
  auto const t = torch::tensor(values, torch::kDouble);
  EXPECT_NEAR(mean.loss_mid, t.mean().item<double>(), 1e-12);
  double const half = 4.302652730 * t.std().item<double>() / std::sqrt(3.0);
  EXPECT_NEAR(mean.loss_mid_high - mean.loss_mid, half, 1e-9);
  EXPECT_NEAR(mean.loss_mid - mean.loss_mid_low, half, 1e-9);
}

TEST(round_analysis, a_plane_holds_its_three_models) {
  Federation setup;
  setup.config.kinds = parse_kinds("full,plane:2-3-7,plane:2-3-7:fc2");
  setup.config.plane_points = 5;  // -1/2, 0, 1/2, 1, 3/2
  auto const tables = setup.run();
  ASSERT_EQ(tables.rows<PlaneRecord>().size(), 2u * 2 * 25);
  auto const at = [&](double u, double v) {
    for (auto const& r : tables.rows<PlaneRecord>()) {
      if (r.split.str() == "train" && r.target.str() == "all" && r.u == u && r.v == v) return r;
    }
    ADD_FAILURE();
    return PlaneRecord{};
  };
  auto const ab = find(tables, "train", "all", 2, 3, kNobody);
  auto const ac = find(tables, "train", "all", 2, 7, kNobody);
  EXPECT_NEAR(at(0, 0).loss, ab.loss_a, 1e-6);
  EXPECT_NEAR(at(1, 0).loss, ab.loss_b, 1e-6);
  EXPECT_NEAR(at(0.5, 0).loss, ab.loss_mid + (ab.loss_a + ab.loss_b) / 2, 1e-6);
  EXPECT_NEAR(at(0, 1).loss, ac.loss_b, 1e-5);
  EXPECT_NEAR(at(0, 0.5).loss, ac.loss_mid + (ac.loss_a + ac.loss_b) / 2, 1e-5);
  auto const row = [&](std::int64_t id) {
    return torch::tensor(setup.hosts.at(id).row, torch::kDouble);
  };
  EXPECT_NEAR(at(1, 0).x, (row(3) - row(2)).norm().item<double>(), 1e-6);
  EXPECT_EQ(at(1, 0).y, 0.0);
  EXPECT_NEAR(std::hypot(at(0, 1).x, at(0, 1).y), (row(7) - row(2)).norm().item<double>(), 1e-6);
  setup.hosts[7] = setup.mix(2, 3, 0.25, -1);
  auto const flat = setup.run();  // three models on one line span none
  EXPECT_TRUE(flat.rows<PlaneRecord>().empty());
  ASSERT_FALSE(flat.rows<SkippedRecord>().empty());
  EXPECT_THAT(flat.rows<SkippedRecord>().front().reason.str(), testing::HasSubstr("plane"));
}

TEST(round_analysis, aligned_kinds_undo_a_permutation) {
  Federation setup;
  setup.config.align = Align::weights;
  auto permutations = identity_permutations(setup.model);
  for (auto& order : permutations.groups) std::ranges::reverse(order);
  setup.hosts[7] = setup.hosts[2];
  permute_rows(setup.model, permutations, setup.hosts[7].row, setup.hosts[7].buffers);
  auto tables = setup.run();
  EXPECT_GT(std::abs(curves(tables, "full", kNobody).at("all").loss_mid), 1e-3);
  for (auto const& r : tables.rows<BarrierRecord>()) {
    if (r.kind.str().starts_with("aligned-") && r.a == 2 && r.b == 7) {
      EXPECT_EQ(r.loss_mid, 0.0);
    }
  }
  EXPECT_EQ(curves(tables, "aligned-layer", 2).size(), 3u);
  std::size_t units = 0;
  for (auto const& group : setup.model.units().groups)
    units += static_cast<std::size_t>(group.size);
  std::erase_if(tables.rows<PermutationRecord>(),
                [](auto const& r) { return r.a != 2 || r.b != 7; });
  ASSERT_EQ(tables.rows<PermutationRecord>().size(), units);
  for (auto const& r : tables.rows<PermutationRecord>()) {  // a reversal undoes itself
    auto const& order = permutations.groups[static_cast<std::size_t>(r.group)];
    EXPECT_EQ(r.unit, order[static_cast<std::size_t>(r.place)]);
  }
}

// --- Alphas and confidence ---------------------------------------------------------------------

TEST(round_analysis, a_search_finds_the_supremum_between_grid_points) {
  Federation setup;
  setup.config.alphas = parse_alphas("search:0.001");
  setup.config.split = parse_split("test");
  setup.config.kinds = parse_kinds("full,layer");
  auto const searched = setup.run();
  setup.config.alphas = parse_alphas("1001");
  auto const dense = setup.run();
  ASSERT_EQ(searched.rows<BarrierRecord>().size(), dense.rows<BarrierRecord>().size());
  for (std::size_t i = 0; i < dense.rows<BarrierRecord>().size(); ++i) {
    auto const& r = searched.rows<BarrierRecord>()[i];
    EXPECT_GE(r.loss_sup, r.loss_path);
    EXPECT_TRUE(std::isnan(dense.rows<BarrierRecord>()[i].loss_sup));
    if (r.kind.str() != "full") continue;  // smooth enough to be sure of
    EXPECT_NEAR(r.loss_sup, dense.rows<BarrierRecord>()[i].loss_path,
                1e-4 * std::max(1.0, std::abs(r.loss_sup)));
  }
}

TEST(round_analysis, intervals_are_of_paired_losses) {
  Federation setup;
  setup.config.kinds = parse_kinds("full");
  auto const r = find(setup.run(), "train", "all", 2, 7, kNobody);
  auto const losses = [&](HostModel const& host) {
    auto const logits =
        setup.model.evaluate(setup.images, load(setup.model, host)).to(torch::kDouble);
    return logits.logsumexp(1) - logits.gather(1, setup.labels.unsqueeze(1)).squeeze(1);
  };
  auto const d = losses(setup.mix(2, 7, 0.5, -1)) -
                 (losses(setup.hosts.at(2)) + losses(setup.hosts.at(7))) / 2;
  double const half = 1.959963985 * d.std().item<double>() / std::sqrt(static_cast<double>(kTrain));
  EXPECT_NEAR(r.loss_mid_high - r.loss_mid, half, 1e-4 * half);
  EXPECT_NEAR(r.loss_mid - r.loss_mid_low, half, 1e-4 * half);
  EXPECT_LT(r.error_mid_low, r.error_mid);
}

TEST(round_analysis, a_tolerance_stops_curves_whose_interval_is_narrow) {
  Federation setup;
  setup.config.kinds = parse_kinds("full,layer");
  setup.config.split = parse_split("train");
  auto const whole = setup.run();
  setup.config.tolerance = 1.0;
  auto const stopped = setup.run();
  std::set<std::int64_t> samples;
  ASSERT_EQ(stopped.rows<BarrierRecord>().size(), whole.rows<BarrierRecord>().size());
  for (std::size_t i = 0; i < stopped.rows<BarrierRecord>().size(); ++i) {
    auto const& r = stopped.rows<BarrierRecord>()[i];
    samples.insert(r.samples);
    EXPECT_TRUE(r.samples == kTrain || r.loss_mid_high - r.loss_mid_low < 1.0);
    EXPECT_NEAR(r.loss_mid, whole.rows<BarrierRecord>()[i].loss_mid, 1.5);
  }
  EXPECT_GT(samples.size(), 1u) << "some stop early, some do not";
}

TEST(round_analysis, curvature_predicts_the_barrier_of_a_quadratic_path) {
  Federation setup;
  setup.config.curvature = true;
  setup.model =
      make_mlp(std::vector<std::int64_t>{8, 6}, Activation::identity, true, setup.shape());
  for (auto& [id, host] : setup.hosts) {  // close together: higher terms vanish
    auto const& centre = setup.hosts.at(2);
    for (std::size_t i = 0; i < host.row.size(); ++i) {
      host.row[i] = centre.row[i] + 0.02f * (host.row[i] - centre.row[i]);
    }
  }
  auto const tables = setup.run();
  for (auto const& r : tables.rows<BarrierRecord>()) {
    EXPECT_NEAR(r.loss_predicted, r.loss_mid, 2e-5 + 0.1 * std::abs(r.loss_mid)) << r.target.str();
  }
}

TEST(round_analysis, splits_can_be_the_clients_own_samples) {
  Federation setup;
  setup.participants = {0, 1};
  setup.hosts[0] = setup.hosts.at(2);
  setup.hosts[1] = setup.hosts.at(7);
  setup.config.split = parse_split("client:0");
  auto const own = setup.run().rows<BarrierRecord>().at(0);
  EXPECT_EQ(own.split.str(), "client");
  EXPECT_EQ(own.samples, 30);
  EXPECT_NEAR(own.loss_a, setup.plain(setup.hosts.at(0), 30).loss, 1e-5);
  setup.config.split = parse_split("union");
  auto const both = setup.run().rows<BarrierRecord>().at(0);
  EXPECT_EQ(both.samples, 100);
  EXPECT_NEAR(both.loss_a, setup.plain(setup.hosts.at(0), 100).loss, 1e-5);
  setup.config.split = parse_split("client:2");
  EXPECT_THROW(setup.analysis(), InputError);
}

TEST(round_analysis, spread_has_the_singular_values_of_the_differences) {
  Federation const setup;
  auto const tables = setup.run();
  std::vector<torch::Tensor> rows;
  for (auto const id : setup.participants) {
    rows.push_back(torch::tensor(setup.hosts.at(id).row, torch::kDouble));
  }
  auto const all = torch::stack(rows);
  auto const expected = std::get<1>(torch::linalg_svd(all - all.mean(0, true), false));
  std::vector<double> found;
  for (auto const& r : tables.rows<SpreadRecord>()) {
    if (r.layer.str() == "all") found.push_back(r.singular_value);
  }
  ASSERT_EQ(found.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_NEAR(found[i], expected[static_cast<std::int64_t>(i)].item<double>(), 1e-6 * found[0]);
  }
  EXPECT_EQ(tables.rows<SpreadRecord>().size(), 2u * 4);
}

}  // namespace
}  // namespace fedstrata
