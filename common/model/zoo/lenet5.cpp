#include "common/model/builder.hpp"
#include "common/model/zoo/zoo.hpp"

namespace fedstrata {

/// LeNet-5 with rectifiers and max-pooling. 28x28 images are padded to the 32x32 it was made for.
Model make_lenet5(ModelConfig const&, InputShape const& input) {
  ModelBuilder builder("lenet5", input, MemoryOrder::channels_last);
  bool const small = input.dimensions.size() == 3 && input.dimensions[1] < 32;
  convolution(builder, "conv1", 6, {.window = {5, 1, small ? 2 : 0}});
  max_pool(builder, {2, 2, 0});
  relu(builder);
  convolution(builder, "conv2", 16, {.window = {5, 1, 0}});
  max_pool(builder, {2, 2, 0});
  relu(builder);
  linear(builder, "fc1", 120);
  relu(builder);
  linear(builder, "fc2", 84);
  relu(builder);
  linear(builder, "fc3", input.outputs);
  return builder.build();
}

}  // namespace fedstrata
