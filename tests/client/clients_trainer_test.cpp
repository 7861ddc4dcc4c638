// Several clients at once against one after another: on the CPU the same bits.
#include "client/clients_trainer.hpp"

#include <gtest/gtest.h>
#include <torch/types.h>

#include "client/clients_at_once.hpp"
#include "common/base/error.hpp"
#include "tests/support/clients_at_once.hpp"

namespace fedstrata {
namespace {

using Settings = std::vector<std::string>;

class ClientsTrainerTest : public testing::TestWithParam<Settings> {};

TEST_P(ClientsTrainerTest, gives_the_bits_of_one_client_at_a_time) {
  expect_as_one_at_a_time(DeviceChoice::cpu, GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    settings, ClientsTrainerTest,
    testing::Values(
        Settings{}, Settings{"train.momentum=0.9"},
        Settings{"train.momentum=0.9", "train.nesterov=yes", "train.weight_decay=0.01"},
        Settings{"train.schedule=cosine", "train.warmup=20"},
        Settings{"train.label_smoothing=0.1", "train.batch_size=200"},
        Settings{"train.last_batch=drop", "federation.local_epochs=0", "federation.local_steps=7"},
        Settings{"model.name=lenet5", "train.momentum=0.9"},
        Settings{"model.name=cnn", "federation.local_epochs=0", "federation.local_steps=2"}));

TEST(ClientsTrainerTest, batches_of_a_round_are_those_that_one_client_takes) {
  for (auto const* setting : {"train.last_batch=keep", "train.last_batch=drop",
                              "train.last_batch=merge", "train.batch_size=1000"}) {
    Session const session({setting});
    std::vector<std::int64_t> sizes;
    for (auto const& batch : batches_of(session.experiment)) sizes.push_back(std::ssize(batch));
    EXPECT_EQ(round_batches(session.experiment, kClient), sizes) << setting;
  }
}

TEST(ClientsTrainerTest, what_takes_one_client_at_a_time_is_refused_by_a_number_alone) {
  for (Settings const& one :
       {Settings{"train.optimizer=adam", "train.momentum=0"},
        Settings{"train.correction=prox", "train.mu=0.1"}, Settings{"train.clip=1"},
        Settings{"train.sam_rho=0.1"}, Settings{"data.augment=crop_flip"},
        Settings{"model.name=resnet18"}}) {
    auto insisting = one;
    insisting.emplace_back("run.clients_at_once=2");
    auto const side = one[0] == "model.name=resnet18" ? 28 : 6;
    EXPECT_EQ(clients_at_once(Session(one, side).experiment, false), 1) << one[0];
    EXPECT_THROW(clients_at_once(Session(insisting, side).experiment, true), InputError) << one[0];
  }
}

TEST(ClientsTrainerTest, auto_is_one_on_the_cpu_and_as_many_as_fit_elsewhere) {
  Session const small({});
  EXPECT_EQ(clients_at_once(small.experiment, true), 1);
  EXPECT_EQ(clients_at_once(small.experiment, false), 64);
  Session const large({"model.hidden=6000,6000"});
  auto const some = clients_at_once(large.experiment, false);
  EXPECT_GT(some, 1);
  EXPECT_LT(some, 64);
  EXPECT_LE(static_cast<double>(some) * bytes_of_a_client(large.experiment), 0x1p31);
  EXPECT_EQ(clients_at_once(Session({"run.clients_at_once=3"}).experiment, true), 3);
}

}  // namespace
}  // namespace fedstrata
