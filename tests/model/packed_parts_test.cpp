#include "common/model/packed_parts.hpp"

#include <gtest/gtest.h>

namespace fedstrata {
namespace {

using Row = std::vector<float>;

TEST(PackedPartsTest, each_part_knows_its_place_in_both_rows) {
  PackedParts const parts({{1, {6, 2}}, {0, {1, 3}}});
  EXPECT_EQ(parts.size(), 5);
  ASSERT_EQ(parts.count(), 2u);
  EXPECT_EQ(parts[1].layer, 0);
  EXPECT_EQ(parts[1].slice, (Slice{1, 3}));
  EXPECT_EQ(parts[1].packed, (Slice{2, 3}));
  EXPECT_EQ(parts.first(1).size(), 2);
  EXPECT_TRUE(PackedParts().empty());
  EXPECT_EQ(PackedParts().size(), 0);
}

TEST(PackedPartsTest, packing_is_undone_by_unpacking_and_touches_nothing_else) {
  PackedParts const parts({{1, {6, 2}}, {0, {1, 3}}});
  Row const state = {0, 1, 2, 3, 4, 5, 6, 7, 8};
  Row packed(5);
  parts.pack(state, packed);
  EXPECT_EQ(packed, (Row{6, 7, 1, 2, 3}));
  Row target(9, -1.0F);
  parts.unpack(packed, target);
  EXPECT_EQ(target, (Row{-1, 1, 2, 3, -1, -1, 6, 7, -1}));
}

}  // namespace
}  // namespace fedstrata
