// A transformer put together by ModelBuilder against the same network written in plain PyTorch.
#include <gtest/gtest.h>
#include <torch/nn/functional.h>

#include <map>

#include "common/model/model.hpp"
#include "common/tasks/tasks.hpp"
#include "tests/support/tiny_transformer.hpp"

namespace fedstrata {
namespace {

namespace functional = torch::nn::functional;

/// The network in double precision, by torch's own functions and modules, with leaves for autograd.
class PlainTransformer {
 public:
  PlainTransformer(Model const& model, at::Tensor const& row, TinyTransformer const& sizes)
      : sizes_(sizes) {
    auto const weights = model.view(row, at::empty({0}, at::kDouble));
    for (std::size_t i = 0; i < weights.parameters.size(); ++i)
      tensors_[model.table().parameters[i].name] = weights.parameters[i].clone().requires_grad_();
  }

  at::Tensor logits(at::Tensor const& tokens) {
    auto x = functional::embedding(tokens, named("embed.weight")) + named("positions.weight");
    for (int i = 0; i < sizes_.blocks; ++i) {
      auto const name = "blocks." + std::to_string(i);
      if (sizes_.attends) x = x + attended(name + ".attn", normalised(name + ".ln1", x));
      auto const hidden = functional::gelu(linear(name + ".fc1", normalised(name + ".ln2", x)),
                                           functional::GELUFuncOptions().approximate(
                                               sizes_.gelu == GeluForm::exact ? "none" : "tanh"));
      x = x + linear(name + ".fc2", hidden);
    }
    return linear("head", normalised("ln", x).mean(1));
  }

  at::Tensor gradient(std::string const& name) const { return tensors_.at(name).grad(); }

 private:
  at::Tensor const& named(std::string const& name) const { return tensors_.at(name); }

  at::Tensor linear(std::string const& layer, at::Tensor const& x) const {
    return functional::linear(x, named(layer + ".weight"), named(layer + ".bias"));
  }

  at::Tensor normalised(std::string const& layer, at::Tensor const& x) const {
    return functional::layer_norm(x, functional::LayerNormFuncOptions({sizes_.width})
                                         .weight(named(layer + ".weight"))
                                         .bias(named(layer + ".bias")));
  }

  /// By torch's module, which has the three projections in one matrix and the tokens first.
  at::Tensor attended(std::string const& name, at::Tensor const& x) const {
    auto const joined = [&](std::string const& tensor) {
      return at::cat(
          {named(name + ".q" + tensor), named(name + ".k" + tensor), named(name + ".v" + tensor)});
    };
    auto options = functional::MultiheadAttentionForwardFuncOptions(
        sizes_.width, sizes_.heads, joined(".weight"), joined(".bias"), {}, {}, false, 0.0,
        named(name + ".out.weight"), named(name + ".out.bias"));
    options.need_weights(false);
    if (sizes_.causal)
      options.attn_mask(at::full({sizes_.tokens, sizes_.tokens},
                                 -std::numeric_limits<double>::infinity(), at::kDouble)
                            .triu(1));
    auto const sequence = x.transpose(0, 1);
    auto const out =
        functional::multi_head_attention_forward(sequence, sequence, sequence, options);
    return std::get<0>(out).transpose(0, 1);
  }

  TinyTransformer sizes_;
  std::map<std::string, at::Tensor> tensors_;
};

class Transformer : public testing::TestWithParam<TinyTransformer> {};

INSTANTIATE_TEST_SUITE_P(forms, Transformer,
                         testing::Values(TinyTransformer{}, TinyTransformer{.causal = false},
                                         TinyTransformer{.attends = false,
                                                         .gelu = GeluForm::tanh}));

TEST_P(Transformer, equals_plain_pytorch_in_value_and_gradient) {
  auto const& sizes = GetParam();
  auto const model = make_transformer(sizes);
  auto const floats = at::empty({model.table().parameter_count});
  model.initialize({floats.data_ptr<float>(), static_cast<std::size_t>(floats.numel())}, {}, 3, 0);
  at::manual_seed(4);
  auto const row = floats.to(at::kDouble) + 0.1 * at::randn(floats.sizes(), at::kDouble);
  auto const buffers = at::empty({0}, at::kDouble);
  auto const tokens = random_tokens(sizes, 5);
  auto const labels = at::randint(10, {5}, at::kLong);

  PlainTransformer plain(model, row, sizes);
  auto const logits = plain.logits(tokens);
  EXPECT_LT((model.evaluate(tokens, model.view(row, buffers)) - logits).abs().max().item<double>(),
            1e-10);

  functional::cross_entropy(logits, labels).backward();
  GradientTarget const target{model.view(at::full_like(row, std::nan("")), buffers)};
  auto sums = at::zeros({2}, at::kDouble);
  model.train_pass(tokens, labels, classification_task(), model.view(row, buffers), target, sums);
  for (std::size_t i = 0; i < target.into.parameters.size(); ++i) {
    auto const& name = model.table().parameters[i].name;
    auto const difference = (target.into.parameters[i] - plain.gradient(name)).abs().max();
    EXPECT_LT(difference.item<double>(), 1e-10) << name;
  }
}

}  // namespace
}  // namespace fedstrata
