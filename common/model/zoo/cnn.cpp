#include "common/model/builder.hpp"
#include "common/model/zoo/zoo.hpp"

namespace fedstrata {

/// The two-convolution network of McMahan et al., AISTATS 2017.
Model make_cnn(ModelConfig const&, InputShape const& input) {
  ModelBuilder builder("cnn", input, MemoryOrder::channels_last);
  for (auto const& [name, channels] : {std::pair{"conv1", 32}, {"conv2", 64}}) {
    builder.convolution(name, channels, {.window = {5, 1, 2}});
    builder.max_pool({2, 2, 0});
    builder.relu();
  }
  builder.linear("fc1", 512);
  builder.relu();
  builder.linear("fc2", input.outputs);
  return builder.build();
}

}  // namespace fedstrata
