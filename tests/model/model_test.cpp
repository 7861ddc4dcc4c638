#include "common/model/model.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "common/base/error.hpp"
#include "common/model/zoo/zoo.hpp"
#include "tests/support/model_fixture.hpp"

namespace fedstrata {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string shape_text(std::vector<std::int64_t> const& shape) {
  std::string text;
  for (auto const n : shape) text.append(text.empty() ? "" : "x").append(std::to_string(n));
  return text;
}

std::vector<std::string> tensor_names(std::vector<NamedTensor> const& tensors) {
  std::vector<std::string> names;
  for (auto const& t : tensors) names.push_back(t.name + " " + shape_text(t.shape));
  return names;
}

std::vector<std::string> layer_names(Model const& model) {
  std::vector<std::string> names;
  for (auto const& layer : model.table().layers) names.push_back(layer.name);
  return names;
}

TEST(model, parameter_counts) {
  std::map<std::string, std::int64_t> const grey{
      {"mlp", 199210}, {"cnn", 1663370}, {"lenet5", 61706}};
  for (auto const& [name, count] : grey)
    EXPECT_EQ(build(name, kGrey).table().parameter_count, count) << name;
  EXPECT_EQ(build("resnet18", kColour).table().parameter_count, 11164362);
  EXPECT_EQ(build("resnet18", kColour, Norm::batch).table().parameter_count, 11173962);
  EXPECT_EQ(build("resnet18", kColour, Norm::batch).table().buffer_count, 9600);
  EXPECT_EQ(build("resnet18", kColour, Norm::group).table().parameter_count, 11173962);
  EXPECT_EQ(build("resnet18", kColour, Norm::group).table().buffer_count, 0);
  EXPECT_EQ(build("vgg11", kColour).table().parameter_count, 128807306);
  EXPECT_EQ(build("vgg11-cifar", kColour).table().parameter_count, 9225610);
}

TEST(model, resnet18_tensors_are_torchvisions) {
  EXPECT_THAT(
      tensor_names(build("resnet18", kColour).table().parameters),
      ElementsAre("conv1.weight 64x3x3x3", "layer1.0.conv1.weight 64x64x3x3",
                  "layer1.0.conv2.weight 64x64x3x3", "layer1.1.conv1.weight 64x64x3x3",
                  "layer1.1.conv2.weight 64x64x3x3", "layer2.0.conv1.weight 128x64x3x3",
                  "layer2.0.conv2.weight 128x128x3x3", "layer2.0.downsample.0.weight 128x64x1x1",
                  "layer2.1.conv1.weight 128x128x3x3", "layer2.1.conv2.weight 128x128x3x3",
                  "layer3.0.conv1.weight 256x128x3x3", "layer3.0.conv2.weight 256x256x3x3",
                  "layer3.0.downsample.0.weight 256x128x1x1", "layer3.1.conv1.weight 256x256x3x3",
                  "layer3.1.conv2.weight 256x256x3x3", "layer4.0.conv1.weight 512x256x3x3",
                  "layer4.0.conv2.weight 512x512x3x3", "layer4.0.downsample.0.weight 512x256x1x1",
                  "layer4.1.conv1.weight 512x512x3x3", "layer4.1.conv2.weight 512x512x3x3",
                  "fc.weight 10x512", "fc.bias 10"));
}

TEST(model, batch_norm_tensors_stand_between_the_convolutions) {
  auto const table = build("resnet18", kColour, Norm::batch).table();
  auto const parameters = tensor_names(table.parameters);
  auto const at = [&](std::string const& name) {
    return std::find(parameters.begin(), parameters.end(), name) - parameters.begin();
  };
  EXPECT_EQ(at("bn1.weight 64"), 1);
  EXPECT_EQ(at("bn1.bias 64"), 2);
  EXPECT_EQ(at("layer2.0.bn2.bias 128") + 1, at("layer2.0.downsample.0.weight 128x64x1x1"));
  EXPECT_EQ(at("layer2.0.downsample.1.weight 128") + 2, at("layer2.1.conv1.weight 128x128x3x3"));
  EXPECT_EQ(parameters.size(), 62U);
  auto const buffers = tensor_names(table.buffers);
  EXPECT_EQ(buffers.size(), 40U);
  EXPECT_EQ(buffers[0], "bn1.running_mean 64");
  EXPECT_EQ(buffers[1], "bn1.running_var 64");
  EXPECT_EQ(buffers.back(), "layer4.1.bn2.running_var 512");
}

TEST(model, vgg11_tensors_are_torchvisions) {
  auto const names = tensor_names(build("vgg11", kColour).table().parameters);
  EXPECT_THAT(names, ElementsAre("features.0.weight 64x3x3x3", "features.0.bias 64",
                                 "features.3.weight 128x64x3x3", "features.3.bias 128",
                                 "features.6.weight 256x128x3x3", "features.6.bias 256",
                                 "features.8.weight 256x256x3x3", "features.8.bias 256",
                                 "features.11.weight 512x256x3x3", "features.11.bias 512",
                                 "features.13.weight 512x512x3x3", "features.13.bias 512",
                                 "features.16.weight 512x512x3x3", "features.16.bias 512",
                                 "features.18.weight 512x512x3x3", "features.18.bias 512",
                                 "classifier.0.weight 4096x25088", "classifier.0.bias 4096",
                                 "classifier.3.weight 4096x4096", "classifier.3.bias 4096",
                                 "classifier.6.weight 10x4096", "classifier.6.bias 10"));
}

TEST(model, layer_names) {
  EXPECT_THAT(layer_names(build("mlp", kGrey)), ElementsAre("fc1", "fc2", "fc3"));
  EXPECT_THAT(layer_names(build("cnn", kGrey)), ElementsAre("conv1", "conv2", "fc1", "fc2"));
  EXPECT_THAT(layer_names(build("lenet5", kGrey)),
              ElementsAre("conv1", "conv2", "fc1", "fc2", "fc3"));
  EXPECT_EQ(layer_names(build("vgg11-cifar", kColour)).back(), "classifier");
}

TEST(model, tables_tile_the_rows_and_name_the_stages) {
  for (auto const& name : model_names()) {
    auto const model = build(name, kColour, Norm::batch);
    auto const& table = model.table();
    std::int64_t offset = 0;
    for (auto const& t : table.parameters) {
      EXPECT_EQ(t.slice.offset, offset);
      offset += t.slice.size;
      auto const& layer = table.layers[static_cast<std::size_t>(t.layer)];
      EXPECT_GE(t.slice.offset, layer.parameters.offset);
      EXPECT_LE(offset, layer.parameters.offset + layer.parameters.size);
    }
    EXPECT_EQ(offset, table.parameter_count) << name;
    for (std::size_t l = 0; l < table.layers.size(); ++l) {
      auto const& stage = model.stages()[static_cast<std::size_t>(table.layers[l].stage)];
      EXPECT_THAT(stage.layers, ElementsAre(static_cast<int>(l)));
      EXPECT_EQ(stage.affine, table.layers[l].type != LayerType::norm) << table.layers[l].name;
      EXPECT_EQ(stage.slot != kMainSlot,
                table.layers[l].name.find("downsample") != std::string::npos);
    }
  }
}

TEST(model, refuses_what_does_not_fit) {
  auto const message = [](auto const& make) -> std::string {
    try {
      make();
    } catch (InputError const& e) {
      return e.what();
    }
    return "no error";
  };
  EXPECT_THAT(message([] { build("vgg11", kGrey); }), HasSubstr("vgg11"));
  EXPECT_THAT(message([] { build("resnet", kGrey); }), HasSubstr("resnet18, vgg11"));
  ModelConfig config;
  config.hidden = {10, 0};
  EXPECT_THAT(message([&] { make_model(config, kGrey); }), HasSubstr("model.hidden"));
  auto const names = model_names();
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
  auto const mlp = build("mlp", kGrey);
  EXPECT_THROW(mlp.view(at::zeros({7}), at::zeros({0})), Error);
}

TEST(model, same_seed_and_client_same_bits) {
  auto const model = build("cnn", kGrey);
  auto const row = [&](std::uint64_t seed, std::uint64_t client) {
    auto result = at::empty({model.table().parameter_count});
    auto buffers = at::empty({model.table().buffer_count});
    model.initialize(values(result), values(buffers), seed, client);
    return result;
  };
  auto const base = row(1, 0);
  EXPECT_TRUE(at::equal(base, row(1, 0)));
  EXPECT_FALSE(at::equal(base, row(2, 0)));
  EXPECT_FALSE(at::equal(base, row(1, 1)));
}

/// Expects a tensor to look uniform within +-bound.
void expect_uniform(at::Tensor const& t, double bound) {
  EXPECT_LE(t.abs().max().item<double>(), bound);
  EXPECT_GT(t.abs().max().item<double>(), 0.95 * bound);
  EXPECT_NEAR(t.std().item<double>(), bound / std::sqrt(3.0), 0.03 * bound);
  EXPECT_NEAR(t.mean().item<double>(), 0.0, 0.05 * bound);
}

TEST(model, initialisation_is_pytorchs) {
  auto const model = build("mlp", kGrey);
  Fixture const f(model);
  auto const weights = model.view(f.row, f.buffer_row);
  expect_uniform(weights.parameters[0], 1.0 / 28.0);
  expect_uniform(weights.parameters[2], 1.0 / std::sqrt(200.0));
  EXPECT_LE(weights.parameters[1].abs().max().item<double>(), 1.0 / 28.0);
  EXPECT_GT(weights.parameters[1].std().item<double>(), 0.0);
}

TEST(model, initialisation_of_resnet18_is_torchvisions) {
  auto const model = build("resnet18", kColour, Norm::batch);
  Fixture const f(model, kColour);
  auto const weights = model.view(f.row, f.buffer_row);
  std::map<std::string, at::Tensor> named;
  for (std::size_t i = 0; i < weights.parameters.size(); ++i)
    named[model.table().parameters[i].name] = weights.parameters[i];
  expect_uniform(named["conv1.weight"], 1.0 / std::sqrt(27.0));
  expect_uniform(named["fc.weight"], 1.0 / std::sqrt(512.0));
  auto const& conv = named["layer2.0.conv1.weight"];
  EXPECT_NEAR(conv.std().item<double>(), std::sqrt(2.0 / (128 * 9)), 2e-4);
  EXPECT_GT(conv.abs().max().item<double>(), 3.5 * std::sqrt(2.0 / (128 * 9)));
  EXPECT_TRUE(named["layer3.0.bn2.weight"].eq(1).all().item<bool>());
  EXPECT_TRUE(named["layer3.0.bn2.bias"].eq(0).all().item<bool>());
  EXPECT_TRUE(weights.buffers[0].eq(0).all().item<bool>());
  EXPECT_TRUE(weights.buffers[1].eq(1).all().item<bool>());
}

TEST(model, unaligned_rows_give_the_same_bits) {
  auto const model = build("cnn", kGrey);
  Fixture f(model);
  auto const p = model.table().parameter_count;
  auto const shifted = at::zeros({p + 3}).narrow(0, 3, p);
  shifted.copy_(f.row);
  auto const a = model.view(f.row, f.buffer_row), b = model.view(shifted, f.buffer_row);
  EXPECT_TRUE(at::equal(model.evaluate(f.images, a), model.evaluate(f.images, b)));
  model.train_pass(f.images, f.labels, classification_task(), a, {a, 1.0, -0.1}, f.sums);
  model.train_pass(f.images, f.labels, classification_task(), b, {b, 1.0, -0.1}, f.sums);
  EXPECT_TRUE(at::equal(f.row, shifted));
}

/// Largest difference of logits that hold `stack` batches from those of single evaluations.
double difference(at::Tensor const& stacked, std::vector<at::Tensor> const& single) {
  return (stacked - at::cat(single)).abs().max().item<double>();
}

// What the barrier engine does: for every stage, heads of two models on one cached input, stacked
// and sent through the rest of the network with the first model's weights.
TEST(model, stacked_evaluation_through_the_tail_equals_separate_ones) {
  for (auto const norm : {Norm::none, Norm::batch, Norm::group}) {
    auto const model = build("resnet18", kTiny, norm);
    Fixture f(model, kTiny, 2);
    auto const base = model.view(f.row, f.buffer_row);
    std::vector<Weights> others;
    for (int k = 0; k < 2; ++k)
      others.push_back(model.view(f.row + 0.01 * k * at::randn_like(f.row), f.buffer_row));
    Frame input{f.images};
    for (std::size_t s = 0; s < model.stages().size(); ++s) {
      auto const& stage = model.stages()[s];
      auto const layer = static_cast<std::size_t>(stage.layers[0]);
      auto const next_input = [&] {
        return stage.evaluate_tail(stage.evaluate_head(input, base), base);
      };
      // With norms one block is enough, and quicker.
      if (norm != Norm::none && !model.table().layers[layer].name.starts_with("layer2.0")) {
        input = next_input();
        continue;
      }
      std::vector<at::Tensor> heads, single;
      for (auto const& other : others) {
        auto swapped = base;
        for (std::size_t i = 0; i < swapped.parameters.size(); ++i)
          if (static_cast<std::size_t>(model.table().parameters[i].layer) == layer)
            swapped.parameters[i] = other.parameters[i];
        auto out = stage.evaluate_head(input, swapped);
        heads.push_back(out[stage.slot]);
        single.push_back(model.evaluate(f.images, swapped));
      }
      auto state = input;
      state[stage.slot] = at::cat(heads);
      state = stage.evaluate_tail(state, base);
      for (auto const& next : model.stages().subspan(s + 1))
        state = next.evaluate_tail(next.evaluate_head(state, base), base);
      EXPECT_LT(difference(state.main, single), 1e-5 * state.main.abs().max().item<double>())
          << model.table().layers[layer].name;
      input = next_input();
    }
  }
}

TEST(model, deep_linear_network_is_a_product_of_matrices) {
  std::vector<std::int64_t> const hidden{6, 4};
  auto const model = make_mlp(hidden, Activation::identity, false, {{1, 2, 3}, 5});
  Fixture f(model, {{1, 2, 3}, 5}, 4);
  auto const w = model.view(f.row, f.buffer_row);
  ASSERT_EQ(w.parameters.size(), 3U);
  auto const expected =
      f.images.flatten(1).mm((w.parameters[2].mm(w.parameters[1]).mm(w.parameters[0])).t());
  EXPECT_LT((model.evaluate(f.images, w) - expected).abs().max().item<double>(), 1e-6);
}

}  // namespace
}  // namespace fedstrata
