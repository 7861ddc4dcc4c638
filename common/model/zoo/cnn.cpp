#include "common/model/builder.hpp"
#include "common/model/zoo/zoo.hpp"

namespace fedstrata {

/// The two-convolution network of McMahan et al., AISTATS 2017.
Model make_cnn(ModelConfig const&, InputShape const& input) {
  ModelBuilder builder("cnn", input, MemoryOrder::channels_last);
  for (auto const& [name, channels] : {std::pair{"conv1", 32}, {"conv2", 64}}) {
    convolution(builder, name, channels, {.window = {5, 1, 2}});
    max_pool(builder, {2, 2, 0});
    relu(builder);
  }
  linear(builder, "fc1", 512);
  relu(builder);
  linear(builder, "fc2", input.outputs);
  return builder.build();
}

}  // namespace fedstrata
