// Networks that a run cannot use, each refused with its reason. What the program does then is in
// tests/model/script/script_model_test.cpp.
#include "experiments/run/network/trial.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/script.h>

#include "tests/support/refusal.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/support/tiny_experiment.hpp"

namespace fedstrata {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using torch::jit::Module;

/// One linear layer on 36 pixels, with a second parameter; `body` makes of images `x` the answer.
Module net(std::string const& body) {
  at::manual_seed(3);
  Module module("Net");
  module.register_parameter("weight", (0.1 * at::randn({3, 36})).set_requires_grad(true), false);
  module.register_parameter("bias", at::zeros({3}).set_requires_grad(true), false);
  module.register_buffer("level", at::zeros({}));
  module.register_attribute("training", c10::BoolType::get(), true);
  module.register_attribute("passes", c10::IntType::get(), 0);
  module.define("def forward(self, x):\n  x = x.flatten(1)\n  " + body + "\n");
  return module;
}

std::string const kLinear = "torch.linear(x, self.weight, self.bias)";

class NetworkTrial : public testing::Test {
 protected:
  /// 90 images for 4 clients: shares of 22 and 23, so batches of 8, 7 and 6.
  std::string refusal(Module const& module, std::vector<std::string> settings = {}) const {
    settings.push_back(saved(module));
    return refusal_of([&] { trial(settings); });
  }

  std::vector<std::string> warnings(Module const& module) const { return trial({saved(module)}); }

  std::string saved(Module const& module) const {
    auto const file = (directory_.path() / "net.pt").string();
    module.save(file);
    return "model.name=script:" + file;
  }

  std::vector<std::string> trial(std::vector<std::string> const& settings) const {
    auto const data = tiny_data();
    auto const experiment = tiny_experiment(data,
                                            "[data]\ndataset = synthetic\nclients = 4\n"
                                            "[train]\nbatch_size = 8\n",
                                            settings);
    Device const device(DeviceChoice::cpu, 1, 0, 1);
    Samples const train(data.info, data.train, device);
    return try_network(experiment, device, train);
  }

