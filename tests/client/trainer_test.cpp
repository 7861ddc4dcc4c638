// Local training against torch::optim::SGD with autograd on the same batches.
#include "client/trainer.hpp"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <set>

#include "tests/support/local_training.hpp"

namespace fedstrata {
namespace {

using Settings = std::vector<std::string>;

class TrainerTest : public testing::TestWithParam<Settings> {};

TEST_P(TrainerTest, equals_stochastic_gradient_descent_of_pytorch) {
  expect_equal_to_pytorch(GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    settings, TrainerTest,
    testing::Values(
        Settings{}, Settings{"train.weight_decay=0.01"}, Settings{"train.momentum=0.9"},
        Settings{"train.momentum=0.9", "train.weight_decay=0.01"},
        Settings{"train.momentum=0.9", "train.nesterov=yes"},
        Settings{"train.momentum=0.9", "train.nesterov=yes", "train.weight_decay=0.01"},
        Settings{"train.momentum=0.5", "train.schedule=cosine", "train.warmup=20"},
        Settings{"train.schedule=step", "train.step_every=0.25", "train.step_factor=0.8"},
        Settings{"federation.local_epochs=0", "federation.local_steps=11"},
        Settings{"train.batch_size=1000"}, Settings{"train.last_batch=merge"},
        Settings{"train.last_batch=drop", "train.momentum=0.9"},
        Settings{"train.last_batch=merge", "federation.local_epochs=0", "federation.local_steps=7"},
        Settings{"train.last_batch=drop", "train.batch_size=1000"},
        Settings{"model.name=lenet5", "train.momentum=0.9", "federation.local_epochs=0",
                 "federation.local_steps=5"}));

// The clip and the smoothing of PyTorch itself, SAM by autograd at the point that it goes to. A row
// of the size of lenet5's has norms of thousands of addends.
INSTANTIATE_TEST_SUITE_P(
    gradients, TrainerTest,
    testing::Values(Settings{"train.clip=0.3"}, Settings{"train.clip=1e9"},
                    Settings{"train.clip=0.5", "train.momentum=0.9", "train.weight_decay=0.01"},
                    Settings{"train.clip=0.5", "train.correction=prox", "train.mu=0.5"},
                    Settings{"model.name=lenet5", "train.clip=0.5", "train.label_smoothing=0.1",
                             "federation.local_epochs=0", "federation.local_steps=5"},
                    Settings{"train.label_smoothing=0.1"}, Settings{"train.label_smoothing=1"},
                    Settings{"train.label_smoothing=0.2", "train.momentum=0.9",
                             "train.nesterov=yes"},
                    Settings{"train.sam_rho=0.05"},
                    Settings{"train.sam_rho=2", "train.momentum=0.9"},
                    Settings{"train.sam_rho=0.5", "train.correction=prox", "train.mu=0.5",
                             "train.clip=0.5", "train.label_smoothing=0.1"},
                    Settings{"model.name=lenet5", "train.sam_rho=0.05", "train.weight_decay=0.01",
                             "federation.local_epochs=0", "federation.local_steps=5"}));

TEST(TrainerTest, each_of_them_changes_what_is_learnt) {
  auto const learnt = [](Settings const& settings) {
    Session const session(settings);
    auto const state = session.start();
    session.train(state);
    return state;
  };
  auto const plain = learnt({});
  for (auto const* setting : {"train.clip=0.3", "train.label_smoothing=0.1", "train.sam_rho=0.1"}) {
    EXPECT_GT((learnt({setting}) - plain).abs().max().item<double>(), 1e-4) << setting;
  }
}

TEST(TrainerTest, sam_moves_the_statistics_of_batch_norm_once_a_step) {
  auto const statistics = [](std::string const& rho) {
    Session const session({"model.name=resnet18", "model.norm=batch", "train.sam_rho=" + rho,
                           "federation.local_epochs=0", "federation.local_steps=1"},
                          28);
    auto const state = session.device.zeros(session.experiment.state().size());
    auto const layout = session.experiment.state();
    auto const parameters = static_cast<std::size_t>(layout.parameters().size);
    auto const buffers = static_cast<std::size_t>(layout.buffers().size);
    session.experiment.model.initialize(values(state).first(parameters),
                                        values(state).subspan(parameters, buffers), 1, 0);
    session.train(state);
    return narrow(state, layout.buffers()).clone();
  };
  EXPECT_TRUE(at::equal(statistics("0"), statistics("0.5")));
}

TEST(TrainerTest, the_same_client_and_round_give_the_same_bits) {
  Session const session({"train.momentum=0.9", "data.augment=crop_flip"});
  auto const first = session.start(), second = session.start();
  auto const a = session.train(first);
  auto const b = session.train(second);
  EXPECT_TRUE(at::equal(first, second));
  EXPECT_EQ(a.loss, b.loss);
}

TEST(TrainerTest, clients_and_rounds_see_other_orders) {
  Session const session({"data.partition=same"});
  auto const train = [&](std::int64_t client, std::int64_t round) {
    auto state = session.start();
    session.trainer(state).train(client, round, 0);
    return state;
  };
  EXPECT_FALSE(at::equal(train(0, 1), train(1, 1)));
  EXPECT_FALSE(at::equal(train(0, 1), train(0, 2)));
}

TEST(TrainerTest, momentum_in_the_state_is_continued) {
  Session const session({"train.momentum=0.9"});
  auto const cold = session.start();
  auto const warm = session.start();
  auto const momentum = session.experiment.state().field("momentum");
  warm.narrow(0, momentum.offset, momentum.size).fill_(0.1F);
  session.train(cold);
  session.train(warm);
  EXPECT_FALSE(at::equal(cold, warm));
  EXPECT_GT(cold.narrow(0, momentum.offset, momentum.size).abs().max().item<float>(), 0.0F);
}

TEST(TrainerTest, every_step_of_an_epoch_is_taken_and_every_sample_seen) {
  Session const session({"federation.local_epochs=2"});
  auto const batches = batches_of(session.experiment);
  auto const samples = session.experiment.partition.of(kClient);
  std::multiset<std::int64_t> seen, twice;
  for (auto const& batch : batches) seen.insert(batch.begin(), batch.end());
  for (int i = 0; i < 2; ++i) twice.insert(samples.begin(), samples.end());
  EXPECT_EQ(seen, twice);
  EXPECT_EQ(session.experiment.local_steps(kClient), 2 * 4);  // 30 samples in batches of 8
}

}  // namespace
}  // namespace fedstrata
