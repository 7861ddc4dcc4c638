#pragma once
#include <span>

#include "common/model/model.hpp"

namespace fedstrata {

// The models. To add one: a file in this folder that defines its function, declared and listed
// here.

using ModelFunction = Model(ModelConfig const&, InputShape const&);
ModelFunction make_cnn, make_lenet5, make_mlp, make_resnet18, make_vgg11, make_vgg11_cifar;

struct ZooEntry {
  char const* name;
  ModelFunction* make;
};

/// In alphabetical order.
inline constexpr ZooEntry kZoo[] = {
    {"cnn", make_cnn},           {"lenet5", make_lenet5}, {"mlp", make_mlp},
    {"resnet18", make_resnet18}, {"vgg11", make_vgg11},   {"vgg11-cifar", make_vgg11_cifar},
};

/// The mlp with an activation of choice and with or without biases; with the identity and no
/// biases it is a deep linear network.
Model make_mlp(std::span<std::int64_t const> hidden, Activation activation, bool bias,
               InputShape const& input);

}  // namespace fedstrata
