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

}  // namespace
}  // namespace fedstrata
