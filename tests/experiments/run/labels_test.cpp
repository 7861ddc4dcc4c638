#include "experiments/run/labels.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/tiny_experiment.hpp"

namespace fedstrata {
namespace {

using testing::HasSubstr;

std::string absent(Dataset const& data) {
  return absent_labels(tiny_experiment(data, "[data]\ndataset = synthetic\nclients = 4\n"));
}

/// Images of three classes, which the data set says are so many.
Dataset three_of(std::int64_t classes) {
  auto data = tiny_data();
  data.info.outputs = classes;
  return data;
}

TEST(absent_labels, are_named) {
  EXPECT_THAT(
      absent(three_of(4)),
      HasSubstr("data.dataset = tiny: no client has a training sample of class 3 of the 4"));
  EXPECT_THAT(absent(three_of(5)), HasSubstr("of classes 3, 4 of the 5, so nothing is learnt of "
                                             "them"));
  EXPECT_THAT(absent(three_of(20)), HasSubstr("11, 12, ... (17 in all) of the 20"));
}

TEST(absent_labels, healthy_data_have_none) {
  EXPECT_EQ(absent(three_of(3)), "");
  auto values = tiny_data();
  values.info.targets = Targets::values;
  values.info.task = "regression";
  values.info.outputs = 1;
  values.train.targets.resize(4 * values.train.targets.size());
  EXPECT_EQ(absent(values), "");
}

}  // namespace
}  // namespace fedstrata
