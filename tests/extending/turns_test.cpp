#include "extending/turns.cpp"

#include <gtest/gtest.h>

namespace fedstrata {
namespace {

TEST(Extending, partition) {
  DataConfig config;
  config.clients = 3;
  Random random(1, Purpose::partition);
  auto const partition = turns_partition().make(
      {.samples = 8, .labels = {}, .classes = 0, .config = config, .random = random});
  EXPECT_EQ(partition.offsets, (Indices{0, 3, 6, 8}));
}

}  // namespace
}  // namespace fedstrata
