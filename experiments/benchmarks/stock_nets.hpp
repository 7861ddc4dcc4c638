#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace fedstrata::benchmarks {

/// A network as a LibTorch user writes it: torch::nn modules, trained by autograd.
struct StockNet {
  std::function<at::Tensor(at::Tensor const&)> forward;
  std::vector<at::Tensor> parameters;  ///< in the order of fedstrata's rows
};

/// mlp (784-200-200-10), cnn or resnet18 without normalisation, for images of `channels` channels.
StockNet make_stock_net(std::string const& name, std::int64_t channels);

}  // namespace fedstrata::benchmarks
