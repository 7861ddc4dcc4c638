#include "extending/parity.cpp"

#include <gtest/gtest.h>

#include <array>

#include "common/data/samples.hpp"

namespace fedstrata {
namespace {

TEST(Extending, data_form) {
  auto const entries = parity();
  Dataset dataset{.info = entries.at(0).info, .train = {}, .test = {}};
  entries[0].load(dataset, {}, 1);
  Device const cpu(DeviceChoice::cpu, 1, 0, 1);
  Samples const samples(dataset.info, dataset.train, cpu);
  EXPECT_EQ(samples.size(), 1000);
  std::array<std::int64_t, 1> const first{0};
  auto const [inputs, targets] = samples.gather(first);
  bool const differ = inputs.min().item<float>() != inputs.max().item<float>();
  EXPECT_EQ(targets.item<std::int64_t>(), differ ? 1 : 0);
}

}  // namespace
}  // namespace fedstrata
