#include "common/model/layer_table.hpp"

#include <gtest/gtest.h>

namespace fedstrata {
namespace {

TEST(layer_types, have_names_of_at_most_eight_characters_by_which_they_are_found) {
  auto const names = layer_type_names();
  for (auto const& name : names) {
    EXPECT_LE(name.size(), 8U) << name;
    auto const type = layer_type(name);
    ASSERT_TRUE(type.has_value()) << name;
    EXPECT_EQ(text(*type), name);
  }
  EXPECT_EQ(layer_type("convolution"), std::nullopt);
  EXPECT_EQ(layer_type(""), std::nullopt);
}

TEST(layer_types, of_stored_runs_keep_their_names) {
  EXPECT_EQ(text(LayerType::conv), "conv");
  EXPECT_EQ(text(LayerType::linear), "linear");
  EXPECT_EQ(text(LayerType::norm), "norm");
  EXPECT_EQ(text(LayerType::other), "other");
}

TEST(layer_table, tensors_are_appended_to_the_newest_layer) {
  LayerTable table;
  table.layers.push_back({.name = "a", .parameters = {}, .buffers = {}});
  EXPECT_EQ(append_parameter(table, "a.weight", {2, 3}), 0);
  EXPECT_EQ(append_parameter(table, "a.scale", {}), 1);
  table.layers.push_back({.name = "b", .parameters = {7, 0}, .buffers = {0, 0}});
  EXPECT_EQ(append_parameter(table, "b.weight", {4}), 2);
  EXPECT_EQ(append_buffer(table, "b.mean", {5}), 0);
  EXPECT_EQ(table.parameter_count, 11);
  EXPECT_EQ(table.buffer_count, 5);
  EXPECT_EQ(table.layers[0].parameters, (Slice{0, 7}));
  EXPECT_EQ(table.layers[1].parameters, (Slice{7, 4}));
  EXPECT_EQ(table.layers[1].buffers, (Slice{0, 5}));
  EXPECT_EQ(table.parameters[1].slice, (Slice{6, 1}));
  EXPECT_EQ(table.parameters[2].layer, 1);
  EXPECT_EQ(table.parameters[2].slice, (Slice{7, 4}));
  EXPECT_EQ(table.parameters[0].shape, (std::vector<std::int64_t>{2, 3}));
}

}  // namespace
}  // namespace fedstrata
