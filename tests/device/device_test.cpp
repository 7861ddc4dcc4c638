// Rows on the device, and the batches read onto it.
#include "common/device/device.hpp"

#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/cuda.h>
#include <torch/types.h>

#include <set>

#include "common/base/error.hpp"
#include "common/data/samples.hpp"
#include "tests/support/model_fixture.hpp"
#include "tests/support/refusal.hpp"
#include "tests/support/tiny_experiment.hpp"

namespace fedstrata {
namespace {

Device const kCpu(DeviceChoice::cpu, 1, 0, 1);

TEST(DeviceTest, threads_are_as_asked_or_a_share_of_the_allocation) {
  Device const two(DeviceChoice::cpu, 2, 0, 4);
  EXPECT_EQ(two.threads(), 2);
  EXPECT_EQ(at::get_num_threads(), 2);
  EXPECT_EQ(two.describe(), "cpu, 2 threads");
  EXPECT_EQ(Device(DeviceChoice::cpu, 0, 0, 1 << 20).threads(), 1);  // never none
  EXPECT_GE(Device(DeviceChoice::cpu, 0, 0, 1).threads(), 1);
  EXPECT_EQ(Device(DeviceChoice::cpu, 1, 0, 1).describe(), "cpu, 1 thread");
}

TEST(DeviceTest, a_gpu_that_is_not_there_is_bad_input) {
  if (torch::cuda::is_available()) GTEST_SKIP() << "this machine has one";
  EXPECT_THROW(Device(DeviceChoice::cuda, 1, 0, 1), InputError);
  EXPECT_EQ(Device(DeviceChoice::automatic, 1, 0, 1).describe(), "cpu, 1 thread");
}

TEST(DeviceTest, the_guarded_device_is_in_programs_for_tests_only) {
  EXPECT_THAT(refusal_of([] { Device(DeviceChoice::guarded, 1, 0, 1); }),
              testing::AllOf(testing::HasSubstr("run.device = guarded"),
                             testing::HasSubstr("fedstrata_guarded"),
                             testing::HasSubstr("FEDSTRATA_TESTS=ON")));
}

TEST(DeviceTest, rows_go_up_and_come_back) {
  std::vector<float> const host = {1, 2, 3};
  auto const row = kCpu.row(3);
  kCpu.upload(host, row);
  at::Tensor staging;
  auto const view = kCpu.host_view(row, staging);
  EXPECT_EQ(std::vector<float>(view.begin(), view.end()), host);
  EXPECT_EQ(static_cast<void const*>(view.data()), row.data_ptr()) << "no copy on the CPU";
  EXPECT_TRUE(at::equal(kCpu.zeros(4), at::zeros({4})));
  EXPECT_THROW(kCpu.upload(host, kCpu.row(4)), Error);
}

TEST(DeviceTest, vector_operations_are_those_of_the_kernels) {
  auto const a = at::randn({50}), b = at::randn({50}), g = at::randn({50});
  SgdStep const step{0.1, 0.9, true, 0.01};
  auto w = a.clone(), v = b.clone(), w2 = a.clone(), v2 = b.clone();
  sgd_update(w, v, g, step);
  kernels::sgd_update(values(w2), values(v2), values(g), step);
  EXPECT_TRUE(at::equal(w, w2) && at::equal(v, v2));
  sgd_apply(w, v, step);
  kernels::sgd_apply(values(w2), values(v2), step);
  EXPECT_TRUE(at::equal(w, w2) && at::equal(v, v2));
}

TEST(DeviceTest, interpolation_keeps_shape_and_ends_whatever_the_strides) {
  auto const a = at::randn({4, 5}), b = at::randn({4, 5});
  for (double const alpha : {0.0, 0.25, 0.5, 0.75, 1.0}) {
    auto const plain = interpolate(a, b, alpha);
    EXPECT_EQ(plain.sizes(), a.sizes());
    EXPECT_LT((plain - (a + alpha * (b - a))).abs().max().item<double>(), 1e-6);
    auto const strided = interpolate(a.t(), b.t(), alpha);
    EXPECT_LT((strided - plain.t()).abs().max().item<double>(), 1e-6);
  }
  EXPECT_TRUE(at::equal(interpolate(a, b, 0.0), a));
  EXPECT_TRUE(at::equal(interpolate(a, b, 1.0), b));
  EXPECT_TRUE(at::equal(interpolate(a.t(), b.t(), 0.0), a.t()));
  EXPECT_TRUE(at::equal(interpolate(a.t(), b.t(), 1.0), b.t()));
}

TEST(DeviceTest, what_is_longer_than_the_limit_is_shortened_to_it) {
  auto const row = at::tensor({3.0F, -4.0F}), longer = row.clone();
  clip_norm(longer, 1.0);
  EXPECT_TRUE(at::allclose(longer, row / 5.000001, 1e-6));  // PyTorch's limit / (norm + 1e-6)
  auto const shorter = row.clone();
  clip_norm(shorter, 5.1);
  EXPECT_TRUE(at::equal(shorter, row));
  auto const broken = at::tensor({std::nanf(""), 1.0F});
  clip_norm(broken, 1.0);
  EXPECT_TRUE(broken.isnan().all().item<bool>());  // such a gradient is to be noticed
}

TEST(DeviceTest, a_step_along_a_row_has_the_length_asked_for) {
  auto const row = at::ones({2});
  add_along(row, 10.0, at::tensor({3.0F, -4.0F}));
  EXPECT_TRUE(at::allclose(row, at::tensor({7.0F, -7.0F})));
  add_along(row, 10.0, at::zeros({2}));
  EXPECT_TRUE(at::allclose(row, at::tensor({7.0F, -7.0F})));
}

TEST(DeviceTest, processor_and_blas_have_names) {
  EXPECT_FALSE(cpu_kind().empty());
  EXPECT_FALSE(blas_info().name.empty());
}

/// Three channels with statistics of their own.
struct BatchesTest : testing::Test {
  Dataset data = tiny_data(7, 3, 20, 5, 4);
  BatchesTest() {
    data.info.mean = {0.1, 0.5, 0.9};
    data.info.std = {0.2, 0.3, 0.4};
  }
  Samples batches() const { return {data.info, data.train, kCpu}; }
  Batch augmented(std::vector<std::int64_t> const& indices, Random& random) const {
    auto const samples = batches();
    return samples.gather(samples.augmented_order(indices, random), 0, std::ssize(indices));
  }
  /// What a pixel becomes.
  double normalized(std::size_t channel, int pixel) const {
    return (pixel / 255.0 - data.info.mean[channel]) / data.info.std[channel];
  }
  int pixel(std::int64_t image, std::int64_t c, std::int64_t y, std::int64_t x) const {
    return data.train.inputs[static_cast<std::size_t>(((image * 3 + c) * 7 + y) * 7 + x)];
  }
};

TEST_F(BatchesTest, images_come_normalised_in_the_order_asked_for) {
  std::vector<std::int64_t> const order = {7, 0, 19, 7};
  auto const [images, labels] = batches().gather(order);
  ASSERT_EQ(images.sizes(), (std::vector<std::int64_t>{4, 3, 7, 7}));
  auto const at = images.accessor<float, 4>();
  for (std::int64_t i = 0; i < 4; ++i) {
    auto const image = order[static_cast<std::size_t>(i)];
    EXPECT_EQ(labels[i].item<int>(), data.train.targets[static_cast<std::size_t>(image)]);
    for (std::int64_t c = 0; c < 3; ++c)
      for (std::int64_t y = 0; y < 7; ++y)
        for (std::int64_t x = 0; x < 7; ++x) {
          ASSERT_NEAR(at[i][c][y][x],
                      normalized(static_cast<std::size_t>(c), pixel(image, c, y, x)), 1e-5);
        }
  }
}

TEST_F(BatchesTest, a_range_is_a_gather_of_neighbours) {
  auto const b = batches();
  EXPECT_EQ(b.size(), 20);
  auto const range = b.range(17, 3);
  auto const gathered = b.gather(std::vector<std::int64_t>{17, 18, 19});
  EXPECT_TRUE(at::equal(range.inputs, gathered.inputs));
  EXPECT_TRUE(at::equal(range.targets, gathered.targets));
  EXPECT_EQ(b.range(0, 0).inputs.size(0), 0);
}

TEST_F(BatchesTest, classes_are_counted) {
  std::vector<std::int64_t> expected(4, 0);
  for (auto const label : data.train.targets) ++expected[label];
  EXPECT_EQ(batches().class_counts(), expected);
}

/// The (dy, dx, flip) that turn the original into this image; empty when none does.
std::set<std::array<std::int64_t, 3>> crops(BatchesTest const& t, at::Tensor const& image,
                                            std::int64_t index) {
  auto const at = image.accessor<float, 3>();
  std::set<std::array<std::int64_t, 3>> found;
  for (std::int64_t dy = -4; dy <= 4; ++dy)
    for (std::int64_t dx = -4; dx <= 4; ++dx)
      for (std::int64_t flip = 0; flip < 2; ++flip) {
        bool same = true;
        for (std::int64_t c = 0; c < 3 && same; ++c)
          for (std::int64_t y = 0; y < 7 && same; ++y)
            for (std::int64_t x = 0; x < 7 && same; ++x) {
              auto const row = y + dy, column = (flip == 1 ? 6 - x : x) + dx;
              bool const outside = row < 0 || row > 6 || column < 0 || column > 6;
              int const expected = outside ? 0 : t.pixel(index, c, row, column);
              same = std::abs(at[c][y][x] - t.normalized(static_cast<std::size_t>(c), expected)) <
                     1e-4;
            }
        if (same) found.insert({dy, dx, flip});
      }
  return found;
}

TEST_F(BatchesTest, augmentation_shifts_by_up_to_four_and_mirrors) {
  std::vector<std::int64_t> const indices(200, 3);
  Random random(1, Purpose::augmentation);
  auto const [images, labels] = augmented(indices, random);
  EXPECT_TRUE(
      at::equal(labels, at::full({200}, static_cast<int>(data.train.targets[3]), at::kLong)));
  std::set<std::int64_t> shifts, flips;
  for (std::int64_t i = 0; i < 200; ++i) {
    auto const found = crops(*this, images[i], 3);
    ASSERT_FALSE(found.empty()) << "image " << i << " is no crop of its original";
    shifts.insert((*found.begin())[0]);
    flips.insert((*found.begin())[2]);
  }
  EXPECT_EQ(shifts.size(), 9u);
  EXPECT_EQ(flips.size(), 2u);
}

TEST_F(BatchesTest, augmentation_is_a_function_of_the_stream) {
  std::vector<std::int64_t> const indices = {0, 1, 2, 3};
  Random a(1, Purpose::augmentation, 2, 3), b(1, Purpose::augmentation, 2, 3);
  auto const first = augmented(indices, a);
  EXPECT_TRUE(at::equal(first.inputs, augmented(indices, b).inputs));
  EXPECT_FALSE(at::equal(first.inputs, augmented(indices, b).inputs));
}

}  // namespace
}  // namespace fedstrata
