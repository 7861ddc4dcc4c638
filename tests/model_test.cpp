#include "common/model.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <map>
#include <numeric>
#include <set>

#include "common/error.hpp"
#include "common/zoo/zoo.hpp"
#include "tests/model_fixture.hpp"

namespace fedstrata {
namespace {

TEST(model, parameter_counts) {
  std::map<std::string, std::int64_t> const grey{
      {"mlp", 199210}, {"cnn", 1663370}, {"lenet5", 61706}};
  for (auto const& [name, count] : grey)
    EXPECT_EQ(build(name, kGrey).table().parameter_count, count) << name;
  EXPECT_EQ(build("resnet18", kColour).table().parameter_count, 11164362);
  EXPECT_EQ(build("resnet18", kColour, Norm::batch).table().parameter_count, 11173962);
  EXPECT_EQ(build("resnet18", kColour, Norm::group).table().parameter_count, 11173962);
  EXPECT_EQ(build("vgg11", kColour).table().parameter_count, 128807306);
}

}  // namespace
}  // namespace fedstrata
