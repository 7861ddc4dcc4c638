#include <algorithm>

#include "common/model/builder.hpp"
#include "common/model/zoo/zoo.hpp"

namespace fedstrata {
namespace {

ConvolutionOptions bare(Window window, InitScheme scheme) {
  return {.window = window, .bias = false, .scheme = scheme};
}

/// No layer at all for Norm::none. Norm::group has min(32, channels) groups.
void norm(ModelBuilder& builder, std::string const& name, Norm kind) {
  if (kind == Norm::batch) batch_norm(builder, name);
  if (kind == Norm::group)
    group_norm(builder, name, std::min<std::int64_t>(32, builder.input().channels()));
}

/// Two convolutions and a shortcut, which is a 1x1 convolution where the shape changes. Expects the
/// shortcut to be saved already and leaves the sum, rectified, open for the next block.
void basic_block(ModelBuilder& builder, std::string const& name, std::int64_t channels,
                 std::int64_t stride, bool downsample, Norm kind) {
  auto const scheme = InitScheme::normal_fan_out;
  convolution(builder, name + ".conv1", channels, bare({3, stride, 1}, scheme));
  norm(builder, name + ".bn1", kind);
  relu(builder);
  convolution(builder, name + ".conv2", channels, bare({3, 1, 1}, scheme));
  norm(builder, name + ".bn2", kind);
  if (downsample) {
    builder.on("skip", [&] {
      convolution(builder, name + ".downsample.0", channels, bare({1, stride, 0}, scheme));
      norm(builder, name + ".downsample.1", kind);
    });
  }
  add(builder, "skip");
  relu(builder);
}

}  // namespace

/// torchvision's resnet18 with the stem for small images: conv1 3x3, stride 1, no max-pool. As
/// conv1 and fc are replaced there, they keep PyTorch's default initialisation.
Model make_resnet18(ModelConfig const& config, InputShape const& input) {
  ModelBuilder builder("resnet18", input);
  convolution(builder, "conv1", 64, bare({3, 1, 1}, InitScheme::uniform_fan_in));
  norm(builder, "bn1", config.norm);
  relu(builder);
  std::int64_t channels = 64;
  for (int group = 1; group <= 4; ++group, channels *= 2) {
    for (int block = 0; block < 2; ++block) {
      bool const narrows = group > 1 && block == 0;
      save(builder, "skip");
      basic_block(builder, "layer" + std::to_string(group) + "." + std::to_string(block), channels,
                  narrows ? 2 : 1, narrows, config.norm);
    }
  }
  global_average_pool(builder);
  linear(builder, "fc", input.outputs);
  return builder.build();
}

}  // namespace fedstrata
