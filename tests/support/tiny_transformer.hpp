#pragma once
#include <torch/types.h>

#include <string>

#include "common/model/builder.hpp"

namespace fedstrata {

/// Sizes of a small transformer that sorts sequences of tokens into ten classes.
struct TinyTransformer {
  std::int64_t vocabulary = 11;
  std::int64_t tokens = 6;
  std::int64_t width = 8;
  std::int64_t heads = 2;
  int blocks = 2;
  bool causal = true;
  bool attends = true;  ///< without attention: residual blocks of two linear layers alone
  GeluForm gelu = GeluForm::exact;
};

/// x + out(attention(q(norm(x)), k(norm(x)), v(norm(x)))).
inline void attention_block(ModelBuilder& model, std::string const& name,
                            TinyTransformer const& sizes) {
  save(model, "skip");
  layer_norm(model, name + ".ln1");
  for (std::string const slot : {"queries", "keys"}) save(model, slot);
  model.on("queries", [&] { linear(model, name + ".attn.q", sizes.width); });
  model.on("keys", [&] { linear(model, name + ".attn.k", sizes.width); });
  linear(model, name + ".attn.v", sizes.width);
  attention(model, {.heads = sizes.heads, .causal = sizes.causal});
  linear(model, name + ".attn.out", sizes.width);
  add(model, "skip");
}

/// x + fc2(gelu(fc1(norm(x)))).
inline void mlp_block(ModelBuilder& model, std::string const& name, TinyTransformer const& sizes) {
  save(model, "skip");
  layer_norm(model, name + ".ln2");
  linear(model, name + ".fc1", 4 * sizes.width);
  gelu(model, sizes.gelu);
  linear(model, name + ".fc2", sizes.width);
  add(model, "skip");
}

inline Model make_transformer(TinyTransformer const& sizes) {
  ModelBuilder model("transformer", Dimensions{sizes.tokens}, Elements::tokens);
  embedding(model, "embed", sizes.vocabulary, sizes.width);
  positions(model, "positions");
  for (int i = 0; i < sizes.blocks; ++i) {
    auto const name = "blocks." + std::to_string(i);
    if (sizes.attends) attention_block(model, name, sizes);
    mlp_block(model, name, sizes);
  }
  layer_norm(model, "ln");
  global_average_pool(model);
  linear(model, "head", 10);
  return model.build();
}

/// Token indices int64 [count, tokens], the same every time.
inline at::Tensor random_tokens(TinyTransformer const& sizes, std::int64_t count,
                                std::uint64_t seed = 5) {
  return at::randint(sizes.vocabulary, {count, sizes.tokens}, at::detail::createCPUGenerator(seed),
                     at::kLong);
}

}  // namespace fedstrata
