// TorchScript modules on a device: every tensor that a module holds has to be there.
#include <gtest/gtest.h>
#include <torch/script.h>

#include "common/device/guarded/counters.hpp"
#include "common/model/script/script_model.hpp"
#include "common/tasks/tasks.hpp"
#include "tests/support/model_fixture.hpp"
#include "tests/support/temporary_directory.hpp"

namespace fedstrata {
namespace {

constexpr std::int64_t kInputs = 16, kClasses = 3;
InputShape const kShape{{1, 4, 4}, kClasses};

/// One linear layer, a counter of passes (a buffer) and factors that are a plain attribute.
Model make_script() {
  at::manual_seed(3);
  torch::jit::Module module("Net");
  module.register_parameter("weight", at::randn({kClasses, kInputs}).requires_grad_(true), false);
  module.register_buffer("passes", at::zeros({}, at::kLong));
  module.register_attribute("factors", c10::TensorType::get(), at::linspace(0.5, 1.5, kInputs));
  module.define(
      "def forward(self, x):\n"
      "  self.passes.add_(1)\n"
      "  return torch.linear(x.flatten(1) * self.factors, self.weight) * self.passes\n");
  TemporaryDirectory const directory;
  auto const path = (directory.path() / "net.pt").string();
  module.save(path);
  return make_model({"script:" + path, {}, Norm::none, Init::same}, kShape);
}

TEST(GuardedScriptTest, trains_and_answers_as_on_the_cpu) {
  auto const model = make_script();
  Fixture const f(model, kShape);
  auto const work = [&](auto const& place) {
    auto const row = place(f.row.clone()), none = place(at::empty({0}));
    auto const weights = model.view(row, none);
    auto sums = place(at::zeros({2}, at::kDouble));
    model.train_pass(place(f.images), place(f.labels), classification_task(), weights,
                     {weights, 1.0, -0.1}, sums);
    return std::vector{row.cpu(), model.evaluate(place(f.images), weights).cpu()};
  };
  auto const here = [](at::Tensor const& tensor) { return tensor; };
  auto const there = [](at::Tensor const& tensor) { return tensor.to(at::kPrivateUse1); };
  auto const first = work(here);
  EXPECT_GT((first[0] - f.row).abs().max().item<double>(), 1e-3);
  for (auto const& again : {work(there), work(here)}) {
    for (std::size_t i = 0; i < first.size(); ++i)
      EXPECT_TRUE(at::allclose(again[i], first[i], 1e-5, 1e-6)) << "result " << i;
  }
}

TEST(GuardedScriptTest, passes_copy_nothing_to_the_device) {
  auto const model = make_script();
  Fixture const f(model, kShape);
  auto const images = f.images.to(at::kPrivateUse1), row = f.row.to(at::kPrivateUse1);
  auto const weights = model.view(row, at::empty({0}, images.options()));
  model.evaluate(images, weights);
  guarded::reset_counters();
  model.evaluate(images, weights);
  EXPECT_EQ(guarded::counters().uploads, 0);
  EXPECT_EQ(guarded::counters().synchronisations, 0);
}

}  // namespace
}  // namespace fedstrata
