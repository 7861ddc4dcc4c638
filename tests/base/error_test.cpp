#include "common/base/error.hpp"

#include <gtest/gtest.h>

#include <new>

namespace fedstrata {
namespace {

std::string reason(std::string const& text) { return reason_of(std::runtime_error(text)); }

TEST(Reason, is_one_line_of_what_a_library_says) {
  EXPECT_EQ(reason("mat1 and mat2 shapes cannot be multiplied (2x36 and 30x9)"),
            "mat1 and mat2 shapes cannot be multiplied (2x36 and 30x9)");
  EXPECT_EQ(reason("\nUnknown builtin op: aten::foo.\nCould not find any similar ops\n"),
            "Unknown builtin op: aten::foo.");
  EXPECT_EQ(reason_of(std::bad_alloc()), "there is not enough memory");
}

TEST(Reason, leaves_out_stacks_of_calls_and_places_in_sources) {
  EXPECT_EQ(reason("Sizes must match\nException raised from cat at ../ATen/Shape.cpp:12 (most "
                   "recent call first):\nframe #0: c10::Error::Error + 0x5c\n"),
            "Sizes must match");
  EXPECT_EQ(reason("[enforce fail at inline_container.cc:197] . file not found: archive/data.pkl\n"),
            "file not found: archive/data.pkl");
  std::string const place =
      "The following operation failed in the TorchScript interpreter.\nTraceback of TorchScript "
      "(most recent call last):\n  File \"net.py\", line 3, in forward\n    return x @ y\n"
      "           ~~~~~ <--- HERE\n";
  EXPECT_EQ(reason(place + "RuntimeError: Expected more than 1 value per channel\nsecond line\n"),
            "Expected more than 1 value per channel");
  EXPECT_EQ(reason(place + "torch.jit.Error: too few tokens\n"), "too few tokens");
  EXPECT_EQ(reason(place + "builtins.ValueError: no\n"), "builtins.ValueError: no");
}

}  // namespace
}  // namespace fedstrata
