#include <gmock/gmock.h>

#include <cmath>
#include <set>

#include "tests/support/small_federation.hpp"

namespace fedstrata {
namespace {

using Clients = std::vector<std::int64_t>;

/// Five clients of different weight, and the kind alone.
Federation federation(std::string const& kind = "simplex:3") {
  Federation setup;
  setup.config.kinds = parse_kinds(kind);
  setup.config.pairs = parse_pairs("2-3");
  setup.participants = {2, 3, 4, 7, 8};
  for (std::int64_t const id : setup.participants) {
    setup.hosts[id] = make_host_model(setup.model, static_cast<std::uint64_t>(id + 5));
    for (auto& value : setup.hosts[id].row) value *= 3.0f;
  }
  setup.hosts[kMean] = setup.mean_of(setup.participants);
  return setup;
}

std::size_t size_of(BarrierRecord const& row) {
  return std::stoul(row.kind.str().substr(std::string("simplex-").size()));
}

/// The clients that were drawn for a row, as the table of points lists them.
Clients clients_of(AnalysisSegment const& tables, BarrierRecord const& row) {
  Clients clients;
  for (auto const& point : tables.rows<PointRecord>()) {
    bool const own = point.split == row.split && point.kind == row.kind &&
                     point.target.str() == "all" && point.draw == row.draw && point.alpha == 0.0;
    if (own) clients.push_back(point.a);
  }
  return clients;
}

TEST(simplex, means_are_those_of_a_plain_evaluation) {
  auto const setup = federation();
  auto const tables = setup.run();
  PlainEvaluator const evaluator(setup.model, setup.images, setup.labels);
  std::map<std::size_t, std::set<Clients>> drawn;
  for (auto const& row : tables.rows<BarrierRecord>()) {
    if (row.split.str() != "train" || row.draw < 0) continue;
    auto const clients = clients_of(tables, row);
    ASSERT_EQ(clients.size(), size_of(row));
    drawn[clients.size()].insert(clients);
    auto const mean =
        clients.size() == 1 ? setup.hosts.at(clients.front()) : setup.mean_of(clients);
    bool const all = row.target.str() == "all";
    int layer = -1;
    for (int l = 0; l < 3 && !all; ++l) {
      if (setup.model.table().layers[static_cast<std::size_t>(l)].name == row.target.str())
        layer = l;
    }
    double before = 0.0, after = 0.0, errors = 0.0;
    for (auto const id : clients) {
      auto const own = setup.plain(setup.hosts.at(id), kTrain);
      auto const changed = setup.plain(evaluator.mix(setup.hosts.at(id), mean, 1.0, layer), kTrain);
      auto const share = 1.0 / static_cast<double>(clients.size());
      before += share * own.loss;
      after += share * changed.loss;
      errors += share * (changed.errors - own.errors);
    }
    EXPECT_NEAR(row.loss_a, before, 1e-5);
    EXPECT_NEAR(row.loss_b, after, 1e-5) << row.kind.str() << " " << row.target.str();
    EXPECT_NEAR(row.loss_mid, after - before, 1e-5);
    EXPECT_NEAR(row.error_mid, errors, 1e-9);
    EXPECT_EQ(row.layers, all ? 3 : 1);
    EXPECT_TRUE(std::isnan(row.loss_path) && std::isnan(row.loss_swap));
  }
  std::map<std::size_t, std::size_t> draws;
  for (auto const& [size, which] : drawn) draws[size] = which.size();
  EXPECT_THAT(draws, testing::ElementsAre(testing::Pair(1, 3), testing::Pair(2, 3),
                                          testing::Pair(4, 3), testing::Pair(5, 1)));
}

TEST(simplex, one_model_alone_has_no_barrier) {
  auto const tables = federation().run();
  for (auto const& row : tables.rows<BarrierRecord>()) {
    if (size_of(row) != 1) continue;
    EXPECT_EQ(row.loss_mid, 0.0);
    EXPECT_EQ(row.error_mid, 0.0);
  }
}

TEST(simplex, all_participants_are_what_averaging_meets) {
  auto setup = federation();
  auto const tables = setup.run();
  setup.config.kinds = parse_kinds("full,layer");
  setup.config.pairs = parse_pairs("clients");
  auto const clients = setup.run();
  std::size_t compared = 0;
  for (auto const& row : tables.rows<BarrierRecord>()) {
    if (size_of(row) != 5 || row.draw != 0) continue;
    for (auto const& other : clients.rows<BarrierRecord>()) {
      if (other.split != row.split || other.target != row.target) continue;
      EXPECT_NEAR(row.loss_mid, other.loss_mid, 1e-6) << row.target.str();
      EXPECT_EQ(row.error_mid, other.error_mid);
      ++compared;
    }
  }
  EXPECT_EQ(compared, 2u * 4);
}

/// A model without hidden layers is linear in its weights. Half of the clients have the weights w,
/// half -w: the mean of some of each is a multiple of w that follows from their weights, of as much
/// weight of each it is zero, where every class is equally likely.
TEST(simplex, opposite_linear_models_follow_a_closed_form) {
  auto setup = federation("simplex:4");
  setup.model = make_mlp(std::vector<std::int64_t>{}, Activation::identity, false, setup.shape());
  auto const base = make_host_model(setup.model, 1);
  for (auto const id : setup.participants) {
    setup.hosts[id] = base;
    for (auto& value : setup.hosts[id].row) value *= id % 2 == 0 ? 2.0f : -2.0f;
  }
  setup.hosts[kMean] = setup.mean_of(setup.participants);
  auto const logits = setup.images.flatten(1)
                          .to(torch::kDouble)
                          .matmul(torch::tensor(base.row, torch::kDouble).view({5, 16}).t());
  auto const loss = [&](double factor) {
    auto const scaled = factor * logits;
    auto const right = scaled.gather(1, setup.labels.unsqueeze(1)).squeeze(1);
    return (scaled.logsumexp(1) - right).mean().item<double>();
  };
  EXPECT_NEAR(loss(0.0), std::log(5.0), 1e-12);
  auto const tables = setup.run();
  std::size_t compared = 0;
  for (auto const& row : tables.rows<BarrierRecord>()) {
    if (row.split.str() != "train" || row.draw < 0) continue;
    double weight = 0.0, sum = 0.0, own = 0.0;
    auto const clients = clients_of(tables, row);
    for (auto const id : clients) {
      double const factor = id % 2 == 0 ? 2.0 : -2.0;
      weight += static_cast<double>(id + 1);
      sum += static_cast<double>(id + 1) * factor;
      own += loss(factor) / static_cast<double>(clients.size());
    }
    EXPECT_NEAR(row.loss_b, loss(sum / weight), 1e-5);
    EXPECT_NEAR(row.loss_mid, loss(sum / weight) - own, 1e-5);
    ++compared;
  }
  EXPECT_EQ(compared, (4u + 4 + 4 + 1) * 2);
}

TEST(simplex, draws_have_means_and_do_not_depend_on_how_many_there_are) {
  auto const few = federation("simplex:2").run(), more = federation("simplex:4").run();
  std::size_t compared = 0, means = 0;
  for (auto const& row : few.rows<BarrierRecord>()) {
    for (auto const& other : more.rows<BarrierRecord>()) {
      bool const same = other.split == row.split && other.kind == row.kind &&
                        other.target == row.target && other.draw == row.draw && row.draw >= 0;
      if (!same) continue;
      EXPECT_EQ(clients_of(few, row), clients_of(more, other));
      EXPECT_NEAR(row.loss_b, other.loss_b, 1e-6);
      ++compared;
    }
    if (row.draw != -1 || size_of(row) != 2) continue;
    double sum = 0.0;
    for (auto const& other : few.rows<BarrierRecord>()) {
      bool const draw = other.split == row.split && other.kind == row.kind &&
                        other.target == row.target && other.draw >= 0;
      if (draw) sum += other.loss_b;
    }
    EXPECT_NEAR(row.loss_b, sum / 2, 1e-12);
    EXPECT_LT(row.loss_mid_low, row.loss_mid_high);
    ++means;
  }
  EXPECT_EQ(compared, 2u * 4 * (2 + 2 + 2 + 1));
  EXPECT_EQ(means, 2u * 4);
}

TEST(simplex, few_participants_have_few_draws) {
  auto setup = federation("simplex");
  setup.participants = {3};
  auto const tables = setup.run();
  for (auto const& row : tables.rows<BarrierRecord>()) EXPECT_EQ(size_of(row), 1u);
  setup.participants = {};
  EXPECT_TRUE(setup.run().rows<BarrierRecord>().empty());
}

}  // namespace
}  // namespace fedstrata
