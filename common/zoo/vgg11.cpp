#include "common/model_builder.hpp"
#include "common/zoo/zoo.hpp"

namespace fedstrata {
namespace {

/// The eight convolutions of torchvision's vgg11, numbered as there: a convolution, its rectifier
/// and a max-pool each count.
void features(ModelBuilder& builder) {
  int index = 0;
  for (std::int64_t const channels : {64, 0, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0}) {
    if (channels == 0) {
      builder.max_pool({2, 2, 0});
      index += 1;
      continue;
    }
    builder.convolution("features." + std::to_string(index), channels,
                        {.window = {3, 1, 1}, .start = Start::normal_fan_out});
    builder.relu();
    index += 2;
  }
}

}  // namespace

/// torchvision's vgg11, head included.
Model make_vgg11(ModelConfig const&, InputShape const& input) {
  ModelBuilder builder("vgg11", input);
  features(builder);
  builder.adaptive_average_pool(7);
  for (auto const* name : {"classifier.0", "classifier.3"}) {
    builder.linear(name, 4096, Start::normal_small);
    builder.relu();
    builder.dropout(0.5);
  }
  builder.linear("classifier.6", input.classes, Start::normal_small);
  return builder.build();
}

/// vgg11 for small images: one linear classifier of the 512 features.
Model make_vgg11_cifar(ModelConfig const&, InputShape const& input) {
  ModelBuilder builder("vgg11-cifar", input);
  features(builder);
  builder.linear("classifier", input.classes, Start::normal_small);
  return builder.build();
}

}  // namespace fedstrata
