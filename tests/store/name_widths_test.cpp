#include "common/store/name_widths.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/refusal.hpp"
#include "tests/support/sample_run.hpp"

namespace fedstrata {
namespace {

using testing::HasSubstr;

std::string refusal(LayerTable const& table) {
  return refusal_of([&] { check_names(table, "script:net.pt"); });
}

TEST(name_widths, names_that_fit_pass) {
  auto table = sample_header().table;
  table.layers[1].name = std::string(64, 'x');
  table.parameters[1].name = std::string(128, 'x');
  EXPECT_EQ(refusal(table), "nothing was refused");
}

TEST(name_widths, longer_ones_are_refused) {
  auto table = sample_header().table;
  table.layers[1].name = std::string(65, 'x');
  EXPECT_THAT(refusal(table), HasSubstr("model.name = script:net.pt: the name of layer 'xxx"));
  EXPECT_THAT(refusal(table), HasSubstr("has 65 characters, and the files of a run hold 64; give"));
  table = sample_header().table;
  table.buffers[0].name = std::string(129, 'x');
  EXPECT_THAT(refusal(table), HasSubstr("has 129 characters, and the files of a run hold 128"));
}

}  // namespace
}  // namespace fedstrata
