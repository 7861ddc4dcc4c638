#pragma once
#include <ATen/core/Tensor.h>

#include <string>

#include "common/model/model.hpp"
#include "common/model/state_layout.hpp"

namespace fedstrata {

/// The rows that local training works on, on the device. The same memory serves all clients of a
/// rank, one after another, so views of it are made once.
///
/// `state` may be a matrix [K, layout.size()], of K clients in training at once: what are rows
/// below are then matrices with a row for each, strided views.
struct LocalRows {
  Model const* model = nullptr;
  StateLayout layout;
  at::Tensor state;        ///< [layout.size()], of the client in training
  at::Tensor global = {};  ///< [layout.size()], of the start of the round; only corrections read it

  /// Row [P] of the client's parameters.
  at::Tensor parameters() const;
  /// Row of one of the client's fields. Throws Error where the layout has none of that name.
  at::Tensor field(std::string const& name) const;
  /// The model's tensors as views of a row [P] and of the client's buffers.
  Weights view(at::Tensor const& row) const;
};

}  // namespace fedstrata
