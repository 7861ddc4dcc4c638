#pragma once
#include <string>
#include <vector>

namespace fedstrata {

/// Interpolation coefficients that curves are evaluated at (`analysis.alphas`).
struct AlphaSelection {
  std::string text = "3";                      ///< as given
  std::vector<double> grid = {0.0, 0.5, 1.0};  ///< ascending; always with 0, 1/2 and 1
  /// > 0: a search goes on between the grid's points until the highest is known to within this.
  double search_tolerance = 0.0;
};

/// Reads a count n > 1 (n coefficients, evenly spaced, both ends included), a list of numbers in
/// [0, 1], or search[:TOLERANCE] (a search from a grid of nine). Throws InputError.
AlphaSelection parse_alphas(std::string const& text);

}  // namespace fedstrata
