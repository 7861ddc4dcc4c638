#include "common/model/builder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include "common/base/error.hpp"
#include "common/tasks/tasks.hpp"

namespace fedstrata {
namespace {

Dimensions const kImage{3, 8, 8};

/// What a builder says when the operations do not fit.
template <class Operations>
std::string refusal(Dimensions input, Elements elements, Operations const& operations) {
  ModelBuilder model("net", std::move(input), elements);
  try {
    operations(model);
  } catch (InputError const& error) {
    return error.what();
  }
  return "fits";
}

TEST(builder, says_which_layer_does_not_fit_which_shape) {
  auto const reals = Elements::reals, tokens = Elements::tokens;
  EXPECT_EQ(refusal({784}, reals, [](auto& m) { convolution(m, "conv1", 8, {}); }),
            "model net: layer conv1 (convolution) needs an image [channels, height, width], but is "
            "given [784]");
  EXPECT_EQ(refusal({16}, tokens, [](auto& m) { linear(m, "fc1", 8); }),
            "model net: layer fc1 (linear) needs real numbers, but is given token indices [16]");
  EXPECT_EQ(refusal({16}, reals, [](auto& m) { embedding(m, "embed", 5, 8); }),
            "model net: layer embed (embedding) needs token indices [tokens], but is given [16]");
  EXPECT_EQ(refusal(kImage, reals, [](auto& m) { layer_norm(m, "ln"); }),
            "model net: layer ln (layer_norm) needs a vector [features] or a sequence [tokens, "
            "width], but is given [3, 8, 8]");
  EXPECT_EQ(
      refusal(kImage, reals, [](auto& m) { positions(m, "pos"); }),
      "model net: layer pos (positions) needs a sequence [tokens, width], but is given [3, 8, "
      "8]");
  EXPECT_EQ(refusal({16}, reals, [](auto& m) { max_pool(m, {}); }),
            "model net: max_pool at its beginning needs an image [channels, height, width], but is "
            "given [16]");
  EXPECT_EQ(refusal(kImage, reals,
                    [](auto& m) {
                      convolution(m, "conv1", 30, {.window = {3, 1, 1}});
                      group_norm(m, "gn1", 32);
                    }),
            "model net: layer gn1 (group_norm) needs an image [channels, height, width] whose "
            "channels form 32 groups, but is given [30, 8, 8]");
  EXPECT_EQ(refusal({16}, reals,
                    [](auto& m) {
                      save(m, "skip");
                      linear(m, "fc1", 8);
                      add(m, "skip");
                    }),
            "model net: add after layer fc1 needs the shape of slot skip, [16], but is given [8]");
  EXPECT_EQ(refusal({4, 6}, reals,
                    [](auto& m) {
                      linear(m, "v", 6);
                      save(m, "queries");
                      save(m, "keys");
                      attention(m, {.heads = 4});
                    }),
            "model net: attention after layer v needs queries, keys and values [tokens, width] of "
            "one shape, with a width that 4 heads divide (queries are [4, 6], keys [4, 6]), but is "
            "given [4, 6]");
  EXPECT_EQ(refusal(kImage, reals, [](auto& m) { m.on("skip", [] {}); }),
            "model net: nothing is saved in slot skip");
}

TEST(builder, chains_sequences_and_counts_their_parameters) {
  ModelBuilder builder("net", Dimensions{5, 3});  // five tokens of three numbers
  linear(builder, "in", 4);
  EXPECT_EQ(builder.input().dimensions, (Dimensions{5, 4}));
  global_average_pool(builder);
  EXPECT_EQ(builder.input().dimensions, (Dimensions{4}));
  linear(builder, "out", 2);
  auto const model = builder.build();
  EXPECT_EQ(model.table().parameter_count, 3 * 4 + 4 + 4 * 2 + 2);
  auto const weights = model.view(at::randn({model.table().parameter_count}), at::empty({0}));
  auto const x = at::randn({7, 5, 3});
  auto const& p = weights.parameters;
  auto const expected = at::linear(at::linear(x, p[0], p[1]).mean(1), p[2], p[3]);
  EXPECT_LT((model.evaluate(x, weights) - expected).abs().max().item<double>(), 1e-6);
}

TEST(builder, operations_without_parameters_may_come_first_and_leave_the_input_alone) {
  ModelBuilder builder("net", kImage);
  relu(builder);
  max_pool(builder, {2, 2, 0});
  linear(builder, "fc", 10);
  auto const model = builder.build();
  ASSERT_EQ(model.stages().size(), 2U);
  EXPECT_TRUE(model.stages()[0].layers.empty());
  auto const row = at::randn({model.table().parameter_count});
  auto const weights = model.view(row, at::empty({0}));
  auto const x = at::randn({2, 3, 8, 8}), copy = x.clone();
  auto sums = at::zeros({2}, at::kDouble);
  model.train_pass(x, at::zeros({2}, at::kLong), classification_task(), weights,
                   {model.view(row.clone(), at::empty({0}))}, sums);
  EXPECT_TRUE(at::equal(x, copy));
}

TEST(builder, a_rectifier_does_not_write_into_what_a_slot_holds) {
  ModelBuilder builder("net", Dimensions{6});
  linear(builder, "fc1", 6);
  save(builder, "skip");
  relu(builder);
  linear(builder, "fc2", 6);
  add(builder, "skip");
  linear(builder, "fc3", 10);
  auto const model = builder.build();
  auto const row = at::randn({model.table().parameter_count}, at::kDouble).requires_grad_();
  auto const none = at::empty({0}, at::kDouble);
  auto const x = at::randn({4, 6}, at::kDouble);
  auto const labels = at::zeros({4}, at::kLong);

  std::vector<at::Tensor> p;
  for (auto const& tensor : model.table().parameters)
    p.push_back(row.narrow(0, tensor.slice.offset, tensor.slice.size).view(tensor.shape));
  auto const y = at::linear(x, p[0], p[1]);
  at::cross_entropy_loss(at::linear(at::linear(at::relu(y), p[2], p[3]) + y, p[4], p[5]), labels)
      .backward();
  auto gradient = at::empty_like(row.detach());
  auto sums = at::zeros({2}, at::kDouble);
  model.train_pass(x, labels, classification_task(), model.view(row.detach(), none),
                   {model.view(gradient, none)}, sums);
  EXPECT_LT((gradient - row.grad()).abs().max().item<double>(), 1e-10);
}

}  // namespace
}  // namespace fedstrata
