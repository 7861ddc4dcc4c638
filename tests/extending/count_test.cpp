#include "extending/count.cpp"

#include <gmock/gmock.h>

namespace fedstrata {
namespace {

TEST(Extending, command) {
  auto const options = read_options(count_command(), {"runs/none", "--analysed"});
  EXPECT_EQ(options->target, "runs/none");
  EXPECT_TRUE(options->analysed);
  EXPECT_THAT(usage(count_command().text, option_texts(count_command())),
              testing::HasSubstr("--analysed"));
  EXPECT_THROW(count(*options), InputError);
}

}  // namespace
}  // namespace fedstrata
