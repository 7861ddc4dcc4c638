#include "common/base/error.hpp"
#include "common/model/builder.hpp"
#include "common/model/zoo/zoo.hpp"

namespace fedstrata {

Model make_mlp(std::span<std::int64_t const> hidden, Activation activation, bool bias,
               InputShape const& input) {
  ModelBuilder builder("mlp", input);
  auto const name = [](std::size_t i) { return "fc" + std::to_string(i + 1); };
  for (std::size_t i = 0; i < hidden.size(); ++i) {
    require_input(hidden[i] > 0, "model.hidden holds " + std::to_string(hidden[i]) +
                                     "; every hidden size must be at least 1");
    linear(builder, name(i), hidden[i], InitScheme::uniform_fan_in, bias);
    if (activation == Activation::relu) relu(builder);
  }
  linear(builder, name(hidden.size()), input.outputs, InitScheme::uniform_fan_in, bias);
  return builder.build();
}

Model make_mlp(ModelConfig const& config, InputShape const& input) {
  return make_mlp(config.hidden, Activation::relu, true, input);
}

}  // namespace fedstrata
