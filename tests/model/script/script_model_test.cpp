// TorchScript modules as models: against the zoo's mlp, and through the program.
#include "common/model/script/script_model.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/script.h>

#include <cstdlib>
#include <fstream>

#include "client/trainer.hpp"
#include "common/base/error.hpp"
#include "common/store/run.hpp"
#include "server/analysis/calibration.hpp"
#include "tests/support/model_fixture.hpp"
#include "tests/support/plain_evaluator.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/support/tiny_experiment.hpp"

namespace fedstrata {
namespace {

using testing::HasSubstr;
using torch::jit::Module;

constexpr std::int64_t kInputs = 36, kHidden = 9, kClasses = 3;
InputShape const kShape{{1, 6, 6}, kClasses};
ModelConfig const kZooConfig{"mlp", {kHidden}, Norm::none, Init::same};

at::Tensor parameter(std::vector<std::int64_t> const& shape) {
  return (0.1 * at::randn(shape)).set_requires_grad(true);
}

Module linear(std::string const& name, std::int64_t inputs, std::int64_t outputs) {
  Module module(name);
  module.register_parameter("weight", parameter({outputs, inputs}), false);
  module.register_parameter("bias", parameter({outputs}), false);
  module.define("def forward(self, x):\n  return torch.linear(x, self.weight, self.bias)\n");
  return module;
}

/// The zoo's mlp with one hidden layer; `hidden` is what happens to its activations `h`.
Module net(std::string const& hidden = "h = torch.relu(h)", std::int64_t inputs = kInputs,
           std::int64_t classes = kClasses) {
  at::manual_seed(3);
  Module module("Net");
  module.register_module("fc1", linear("First", inputs, kHidden));
  module.register_module("fc2", linear("Second", kHidden, classes));
  module.register_attribute("training", c10::BoolType::get(), true);
  if (hidden.find("self.level") != std::string::npos)
    module.register_buffer("level", at::zeros({}));
  module.define("def forward(self, x):\n  h = self.fc1.forward(x.flatten(1))\n  " + hidden +
                "\n  return self.fc2.forward(h)\n");
  return module;
}

/// Statistics and, in PyTorch's manner, a counter; `affine` with weight and bias.
Module batch_norm(bool affine) {
  Module module("BatchNorm");
  if (affine) {
    module.register_parameter("weight", at::ones({kHidden}).set_requires_grad(true), false);
    module.register_parameter("bias", parameter({kHidden}), false);
  }
  module.register_buffer("running_mean", at::zeros({kHidden}));
  module.register_buffer("running_var", at::ones({kHidden}));
  module.register_buffer("num_batches_tracked", at::zeros({}, at::kLong));
  module.register_attribute("training", c10::BoolType::get(), true);
  auto const weights = affine ? std::string("self.weight, self.bias") : "None, None";
  module.define(
      "def forward(self, x):\n"
      "  if self.training:\n"
      "    self.num_batches_tracked.add_(1)\n"
      "  return torch.batch_norm(x, " +
      weights + ", self.running_mean, self.running_var, self.training, 0.1, 1e-5, False)\n");
  return module;
}

/// A layer of statistics between the two linear ones.
Module normed_net(bool affine, std::int64_t inputs = kInputs, std::int64_t classes = kClasses) {
  at::manual_seed(3);
  Module module("Net");
  module.register_module("fc1", linear("First", inputs, kHidden));
  module.register_module("bn", batch_norm(affine));
  module.register_module("fc2", linear("Second", kHidden, classes));
  module.define(
      "def forward(self, x):\n"
      "  h = torch.relu(self.bn.forward(self.fc1.forward(x.flatten(1))))\n"
      "  return self.fc2.forward(h)\n");
  return module;
}

class ScriptModel : public testing::Test {
 protected:
  std::string save(Module const& module, std::string const& name = "net.pt") const {
    auto const path = (directory_.path() / name).string();
    module.save(path);
    return "script:" + path;
  }

  Model model(Module const& module) const {
    return make_model({save(module), {}, Norm::none, Init::same}, kShape);
  }

  std::string refusal(ModelConfig const& config) const {
    try {
      make_model(config, kShape);
    } catch (InputError const& error) {
      return error.what();
    }
    return "";
  }
  std::string refusal(Module const& module) const {
    return refusal({save(module), {}, Norm::none, Init::same});
  }

