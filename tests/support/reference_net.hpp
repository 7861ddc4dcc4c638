#pragma once
#include <ATen/core/Tensor.h>

#include <map>
#include <string>
#include <vector>

#include "common/model/model.hpp"

namespace fedstrata {

/// The models of the zoo written a second time, with torch::nn::functional and autograd, as the
/// oracle of the hand-written passes. `tensors` are named as PyTorch names them.
struct ReferenceNet {
  std::string name;
  Norm norm = Norm::none;
  std::map<std::string, at::Tensor> tensors;
  bool training = true;

  /// Copies of a model's rows; parameters require gradients.
  ReferenceNet(Model const& model, Norm norm_, at::Tensor const& row, at::Tensor const& buffer_row);

  at::Tensor logits(at::Tensor images);
  /// Gradients of the mean cross-entropy, or of the mean squared error where targets are numbers,
  /// in the model's order.
  std::vector<at::Tensor> gradients(Model const& model, at::Tensor const& images,
                                    at::Tensor const& targets);
  /// Statistics, in the model's order.
  std::vector<at::Tensor> buffers(Model const& model) const;

 private:
  at::Tensor linear(std::string const& layer, at::Tensor const& x);
  at::Tensor conv(std::string const& layer, at::Tensor const& x, int stride, int padding);
  at::Tensor normalise(std::string const& layer, at::Tensor const& x);
  at::Tensor block(std::string const& layer, at::Tensor const& x, int stride);
  at::Tensor resnet(at::Tensor x);
  at::Tensor vgg(at::Tensor x);
};

}  // namespace fedstrata
