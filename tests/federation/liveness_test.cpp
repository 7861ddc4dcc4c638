// Who is named when a rank falls silent, on any number of ranks.
#include "common/federation/liveness.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "common/base/error.hpp"
#include "common/base/log.hpp"

namespace fedstrata {
namespace {

using testing::HasSubstr;

constexpr double kTimeout = 0.5;  // seconds

class LivenessTest : public testing::Test {
 protected:
  ~LivenessTest() override { log::set_prefix(""); }

  /// What `silent`, asleep for longer than the timeout, makes this rank say while it waits for all.
  std::string said(int silent, double timeout) {
    Liveness liveness(world, timeout, "tester");
    liveness.announce("sleeping");
    world.barrier();
    std::string message;
    {
      auto const signs = world.background().always([&] { liveness.poll(); });
      if (world.rank() == silent) std::this_thread::sleep_for(std::chrono::seconds(1));
      try {
        world.barrier();
      } catch (Error const& error) {
        message = error.what();
      }
    }
    world.barrier();
    return message;
  }

  mpi::Comm const world = mpi::Comm::world();
};

TEST_F(LivenessTest, rank_0_names_a_silent_rank) {
  int const last = world.size() - 1;
  auto const message = said(last, kTimeout);
  if (world.rank() == 0 && last > 0) {
    EXPECT_THAT(message, HasSubstr("rank " + std::to_string(last) + " on "));
    EXPECT_THAT(message, HasSubstr("(tester) has given no sign of life for 0."));
    EXPECT_THAT(message, HasSubstr("its last was: sleeping"));
  } else if (world.rank() == last) {
    EXPECT_EQ(message, "");  // to the others rank 0 itself may have become silent since
  }
}

TEST_F(LivenessTest, all_name_a_silent_rank_0) {
  auto const message = said(0, kTimeout);
  if (world.rank() == 0) {
    EXPECT_EQ(message, "");
  } else {
    EXPECT_THAT(message, HasSubstr("rank 0 on "));
  }
}

TEST_F(LivenessTest, nobody_is_named_while_all_show_themselves_or_without_a_timeout) {
  EXPECT_EQ(said(-1, kTimeout), "");
  EXPECT_EQ(said(world.size() - 1, 0.0), "");
}

}  // namespace
}  // namespace fedstrata
