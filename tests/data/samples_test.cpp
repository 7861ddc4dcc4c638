// Rows of numbers as tensors; images are gathered in tests/device/device_test.cpp.
#include "common/data/samples.hpp"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <cstring>

#include "common/base/error.hpp"

namespace fedstrata {
namespace {

std::vector<std::uint8_t> bytes(std::vector<float> const& numbers) {
  std::vector<std::uint8_t> result(numbers.size() * sizeof(float));
  std::memcpy(result.data(), numbers.data(), result.size());
  return result;
}

struct Rows : testing::Test {
  Device const cpu{DeviceChoice::cpu, 1, 0, 1};
  Split split{bytes({1, 2, 3, 4, 5, 6}), bytes({10, 20, 30})};
  DatasetInfo info{.name = "rows",
                   .task = "regression",
                   .inputs = Inputs::features,
                   .targets = Targets::values,
                   .shape = {2},
                   .outputs = 1};
};

TEST_F(Rows, are_gathered_in_any_order) {
  Samples const samples(info, split, cpu);
  EXPECT_EQ(samples.size(), 3);
  EXPECT_TRUE(samples.class_counts().empty());
  std::vector<std::int64_t> const order{2, 0, 2};
  auto const [inputs, targets] = samples.gather(order);
  EXPECT_TRUE(at::equal(inputs, at::tensor({5.F, 6.F, 1.F, 2.F, 5.F, 6.F}).view({3, 2})));
  EXPECT_TRUE(at::equal(targets, at::tensor({30.F, 10.F, 30.F}).view({3, 1})));
  auto const range = samples.range(1, 2);
  EXPECT_TRUE(at::equal(range.inputs, at::tensor({3.F, 4.F, 5.F, 6.F}).view({2, 2})));
}

TEST_F(Rows, are_normalised_by_column_without_touching_the_bytes) {
  info.mean = {1.0, 2.0};
  info.std = {2.0, 4.0};
  auto const before = split.inputs;
  Samples const samples(info, split, cpu);
  EXPECT_TRUE(at::allclose(samples.range(0, 3).inputs,
                           at::tensor({0.F, 0.F, 1.F, 0.5F, 2.F, 1.F}).view({3, 2})));
  EXPECT_EQ(split.inputs, before);
}

TEST_F(Rows, cannot_be_cropped) {
  Samples const samples(info, split, cpu);
  Random random(1, Purpose::augmentation);
  std::vector<std::int64_t> const one{0};
  EXPECT_THROW(samples.augmented_order(one, random), Error);
}

}  // namespace
}  // namespace fedstrata