  TemporaryDirectory directory_;
};

TEST_F(NetworkTrial, lets_pass_what_a_run_can_use) {
  auto const passes = "nothing was refused";
  EXPECT_EQ(refusal(net("return " + kLinear)), passes);
  EXPECT_EQ(refusal(net("return torch.dropout(" + kLinear + ", 0.5, self.training)")), passes);
  EXPECT_EQ(
      refusal(net("if self.training:\n    self.level = self.level + 1.0\n  return " + kLinear)),
      passes);
  auto zero = net("return " + kLinear);  // a gradient of zero is one all the same
  zero.attr("weight").toTensor().detach().zero_();
  EXPECT_EQ(refusal(zero), passes);
  EXPECT_THAT(trial({"model.name=mlp", "model.hidden=4"}), IsEmpty());
}

TEST_F(NetworkTrial, refuses_what_is_random_or_remembers_in_evaluation) {
  EXPECT_THAT(refusal(net("return torch.dropout(" + kLinear + ", 0.5, True)")),
              AllOf(HasSubstr("model.name = script:"), HasSubstr("answers differently when asked "
                                                                 "again")));
  EXPECT_THAT(refusal(net("self.passes = self.passes + 1\n  return " + kLinear + " * self.passes")),
              HasSubstr("remembers"));
  EXPECT_THAT(refusal(net("if self.training:\n    self.passes = self.passes + 1\n  return " +
                          kLinear + " * (1 + self.passes)")),
              HasSubstr("remembers"));
  EXPECT_THAT(refusal(net("self.level.add_(1.0)\n  return " + kLinear)),
              HasSubstr("changes its parameters or buffers in evaluation"));
}

TEST_F(NetworkTrial, refuses_what_depends_on_the_other_samples_of_a_batch) {
  EXPECT_THAT(refusal(net("x = x - x.mean(0, True)\n  return " + kLinear)),
              HasSubstr("a sample alone and among others"));
  auto const normed =
      "return torch.batch_norm(" + kLinear + ", None, None, None, None, True, 0.1, 1e-5, False)";
  EXPECT_THAT(refusal(net(normed)), HasSubstr("a sample alone and among others"));
}

TEST_F(NetworkTrial, trains_at_every_size_of_batch_that_shares_cause) {
  auto const fails_at = [](int size) {
    return net("if self.training and x.size(0) == " + std::to_string(size) +
               ":\n    return x\n  return " + kLinear);
  };
  for (int const size : {6, 7, 8})
    EXPECT_THAT(
        refusal(fails_at(size)),
        HasSubstr("in training on a batch of " + std::to_string(size) + " samples, which client "));
  EXPECT_EQ(refusal(fails_at(5)), "nothing was refused");
  EXPECT_EQ(refusal(fails_at(6), {"train.last_batch=drop"}), "nothing was refused");
  // Two steps do not get to the end of a share.
  EXPECT_EQ(refusal(fails_at(6), {"federation.local_steps=2"}), "nothing was refused");
}

TEST_F(NetworkTrial, refuses_parameters_without_gradient_and_values_that_are_not_finite) {
  EXPECT_THAT(refusal(net("return torch.linear(x, self.weight)")),
              HasSubstr("does not use parameter bias in training"));
  EXPECT_THAT(refusal(net("return torch.linear(x, self.weight.detach(), self.bias)")),
              HasSubstr("does not use parameter weight in training"));
  EXPECT_THAT(refusal(net("return " + kLinear + " / 0.0")), HasSubstr("answers with values"));
  EXPECT_THAT(refusal(net("y = " + kLinear + "\n  if self.training:\n    y = y / 0.0\n  return y")),
              HasSubstr("not finite (NaN or infinite) in training"));
  auto broken = net("return " + kLinear);
  broken.attr("bias").toTensor().detach().fill_(std::nan(""));
  EXPECT_THAT(refusal(broken), HasSubstr("starts with values of bias that are not finite"));
}

TEST_F(NetworkTrial, warns_of_what_was_traced_in_evaluation_mode) {
  auto const with_statistics = [&](std::string const& flag) {
    Module module("Net");
    module.register_parameter("weight", (0.1 * at::randn({3, 36})).set_requires_grad(true), false);
    module.register_buffer("mean", at::zeros({3}));
    module.register_buffer("var", at::ones({3}));
    module.register_attribute("training", c10::BoolType::get(), false);
    module.define("def forward(self, x):\n  y = torch.linear(x.flatten(1), self.weight)\n" +
                  ("  y = torch.batch_norm(y, None, None, self.mean, self.var, " + flag) +
                  ", 0.1, 1e-5, False)\n  return torch.dropout(y, 0.5, " + flag + ")\n");
    return module;
  };
  EXPECT_THAT(warnings(with_statistics("False")),
              ElementsAre(AllOf(HasSubstr("model.name = script:"),
                                HasSubstr("traced in evaluation mode: batch_norm and dropout"),
                                HasSubstr("torch.jit.script"))));
  // Saved after net.eval(), but by torch.jit.script.
  EXPECT_THAT(warnings(with_statistics("self.training")), IsEmpty());
  EXPECT_THAT(warnings(net("return torch.dropout(" + kLinear + ", 0.0, False)")), IsEmpty());
}

TEST_F(NetworkTrial, warns_of_answers_that_are_no_logits) {
  EXPECT_THAT(warnings(net("return torch.softmax(" + kLinear + ", 1)")),
              ElementsAre(HasSubstr("the network ends in softmax")));
  EXPECT_THAT(warnings(net("return torch.log_softmax(" + kLinear + ", 1)")),
              ElementsAre(HasSubstr("the network ends in log_softmax")));
  for (std::string const other : {"", "torch.sigmoid", "torch.relu"})
    EXPECT_THAT(warnings(net("return " + other + "(" + kLinear + ")")), IsEmpty()) << other;
}

}  // namespace
}  // namespace fedstrata
