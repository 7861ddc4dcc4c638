#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "common/store/records.hpp"

namespace fedstrata {

/// Curves of one kind and target together: medians over pairs, directions and draws.
struct BarrierSummary {
  std::int64_t round = 0;
  std::string split;
  std::string kind;
  std::string target;
  std::string partner;  ///< clients, mean, initial or other-run
  std::int64_t curves = 0;
  double loss_mid = kAbsent, loss_path = kAbsent, loss_swap = kAbsent;
  double loss_mid_least = kAbsent, loss_mid_most = kAbsent;
  double error_mid = kAbsent, error_path = kAbsent, error_swap = kAbsent;
  double error_mid_least = kAbsent, error_mid_most = kAbsent;
  double loss_ends = kAbsent, error_ends = kAbsent;  ///< of the end points, mean of the two
};

/// One summary for each round, split, kind, target and partner, in the order of the records. Of
/// random draws their stored mean (draw = -1) is taken where it is there.
std::vector<BarrierSummary> summarize(std::vector<BarrierRecord> const& records);

}  // namespace fedstrata
