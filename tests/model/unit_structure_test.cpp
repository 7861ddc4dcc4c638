#include "common/model/unit_structure.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include <map>

#include "common/base/error.hpp"
#include "common/model/builder.hpp"
#include "tests/support/model_fixture.hpp"

namespace fedstrata {
namespace {

using testing::ElementsAre;

InputShape const kSmall{{3, 16, 16}, 10};

std::vector<std::int64_t> group_sizes(Model const& model) {
  std::vector<std::int64_t> sizes;
  for (auto const& group : model.units().groups) sizes.push_back(group.size);
  return sizes;
}

TEST(unit_structure, groups_of_plain_networks_are_their_hidden_layers) {
  EXPECT_THAT(group_sizes(build("mlp", kGrey)), ElementsAre(200, 200));
  EXPECT_THAT(group_sizes(build("cnn", kGrey)), ElementsAre(32, 64, 512));
  EXPECT_THAT(group_sizes(build("lenet5", kGrey)), ElementsAre(6, 16, 120, 84));
  EXPECT_THAT(group_sizes(build("vgg11-cifar", kColour)),
              ElementsAre(64, 128, 256, 256, 512, 512, 512, 512));
  EXPECT_THAT(group_sizes(build("vgg11", kColour)),
              ElementsAre(64, 128, 256, 256, 512, 512, 512, 512, 4096, 4096));
}

TEST(unit_structure, a_flattened_channel_is_a_block_of_its_pixels) {
  auto const model = build("vgg11", kColour);
  std::map<std::string, TensorUnits> units;
  for (std::size_t i = 0; i < model.table().parameters.size(); ++i) {
    units[model.table().parameters[i].name] = model.units().parameters[i];
  }
  EXPECT_EQ(units.at("features.0.weight").inputs, -1);
  EXPECT_EQ(units.at("classifier.0.weight").inputs, 7);
  EXPECT_EQ(units.at("classifier.0.weight").outputs, 8);
  EXPECT_EQ(units.at("classifier.0.weight").block, 49);
  EXPECT_EQ(units.at("classifier.3.weight").block, 1);
  EXPECT_EQ(units.at("classifier.6.weight").inputs, 9);
  EXPECT_EQ(units.at("classifier.6.weight").outputs, -1);
  EXPECT_EQ(units.at("classifier.6.bias").outputs, -1);
}

TEST(unit_structure, residual_blocks_of_one_width_share_a_group) {
  for (auto const norm : {Norm::none, Norm::batch}) {
    auto const model = build("resnet18", kSmall, norm);
    // A stream and the insides of two blocks for each of four widths.
    EXPECT_THAT(group_sizes(model),
                ElementsAre(64, 64, 64, 128, 128, 128, 256, 256, 256, 512, 512, 512));
    std::vector<std::string> writers;
    for (auto const stage : model.units().groups[0].stages) {
      auto const layer = model.stages()[static_cast<std::size_t>(stage)].layers[0];
      writers.push_back(model.table().layers[static_cast<std::size_t>(layer)].name);
    }
    if (norm == Norm::none) {
      EXPECT_THAT(writers, ElementsAre("conv1", "layer1.0.conv2", "layer1.1.conv2"));
    } else {
      EXPECT_THAT(writers, ElementsAre("bn1", "layer1.0.bn2", "layer1.1.bn2"));
    }
  }
}

TEST(unit_structure, a_block_from_units_to_themselves_is_an_obstacle) {
  ModelBuilder builder("loop", kSmall);
  convolution(builder, "stem", 4, {.window = {3, 1, 1}});
  save(builder, "skip");
  convolution(builder, "conv", 4, {.window = {3, 1, 1}});
  add(builder, "skip");
  linear(builder, "fc", 10);
  EXPECT_THAT(builder.build().units().obstacle, testing::HasSubstr("of the same order"));
}

TEST(unit_structure, units_that_are_added_must_be_equally_many) {
  UnitTracker tracker;
  auto const few = tracker.add(3, 0);
  auto const many = tracker.add(4, 1);
  EXPECT_THROW(tracker.merge(few, many), Error);
  tracker.merge(many, UnitTracker::kFixed);
  tracker.parameter(few, many);
  auto const structure = tracker.structure();
  EXPECT_THAT(structure.groups.size(), 1);
  EXPECT_EQ(structure.parameters[0].outputs, 0);
  EXPECT_EQ(structure.parameters[0].inputs, -1);
}

}  // namespace
}  // namespace fedstrata
