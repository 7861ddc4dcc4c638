#include "common/model.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <map>
#include <numeric>
#include <set>

#include "common/error.hpp"
#include "common/zoo/zoo.hpp"

namespace fedstrata {
namespace {

InputShape const kGrey{1, 28, 28, 10};
InputShape const kColour{3, 32, 32, 10};

Model build(std::string const& name, InputShape const& input, Norm norm = Norm::none) {
  ModelConfig config;
  config.name = name;
  config.norm = norm;
  return make_model(config, input);
}

/// A model's rows, initialised, and a batch made up for it.
struct Fixture {
  explicit Fixture(Model const& model, InputShape const& input = kGrey, std::int64_t batch = 5)
      : row(at::empty({model.table().parameter_count})),
        buffer_row(at::empty({model.table().buffer_count})) {
    model.initialize(values(row), values(buffer_row), 1, 0);
    torch::manual_seed(7);
    images = at::randn({batch, input.channels, input.height, input.width});
    labels = at::randint(input.classes, {batch}, at::kLong);
  }

  static std::span<float> values(at::Tensor const& t) {
    return {t.data_ptr<float>(), static_cast<std::size_t>(t.numel())};
  }

  at::Tensor row, buffer_row, images, labels;
  at::Tensor sums = at::zeros({2}, at::kDouble);
};

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
