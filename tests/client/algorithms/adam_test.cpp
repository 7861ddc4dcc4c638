// Adam and AdamW against torch::optim's with autograd on the same batches.
#include <gtest/gtest.h>
#include <torch/types.h>

#include "tests/support/local_training.hpp"

namespace fedstrata {
namespace {

using Settings = std::vector<std::string>;

class AdamTest : public testing::TestWithParam<Settings> {};

TEST_P(AdamTest, equals_that_of_pytorch) {
  for (auto const* optimizer : {"adam", "adamw"}) {
    SCOPED_TRACE(optimizer);
    auto settings = GetParam();
    settings.push_back(std::string("train.optimizer=") + optimizer);
    expect_equal_to_pytorch(settings, 1e-3);
  }
}

// eps: where a gradient is all but zero its sign is decided by rounding, and a step of Adam is
// little more than the sign.
INSTANTIATE_TEST_SUITE_P(
    settings, AdamTest,
    testing::Values(
        Settings{"train.lr=0.001", "train.eps=1e-5"},
        Settings{"train.lr=0.003", "train.eps=1e-4", "train.weight_decay=0.1"},
        Settings{"train.lr=0.001", "train.eps=1e-5", "train.beta1=0.5", "train.beta2=0.9"},
        Settings{"train.lr=0.002", "train.eps=1e-4", "train.schedule=cosine", "train.warmup=20"},
        Settings{"model.name=lenet5", "train.lr=0.001", "train.eps=1e-4",
                 "federation.local_epochs=0", "federation.local_steps=5"}));

TEST(AdamTest, it_goes_on_where_the_client_stopped) {
  Session const whole({"train.optimizer=adamw", "train.lr=0.01", "train.eps=1e-3",
                       "federation.local_epochs=0", "federation.local_steps=6",
                       "train.batch_size=1000"});
  Session const half({"train.optimizer=adamw", "train.lr=0.01", "train.eps=1e-3",
                      "federation.local_epochs=0", "federation.local_steps=3",
                      "train.batch_size=1000"});
  auto const once = whole.start(), twice = half.start();
  whole.train(once);
  half.train(twice);
  half.train(twice);
  // All samples are in every batch, so only the order of their sum differs.
  EXPECT_LT((once - twice).abs().max().item<double>(), 1e-5);
  auto const steps = whole.experiment.state().field("adam.steps");
  EXPECT_EQ(steps.size, 3);
  EXPECT_TRUE(at::equal(twice.narrow(0, steps.offset, 3), at::full({3}, 6.0F)));
}

TEST(AdamTest, each_layer_counts_its_own_steps) {
  Session const session({"train.optimizer=adam", "train.lr=0.01", "federation.local_epochs=0",
                         "federation.local_steps=1", "train.batch_size=1000"});
  auto const fresh = session.start(), old = session.start();
  auto const steps = session.experiment.state().field("adam.steps");
  old[steps.offset + 1] = 1e6F;  // of the middle layer, whose moments are zero
  session.train(fresh);
  session.train(old);
  auto const& layers = session.experiment.model.table().layers;
  auto const change = [&](at::Tensor const& state, std::size_t layer) {
    auto const slice = layers[layer].parameters;
    return (state - session.start()).narrow(0, slice.offset, slice.size).abs().max().item<double>();
  };
  EXPECT_NEAR(change(fresh, 1), 0.01, 1e-4);  // a first step is lr whatever the gradient
  EXPECT_NEAR(change(old, 1), 0.01 * 0.1 / std::sqrt(0.001), 1e-4);  // nothing is corrected
  EXPECT_EQ(change(fresh, 0), change(old, 0));
  EXPECT_EQ(change(fresh, 2), change(old, 2));
}

}  // namespace
}  // namespace fedstrata
