#include "common/model/builder.hpp"
#include "common/model/zoo/zoo.hpp"

namespace fedstrata {
namespace {

ConvolutionOptions bare(Window window, InitScheme scheme, Branch branch = Branch::main) {
  return {.window = window, .bias = false, .scheme = scheme, .branch = branch};
}

/// Two convolutions and a shortcut, which is a 1x1 convolution where the shape changes. Expects the
/// shortcut to be saved already and leaves the sum, rectified, open for the next block.
void basic_block(ModelBuilder& builder, std::string const& name, std::int64_t channels,
                 std::int64_t stride, bool downsample, Norm norm) {
  auto const scheme = InitScheme::normal_fan_out;
  builder.convolution(name + ".conv1", channels, bare({3, stride, 1}, scheme));
  builder.norm(name + ".bn1", norm);
  builder.relu();
  builder.convolution(name + ".conv2", channels, bare({3, 1, 1}, scheme));
  builder.norm(name + ".bn2", norm);
  if (downsample) {
    builder.convolution(name + ".downsample.0", channels,
                        bare({1, stride, 0}, scheme, Branch::skip));
    builder.norm(name + ".downsample.1", norm, Branch::skip);
  }
  builder.add_skip();
  builder.relu();
}

}  // namespace

/// torchvision's resnet18 with the stem for small images: conv1 3x3, stride 1, no max-pool. As
/// conv1 and fc are replaced there, they keep PyTorch's default initialisation.
Model make_resnet18(ModelConfig const& config, InputShape const& input) {
  ModelBuilder builder("resnet18", input);
  builder.convolution("conv1", 64, bare({3, 1, 1}, InitScheme::uniform_fan_in));
  builder.norm("bn1", config.norm);
  builder.relu();
  std::int64_t channels = 64;
  for (int group = 1; group <= 4; ++group, channels *= 2) {
    for (int block = 0; block < 2; ++block) {
      bool const narrows = group > 1 && block == 0;
      builder.save_skip();
      basic_block(builder, "layer" + std::to_string(group) + "." + std::to_string(block), channels,
                  narrows ? 2 : 1, narrows, config.norm);
    }
  }
  builder.global_average_pool();
  builder.linear("fc", input.outputs);
  return builder.build();
}

}  // namespace fedstrata
