// What a rank does beside its own work, and when.
#include "common/mpi/background.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace fedstrata::mpi {
namespace {

TEST(BackgroundTest, jobs_are_done_in_order_and_those_of_waiting_only_while_waiting) {
  Background background;
  std::string done;
  auto const a = background.always([&] { done += 'a'; });
  auto const b = background.while_waiting([&] { done += 'b'; });
  auto const c = background.always([&] { done += 'c'; });
  background.look_up();
  EXPECT_EQ(done, "ac");
  background.wait();
  EXPECT_EQ(done, "acabc");
}

TEST(BackgroundTest, a_job_ends_with_its_handle) {
  Background background;
  int turns = 0;
  {
    auto job = background.always([&] { ++turns; });
    Background::Job const moved = std::move(job);
    background.wait();
  }
  background.wait();
  EXPECT_EQ(turns, 1);
}

TEST(BackgroundTest, a_job_is_not_done_within_itself_but_the_others_are) {
  Background background;
  int inner = 0, outer = 0;
  auto const a = background.always([&] { ++inner; });
  auto const b = background.always([&] {
    ++outer;
    background.wait();
  });
  background.wait();
  EXPECT_EQ(outer, 1);
  EXPECT_EQ(inner, 2);
}

TEST(BackgroundTest, a_held_job_waits_for_the_end_of_the_hold) {
  Background background;
  int turns = 0;
  auto job = background.always([&] { ++turns; });
  {
    auto const first = job.hold();
    {
      auto const second = job.hold();
      background.wait();
    }
    background.wait();
    EXPECT_EQ(turns, 0);
  }
  background.wait();
  EXPECT_EQ(turns, 1);
}

TEST(BackgroundTest, an_exception_reaches_who_waits_and_loses_no_job) {
  Background background;
  int turns = 0, later = 0;
  auto const a = background.always([&] {
    if (++turns == 1) throw std::runtime_error("first");
  });
  auto const b = background.while_waiting([&] { ++later; });
  EXPECT_THROW(background.wait(), std::runtime_error);
  background.wait();
  EXPECT_EQ(turns, 2);
  EXPECT_EQ(later, 1);
}

}  // namespace
}  // namespace fedstrata::mpi