  TemporaryDirectory directory_;
};

std::string const kConfig = R"([data]
dataset = synthetic
clients = 3
[train]
lr = 0.1
batch_size = 8
[federation]
rounds = 4
local_epochs = 3
)";

/// What a client's training leaves of the initial rows.
struct Training {
  Dataset data = tiny_data();
  Experiment experiment;
  Device device{DeviceChoice::cpu, 1, 0, 1};
  Samples batches{data.info, data.train, device};
  at::Tensor state;
  TrainResult result;

  Training(std::string const& name, std::vector<float> const& start,
           std::vector<std::string> settings = {}, std::int64_t client = 1)
      : experiment(tiny_experiment(data, kConfig, with_name(std::move(settings), name))) {
    state = device.zeros(experiment.state().size());
    auto const size = static_cast<std::int64_t>(start.size());
    state.narrow(0, 0, size).copy_(torch::tensor(start));
    Trainer trainer(
        {.experiment = &experiment, .device = &device, .data = &batches, .state = state});
    result = trainer.train(client, 2, 0).value();
  }

  static std::vector<std::string> with_name(std::vector<std::string> settings,
                                            std::string const& name) {
    settings.push_back("model.name=" + name);
    if (name == "mlp") settings.push_back("model.hidden=" + std::to_string(kHidden));
    return settings;
  }
};

std::vector<float> initial(Model const& model) {
  auto const parameters = static_cast<std::size_t>(model.table().parameter_count);
  std::vector<float> row(parameters + static_cast<std::size_t>(model.table().buffer_count));
  model.initialize(std::span(row).first(parameters), std::span(row).subspan(parameters), 1, 0);
  return row;
}

double distance(at::Tensor const& a, at::Tensor const& b) {
  return (a - b).abs().max().item<double>();
}

TEST_F(ScriptModel, has_the_tensors_and_the_values_of_the_file) {
  auto const script = model(normed_net(true));
  auto const& table = script.table();
  ASSERT_EQ(table.layers.size(), 3u);
  EXPECT_EQ(table.layers[0].name, "fc1");
  EXPECT_EQ(table.layers[1].name, "bn");
  EXPECT_EQ(table.layers[1].type, LayerType::norm);
  EXPECT_EQ(table.layers[2].type, LayerType::linear);
  EXPECT_EQ(table.parameters[1].name, "fc1.bias");
  ASSERT_EQ(table.buffers.size(), 2u);  // the counter is none of them
  EXPECT_EQ(table.buffers[0].name, "bn.running_mean");
  EXPECT_EQ(table.layers[1].buffers, (Slice{0, 2 * kHidden}));
  auto const row = initial(script);
  auto const expected = normed_net(true).attr("fc1").toModule().attr("weight").toTensor();
  EXPECT_EQ(row[5], expected.flatten()[5].item<float>());
}

TEST_F(ScriptModel, evaluates_and_trains_like_the_zoo) {
  auto const script = model(net());
  auto const zoo = make_model(kZooConfig, kShape);
  auto const start = initial(script);
  Fixture const batch(zoo, kShape);
  auto const row = torch::tensor(start);
  EXPECT_LT(distance(script.evaluate(batch.images, script.view(row, at::empty({0}))),
                     zoo.evaluate(batch.images, zoo.view(row, at::empty({0})))),
            1e-6);
  for (auto const& settings :
       std::vector<std::vector<std::string>>{{},
                                             {"train.weight_decay=0.01"},
                                             {"train.momentum=0.9"},
                                             {"train.momentum=0.9", "train.nesterov=yes"}}) {
    Training const by_script(script.name(), start, settings);
    Training const by_zoo("mlp", start, settings);
    EXPECT_LT(distance(by_script.state, by_zoo.state), 1e-5);
    EXPECT_GT(distance(by_script.state.narrow(0, 0, row.numel()), row), 1e-2);
    EXPECT_NEAR(by_script.result.loss, by_zoo.result.loss, 1e-5);
  }
}

TEST_F(ScriptModel, gives_the_same_bits_from_the_first_pass_on) {
  auto const script = model(net("h = torch.dropout(torch.relu(h), 0.5, self.training)"));
  auto const start = initial(script);
  auto const name = script.name();
  Training const first(name, start);
  auto again = first.state.clone();
  again.narrow(0, 0, static_cast<std::int64_t>(start.size())).copy_(torch::tensor(start));
  Trainer({.experiment = &first.experiment,
           .device = &first.device,
           .data = &first.batches,
           .state = again})
      .train(1, 2, 0);
  EXPECT_TRUE(at::equal(first.state, again));
  EXPECT_TRUE(at::equal(first.state, Training(name, start).state));
  auto const zero = make_model({save(net(), "plain.pt"), {}, Norm::none, Init::same}, kShape);
  EXPECT_GT(distance(first.state, Training(zero.name(), start).state), 1e-3);  // dropout does act
  Fixture const batch(script, kShape);
  auto const weights = script.view(batch.row, batch.buffer_row);
  auto const logits = script.evaluate(batch.images, weights);
  for (int i = 0; i < 4; ++i)
    EXPECT_TRUE(at::equal(script.evaluate(batch.images, weights), logits));
  EXPECT_LT(distance(zero.evaluate(batch.images, weights), logits), 1e-6);  // and not here
}

TEST_F(ScriptModel, updates_statistics_in_the_rows_while_training_only) {
  auto const script = model(normed_net(true));
  Fixture batch(script, kShape, 20);
  auto const weights = script.view(batch.row, batch.buffer_row);
  script.evaluate(batch.images, weights);
  EXPECT_TRUE(at::equal(batch.buffer_row.narrow(0, 0, kHidden), at::zeros({kHidden})));
  auto const hidden =
      at::linear(batch.images.flatten(1), weights.parameters[0], weights.parameters[1]);
  auto const mean = 0.1 * hidden.mean(0);
  auto const variance = 0.9 + 0.1 * hidden.var(0);
  script.train_pass(batch.images, batch.labels, classification_task(), weights,
                    {weights, 1.0, -0.1}, batch.sums);
  EXPECT_LT(distance(weights.buffers[0], mean), 1e-6);
  EXPECT_LT(distance(weights.buffers[1], variance), 1e-6);
}

TEST_F(ScriptModel, takes_statistics_anew_from_the_samples_in_front) {
  auto const script = model(normed_net(true));
  Fixture batch(script, kShape, 20);
  auto weights = script.view(batch.row, batch.buffer_row);
  weights.buffers[0].fill_(7.0);  // no matter what they are
  weights.buffers[1].fill_(0.2);
  auto const before = batch.buffer_row.clone();
  weights.calibration = 12;
  weights.rows = 20;
  auto const logits = script.evaluate(batch.images, weights).narrow(0, 12, 8);
  EXPECT_TRUE(at::equal(batch.buffer_row, before));
  auto const& w = weights.parameters;
  auto const hidden = at::linear(batch.images.flatten(1), w[0], w[1]);
  auto const samples = hidden.narrow(0, 0, 12);
  auto const normed = (hidden.narrow(0, 12, 8) - samples.mean(0)) / (samples.var(0) + 1e-5).sqrt();
  EXPECT_LT(distance(logits, at::linear(at::relu(normed * w[2] + w[3]), w[4], w[5])), 1e-5);
}

TEST_F(ScriptModel, says_that_statistics_of_a_traced_network_cannot_be_taken_anew) {
  auto module = normed_net(true);
  module.attr("bn").toModule().define(
      "def traced(self, x):\n"
      "  return torch.batch_norm(x, self.weight, self.bias, self.running_mean, self.running_var, "
      "False, 0.1, 1e-5, False)\n");
  Module traced("Traced");
  traced.register_module("net", module);
  traced.define(
      "def forward(self, x):\n"
      "  h = torch.relu(self.net.bn.traced(self.net.fc1.forward(x.flatten(1))))\n"
      "  return self.net.fc2.forward(h)\n");
  auto const script = model(traced);
  AnalysisConfig config;
  require_calibration(config, script, kShape);
  config.batchnorm = parse_batchnorm("recompute:8");
  EXPECT_THROW(require_calibration(config, script, kShape), InputError);
  require_calibration(config, model(normed_net(true)), kShape);
}

TEST_F(ScriptModel, takes_statistics_that_the_script_assigns) {
  auto const script = model(net("self.level = 0.5 * self.level + 2.0\n  h = torch.relu(h)"));
  Fixture batch(script, kShape);
  auto const weights = script.view(batch.row, batch.buffer_row);
  script.train_pass(batch.images, batch.labels, classification_task(), weights,
                    {weights, 1.0, -0.1}, batch.sums);
  script.train_pass(batch.images, batch.labels, classification_task(), weights,
                    {weights, 1.0, -0.1}, batch.sums);
  script.evaluate(batch.images, weights);
  EXPECT_EQ(batch.buffer_row.item<float>(), 3.0f);
}

TEST_F(ScriptModel, refuses_what_it_cannot_train) {
  ModelConfig config{
      "script:" + (directory_.path() / "none.pt").string(), {}, Norm::none, Init::same};
  EXPECT_THAT(refusal(config), HasSubstr("there is no such file"));
  std::ofstream(directory_.path() / "none.pt") << "no module";
  EXPECT_THAT(refusal(config), HasSubstr("cannot load it"));
  EXPECT_THAT(refusal({save(net()), {}, Norm::none, Init::different}), HasSubstr("model.init"));
  auto tied = net();
  tied.attr("fc2").toModule().setattr("bias", tied.attr("fc1").toModule().attr("bias"));
  EXPECT_THAT(refusal(tied), HasSubstr("is shared"));
  auto frozen = net();
  frozen.attr("fc1").toModule().attr("bias").toTensor().set_requires_grad(false);
  EXPECT_THAT(refusal(frozen), HasSubstr("fc1.bias is frozen"));
  auto half = net();
  half.attr("fc1").toModule().setattr("bias",
                                      at::zeros({kHidden}, at::kDouble).set_requires_grad(true));
  EXPECT_THAT(refusal(half), HasSubstr("not float32"));
  EXPECT_THAT(refusal(net("h = torch.cat([h, h], 1)")),
              AllOf(HasSubstr("fails ("), HasSubstr("[2, 3]")));
  EXPECT_THAT(refusal(net("return h")), HasSubstr("returns [2, 9]"));
  EXPECT_THAT(refusal(Module("Empty")), HasSubstr("no parameters"));
}

/// Runs the program; returns its exit code.
int run(std::string const& arguments) {
  auto const command = "OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 " FEDSTRATA_BINARY
                       " " +
                       arguments + " > /dev/null";
  int const status = std::system(command.c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(ScriptModel, runs_and_is_analysed_after_its_file_is_gone) {
  auto const file = (directory_.path() / "net.pt").string();
  auto const ini = (directory_.path() / "net.ini").string();
  auto const out = (directory_.path() / "run").string();
  std::ofstream(ini) << "[model]\nname = script:" << file
                     << "\n[data]\ndataset = synthetic\nclients = 2\ntrain_limit = 60\n"
                        "test_limit = 20\n[federation]\nrounds = 2\n[checkpoint]\nevery = 1\n"
                        "[analysis]\nevery = 1\n[average.all]\nlayers = all\nevery = 2\n";
  EXPECT_EQ(run("simulate " + ini + " --out " + out + " 2> /dev/null"), 2);
  normed_net(false, 784, 10).save(file);  // a layer without parameters, with statistics
  ASSERT_EQ(run("simulate " + ini + " --out " + out), 0);
  std::filesystem::remove(file);
  ASSERT_EQ(run("analyze " + out), 0);
  ASSERT_EQ(run("inspect " + out + " --verify"), 0);
  auto const stored = Run::open(out);
  auto const during = stored.analysis<BarrierRecord>("insitu"),
             after = stored.analysis<BarrierRecord>("posthoc");
  ASSERT_EQ(during.size(), after.size());
  ASSERT_EQ(after.size(), 2u * 2u * (1u + 2u * 3u));
  for (std::size_t i = 0; i < after.size(); ++i) {
    EXPECT_EQ(during[i].loss_mid, after[i].loss_mid);
    EXPECT_TRUE(std::isfinite(after[i].loss_mid));
  }
  std::ofstream(out + "/model.pt", std::ios::app) << "x";
  EXPECT_EQ(run("analyze " + out + " --name more 2> /dev/null"), 2);
}

TEST_F(ScriptModel, a_dry_run_warns_of_what_was_traced_in_evaluation_mode) {
  auto const file = (directory_.path() / "net.pt").string();
  auto const ini = (directory_.path() / "net.ini").string();
  auto const said = (directory_.path() / "said").string();
  std::ofstream(ini) << "[model]\nname = script:" << file
                     << "\n[data]\ndataset = synthetic\nclients = 2\ntrain_limit = 200\n";
  auto const warnings = [&](std::string const& hidden) {
    net(hidden, 784, 10).save(file);
    EXPECT_EQ(run("simulate " + ini + " --dry-run 2> " + said), 0);
    std::ifstream stream(said);
    return std::string(std::istreambuf_iterator<char>(stream), {});
  };
  EXPECT_THAT(warnings("h = torch.dropout(h, 0.5, False)"),
              HasSubstr("warning: model.name = script:" + file +
                        ": the network was traced in evaluation mode: dropout"));
  EXPECT_EQ(warnings("h = torch.dropout(h, 0.5, self.training)"), "");
}

}  // namespace
}  // namespace fedstrata
