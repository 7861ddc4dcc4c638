#include "common/model/state_layout.hpp"

#include <gtest/gtest.h>

#include "common/base/error.hpp"

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

/// Momentum that is reset, a number for each layer that is averaged, a row that is kept.
std::vector<StateField> fields() {
  return {{.name = "momentum", .at_averaging = AtAveraging::reset},
          {.name = "steps",
           .one_per = StateField::OnePer::layer,
           .at_averaging = AtAveraging::average,
           .least_magnitude = 8.0F},
          {.name = "control", .at_averaging = AtAveraging::keep}};
}

TEST(StateLayoutTest, parameters_buffers_and_fields_follow_each_other) {
  auto const t = table();
  StateLayout const layout(t, fields());
  EXPECT_EQ(layout.parameters(), (Slice{0, 15}));
  EXPECT_EQ(layout.buffers(), (Slice{15, 4}));
  EXPECT_EQ(layout.field("momentum"), (Slice{19, 15}));
  EXPECT_EQ(layout.field("steps"), (Slice{34, 3}));
  EXPECT_EQ(layout.field("control"), (Slice{37, 15}));
  EXPECT_EQ(layout.model_size(), 19);
  EXPECT_EQ(layout.size(), 52);
  EXPECT_THROW(layout.field("velocity"), Error);
}

TEST(StateLayoutTest, without_fields_the_row_is_the_model) {
  auto const t = table();
  StateLayout const layout(t, {});
  EXPECT_EQ(layout.size(), layout.model_size());
  EXPECT_TRUE(layout.field_parts({0, 1, 2}).empty());
}

TEST(StateLayoutTest, each_buffer_is_a_part_of_its_own_beside_its_layers_parameters) {
  auto const t = table();
  StateLayout const layout(t, fields());
  auto const parts = layout.model_parts({1, 2});
  EXPECT_EQ(slices(parts), (std::vector<Slice>{{6, 4}, {15, 2}, {17, 2}, {10, 5}}));
  EXPECT_EQ(parts[2].layer, 1);
  EXPECT_EQ(parts[3].layer, 2);
  EXPECT_EQ(parts[3].field, -1);
}

TEST(StateLayoutTest, fields_come_one_after_another_and_know_what_they_are) {
  auto const t = table();
  StateLayout const layout(t, fields());
  auto const parts = layout.field_parts({0, 2});
  EXPECT_EQ(slices(parts),
            (std::vector<Slice>{{19, 6}, {29, 5}, {34, 1}, {36, 1}, {37, 6}, {47, 5}}));
  EXPECT_EQ(parts[1].layer, 2);
  EXPECT_EQ(parts[3].layer, 2);
  EXPECT_EQ(parts[3].field, 1);
  EXPECT_EQ(parts[3].least_magnitude, 8.0F);
  EXPECT_EQ(parts[4].field, 2);
}

TEST(StateLayoutTest, fields_are_told_apart_by_what_averaging_does_to_them) {
  auto const t = table();
  StateLayout const layout(t, fields());
  EXPECT_EQ(slices(layout.field_parts({1}, AtAveraging::reset)), (std::vector<Slice>{{25, 4}}));
  EXPECT_EQ(slices(layout.field_parts({1}, AtAveraging::average)), (std::vector<Slice>{{35, 1}}));
  EXPECT_EQ(slices(layout.field_parts({1}, AtAveraging::keep)), (std::vector<Slice>{{43, 4}}));
}

TEST(StateLayoutTest, all_layers_cover_the_row_once) {
  auto const t = table();
  StateLayout const layout(t, fields());
  std::vector<int> covered(static_cast<std::size_t>(layout.size()), 0);
  auto const count = [&](std::vector<StatePart> const& parts) {
    for (auto const& slice : slices(parts)) {
      for (auto i = slice.offset; i < slice.offset + slice.size; ++i) {
        ++covered[static_cast<std::size_t>(i)];
      }
    }
  };
  count(layout.model_parts({0, 1, 2}));
  count(layout.field_parts({0, 1, 2}));
  EXPECT_EQ(covered, std::vector<int>(52, 1));
  EXPECT_TRUE(layout.model_parts({}).empty());
}

}  // namespace
}  // namespace fedstrata
