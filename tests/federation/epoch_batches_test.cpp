// The batches of an epoch: every number of samples up to some, by each rule.
#include "common/federation/epoch_batches.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace fedstrata {
namespace {

std::vector<std::int64_t> sizes(std::int64_t samples, LastBatch last) {
  TrainConfig config;
  config.batch_size = 4;
  config.last_batch = last;
  EpochBatches const batches(samples, config);
  std::vector<std::int64_t> result;
  for (std::int64_t i = 0; i < batches.count(); ++i) result.push_back(batches.size(i));
  std::int64_t sum = 0;
  for (auto const size : result) sum += size;
  EXPECT_EQ(batches.samples(), sum);
  return result;
}

using Sizes = std::vector<std::int64_t>;

TEST(EpochBatches, a_smaller_last_one_is_kept_merged_or_dropped) {
  EXPECT_EQ(sizes(9, LastBatch::keep), (Sizes{4, 4, 1}));
  EXPECT_EQ(sizes(9, LastBatch::merge), (Sizes{4, 5}));
  EXPECT_EQ(sizes(9, LastBatch::drop), (Sizes{4, 4}));
  EXPECT_EQ(sizes(7, LastBatch::merge), (Sizes{7}));
}

TEST(EpochBatches, whole_batches_and_clients_with_less_than_one_know_no_difference) {
  for (auto const last : {LastBatch::keep, LastBatch::merge, LastBatch::drop}) {
    EXPECT_EQ(sizes(8, last), (Sizes{4, 4}));
    EXPECT_EQ(sizes(3, last), (Sizes{3}));
    EXPECT_EQ(sizes(1, last), (Sizes{1}));
  }
}

}  // namespace
}  // namespace fedstrata
