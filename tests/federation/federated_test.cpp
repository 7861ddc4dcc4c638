// Whole runs against a serial federated averaging: every row of every round has the same bits,
// whatever the number of ranks (this program runs on several).
#include <gtest/gtest.h>
#include <torch/types.h>

#include "common/base/error.hpp"
#include "tests/support/federated_run.hpp"
#include "tests/support/serial_fedavg.hpp"

namespace fedstrata {
namespace {

/// The row without its momentum.
Row model(FederatedRun const& run, Row row) {
  row.resize(static_cast<std::size_t>(run.experiment.state().model_size()));
  return row;
}

void expect_equal_to_serial(FederatedRun const& run, SerialFedAvg& serial) {
  EXPECT_TRUE(same_bits(run.row(0, RowKind::global), model(run, serial.global)));
  if (run.experiment.config.model.init == Init::different) {
    for (auto const id : run.experiment.all_clients()) {
      EXPECT_TRUE(same_bits(run.row(0, RowKind::before, id), model(run, serial.client(id)))) << id;
    }
  }
  for (std::int64_t round = 1; round <= run.experiment.config.federation.rounds; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    serial.round(round);
    EXPECT_TRUE(same_bits(run.row(round, RowKind::global), model(run, serial.global)));
    for (auto const& [id, row] : serial.before) {
      EXPECT_TRUE(same_bits(run.row(round, RowKind::before, id), model(run, row))) << id;
      EXPECT_TRUE(same_bits(run.row(round, RowKind::after, id), model(run, serial.client(id))))
          << id;
    }
  }
  EXPECT_EQ(run.hash, hash(model(run, serial.global)));
}

struct Case {
  std::string name;
  Settings settings;
};

void PrintTo(Case const& c, std::ostream* out) { *out << c.name; }

class FederatedTest : public testing::TestWithParam<Case> {};

TEST_P(FederatedTest, equals_serial_averaging_bit_for_bit) {
  FederatedRun const run(tiny_data(), GetParam().settings);
  if (run.stored) {
    SerialFedAvg serial(run.experiment, run.device, run.train);
    expect_equal_to_serial(run, serial);
  }
  run.world.barrier();
}

Settings groups(Settings more) {
  Settings settings = {"average.body.layers=body", "average.body.every=2", "average.body.offset=1",
                       "average.head.layers=head", "average.head.from=2",  "average.head.until=3"};
  settings.insert(settings.end(), more.begin(), more.end());
  return settings;
}

INSTANTIATE_TEST_SUITE_P(
    settings, FederatedTest,
    testing::Values(
        Case{"fedavg", {}},
        Case{"no_momentum", {"train.momentum=0", "federation.weighting=uniform"}},
        Case{"at_once",
             {"run.clients_at_once=2", "federation.local_steps=5", "federation.local_epochs=0"}},
        Case{"at_once_groups",
             groups({"run.clients_at_once=4", "data.partition=iid", "model.init=different",
                     "train.momentum_at_averaging=keep", "federation.participation=0.7"})},
        Case{"keep", {"train.momentum_at_averaging=keep", "train.weight_decay=0.01"}},
        Case{"average", {"train.momentum_at_averaging=average", "train.nesterov=yes"}},
        Case{"participation",
             {"federation.participation=0.5", "train.momentum_at_averaging=keep",
              "train.schedule=cosine", "train.warmup=9", "data.augment=crop_flip"}},
        Case{"groups_reset", groups({"federation.participation=0.7"})},
        Case{"groups_keep", groups({"train.momentum_at_averaging=keep"})},
        Case{"groups_average", groups({"train.momentum_at_averaging=average",
                                       "model.init=different", "federation.participation=0.5"})},
        Case{"different", {"model.init=different", "federation.participation=0.5"}},
        Case{"rotate", {"average.one.layers=rotate", "federation.local_steps=3"}},
        Case{"fedper", {"federation.preset=fedper", "federation.weighting=uniform"}},
        Case{"adamw", {"train.momentum=0", "train.optimizer=adamw", "train.lr=0.01"}},
        Case{"adam_keep",
             groups({"train.momentum=0", "train.optimizer=adam", "train.momentum_at_averaging=keep",
                     "federation.participation=0.5"})},
        Case{"adamw_average",
             groups({"train.momentum=0", "train.optimizer=adamw",
                     "train.momentum_at_averaging=average", "model.init=different"})},
        Case{"prox", groups({"train.correction=prox", "train.mu=0.5", "model.init=different"})},
        Case{"local", {"federation.preset=local", "federation.evaluate_every=0"}},
        Case{"update_momentum", {"average.all.update=momentum", "average.all.update_lr=0.7"}},
        Case{"update_adam",
             {"average.all.update=adam", "average.all.update_lr=0.02",
              "train.momentum_at_averaging=average", "federation.participation=0.5"}},
        Case{"update_nesterov",
             groups({"average.body.update=nesterov", "average.body.update_lr=0.7",
                     "average.head.update=yogi", "average.head.update_lr=0.02"})},
        Case{"update_adagrad", {"average.all.update=adagrad", "average.all.update_lr=0.02"}},
        Case{"updates_of_groups",
             groups({"average.body.update=adam", "average.body.update_lr=0.05",
                     "average.body.update_beta1=0.5", "average.head.update=momentum",
                     "average.head.update_beta1=0.3", "model.init=different"})},
        Case{"update_rotate", {"average.one.layers=rotate", "average.one.update=momentum"}}),
    [](auto const& tested) { return tested.param.name; });

TEST(FederatedTest, an_update_that_is_plain_averaging_keeps_its_bits) {
  FederatedRun const plain(tiny_data(), groups({}));
  FederatedRun const update(
      tiny_data(), groups({"average.body.update=momentum", "average.body.update_beta1=0"}));
  EXPECT_EQ(update.hash, plain.hash);
  plain.world.barrier();
}

TEST(FederatedTest, what_is_set_to_plain_averaging_keeps_its_bits) {
  Settings const base = {"federation.local_epochs=0", "federation.local_steps=3",
                         "federation.weighting=uniform", "federation.participation=0.5",
                         "train.momentum=0"};
  FederatedRun const plain(tiny_data(), base);
  for (Settings const& more :
       {Settings{"average.all.update=nova"},  // as many steps for all
        Settings{"average.all.update=lws", "average.all.update_beta=0", "average.all.update_lo=0"},
        Settings{"average.all.update=lws", "average.all.update_lo=0", "average.all.update_hi=0"},
        Settings{"train.correction=feddyn", "train.dyn_alpha=0"},
        Settings{"train.clip=0", "train.sam_rho=0", "train.label_smoothing=0"}}) {
    auto settings = base;
    settings.insert(settings.end(), more.begin(), more.end());
    FederatedRun const run(tiny_data(), settings);
    EXPECT_EQ(run.hash, plain.hash) << more[0];
  }
  plain.world.barrier();
}

TEST(FederatedTest, distances_are_from_the_mean_whatever_is_made_of_it) {
  Settings const once = {"federation.rounds=1", "model.init=different"};
  auto changed = once;
  for (auto const* more : {"average.all.update=momentum", "average.all.update_lr=0.5"}) {
    changed.emplace_back(more);
  }
  FederatedRun const plain(tiny_data(), once);
  FederatedRun const update(tiny_data(), changed);
  if (plain.stored) {
    EXPECT_NE(update.hash, plain.hash);
    auto const expected = plain.stored->metrics<ClientRecord>();
    auto const found = update.stored->metrics<ClientRecord>();
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      EXPECT_EQ(found[i].distance, expected[i].distance);
      EXPECT_GT(found[i].distance, 0.0);
    }
    auto const accuracy = [](FederatedRun const& run) {
      return run.stored->metrics<RoundRecord>().back().test_loss;
    };
    EXPECT_NE(accuracy(update), accuracy(plain));  // of what the clients get
  }
  plain.world.barrier();
}

/// Checks one layer of one round's rows, all read from the run.
struct StoredRound {
  StoredRound(FederatedRun const& run, std::int64_t round)
      : last(run.row(round - 1, RowKind::global)), global(run.row(round, RowKind::global)) {
    auto const ids = run.experiment.participants(round);
    weights = run.experiment.weights(ids);
    for (auto const id : ids) {
      before.push_back(run.row(round, RowKind::before, id));
      after.push_back(run.row(round, RowKind::after, id));
    }
  }

