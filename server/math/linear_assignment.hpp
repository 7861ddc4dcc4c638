#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace fedstrata {

enum class Goal { minimise, maximise };

/// Exact linear assignment: a permutation p for which the sum of values[i, p(i)] over all rows is
/// smallest or largest, by shortest augmenting paths (Jonker and Volgenant, Computing 38, 1987);
/// O(n^3) time at worst, O(n) memory. `values`: n x n, row-major, all finite. Where several are
/// best, the same one for the same values. Throws Error if the values are no such matrix.
std::vector<std::int64_t> linear_assignment(std::span<double const> values, std::int64_t n,
                                            Goal goal);

}  // namespace fedstrata
