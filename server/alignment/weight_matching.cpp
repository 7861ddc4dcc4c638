#include <torch/types.h>

#include <algorithm>
#include <numeric>

#include "common/base/random.hpp"
#include "server/alignment/alignment.hpp"
#include "server/alignment/unit_permutations.hpp"

namespace fedstrata {
namespace {

using NoAutograd = at::AutoDispatchBelowADInplaceOrView;

/// Tens are usual; the bound only guards against endless exchanges that rounding calls better.
constexpr int kMaxSweeps = 100;

/// A tensor [outputs, inputs, block] as one row for each unit of an axis.
at::Tensor rows_of(at::Tensor const& tensor, std::int64_t axis) {
  return tensor.transpose(0, axis).flatten(1);
}

/// What is maximised: the sum over all parameters of a's times b's.
double inner_product(Weights const& a, Weights const& b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.parameters.size(); ++i)
    sum += (a.parameters[i].to(at::kDouble) * b.parameters[i]).sum().item<double>();
  return sum;
}

class WeightMatching {
 public:
  WeightMatching(Model const& model, Weights const& a, Weights const& b)
      : model_(model), units_(model.units()), a_(a), b_(b) {}

  /// From the order as it is, or, from start 1 on, from a random one.
  UnitPermutations run(std::uint64_t seed, std::int64_t start) {
    Random random(seed, Purpose::alignment, static_cast<std::uint64_t>(start));
    permutations_ = identity_permutations(model_);
    if (start > 0)
      for (auto& group : permutations_.groups) random.shuffle(group);
    orders_ = unit_orders(permutations_, a_.parameters.front().device());
    stale_.assign(permutations_.groups.size(), true);
    std::vector<std::int64_t> groups(permutations_.groups.size());
    std::iota(groups.begin(), groups.end(), 0);
    for (int sweep = 0; sweep < kMaxSweeps && std::ranges::count(stale_, true) > 0; ++sweep) {
      random.shuffle(groups);
      for (auto const group : groups) {
        if (stale_[static_cast<std::size_t>(group)]) improve(static_cast<int>(group));
      }
    }
    return permutations_;
  }

 private:
  void improve(int group) {
    auto const g = static_cast<std::size_t>(group);
    stale_[g] = false;
    auto best = best_order(scores(group), permutations_.groups[g]);
    if (best == permutations_.groups[g]) return;
    permutations_.groups[g] = std::move(best);
    orders_[g] = at::tensor(permutations_.groups[g], at::kLong).to(orders_[g].device());
    for (auto const& [outputs, inputs, block] : units_.parameters) {
      if (outputs == group && inputs >= 0) stale_[static_cast<std::size_t>(inputs)] = true;
      if (inputs == group && outputs >= 0) stale_[static_cast<std::size_t>(outputs)] = true;
    }
  }

  /// [units of a, units of b]: inner products of all parameters that belong to a unit, in or out,
  /// the other groups in their present order.
  at::Tensor scores(int group) const {
    auto const n = units_.groups[static_cast<std::size_t>(group)].size;
    auto sum = at::zeros({n, n}, a_.parameters.front().options().dtype(at::kDouble));
    for (std::size_t i = 0; i < units_.parameters.size(); ++i) {
      auto const& units = units_.parameters[i];
      auto const a = by_units(a_.parameters[i], units);
      auto const b = by_units(b_.parameters[i], units);
      if (units.outputs == group) {
        auto const other = reorder(b, 1, units.inputs, orders_);
        sum += at::mm(rows_of(a, 0), rows_of(other, 0).t());
      } else if (units.inputs == group) {
        auto const other = reorder(b, 0, units.outputs, orders_);
        sum += at::mm(rows_of(a, 1), rows_of(other, 1).t());
      }
    }
    return sum;
  }

  Model const& model_;
  UnitStructure const& units_;
  Weights const& a_;
  Weights const& b_;
  UnitPermutations permutations_;
  UnitOrders orders_;
  std::vector<bool> stale_;  ///< has a neighbour changed since the group was improved?
};

}  // namespace

UnitPermutations match_weights(Model const& model, Weights const& a, Weights const& b,
                               std::uint64_t seed, std::int64_t starts) {
  NoAutograd const guard;
  WeightMatching matching(model, a, b);
  auto best = matching.run(seed, 0);
  if (starts == 1) return best;
  double highest = inner_product(a, permuted(model, b, best));
  for (std::int64_t start = 1; start < starts; ++start) {
    auto found = matching.run(seed, start);
    double const value = inner_product(a, permuted(model, b, found));
    if (!(value > highest)) continue;
    highest = value;
    best = std::move(found);
  }
  return best;
}

}  // namespace fedstrata