  void expect_mean(std::size_t i) const {
    double mean = 0.0;
    for (std::size_t c = 0; c < before.size(); ++c) mean += weights[c] * before[c][i];
    ASSERT_NEAR(global[i], mean, 1e-6 * (1.0 + std::abs(mean)));
    for (auto const& row : after) ASSERT_EQ(row[i], global[i]);
  }

  void expect_untouched(std::size_t i) const {
    ASSERT_EQ(global[i], last[i]);
    for (std::size_t c = 0; c < before.size(); ++c) ASSERT_EQ(after[c][i], before[c][i]);
  }

  Row last, global;
  std::vector<Row> before, after;
  std::vector<double> weights;
};

TEST(FederatedTest, the_mean_is_that_of_doubles_and_other_layers_keep_their_bits) {
  FederatedRun const run(tiny_data(), groups({}));
  auto const& layers = run.experiment.model.table().layers;
  for (std::int64_t number = 1; run.stored && number <= 4; ++number) {
    StoredRound const round(run, number);
    auto const due = run.experiment.schedule.due_layers(number);
    EXPECT_EQ(due, (std::vector<std::vector<int>>{
                       {0, 1}, {2}, {0, 1, 2}, {}})[static_cast<std::size_t>(number - 1)]);
    for (std::size_t layer = 0; layer < layers.size(); ++layer) {
      bool const averaged = std::ranges::binary_search(due, static_cast<int>(layer));
      auto const first = static_cast<std::size_t>(layers[layer].parameters.offset);
      auto const size = static_cast<std::size_t>(layers[layer].parameters.size);
      for (std::size_t i = first; i < first + size; ++i) {
        averaged ? round.expect_mean(i) : round.expect_untouched(i);
      }
    }
  }
  run.world.barrier();
}

TEST(FederatedTest, statistics_of_batch_norm_are_averaged_with_their_layer) {
  if (mpi::Comm::world().size() != 4) GTEST_SKIP() << "large: once, on two client ranks, will do";
  Settings const settings = {"model.name=resnet18",      "model.norm=batch",
                             "data.clients=2",           "federation.local_steps=1",
                             "federation.rounds=2",      "federation.evaluate_every=0",
                             "train.batch_size=3",       "checkpoint.every=0",
                             "train.momentum=0",         "average.norm.layers=type:norm",
                             "average.rest.layers=rest", "average.rest.every=2"};
  FederatedRun const run(tiny_data(8, 3, 24, 1), settings);
  if (run.stored) {
    SerialFedAvg serial(run.experiment, run.device, run.train);
    for (std::int64_t round = 1; round <= 2; ++round) serial.round(round);
    EXPECT_EQ(run.hash, hash(model(run, serial.global)));
  }
  run.world.barrier();
}

class DivergenceTest : public testing::TestWithParam<Settings> {};

TEST_P(DivergenceTest, a_diverged_client_is_left_out_and_the_others_make_the_average) {
  auto settings = GetParam();
  settings.push_back("federation.on_divergence=exclude");
  FederatedRun const run(blinding(2), settings);
  if (run.stored) {
    SerialFedAvg serial(run.experiment, run.device, run.train);
    expect_equal_to_serial(run, serial);
    EXPECT_EQ(serial.excluded, std::set<std::int64_t>{2});
    for (float const value : run.row(4, RowKind::global)) ASSERT_TRUE(std::isfinite(value));
  }
  run.world.barrier();
}

INSTANTIATE_TEST_SUITE_P(settings, DivergenceTest,
                         testing::Values(Settings{}, groups({"train.momentum_at_averaging=keep"})));

TEST(DivergenceTest, stopping_names_client_round_and_layer) {
  auto const data = blinding(2);
  auto const experiment = tiny_experiment(data, kFederation);
  Device const device(DeviceChoice::cpu, 1, 0, 1);
  Samples const train(data.info, data.train, device);
  Samples const test(data.info, data.test, device);
  ClientHost host({.experiment = &experiment,
                   .device = &device,
                   .train = &train,
                   .test = &test,
                   .clients = {0, 2},
                   .sink = [](auto const&, auto) {}});
  Row global(static_cast<std::size_t>(experiment.state().size()), 0.01F);
  host.start(global);
  ExactSum sum;
  sum.start(experiment.parts(1).parts, global);
  try {
    host.train(1, sum);
    FAIL() << "no error";
  } catch (Error const& e) {
    std::string const what = e.what();
    EXPECT_NE(what.find("client 2 diverged in round 1 (layer fc1"), std::string::npos) << what;
    EXPECT_NE(what.find("train.lr"), std::string::npos) << what;
  }
}

}  // namespace
}  // namespace fedstrata
