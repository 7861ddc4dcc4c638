#pragma once
#include <cstddef>

namespace fedstrata::kernels {

/// Up to this many rows dense() is faster than a BLAS, which copies `weight` into an order of its
/// own first: as much work as the product itself when there are few rows.
inline constexpr std::ptrdiff_t kDenseRows = 16;

/// y [rows, outputs] = x [rows, inputs] times the transpose of weight [outputs, inputs], plus bias
/// [outputs] or nothing where `bias` is null. All contiguous. An element's bits do not depend on
/// the number of rows.
void dense(float const* x, float const* weight, float const* bias, std::size_t rows,
           std::size_t inputs, std::size_t outputs, float* y);

}  // namespace fedstrata::kernels
