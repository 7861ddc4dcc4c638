#pragma once
#include <cstddef>
#include <vector>

namespace fedstrata {

/// Of a real symmetric matrix; vectors[k] belongs to values[k], values descend.
struct Eigen {
  std::vector<double> values;
  std::vector<std::vector<double>> vectors;
};

/// By cyclic Jacobi rotations; `matrix` row-major [n, n]. The same bits for equal input.
Eigen symmetric_eigen(std::vector<double> matrix, std::size_t n);

}  // namespace fedstrata
