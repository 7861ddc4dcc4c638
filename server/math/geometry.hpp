#pragma once
#include <span>

namespace fedstrata {

/// Products of two vectors a and b, summed in double in a fixed order; those of parts of a vector
/// add up to those of the whole.
struct Products {
  double squared_distance = 0.0;  ///< |a - b|^2
  double dot = 0.0;               ///< a . b
  double squared_a = 0.0;         ///< |a|^2
  double squared_b = 0.0;         ///< |b|^2

  Products& operator+=(Products const& other);
  double distance() const;
  /// Cosine of the angle, in [-1, 1]; NaN when a vector is zero.
  double cosine() const;
};

/// The products of two vectors of equal length. The same bits for equal input.
Products products(std::span<float const> a, std::span<float const> b);

/// Do three points with these squared distances lie on one line, as far as float32 can tell?
bool on_one_line(double ab, double ac, double bc);

}  // namespace fedstrata
