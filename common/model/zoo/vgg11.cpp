#include "common/model/builder.hpp"
#include "common/model/zoo/zoo.hpp"

namespace fedstrata {
namespace {

/// The eight convolutions of torchvision's vgg11, numbered as there: convolutions, rectifiers and
/// max-pools each count.
void features(ModelBuilder& builder) {
  struct Row {
    int index;
    std::int64_t channels;
    bool pool;
  };
  for (auto const& [index, channels, pool] :
       {Row{0, 64, true}, Row{3, 128, true}, Row{6, 256, false}, Row{8, 256, true},
        Row{11, 512, false}, Row{13, 512, true}, Row{16, 512, false}, Row{18, 512, true}}) {
    convolution(builder, "features." + std::to_string(index), channels,
                {.window = {3, 1, 1}, .scheme = InitScheme::normal_fan_out});
    if (pool) max_pool(builder, {2, 2, 0});
    relu(builder);
  }
}

}  // namespace

/// torchvision's vgg11, head included.
Model make_vgg11(ModelConfig const&, InputShape const& input) {
  ModelBuilder builder("vgg11", input, MemoryOrder::channels_last);
  features(builder);
  adaptive_average_pool(builder, 7);
  for (auto const* name : {"classifier.0", "classifier.3"}) {
    linear(builder, name, 4096, InitScheme::normal_small);
    relu(builder);
    dropout(builder, 0.5);
  }
  linear(builder, "classifier.6", input.outputs, InitScheme::normal_small);
  return builder.build();
}

/// vgg11 for small images: one linear classifier of the 512 features.
Model make_vgg11_cifar(ModelConfig const&, InputShape const& input) {
  ModelBuilder builder("vgg11-cifar", input, MemoryOrder::channels_last);
  features(builder);
  linear(builder, "classifier", input.outputs, InitScheme::normal_small);
  return builder.build();
}

}  // namespace fedstrata
