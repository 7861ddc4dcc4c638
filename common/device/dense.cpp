#include "common/device/dense.hpp"

#include <cstring>

// Tiles of the results are summed up in registers, so their size follows from what registers there
// are: each product is a template on the number of floats in a vector, built once per instruction
// set, and the processor picks (a loop that the compiler builds for several instruction sets by
// itself would keep one vector's size, and take it apart where there are no such registers).

#if defined(__GNUC__)
#define FEDSTRATA_INLINE inline __attribute__((always_inline))
#else
#define FEDSTRATA_INLINE inline
#endif

// Before a loop over sums in registers: an array that a loop indexes would lie in memory.
#if defined(__GNUC__)
#define FEDSTRATA_UNROLL _Pragma("GCC unroll 8")
#else
#define FEDSTRATA_UNROLL
#endif

namespace fedstrata::kernels {
namespace {

template <std::size_t W>
struct VectorOf;
template <>
struct VectorOf<4> {
  using Type = float __attribute__((vector_size(16)));
};
template <>
struct VectorOf<8> {
  using Type = float __attribute__((vector_size(32)));
};
template <>
struct VectorOf<16> {
  using Type = float __attribute__((vector_size(64)));
};
template <std::size_t W>
using Vector = typename VectorOf<W>::Type;

constexpr std::size_t kLeast = 4;  // floats in the smallest vector

// Vectors are no function's result, as what holds them depends on the instruction set.
template <class Value>
FEDSTRATA_INLINE void load(Value& value, float const* from) {
  std::memcpy(&value, from, sizeof(Value));
}

/// The sum of `lanes` and of the products from k on, which are too few for all lanes.
template <std::size_t W>
FEDSTRATA_INLINE float finish(Vector<W> const& lanes, float const* x, float const* weight,
                              std::size_t k, std::size_t inputs) {
  if constexpr (W > kLeast) {
    constexpr std::size_t kHalf = W / 2;
    Vector<kHalf> lower, upper;
    float copy[W];
    std::memcpy(copy, &lanes, sizeof(copy));
    load(lower, copy);
    load(upper, copy + kHalf);
    lower += upper;
    if (k + kHalf <= inputs) {
      Vector<kHalf> from_x, from_weight;
      load(from_x, x + k);
      load(from_weight, weight + k);
      lower += from_x * from_weight;
      k += kHalf;
    }
    return finish<kHalf>(lower, x, weight, k, inputs);
  } else {
    float sum = (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]);
    for (; k < inputs; ++k) sum += x[k] * weight[k];
    return sum;
  }
}

/// R rows of x by O rows of weight: R * O sums in registers.
template <std::size_t W, std::size_t R, std::size_t O>
FEDSTRATA_INLINE void block(float const* x, float const* weight, float const* bias,
                            std::size_t inputs, std::size_t outputs, float* y) {
  Vector<W> sums[R][O] = {};
  std::size_t k = 0;
  for (; k + W <= inputs; k += W) {
    Vector<W> from_x[R];
    FEDSTRATA_UNROLL
    for (std::size_t r = 0; r < R; ++r) load(from_x[r], x + r * inputs + k);
    FEDSTRATA_UNROLL
    for (std::size_t o = 0; o < O; ++o) {
      Vector<W> from_weight;
      load(from_weight, weight + o * inputs + k);
      FEDSTRATA_UNROLL
      for (std::size_t r = 0; r < R; ++r) sums[r][o] += from_x[r] * from_weight;
    }
  }
  FEDSTRATA_UNROLL
  for (std::size_t r = 0; r < R; ++r) {
    FEDSTRATA_UNROLL
    for (std::size_t o = 0; o < O; ++o) {
      auto const sum = finish<W>(sums[r][o], x + r * inputs, weight + o * inputs, k, inputs);
      y[r * outputs + o] = bias != nullptr ? sum + bias[o] : sum;
    }
  }
}

template <std::size_t W, std::size_t R>
FEDSTRATA_INLINE void rows_of(float const* x, float const* weight, float const* bias,
                              std::size_t inputs, std::size_t outputs, float* y) {
  constexpr std::size_t kAtOnce = 4;
  auto const bias_at = [bias](std::size_t o) { return bias != nullptr ? bias + o : nullptr; };
  std::size_t o = 0;
  for (; o + kAtOnce <= outputs; o += kAtOnce)
    block<W, R, kAtOnce>(x, weight + o * inputs, bias_at(o), inputs, outputs, y + o);
  for (; o < outputs; ++o)
    block<W, R, 1>(x, weight + o * inputs, bias_at(o), inputs, outputs, y + o);
}

template <std::size_t W>
FEDSTRATA_INLINE void product(float const* x, float const* weight, float const* bias,
                              std::size_t rows, std::size_t inputs, std::size_t outputs, float* y) {
  std::size_t r = 0;
  constexpr std::size_t kAtOnce = W >= 16 ? 5 : 3;  // there are 32 registers, or 16
  for (; r + kAtOnce <= rows; r += kAtOnce)
    rows_of<W, kAtOnce>(x + r * inputs, weight, bias, inputs, outputs, y + r * outputs);
  for (; r < rows; ++r)
    rows_of<W, 1>(x + r * inputs, weight, bias, inputs, outputs, y + r * outputs);
}

/// beta * old + alpha * sum, where `old` isn't read for beta 0.
template <class Value>
FEDSTRATA_INLINE void add_to(float* old, Value const& sum, float beta, float alpha) {
  Value value = alpha * sum;
  if (beta != 0.0F) {
    Value before;
    load(before, old);
    value += beta * before;
  }
  std::memcpy(old, &value, sizeof(Value));
}

/// Calls tile.run<Value, U>(k) for all columns k, U values of type Value from k on at a time: as
/// wide ones as are left.
template <std::size_t W, class Tile>
FEDSTRATA_INLINE void for_columns(std::size_t count, Tile const& tile, std::size_t k = 0) {
  if constexpr (W >= kLeast) {
    for (; k + 2 * W <= count; k += 2 * W) tile.template run<Vector<W>, 2>(k);
    for (; k + W <= count; k += W) tile.template run<Vector<W>, 1>(k);
    for_columns<W / 2>(count, tile, k);
  } else {
    for (; k < count; ++k) tile.template run<float, 1>(k);
  }
}

/// N rows of a product that begin with `out`: row i is the sum over m < count of factor(m, i) times
/// row m of `matrix`. Both gradients are such a product of g, one by its columns, one by its rows.
template <std::size_t N>
struct Tile {
  float const* factors;
  std::size_t next_m, next_i;  ///< factor(m, i) = factors[m * next_m + i * next_i]
  float const* matrix;
  std::size_t count, columns;
  float beta, alpha;
  float* out;

