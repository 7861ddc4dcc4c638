#pragma once
#include <torch/types.h>

#include <cmath>
#include <vector>

#include "common/model/model.hpp"

namespace fedstrata {

/// A model's rows on the host.
struct HostModel {
  std::vector<float> row;
  std::vector<float> buffers;
};

/// The obviously right evaluation, as oracle: for every point load the parameters, run the whole
/// network on every sample, add up in double.
class PlainEvaluator {
 public:
  struct Result {
    double loss = 0.0;    ///< sum of cross-entropies
    double errors = 0.0;  ///< samples whose largest logit is not the label's
    double ties = 0.0;    ///< samples whose two largest logits are within 1e-5 (relative)
  };

  PlainEvaluator(Model const& model, at::Tensor images, at::Tensor labels)
      : model_(model), images_(std::move(images)), labels_(std::move(labels)) {}

  Result evaluate(HostModel const& host) const {
    auto const weights = model_.view(borrow(host.row), borrow(host.buffers));
    auto const logits = model_.evaluate(images_, weights).to(torch::kDouble);
    Result result;
    for (std::int64_t i = 0; i < logits.size(0); ++i) {
      auto const label = labels_[i].item<std::int64_t>();
      auto const sorted = std::get<0>(logits[i].sort(-1, true));
      double const gap = (sorted[0] - sorted[1]).item<double>();
      result.loss += logits[i].logsumexp(0).item<double>() - logits[i][label].item<double>();
      result.errors += logits[i].argmax().item<std::int64_t>() != label;
      result.ties += gap <= 1e-5 * std::max(1.0, logits[i].abs().max().item<double>());
    }
    return result;
  }

  /// (1 - alpha) a + alpha b in layer `layer`, or everywhere when it is -1; the rest from a.
  HostModel mix(HostModel const& a, HostModel const& b, double alpha, int layer) const {
    auto const& table = model_.table();
    HostModel mixed = a;
    auto const blend = [alpha](std::vector<float>& to, std::vector<float> const& other,
                               Slice slice) {
      for (auto i = slice.offset; i < slice.offset + slice.size; ++i) {
        auto const n = static_cast<std::size_t>(i);
        to[n] = static_cast<float>((1.0 - alpha) * to[n] + alpha * other[n]);
      }
    };
    for (std::size_t l = 0; l < table.layers.size(); ++l) {
      if (layer >= 0 && static_cast<std::size_t>(layer) != l) continue;
      blend(mixed.row, b.row, table.layers[l].parameters);
      blend(mixed.buffers, b.buffers, table.layers[l].buffers);
    }
    return mixed;
  }

 private:
  static at::Tensor borrow(std::vector<float> const& values) {
    return at::from_blob(const_cast<float*>(values.data()),
                         {static_cast<std::int64_t>(values.size())});
  }

  Model const& model_;
  at::Tensor images_;
  at::Tensor labels_;
};

/// A model's initialisation for `client`; statistics of normalisation layers are made uneven.
inline HostModel make_host_model(Model const& model, std::uint64_t client) {
  HostModel host;
  host.row.resize(static_cast<std::size_t>(model.table().parameter_count));
  host.buffers.resize(static_cast<std::size_t>(model.table().buffer_count));
  model.initialize(host.row, host.buffers, 11, client);
  for (std::size_t i = 0; i < host.buffers.size(); ++i) {
    host.buffers[i] += 0.1f * static_cast<float>((i * 7 + client * 3) % 10);
  }
  return host;
}

/// Views of copies of the host rows.
inline Weights load(Model const& model, HostModel const& host) {
  return model.view(torch::tensor(host.row), torch::tensor(host.buffers));
}

}  // namespace fedstrata
