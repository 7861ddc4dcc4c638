#include "common/config/analysis/batchnorm.hpp"

#include <gtest/gtest.h>

#include "common/base/error.hpp"

namespace fedstrata {
namespace {

TEST(batchnorm, is_recomputed_from_at_least_two_samples) {
  EXPECT_EQ(parse_batchnorm("recompute:256").samples, 256);
  EXPECT_EQ(parse_batchnorm("from-base").kind, NormSelection::Kind::from_base);
  for (auto const* bad : {"recompute", "recompute:1", "none"}) {
    EXPECT_THROW(parse_batchnorm(bad), InputError) << bad;
  }
}

}  // namespace
}  // namespace fedstrata
