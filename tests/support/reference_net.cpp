#include "tests/support/reference_net.hpp"

#include <torch/nn/functional.h>

namespace fedstrata {
namespace functional = torch::nn::functional;

ReferenceNet::ReferenceNet(Model const& model, Norm norm_, at::Tensor const& row,
                           at::Tensor const& buffer_row)
    : name(model.name()), norm(norm_) {
  auto const weights = model.view(row, buffer_row);
  for (std::size_t i = 0; i < weights.parameters.size(); ++i)
    tensors[model.table().parameters[i].name] = weights.parameters[i].clone().requires_grad_();
  for (std::size_t i = 0; i < weights.buffers.size(); ++i)
    tensors[model.table().buffers[i].name] = weights.buffers[i].clone();
}

at::Tensor ReferenceNet::linear(std::string const& layer, at::Tensor const& x) {
  return functional::linear(x.flatten(1), tensors.at(layer + ".weight"), tensors[layer + ".bias"]);
}

// Channels-last as the model has it: the same kernels then round alike, and no rectifier opens in
// one of the two only.
at::Tensor ReferenceNet::conv(std::string const& layer, at::Tensor const& x, int stride,
                              int padding) {
  auto const input = x.size(1) == 1 ? x.permute({0, 2, 3, 1}).contiguous().permute({0, 3, 1, 2})
                                    : x.contiguous(at::MemoryFormat::ChannelsLast);
  return functional::conv2d(input, tensors.at(layer + ".weight"),
                            functional::Conv2dFuncOptions()
                                .bias(tensors[layer + ".bias"])
                                .stride(stride)
                                .padding(padding));
}

at::Tensor ReferenceNet::normalise(std::string const& layer, at::Tensor const& x) {
  if (norm == Norm::none) return x;
  auto const& weight = tensors.at(layer + ".weight");
  auto const& bias = tensors.at(layer + ".bias");
  if (norm == Norm::group)
    return functional::group_norm(x,
                                  functional::GroupNormFuncOptions(32).weight(weight).bias(bias));
  return functional::batch_norm(
      x, tensors.at(layer + ".running_mean"), tensors.at(layer + ".running_var"),
      functional::BatchNormFuncOptions().weight(weight).bias(bias).training(training));
}

at::Tensor ReferenceNet::block(std::string const& layer, at::Tensor const& x, int stride) {
  auto y = at::relu(normalise(layer + ".bn1", conv(layer + ".conv1", x, stride, 1)));
  y = normalise(layer + ".bn2", conv(layer + ".conv2", y, 1, 1));
  auto const skip =
      tensors.contains(layer + ".downsample.0.weight")
          ? normalise(layer + ".downsample.1", conv(layer + ".downsample.0", x, stride, 0))
          : x;
  return at::relu(y + skip);
}

at::Tensor ReferenceNet::resnet(at::Tensor x) {
  x = at::relu(normalise("bn1", conv("conv1", x, 1, 1)));
  for (auto const* group : {"1", "2", "3", "4"}) {
    auto const layer = std::string("layer") + group;
    x = block(layer + ".0", x, layer == "layer1" ? 1 : 2);
    x = block(layer + ".1", x, 1);
  }
  return linear("fc", at::adaptive_avg_pool2d(x, {1, 1}));
}

at::Tensor ReferenceNet::vgg(at::Tensor x) {
  for (auto const index : {0, 3, 6, 8, 11, 13, 16, 18}) {
    x = at::relu(conv("features." + std::to_string(index), x, 1, 1));
    if (index != 6 && index != 11 && index != 16) x = at::max_pool2d(x, 2);
  }
  if (name == "vgg11-cifar") return linear("classifier", x);
  x = at::adaptive_avg_pool2d(x, {7, 7});
  for (auto const* layer : {"classifier.0", "classifier.3"})
    x = at::dropout(at::relu(linear(layer, x)), 0.5, training);
  return linear("classifier.6", x);
}

at::Tensor ReferenceNet::logits(at::Tensor x) {
  if (name == "resnet18") return resnet(x);
  if (name.starts_with("vgg11")) return vgg(x);
  if (name == "cnn" || name == "lenet5") {
    bool const small = name == "lenet5";
    x = at::max_pool2d(at::relu(conv("conv1", x, 1, 2)), 2);
    x = at::max_pool2d(at::relu(conv("conv2", x, 1, small ? 0 : 2)), 2);
  }
  for (int i = 1;; ++i) {
    x = linear("fc" + std::to_string(i), x);
    if (!tensors.contains("fc" + std::to_string(i + 1) + ".weight")) return x;
    x = at::relu(x);
  }
}

std::vector<at::Tensor> ReferenceNet::gradients(Model const& model, at::Tensor const& images,
                                                at::Tensor const& targets) {
  auto const outputs = logits(images);
  auto const loss = targets.is_floating_point() ? functional::mse_loss(outputs, targets)
                                                : functional::cross_entropy(outputs, targets);
  loss.backward();
  std::vector<at::Tensor> result;
  for (auto const& parameter : model.table().parameters)
    result.push_back(tensors.at(parameter.name).grad());
  return result;
}

std::vector<at::Tensor> ReferenceNet::buffers(Model const& model) const {
  std::vector<at::Tensor> result;
  for (auto const& buffer : model.table().buffers) result.push_back(tensors.at(buffer.name));
  return result;
}

}  // namespace fedstrata
