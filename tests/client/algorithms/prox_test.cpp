// FedProx against optimizers of PyTorch on the loss plus mu/2 ||y - x||^2, by autograd.
#include <gtest/gtest.h>
#include <torch/types.h>

#include "client/algorithms/algorithms.hpp"
#include "tests/support/local_training.hpp"

namespace fedstrata {
namespace {

using Settings = std::vector<std::string>;

class ProxTest : public testing::TestWithParam<Settings> {};

TEST_P(ProxTest, equals_training_on_the_loss_with_the_proximal_term) {
  auto settings = GetParam();
  settings.push_back("train.correction=prox");
  expect_equal_to_pytorch(settings, 1e-3);
}

INSTANTIATE_TEST_SUITE_P(
    settings, ProxTest,
    testing::Values(Settings{"train.mu=0.5"}, Settings{"train.mu=2", "train.weight_decay=0.01"},
                    Settings{"train.mu=0.1", "train.momentum=0.9", "train.weight_decay=0.01"},
                    Settings{"train.mu=0.1", "train.momentum=0.9", "train.nesterov=yes"},
                    Settings{"train.mu=0.5", "train.optimizer=adamw", "train.lr=0.001",
                             "train.eps=1e-4"}));

/// How far a client's layer goes from the global row in a round.
double distance(Session const& session, std::size_t layer) {
  auto const state = session.start();
  session.train(state);
  auto const slice = session.experiment.model.table().layers[layer].parameters;
  return (state - session.start()).narrow(0, slice.offset, slice.size).norm().item<double>();
}

TEST(ProxTest, the_stronger_the_pull_the_nearer_a_client_stays) {
  auto const with = [](std::string const& mu) {
    return Session({"train.correction=prox", "train.mu=" + mu});
  };
  double const free = distance(with("0"), 0);
  double const held = distance(with("1"), 0);
  double const bound = distance(with("9"), 0);
  EXPECT_LT(held, 0.8 * free);
  EXPECT_LT(bound, 0.5 * held);
}

TEST(ProxTest, without_a_pull_it_is_plain_training_to_the_bit) {
  Session const plain({}), prox({"train.correction=prox", "train.mu=0"});
  auto const a = plain.start(), b = prox.start();
  plain.train(a);
  prox.train(b);
  EXPECT_TRUE(at::equal(a, b));
  EXPECT_FALSE(needs_gradient_row(prox.experiment.config.train));
}

TEST(ProxTest, personal_layers_are_left_alone) {
  Settings const strong = {"train.correction=prox", "train.mu=9"};
  Session const all(strong);
  Session const body({strong[0], strong[1], "federation.preset=fedper"});
  EXPECT_LT(distance(body, 0), 2.0 * distance(all, 0));
  EXPECT_GT(distance(body, 2), 2.0 * distance(all, 2));  // the head
}

}  // namespace
}  // namespace fedstrata
