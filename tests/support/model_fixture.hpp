#pragma once
#include <torch/types.h>

#include <span>
#include <string>

#include "common/model/model.hpp"
#include "common/tasks/tasks.hpp"

namespace fedstrata {

inline InputShape const kGrey{{1, 28, 28}, 10};
inline InputShape const kColour{{3, 32, 32}, 10};
inline InputShape const kTiny{{3, 8, 8}, 10};  ///< the smallest that resnet18 takes

inline Model build(std::string const& name, InputShape const& input, Norm norm = Norm::none) {
  ModelConfig config;
  config.name = name;
  config.norm = norm;
  return make_model(config, input);
}

inline std::span<float> values(at::Tensor const& row) {
  return {row.data_ptr<float>(), static_cast<std::size_t>(row.numel())};
}

/// A model's rows, initialised, and a batch made up for it.
struct Fixture {
  explicit Fixture(Model const& model, InputShape const& input = kGrey, std::int64_t batch = 5,
                   at::ScalarType type = at::kFloat)
      : row(at::empty({model.table().parameter_count})),
        buffer_row(at::empty({model.table().buffer_count})) {
    model.initialize(values(row), values(buffer_row), 1, 0);
    at::manual_seed(7);
    row = row.to(type);
    buffer_row = buffer_row.to(type);
    images = at::randn(input.batch(batch), type);
    labels = at::randint(input.outputs, {batch}, at::kLong);
  }

  at::Tensor row, buffer_row, images, labels;
  at::Tensor sums = at::zeros({2}, at::kDouble);
};

}  // namespace fedstrata
