// Local training against torch::optim::SGD with autograd on the same batches.
#include "client/trainer.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <set>

#include "tests/support/model_fixture.hpp"
#include "tests/support/reference_net.hpp"
#include "tests/support/tiny_experiment.hpp"

namespace fedstrata {
namespace {

constexpr std::int64_t kClient = 1;
constexpr std::int64_t kRound = 2;

std::string const kConfig = R"([run]
seed = 5
[model]
name = mlp
hidden = 9,7
[data]
dataset = synthetic
clients = 3
[train]
lr = 0.1
batch_size = 8
[federation]
rounds = 4
local_epochs = 5
)";

/// A client's samples in the order of its own stream: every epoch a new shuffle of the last order.
std::vector<std::vector<std::int64_t>> batches_of(Experiment const& experiment) {
  auto const samples = experiment.partition.of(kClient);
  std::vector<std::int64_t> order(samples.begin(), samples.end());
  Random random(experiment.config.run.seed, Purpose::shuffle, kClient, kRound);
  auto const batch = static_cast<std::size_t>(experiment.config.train.batch_size);
  auto const steps = static_cast<std::size_t>(experiment.local_steps(kClient));
  std::vector<std::vector<std::int64_t>> batches;
  while (batches.size() < steps) {
    random.shuffle(order);
    for (std::size_t i = 0; i < order.size() && batches.size() < steps; i += batch) {
      auto const last = std::min(i + batch, order.size());
      batches.emplace_back(order.begin() + static_cast<std::ptrdiff_t>(i),
                           order.begin() + static_cast<std::ptrdiff_t>(last));
    }
  }
  return batches;
}

/// One client's training, by ours and by PyTorch.
struct Session {
  Dataset data;
  Experiment experiment;
  Device device{DeviceChoice::cpu, 1, 0, 1};
  Samples batches{data.info, data.train, device};

  Session(std::vector<std::string> const& settings, std::int64_t side = 6)
      : data(tiny_data(side)), experiment(tiny_experiment(data, kConfig, settings)) {}

  at::Tensor start() const {
    auto state = device.zeros(experiment.state().size());
    auto const parameters = static_cast<std::size_t>(experiment.state().parameters().size);
    experiment.model.initialize(values(state).first(parameters), {}, 1, 0);
    return state;
  }

  TrainResult train(at::Tensor const& state, std::int64_t steps_before = 0) const {
    return Trainer(experiment, device, batches, state).train(kClient, kRound, steps_before).value();
  }

  /// The parameter row after PyTorch's training; adds up its loss and correct answers.
  at::Tensor expected(std::int64_t steps_before, double& loss, double& correct) const {
    auto const& config = experiment.config.train;
    ReferenceNet net(experiment.model, Norm::none,
                     start().narrow(0, 0, experiment.state().model_size()), at::empty({0}));
    std::vector<at::Tensor> parameters;
    for (auto const& p : experiment.model.table().parameters) {
      parameters.push_back(net.tensors.at(p.name));
    }
    torch::optim::SGD optimizer(parameters, torch::optim::SGDOptions(config.lr)
                                                .momentum(config.momentum)
                                                .nesterov(config.nesterov)
                                                .weight_decay(config.weight_decay));
    auto const all = batches_of(experiment);
    auto const steps = static_cast<std::int64_t>(all.size());
    for (std::int64_t step = 0; step < steps; ++step) {
      auto const [images, labels] = batches.gather(all[static_cast<std::size_t>(step)]);
      auto& options = static_cast<torch::optim::SGDOptions&>(optimizer.param_groups()[0].options());
      options.lr(learning_rate(config, experiment.config.federation.rounds, kRound, step, steps,
                               steps_before));
      optimizer.zero_grad();
      auto const logits = net.logits(images);
      auto const mean_loss = at::cross_entropy_loss(logits, labels);
      mean_loss.backward();
      loss += mean_loss.item<double>() * static_cast<double>(labels.numel());
      correct += logits.argmax(1).eq(labels).sum().item<double>();
      optimizer.step();
    }
    std::vector<at::Tensor> flat;
    for (auto const& p : parameters) flat.push_back(p.detach().flatten());
    return at::cat(flat);
  }
};

using Settings = std::vector<std::string>;

class TrainerTest : public testing::TestWithParam<Settings> {};

TEST_P(TrainerTest, equals_stochastic_gradient_descent_of_pytorch) {
  auto settings = GetParam();
  bool const images = !settings.empty() && settings[0] == "model.name=lenet5";
  Session const session(settings, images ? 28 : 6);
  auto const state = session.start();
  constexpr std::int64_t kStepsBefore = 12;
  auto const result = session.train(state, kStepsBefore);
  double loss = 0.0;
  double correct = 0.0;
  auto const expected = session.expected(kStepsBefore, loss, correct);
  auto const row = state.narrow(0, 0, expected.numel());
  EXPECT_LT(((row - expected).abs().max() / expected.abs().max()).item<double>(), 1e-6);
  EXPECT_GT((row - session.start().narrow(0, 0, row.numel())).abs().max().item<double>(), 1e-2);

  double seen = 0.0;
  for (auto const& batch : batches_of(session.experiment))
    seen += static_cast<double>(batch.size());
  EXPECT_NEAR(result.loss, loss / seen, 1e-5);
  EXPECT_NEAR(result.accuracy, correct / seen, 1e-9);
}

INSTANTIATE_TEST_SUITE_P(
    settings, TrainerTest,
    testing::Values(Settings{}, Settings{"train.weight_decay=0.01"}, Settings{"train.momentum=0.9"},
                    Settings{"train.momentum=0.9", "train.weight_decay=0.01"},
                    Settings{"train.momentum=0.9", "train.nesterov=yes"},
                    Settings{"train.momentum=0.9", "train.nesterov=yes", "train.weight_decay=0.01"},
                    Settings{"train.momentum=0.5", "train.schedule=cosine", "train.warmup=20"},
                    Settings{"train.schedule=step", "train.step_every=0.25",
                             "train.step_factor=0.8"},
                    Settings{"federation.local_epochs=0", "federation.local_steps=11"},
                    Settings{"train.batch_size=1000"},
                    Settings{"model.name=lenet5", "train.momentum=0.9", "federation.local_epochs=0",
                             "federation.local_steps=5"}));

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
    Trainer(session.experiment, session.device, session.batches, state).train(client, round, 0);
    return state;
  };
  EXPECT_FALSE(at::equal(train(0, 1), train(1, 1)));
  EXPECT_FALSE(at::equal(train(0, 1), train(0, 2)));
}

TEST(TrainerTest, momentum_in_the_state_is_continued) {
  Session const session({"train.momentum=0.9"});
  auto const cold = session.start();
  auto const warm = session.start();
  auto const layout = session.experiment.state();
  warm.narrow(0, layout.momentum().offset, layout.momentum().size).fill_(0.1F);
  session.train(cold);
  session.train(warm);
  EXPECT_FALSE(at::equal(cold, warm));
  EXPECT_GT(
      cold.narrow(0, layout.momentum().offset, layout.momentum().size).abs().max().item<float>(),
      0.0F);
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
