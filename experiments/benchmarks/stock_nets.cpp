#include "experiments/benchmarks/stock_nets.hpp"

#include <torch/torch.h>

#include <memory>

namespace fedstrata::benchmarks {
namespace {

namespace nn = torch::nn;

class Mlp : public nn::Module {
 public:
  torch::Tensor forward(torch::Tensor images) {
    auto x = torch::relu(fc1_->forward(images.flatten(1)));
    return fc3_->forward(torch::relu(fc2_->forward(x)));
  }

 private:
  nn::Linear fc1_ = register_module("fc1", nn::Linear(784, 200));
  nn::Linear fc2_ = register_module("fc2", nn::Linear(200, 200));
  nn::Linear fc3_ = register_module("fc3", nn::Linear(200, 10));
};

class Cnn : public nn::Module {
 public:
  torch::Tensor forward(torch::Tensor images) {
    auto x = torch::max_pool2d(torch::relu(conv1_->forward(images)), 2);
    x = torch::max_pool2d(torch::relu(conv2_->forward(x)), 2);
    return fc2_->forward(torch::relu(fc1_->forward(x.flatten(1))));
  }

 private:
  static nn::Conv2d conv(std::int64_t inputs, std::int64_t outputs) {
    return nn::Conv2d(nn::Conv2dOptions(inputs, outputs, 5).padding(2));
  }
  nn::Conv2d conv1_ = register_module("conv1", conv(1, 32));
  nn::Conv2d conv2_ = register_module("conv2", conv(32, 64));
  nn::Linear fc1_ = register_module("fc1", nn::Linear(3136, 512));
  nn::Linear fc2_ = register_module("fc2", nn::Linear(512, 10));
};

nn::Conv2d bare_conv(std::int64_t inputs, std::int64_t outputs, std::int64_t kernel,
                     std::int64_t stride) {
  return nn::Conv2d(
      nn::Conv2dOptions(inputs, outputs, kernel).stride(stride).padding(kernel / 2).bias(false));
}

class Block : public nn::Module {
 public:
  Block(std::int64_t inputs, std::int64_t outputs, std::int64_t stride)
      : conv1_(register_module("conv1", bare_conv(inputs, outputs, 3, stride))),
        conv2_(register_module("conv2", bare_conv(outputs, outputs, 3, 1))) {
    if (stride > 1) downsample_ = register_module("down", bare_conv(inputs, outputs, 1, stride));
  }
  torch::Tensor forward(torch::Tensor x) {
    auto const y = conv2_->forward(torch::relu(conv1_->forward(x)));
    return torch::relu(y + (downsample_ ? downsample_->forward(x) : x));
  }

 private:
  nn::Conv2d conv1_, conv2_, downsample_{nullptr};
};

class ResNet18 : public nn::Module {
 public:
  explicit ResNet18(std::int64_t channels)
      : conv1_(register_module("conv1", bare_conv(channels, 64, 3, 1))) {
    std::int64_t inputs = 64;
    for (std::int64_t outputs = 64; outputs <= 512; outputs *= 2) {
      for (std::int64_t const stride : {outputs == 64 ? 1 : 2, 1}) {
        auto const name = "block" + std::to_string(blocks_.size());
        blocks_.push_back(register_module(name, std::make_shared<Block>(inputs, outputs, stride)));
        inputs = outputs;
      }
    }
    fc_ = register_module("fc", nn::Linear(512, 10));
  }
  torch::Tensor forward(torch::Tensor images) {
    auto x = torch::relu(conv1_->forward(images));
    for (auto const& block : blocks_) x = block->forward(x);
    return fc_->forward(x.mean({2, 3}));
  }

 private:
  nn::Conv2d conv1_;
  std::vector<std::shared_ptr<Block>> blocks_;
  nn::Linear fc_{nullptr};
};

template <class Net>
StockNet wrap(std::shared_ptr<Net> net) {
  return {[net](at::Tensor const& images) { return net->forward(images); }, net->parameters()};
}

}  // namespace

StockNet make_stock_net(std::string const& name, std::int64_t channels) {
  if (name == "mlp") return wrap(std::make_shared<Mlp>());
  if (name == "cnn") return wrap(std::make_shared<Cnn>());
  return wrap(std::make_shared<ResNet18>(channels));
}

}  // namespace fedstrata::benchmarks
