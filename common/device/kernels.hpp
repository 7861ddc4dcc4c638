#pragma once
#include <cstdint>
#include <span>

namespace fedstrata {

// Loops over host memory that the compiler builds once per vector instruction set; the processor
// picks at start. Free of LibTorch and MPI.

/// What a fused optimizer step needs beside the rows.
struct SgdStep {
  double lr = 0.0;
  double momentum = 0.0;
  bool nesterov = false;
  double weight_decay = 0.0;
};

/// The same for Adam; torch.optim's names.
struct AdamStep {
  double lr = 0.0;
  double beta1 = 0.0, beta2 = 0.0;
  double eps = 0.0;
  double weight_decay = 0.0;
  bool decoupled = false;  ///< AdamW: the weights shrink, the gradient stays as it is
  double steps = 1.0;      ///< that the moments have seen, this one included
};

namespace kernels {

/// v = momentum * v + g + weight_decay * w;
/// w -= lr * v, or with Nesterov w -= lr * (g + weight_decay * w + momentum * v). One pass.
void sgd_update(std::span<float> w, std::span<float> v, std::span<float const> g,
                SgdStep const& step);

/// The same where v already holds momentum * v + g (no Nesterov).
void sgd_apply(std::span<float> w, std::span<float> v, SgdStep const& step);

/// One step of Adam or AdamW on weights w, mean m and mean square v of the gradients g:
/// m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2;
/// w -= lr (m / (1 - beta1^steps)) / (sqrt(v / (1 - beta2^steps)) + eps).
void adam_update(std::span<float> w, std::span<float> m, std::span<float> v,
                 std::span<float const> g, AdamStep const& step);

/// row += factor (a - b).
void add_difference(std::span<float> row, double factor, std::span<float const> a,
                    std::span<float const> b);

/// out = a + alpha (b - a) for alpha < 1/2, b - (1 - alpha)(b - a) otherwise: exact at both ends
/// and where a == b.
void interpolate(std::span<float const> a, std::span<float const> b, double alpha,
                 std::span<float> out);

/// out = pixel * scale + shift, pixel by pixel.
void normalize(std::span<std::uint8_t const> pixels, float scale, float shift,
               std::span<float> out);

/// Largest magnitude; NaN when one is NaN, infinity when one is infinite.
float max_magnitude(std::span<float const> values);

/// sums += round(values * scale), each addend rounded once to an integer (ties to even). False when
/// an addend is not finite or a value is beyond `limit`: the sums then hold rubbish until
/// subtract() is called with the same arguments.
bool accumulate(std::span<float const> values, double scale, float limit,
                std::span<std::int64_t> sums);
/// Exactly undoes accumulate().
void subtract(std::span<float const> values, double scale, std::span<std::int64_t> sums);

/// out = float(sums * quantum / divisor).
void finish_mean(std::span<std::int64_t const> sums, double quantum, double divisor,
                 std::span<float> out);

/// Sums of a*a, b*b, a*b and (a-b)^2 in double, in a fixed order.
struct PairSums {
  double aa = 0.0, bb = 0.0, ab = 0.0, distance2 = 0.0;
};
PairSums pair_sums(std::span<float const> a, std::span<float const> b);

}  // namespace kernels
}  // namespace fedstrata
