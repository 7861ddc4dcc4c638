#include <torch/types.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "common/model/builder.hpp"
#include "common/model/operations/operations.hpp"

namespace fedstrata {
namespace {

/// Softmax of queries times keys, times values, for each head by itself.
class Attention : public Operation {
 public:
  Attention(Slot queries, Slot keys, std::int64_t heads, bool causal)
      : queries_(queries), keys_(keys), heads_(heads), causal_(causal) {}

  Frame evaluate(Frame in, Weights const&) const override {
    auto const [q, k, v] = take(in);
    auto const block = std::max<std::int64_t>(1, kBlock / (q.size(1) * k.size(1)));
    auto out = at::empty(v.sizes(), v.options());
    for (std::int64_t first = 0; first < v.size(0); first += block) {
      auto const count = std::min(block, v.size(0) - first);
      auto const part = [&](at::Tensor const& t) { return t.narrow(0, first, count); };
      auto to = part(out);
      at::bmm_out(to, shares(part(q), part(k)), part(v));
    }
    in.main = join(out);
    return in;
  }

  Frame forward(Frame in, Weights const&, Saved& saved) const override {
    auto const [q, k, v] = take(in);
    auto const attention = shares(q, k);
    in.main = join(at::bmm(attention, v));
    saved = {q, k, v, attention};
    return in;
  }

  Frame backward(Frame gradient, Weights const&, GradientTarget const&, Saved& saved,
                 bool) const override {
    auto const &q = saved[0], &k = saved[1], &v = saved[2], &attention = saved[3];
    auto const g = split(gradient.main);
    gradient.main = join(at::bmm(attention.transpose(1, 2), g));
    // The softmax's derivative; where a token may not look its share is 0, and so is this.
    auto scores = at::bmm(g, v.transpose(1, 2)).mul_(attention);
    scores.sub_(attention * scores.sum(-1, true)).mul_(scale(q));
    gradient[queries_] = join(at::bmm(scores, k));
    gradient[keys_] = join(at::bmm(scores.transpose(1, 2), q));
    return gradient;
  }

  /// Queries times keys, and shares times values.
  double multiply_adds(Frame const& output, Weights const&) const override {
    return 2.0 * static_cast<double>(output.main.numel()) *
           static_cast<double>(output.main.size(1));
  }

 private:
  /// Evaluation holds so many scores at once, however many models are stacked.
  static constexpr std::int64_t kBlock = std::int64_t{1} << 22;

  /// Queries, keys and values, each [B * heads, tokens, width]. Leaves the slots empty.
  std::array<at::Tensor, 3> take(Frame& in) const {
    auto const queries = std::exchange(in[queries_], at::Tensor());
    auto const keys = std::exchange(in[keys_], at::Tensor());
    auto const rows = std::max({in.main.size(0), queries.size(0), keys.size(0)});
    return {split(stacked(queries, rows)), split(stacked(keys, rows)),
            split(stacked(in.main, rows))};
  }

  /// How much of each value a query takes: [B * heads, queries, keys].
  at::Tensor shares(at::Tensor const& q, at::Tensor const& k) const {
    auto scores = at::bmm(q, k.transpose(1, 2)).mul_(scale(q));
    if (causal_) scores.masked_fill_(later(scores), -std::numeric_limits<double>::infinity());
    return at::softmax(scores, -1);
  }

  /// Fewer batches than `rows` stand for themselves, repeated as a whole (see Frame).
  static at::Tensor stacked(at::Tensor const& tensor, std::int64_t rows) {
    auto const times = rows / tensor.size(0);
    return times == 1 ? tensor : tensor.repeat({times, 1, 1});
  }

  /// [B, tokens, heads * width] as [B * heads, tokens, width].
  at::Tensor split(at::Tensor const& tensor) const {
    auto const batch = tensor.size(0), tokens = tensor.size(1);
    return tensor.reshape({batch, tokens, heads_, -1})
        .transpose(1, 2)
        .reshape({batch * heads_, tokens, -1});
  }

  /// The reverse.
  at::Tensor join(at::Tensor const& tensor) const {
    auto const batch = tensor.size(0) / heads_, tokens = tensor.size(1);
    return tensor.view({batch, heads_, tokens, -1}).transpose(1, 2).reshape({batch, tokens, -1});
  }

  static double scale(at::Tensor const& q) {
    return 1.0 / std::sqrt(static_cast<double>(q.size(2)));
  }

  /// [tokens, tokens]: is the second one later?
  static at::Tensor later(at::Tensor const& scores) {
    auto const tokens = scores.size(1);
    return at::ones({tokens, tokens}, scores.options().dtype(at::kBool)).triu(1);
  }

  Slot queries_, keys_;
  std::int64_t heads_;
  bool causal_;
};

}  // namespace

OperationPtr attention(Slot queries, Slot keys, std::int64_t heads, bool causal) {
  return std::make_unique<Attention>(queries, keys, heads, causal);
}

void attention(ModelBuilder& model, AttentionOptions const& options) {
  auto out = model.input();
  auto const shape = [&](std::string const& slot) { return model.input(slot).dimensions; };
  auto const heads = options.heads;
  bool const fits = out.is_sequence() && heads > 0 && out.channels() % heads == 0 &&
                    shape(options.queries) == out.dimensions &&
                    shape(options.keys) == out.dimensions;
  model.require_fit(fits, "attention",
                    "queries, keys and values [tokens, width] of one shape, with a width that " +
                        std::to_string(heads) + " heads divide (queries are " +
                        text(shape(options.queries)) + ", keys " + text(shape(options.keys)) + ")");
  // Within a head the units of queries and keys, and of values and what follows, could be
  // reordered, and heads as a whole.
  model.units().forbid("has attention, whose heads cannot be reordered yet");
  out.shared = false;
  auto const queries = model.slot(options.queries), keys = model.slot(options.keys);
  model.set(queries, {});
  model.set(keys, {});
  model.tail(attention(queries, keys, heads, options.causal), std::move(out));
}

}  // namespace fedstrata
