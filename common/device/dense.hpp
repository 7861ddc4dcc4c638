#pragma once
#include <cstddef>

namespace fedstrata::kernels {

// The three products of a dense layer, y = x W^T + bias, for batches of few rows. Everything is
// contiguous: x [rows, inputs], W [outputs, inputs], bias [outputs], y [rows, outputs].

/// Up to this many rows they are faster than a BLAS, which copies the weights into an order of its
/// own first: as much work as the product itself when there are few rows.
inline constexpr std::ptrdiff_t kDenseRows = 32;

/// y; without a bias where `bias` is null. An element's bits do not depend on the number of rows.
void dense(float const* x, float const* weight, float const* bias, std::size_t rows,
           std::size_t inputs, std::size_t outputs, float* y);

/// Gradients of the parameters from that of y, g: weight = beta * weight + alpha * g^T x, bias (may
/// be null) likewise with the sums of g's columns. What is there isn't read when beta is 0.
void dense_gradient(float const* g, float const* x, std::size_t rows, std::size_t inputs,
                    std::size_t outputs, float beta, float alpha, float* weight, float* bias);

/// Gradient of x from that of y: out [rows, inputs] = g W.
void dense_input_gradient(float const* g, float const* weight, std::size_t rows, std::size_t inputs,
                          std::size_t outputs, float* out);

}  // namespace fedstrata::kernels
