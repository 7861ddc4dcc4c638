#include "common/base/process/stop.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "common/base/process/child_process.hpp"
#include "common/base/stopwatch.hpp"

namespace fedstrata {
namespace {

/// Exit code of a process that gets `signals` times SIGINT, some time apart, and then goes on for
/// some seconds, in which the main thread gets on or not.
int code_after(int signals, bool set_up, bool gets_on) {
  auto const child = ::fork();
  if (child == 0) {
    stop::watch(false);
    if (!set_up) stop::begin_work(1.0);
    for (int i = 0; i < signals; ++i) {
      if (i > 0) ::usleep(500'000);
      std::raise(SIGINT);
    }
    for (Stopwatch const watch; watch.seconds() < 2.5;) {
      if (gets_on) stop::show_life();
    }
    ::_exit(stop::requested() ? 77 : 78);
  }
  auto const status = wait_for(child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(Stop, EndsSetUpAtOnce) { EXPECT_EQ(code_after(1, true, true), 3); }
TEST(Stop, IsARequestToWork) { EXPECT_EQ(code_after(1, false, true), 77); }
TEST(Stop, EndsAtOnceTheSecondTime) { EXPECT_EQ(code_after(2, false, true), 128 + SIGINT); }
TEST(Stop, DoesNotWaitForAMainThreadThatGetsNowhere) { EXPECT_EQ(code_after(1, false, false), 1); }
TEST(Stop, GoesOnWithoutASignal) { EXPECT_EQ(code_after(0, false, false), 78); }

}  // namespace
}  // namespace fedstrata
