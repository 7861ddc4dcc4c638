// Several clients in one launch, on the guarded device: batched products and grouped convolutions
// against each client's own.
#include "tests/support/clients_at_once.hpp"

#include <gtest/gtest.h>

namespace fedstrata {
namespace {

using Settings = std::vector<std::string>;

class ClientsAtOnceTest : public testing::TestWithParam<Settings> {};

TEST_P(ClientsAtOnceTest, gives_the_bits_of_one_client_at_a_time) {
  expect_as_one_at_a_time(DeviceChoice::guarded, GetParam());
}

INSTANTIATE_TEST_SUITE_P(settings, ClientsAtOnceTest,
                         testing::Values(Settings{"model.hidden=50,30"},
                                         Settings{"model.hidden=50,30", "train.momentum=0.9"},
                                         Settings{"model.hidden=50,30", "train.momentum=0.9",
                                                  "train.nesterov=yes", "train.weight_decay=0.01",
                                                  "train.label_smoothing=0.1"}));

// The CPU's kernels add up a grouped convolution in another order than a single one.
TEST(ClientsAtOnceTest, convolutions_in_groups_are_near_those_of_one_client_at_a_time) {
  for (auto const* model : {"model.name=lenet5", "model.name=cnn"}) {
    SCOPED_TRACE(model);
    expect_as_one_at_a_time(DeviceChoice::guarded,
                            {model, "train.momentum=0.9", "train.lr=0.02",
                             "federation.local_epochs=0", "federation.local_steps=2"},
                            2e-6);
  }
}

}  // namespace
}  // namespace fedstrata