  template <class Value, std::size_t U>
  FEDSTRATA_INLINE void run(std::size_t k) const {
    constexpr std::size_t kWidth = sizeof(Value) / sizeof(float);
    Value sums[N][U] = {};
    for (std::size_t m = 0; m < count; ++m) {
      for (std::size_t u = 0; u < U; ++u) {
        Value row;
        load(row, matrix + m * columns + k + u * kWidth);
        for (std::size_t i = 0; i < N; ++i) sums[i][u] += row * factors[m * next_m + i * next_i];
      }
    }
    for (std::size_t i = 0; i < N; ++i) {
      for (std::size_t u = 0; u < U; ++u)
        add_to(out + i * columns + k + u * kWidth, sums[i][u], beta, alpha);
    }
  }
};

template <std::size_t W>
FEDSTRATA_INLINE void gradient(float const* g, float const* x, std::size_t rows, std::size_t inputs,
                               std::size_t outputs, float beta, float alpha, float* weight,
                               float* bias) {
  constexpr std::size_t kAtOnce = 4;
  std::size_t o = 0;
  for (; o + kAtOnce <= outputs; o += kAtOnce)
    for_columns<W>(inputs, Tile<kAtOnce>{g + o, outputs, 1, x, rows, inputs, beta, alpha,
                                         weight + o * inputs});
  for (; o < outputs; ++o)
    for_columns<W>(inputs,
                   Tile<1>{g + o, outputs, 1, x, rows, inputs, beta, alpha, weight + o * inputs});
  if (bias == nullptr) return;
  for (o = 0; o < outputs; ++o) {
    float sum = 0.0F;
    for (std::size_t r = 0; r < rows; ++r) sum += g[r * outputs + o];
    add_to(bias + o, sum, beta, alpha);
  }
}

template <std::size_t W, std::size_t R>
FEDSTRATA_INLINE void input_rows(float const* g, float const* weight, std::size_t inputs,
                                 std::size_t outputs, float* out) {
  for_columns<W>(inputs, Tile<R>{g, 1, outputs, weight, outputs, inputs, 0.0F, 1.0F, out});
}

template <std::size_t W>
FEDSTRATA_INLINE void input_gradient(float const* g, float const* weight, std::size_t rows,
                                     std::size_t inputs, std::size_t outputs, float* out) {
  std::size_t r = 0;
  for (; r + 5 <= rows; r += 5)
    input_rows<W, 5>(g + r * outputs, weight, inputs, outputs, out + r * inputs);
  for (; r + 2 <= rows; r += 2)
    input_rows<W, 2>(g + r * outputs, weight, inputs, outputs, out + r * inputs);
  for (; r < rows; ++r)
    input_rows<W, 1>(g + r * outputs, weight, inputs, outputs, out + r * inputs);
}

}  // namespace

// A function for each instruction set, and one that calls that of this processor.
#if defined(__x86_64__) && defined(__GNUC__)
#define FEDSTRATA_FOR_EACH_SET(name, body, parameters, arguments)                                 \
  namespace {                                                                                     \
  __attribute__((target("avx512f"))) void name##_512 parameters { body<16> arguments; }           \
  __attribute__((target("avx2,fma"))) void name##_256 parameters { body<8> arguments; }           \
  void name##_128 parameters { body<4> arguments; }                                               \
  }                                                                                               \
  void name parameters {                                                                          \
    static auto* const chosen = __builtin_cpu_supports("avx512f") ? &name##_512                   \
                                : __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") \
                                    ? &name##_256                                                 \
                                    : &name##_128;                                                \
    chosen arguments;                                                                             \
  }
#else
#define FEDSTRATA_FOR_EACH_SET(name, body, parameters, arguments) \
  void name parameters { body<4> arguments; }
#endif

FEDSTRATA_FOR_EACH_SET(dense, product,
                       (float const* x, float const* weight, float const* bias, std::size_t rows,
                        std::size_t inputs, std::size_t outputs, float* y),
                       (x, weight, bias, rows, inputs, outputs, y))

FEDSTRATA_FOR_EACH_SET(dense_gradient, gradient,
                       (float const* g, float const* x, std::size_t rows, std::size_t inputs,
                        std::size_t outputs, float beta, float alpha, float* weight, float* bias),
                       (g, x, rows, inputs, outputs, beta, alpha, weight, bias))

FEDSTRATA_FOR_EACH_SET(dense_input_gradient, input_gradient,
                       (float const* g, float const* weight, std::size_t rows, std::size_t inputs,
                        std::size_t outputs, float* out),
                       (g, weight, rows, inputs, outputs, out))

}  // namespace fedstrata::kernels
