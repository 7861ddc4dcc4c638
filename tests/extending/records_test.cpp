#include "extending/records.cpp"

#include <gtest/gtest.h>

#include "common/store/series.hpp"
#include "tests/support/temporary_directory.hpp"

namespace fedstrata {
namespace {

TEST(Extending, table) {
  using Tables = TableSet<RoundRecord, DriftRecord>;
  TemporaryDirectory const directory;
  Tables tables;
  tables.add(RoundRecord{.round = 3});
  for (std::int64_t const client : {7, 2}) {
    tables.add(DriftRecord{.round = 3, .client = client, .drift = 0.5});
  }
  Series series(directory.path(), Tables::kinds());
  auto bytes = tables.bytes();
  auto const file = series.write({3}, bytes);
  file->sync();
  file->publish();
  series.refresh();
  auto const rows = series.read<DriftRecord>();
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].client, 2);  // sorted
  EXPECT_EQ(rows[1].drift, 0.5);
}

}  // namespace
}  // namespace fedstrata
