// The device on which the path of a GPU is tested without one: it must catch what a GPU would not
// forgive, count what a GPU would wait for, and compute as the CPU does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include "common/device/device.hpp"
#include "common/device/guarded/counters.hpp"
#include "tests/support/model_fixture.hpp"

namespace fedstrata {
namespace {

using guarded::Counters;
using testing::HasSubstr;

at::Device const kGuarded(at::kPrivateUse1, 0);

at::Tensor on_device(at::Tensor const& tensor) { return tensor.to(kGuarded); }

/// What `work` asks of the device.
template <class Work>
Counters cost(Work const& work) {
  guarded::reset_counters();
  work();
  return guarded::counters();
}

TEST(GuardedTest, is_a_device_of_a_run) {
  Device const device(DeviceChoice::guarded, 1, 0, 1);
  EXPECT_EQ(device.describe(), "guarded, 1 thread");
  EXPECT_FALSE(device.is_host());
  EXPECT_EQ(device.bus_id(), "");
  EXPECT_FALSE(device.has_tf32());
  EXPECT_FALSE(in_host_memory(device.row(2)));
  std::vector<float> const host = {1, 2, 3};
  auto const row = device.row(3);
  device.upload(host, row);
  at::Tensor staging;
  EXPECT_THAT(device.host_view(row, staging), testing::ElementsAre(1, 2, 3));
  EXPECT_TRUE(device.to_device(at::arange(4)).cpu().equal(at::arange(4)));
}

TEST(GuardedDeathTest, a_host_that_reads_or_writes_device_memory_is_told_where) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  auto const row = at::ones({3}, kGuarded);
  auto* const values = row.data_ptr<float>();
  EXPECT_DEATH(std::printf("%f", values[1]), "the host touched device memory(.|\n)*guarded_test");
  EXPECT_DEATH(values[0] = 1.0F, "the host touched device memory");
}

TEST(GuardedDeathTest, other_crashes_are_no_business_of_the_device) {
  auto const row = at::ones({3}, kGuarded);
  EXPECT_DEATH(raise(SIGSEGV), testing::Not(HasSubstr("device memory")));
}

TEST(GuardedTest, memory_that_nobody_wrote_is_not_a_number) {
  for (int again = 0; again < 2; ++again) {
    auto const fresh = at::empty({5, 3}, kGuarded);
    EXPECT_TRUE(fresh.isnan().all().item<bool>());
    fresh.zero_();
  }
}

TEST(GuardedTest, tensors_of_host_and_device_do_not_mix_but_for_numbers) {
  auto const here = at::ones({3}), there = on_device(here);
  EXPECT_ANY_THROW(there + here);
  EXPECT_ANY_THROW(at::cat({there, here}));
  EXPECT_ANY_THROW(at::mm(there.view({1, 3}), here.view({3, 1})));
  auto sum = there.clone();
  EXPECT_ANY_THROW(sum.add_(here));
  EXPECT_ANY_THROW(at::index_select(there, 0, at::tensor({1})));
  EXPECT_TRUE((there + at::scalar_tensor(1.0)).cpu().equal(here + 1.0));
}

TEST(GuardedTest, a_view_shares_the_memory) {
  auto const matrix = on_device(at::arange(12).view({3, 4}).to(at::kFloat));
  matrix.t().narrow(0, 1, 2).select(1, 2).fill_(-1.0);
  auto const expected = at::arange(12).view({3, 4}).to(at::kFloat);
  expected[2][1] = expected[2][2] = -1.0;
  EXPECT_TRUE(matrix.cpu().equal(expected));
  EXPECT_THROW(matrix.unfold(0, 2, 1), c10::Error) << "a view that it does not know";
}

TEST(GuardedTest, counts_launches_by_operator_and_what_the_host_waits_for) {
  auto const x = on_device(at::ones({4, 2}));
  auto const launched = cost([&] { (x + x).mul_(2.0).sum(); });
  EXPECT_EQ(launched.launches, 3);
  EXPECT_EQ(launched.operators, (std::map<std::string, std::int64_t>{
                                    {"add.out", 1}, {"mul.out", 1}, {"sum.IntList_out", 1}}));
  EXPECT_EQ(launched.synchronisations, 0);
  EXPECT_EQ(launched.allocations, 2);
  EXPECT_EQ(cost([&] { x.sum().item<float>(); }).synchronisations, 1);
  EXPECT_EQ(cost([&] { at::equal(x, x); }).synchronisations, 1);
  EXPECT_EQ(cost([&] { x.masked_select(x > 2.0); }).synchronisations, 1) << "how many are there?";
  EXPECT_EQ(cost([&] { x.narrow(0, 1, 2).t(); }).launches, 0) << "views are free";
  EXPECT_THAT(guarded::describe(launched), HasSubstr("3 launches, 0 synchronisations"));
  EXPECT_THAT(guarded::describe(launched), HasSubstr("\n  1 sum.IntList_out\n"));
}

TEST(GuardedTest, counts_copies_and_their_bytes) {
  auto const here = at::ones({6});
  auto const there = on_device(here);
  auto const up = cost([&] { on_device(here); });
  EXPECT_EQ(std::tie(up.uploads, up.upload_bytes, up.synchronisations), std::tuple(1, 24, 1));
  auto const beside = cost([&] { here.to(kGuarded, /*non_blocking=*/true); });
  EXPECT_EQ(std::tie(beside.uploads, beside.synchronisations), std::tuple(1, 0));
  auto const down = cost([&] { there.cpu(); });
  EXPECT_EQ(std::tie(down.downloads, down.download_bytes, down.synchronisations),
            std::tuple(1, 24, 1));
  auto const within = cost([&] { there.clone(); });
  EXPECT_EQ(std::tie(within.launches, within.uploads, within.downloads), std::tuple(1, 0, 0));
}

TEST(GuardedTest, counts_memory_in_use) {
  guarded::reset_counters();
  auto const before = guarded::counters().live_bytes;
  { auto const rows = at::empty({1 << 18}, kGuarded); }
  EXPECT_EQ(guarded::counters().live_bytes, before);
  EXPECT_EQ(guarded::counters().peak_bytes, before + (1 << 20));
}

/// `work` on the CPU and on the device; all results must have the same bits.
template <class Work>
void expect_same_bits(Work const& work) {
  auto const same = [](at::Tensor const& tensor) { return tensor; };
  std::vector<at::Tensor> const here = work(same), there = work(on_device);
  for (std::size_t i = 0; i < here.size(); ++i) {
    EXPECT_EQ(there[i].device(), kGuarded) << "result " << i;
    EXPECT_TRUE(there[i].cpu().equal(here[i])) << "result " << i;
  }
}

TEST(GuardedTest, autograd_has_the_bits_of_the_cpu) {
  at::manual_seed(1);
  auto const x = at::randn({4, 6}), w = at::randn({3, 6}), b = at::randn({3});
  expect_same_bits([&](auto const& place) -> std::vector<at::Tensor> {
    auto const leaf = [&](at::Tensor const& t) {
      return place(t.clone()).detach().requires_grad_(true);
    };
    auto const xi = leaf(x), wi = leaf(w), bi = leaf(b);
    auto const y = at::relu(at::linear(xi, wi, bi));
    y.square().sum().backward();
    return {y.detach(), xi.grad(), wi.grad(), bi.grad()};
  });
}

TEST(GuardedTest, convolutions_and_pools_have_the_bits_of_the_cpu) {
  at::manual_seed(2);
  auto const images = at::randn({2, 3, 8, 8}), kernels = at::randn({5, 3, 3, 3});
  auto const bias = at::randn({5});
  std::array<std::int64_t, 1> const size{5};
  std::array<std::int64_t, 2> const ones{1, 1}, twos{2, 2}, zeros{0, 0};
  expect_same_bits([&](auto const& place) -> std::vector<at::Tensor> {
    auto const x = place(images), w = place(kernels);
    auto const y = at::convolution(x, w, place(bias), ones, ones, ones, false, zeros, 1);
    auto const [p, at] = at::max_pool2d_with_indices(y, twos, twos, zeros, ones, false);
    auto const g = at::max_pool2d_with_indices_backward(at::ones_like(p), y, twos, twos, zeros,
                                                        ones, false, at);
    auto const [gx, gw, gb] =
        at::convolution_backward(g, x, w, at::OptionalIntArrayRef(size), ones, ones, ones, false,
                                 zeros, 1, {true, true, true});
    return {y, p, gx, gw, gb};
  });
}

TEST(GuardedTest, what_a_normalisation_writes_beside_its_results_is_written) {
  at::manual_seed(3);
  auto const images = at::randn({4, 2, 3, 3});
  expect_same_bits([&](auto const& place) -> std::vector<at::Tensor> {
    auto const mean = place(at::zeros({2})), variance = place(at::ones({2}));
    auto const [out, m, d] =
        at::native_batch_norm(place(images), place(at::ones({2})), place(at::zeros({2})), mean,
                              variance, true, 0.1, 1e-5);
    return {out, mean, variance, m, d};
  });
}

TEST(GuardedTest, training_passes_leave_in_their_target_what_they_leave_on_the_cpu) {
  auto const model = build("resnet18", kTiny, Norm::batch);
  Fixture const f(model, kTiny);
  for (auto const& [beta, alpha] : {std::pair{0.0, 1.0}, {0.0, 0.5}, {0.9, 1.0}, {1.0, -0.1}}) {
    auto const trained = [&, beta = beta, alpha = alpha](auto const& place) {
      auto const row = place(f.row.clone()), buffers = place(f.buffer_row.clone());
      auto const into = place(at::full_like(f.row, beta == 0.0 ? std::nan("") : 0.25));
      auto sums = place(at::zeros({2}, at::kDouble));
      auto const outputs = model.train_pass(place(f.images), place(f.labels), classification_task(),
                                            model.view(row, buffers),
                                            {model.view(into, buffers), beta, alpha}, sums);
      return std::vector<at::Tensor>{into.cpu(), buffers.cpu(), sums.cpu(), outputs.cpu()};
    };
    auto const here = trained([](at::Tensor const& tensor) { return tensor; });
    auto const there = trained(on_device);
    for (std::size_t i = 0; i < here.size(); ++i)
      EXPECT_TRUE(at::allclose(here[i], there[i], 1e-4, 1e-5)) << "result " << i << ", " << beta;
  }
}

TEST(GuardedTest, outputs_grow_to_what_a_kernel_writes) {
  auto const x = on_device(at::arange(6).to(at::kFloat));
  auto out = at::empty({0}, kGuarded);
  at::add_out(out, x, x);
  EXPECT_TRUE(out.cpu().equal(at::arange(6).to(at::kFloat) * 2));
  EXPECT_EQ(x.masked_select(x > 2.0).numel(), 3);
  EXPECT_EQ(at::empty({0, 3}, kGuarded).add_(1.0).numel(), 0);
}

}  // namespace
}  // namespace fedstrata
