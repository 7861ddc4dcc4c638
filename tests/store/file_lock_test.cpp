#include "common/store/file_lock.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>

#include "common/base/files.hpp"
#include "tests/support/run_fixture.hpp"

namespace fedstrata {
namespace {

using FileLockTest = RunTest;

TEST_F(FileLockTest, generations_grow_over_dead_holders) {
  auto const holder = directory_.path() / "simulation";
  EXPECT_EQ(exit_code_of([&] {
              auto const lock = SimulationLock::take(holder);
              return lock.generation() == 1 && is_alive(holder) ? ::raise(SIGKILL) : 1;
            }),
            128 + SIGKILL);
  EXPECT_FALSE(is_alive(holder));
  auto const lock = SimulationLock::take(holder);
  EXPECT_EQ(lock.generation(), 2);
}

TEST_F(FileLockTest, a_job_that_starts_again_supersedes_itself) {
  auto const holder = directory_.path() / "simulation";
  write_text(holder.string() + ".lock", "");  // a heartbeat just now
  write_text(holder.string() + ".holder", "host=x\npid=1\njob=77\nrestarts=1\ngeneration=4\n");
  auto const alive = [&](char const* job, char const* restarts) {
    ::setenv("SLURM_JOB_ID", job, 1);
    ::setenv("SLURM_RESTART_COUNT", restarts, 1);
    return is_alive(holder);
  };
  EXPECT_TRUE(alive("77", "1"));
  EXPECT_TRUE(alive("78", "2"));
  EXPECT_FALSE(alive("77", "2"));
  EXPECT_EQ(SimulationLock::take(holder).generation(), 5);
  EXPECT_EQ(read_holder(holder).restarts, 2);
  ::unsetenv("SLURM_JOB_ID");
  ::unsetenv("SLURM_RESTART_COUNT");
}

}  // namespace
}  // namespace fedstrata
