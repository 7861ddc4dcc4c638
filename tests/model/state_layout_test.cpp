#include "common/model/state_layout.hpp"

#include <gtest/gtest.h>

namespace fedstrata {
namespace {

/// conv [6], norm [4] with two buffers [2] each, fc [5].
LayerTable table() {
  LayerTable t;
  t.layers = {{"conv", LayerType::conv, {0, 6}, {0, 0}, 0},
              {"norm", LayerType::norm, {6, 4}, {0, 4}, 1},
              {"fc", LayerType::linear, {10, 5}, {4, 0}, 2}};
  t.buffers = {{"norm.running_mean", 1, {0, 2}, {2}}, {"norm.running_var", 1, {2, 2}, {2}}};
  t.parameter_count = 15;
  t.buffer_count = 4;
  return t;
}

std::vector<Slice> slices(std::vector<StatePart> const& parts) {
  std::vector<Slice> result;
  for (auto const& part : parts) result.push_back(part.slice);
  return result;
}

TEST(StateLayoutTest, parameters_buffers_and_momentum_follow_each_other) {
  auto const t = table();
  StateLayout const layout(t, true);
  EXPECT_EQ(layout.parameters(), (Slice{0, 15}));
  EXPECT_EQ(layout.buffers(), (Slice{15, 4}));
  EXPECT_EQ(layout.momentum(), (Slice{19, 15}));
  EXPECT_EQ(layout.model_size(), 19);
  EXPECT_EQ(layout.size(), 34);
}

TEST(StateLayoutTest, without_momentum_the_row_is_the_model) {
  auto const t = table();
  StateLayout const layout(t, false);
  EXPECT_EQ(layout.momentum().size, 0);
  EXPECT_EQ(layout.size(), layout.model_size());
  EXPECT_TRUE(layout.momentum_parts({0, 1, 2}).empty());
  EXPECT_EQ(slices(layout.parts({0}, true)), (std::vector<Slice>{{0, 6}}));
}

TEST(StateLayoutTest, each_buffer_is_a_part_of_its_own_beside_its_layers_parameters) {
  auto const t = table();
  StateLayout const layout(t, true);
  auto const parts = layout.parts({1, 2}, false);
  EXPECT_EQ(slices(parts), (std::vector<Slice>{{6, 4}, {15, 2}, {17, 2}, {10, 5}}));
  EXPECT_EQ(parts[2].layer, 1);
  EXPECT_EQ(parts[3].layer, 2);
}

TEST(StateLayoutTest, momentum_comes_after_the_model_in_the_same_order) {
  auto const t = table();
  StateLayout const layout(t, true);
  EXPECT_EQ(slices(layout.parts({0, 2}, true)),
            (std::vector<Slice>{{0, 6}, {10, 5}, {19, 6}, {29, 5}}));
  EXPECT_EQ(slices(layout.momentum_parts({1})), (std::vector<Slice>{{25, 4}}));
}

TEST(StateLayoutTest, all_layers_cover_the_row_once) {
  auto const t = table();
  StateLayout const layout(t, true);
  std::vector<int> covered(static_cast<std::size_t>(layout.size()), 0);
  for (auto const& slice : slices(layout.parts({0, 1, 2}, true))) {
    for (auto i = slice.offset; i < slice.offset + slice.size; ++i) {
      ++covered[static_cast<std::size_t>(i)];
    }
  }
  EXPECT_EQ(covered, std::vector<int>(34, 1));
  EXPECT_TRUE(layout.parts({}, true).empty());
}

}  // namespace
}  // namespace fedstrata
