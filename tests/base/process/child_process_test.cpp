#include "common/base/process/child_process.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>

#include "common/base/error.hpp"
#include "tests/support/run_fixture.hpp"

namespace fedstrata {
namespace {

using testing::HasSubstr;

TEST(ChildProcessTest, what_happens_there_stays_there) {
  auto const child = [](auto work) { return message_of([&] { in_child(work, 2); }); };
  EXPECT_EQ(child([] {}), "no error");
  EXPECT_EQ(child([] { throw Error("a sentence"); }), "a sentence");
  EXPECT_THAT(child([] { ::raise(SIGSEGV); }), HasSubstr("Segmentation fault"));
  EXPECT_THAT(child([] { std::abort(); }), HasSubstr("Aborted"));
  EXPECT_THAT(child([] { ::_exit(3); }), HasSubstr("crash"));
  EXPECT_EQ(child([] {
              for (;;) ::pause();
            }),
            "it takes more than 2 s");
}

}  // namespace
}  // namespace fedstrata
