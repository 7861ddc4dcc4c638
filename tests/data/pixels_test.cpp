// Both ways to read images: byte by byte (tests/device/device_test.cpp holds it against the data
// set), and by tensor operations, which here run on the CPU.
#include "common/data/pixels.hpp"

#include <gtest/gtest.h>
#include <torch/types.h>

#include "common/base/random.hpp"

namespace fedstrata {
namespace {

struct PixelsTest : testing::Test {
  Device const cpu{DeviceChoice::cpu, 1, 0, 1};
  PixelForm const form{.count = 6,
                       .channels = 3,
                       .height = 5,
                       .width = 7,
                       .scale = {0.01F, 0.02F, 0.03F},
                       .shift = {-1.0F, 0.5F, 2.0F}};
  std::vector<std::uint8_t> bytes = std::vector<std::uint8_t>(6 * 3 * 5 * 7);
  std::vector<std::int64_t> const indices{4, 0, 4, 5};

  PixelsTest() {
    Random random(2, Purpose::synthetic_data);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random.below(256));
  }

  void expect_same(std::vector<Crop> const& crops) const {
    Picks picks{
        .indices = indices, .crops = crops, .indices_on_device = at::tensor(indices, at::kLong)};
    std::vector<std::int64_t> numbers;
    for (auto const& crop : crops) numbers.push_back(crop.number());
    if (!crops.empty()) picks.crops_on_device = at::tensor(numbers, at::kLong);
    auto const loop = pixels_in_host_memory(bytes, form)->gather(picks);
    auto const tensors = pixels_on_device(bytes, form, cpu)->gather(picks);
    EXPECT_EQ(loop.sizes(), (std::vector<std::int64_t>{4, 3, 5, 7}));
    EXPECT_TRUE(tensors.is_contiguous());
    EXPECT_LT((loop - tensors).abs().max().item<double>(), 1e-6);
  }
};

TEST_F(PixelsTest, are_the_same_read_either_way) { expect_same({}); }

TEST_F(PixelsTest, are_cropped_and_flipped_the_same_either_way) {
  for (std::int64_t dy = -kCropPadding; dy <= kCropPadding; ++dy)
    for (std::int64_t dx = -kCropPadding; dx <= kCropPadding; ++dx)
      expect_same({{dy, dx, false}, {dy, dx, true}, {-dy, dx, true}, {0, -dx, false}});
}

}  // namespace
}  // namespace fedstrata
