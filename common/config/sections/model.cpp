#include "common/config/sections/sections.hpp"
#include "common/config/values.hpp"

namespace fedstrata::keys {
namespace {

Key<ModelConfig> hidden_key() {
  auto const print = [](ModelConfig const& model) {
    std::vector<std::string> sizes;
    for (auto const size : model.hidden) sizes.push_back(std::to_string(size));
    return join(sizes, ",");
  };
  auto const read = [](ModelConfig& model, std::string const& text) {
    std::vector<std::int64_t> sizes;
    for (auto const& part : split(text, ',')) {
      std::int64_t size = 0;
      if (!read_entry(part, size) || size < 1) return false;
      sizes.push_back(size);
    }
    model.hidden = sizes;
    return true;
  };
  return {"hidden",
          "neurons",
          "integers >= 1 joined by commas; empty = no hidden layer",
          "sizes of the hidden layers (mlp)",
          print,
          read};
}

}  // namespace

std::vector<Key<ModelConfig>> model_keys() {
  return {
      text("name", &ModelConfig::name,
           "mlp, cnn, lenet5, resnet18, vgg11, vgg11-cifar, ... or script:FILE.pt", not_empty,
           "network that every client trains"),
      used_with(
          "model.name = mlp", [](auto const& model) { return model.name == "mlp"; }, hidden_key()),
      used_with(
          "model.name = resnet18", [](auto const& model) { return model.name == "resnet18"; },
          choice("norm", &ModelConfig::norm, {"none", "batch", "group"},
                 "normalisation layers (resnet18)")),
      choice("init", &ModelConfig::init, {"same", "different"},
             "one initialisation for all clients, or one each"),
  };
}

}  // namespace fedstrata::keys
