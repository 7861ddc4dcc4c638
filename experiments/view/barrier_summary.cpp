#include "experiments/view/barrier_summary.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "common/store/partners.hpp"

namespace fedstrata {
namespace {

std::string partner_of(BarrierRecord const& record) {
  if (!record.other_run.str().empty()) return "other-run";
  return record.b == kMean ? "mean" : record.b == kInitialisation ? "initial" : "clients";
}

using Curves = std::vector<BarrierRecord const*>;

/// What is there of a number of each curve, ascending.
template <class Get>
std::vector<double> sorted(Curves const& curves, Get get) {
  std::vector<double> values;
  for (auto const* curve : curves) {
    if (double const value = get(*curve); !std::isnan(value)) values.push_back(value);
  }
  std::sort(values.begin(), values.end());
  return values;
}

template <class Get>
double median(Curves const& curves, Get get) {
  auto const values = sorted(curves, get);
  if (values.empty()) return kAbsent;
  return (values[(values.size() - 1) / 2] + values[values.size() / 2]) / 2;
}

BarrierSummary summary_of(Curves const& curves) {
  auto const& first = *curves.front();
  BarrierSummary result;
  result.round = first.round;
  result.split = first.split.str();
  result.kind = first.kind.str();
  result.target = first.target.str();
  result.partner = partner_of(first);
  result.curves = static_cast<std::int64_t>(curves.size());
  auto const field = [](double BarrierRecord::*member) {
    return [member](BarrierRecord const& record) { return record.*member; };
  };
  result.loss_mid = median(curves, field(&BarrierRecord::loss_mid));
  result.loss_path = median(curves, field(&BarrierRecord::loss_path));
  result.loss_swap = median(curves, field(&BarrierRecord::loss_swap));
  result.error_mid = median(curves, field(&BarrierRecord::error_mid));
  result.error_path = median(curves, field(&BarrierRecord::error_path));
  result.error_swap = median(curves, field(&BarrierRecord::error_swap));
  if (auto const values = sorted(curves, field(&BarrierRecord::loss_mid)); !values.empty()) {
    result.loss_mid_least = values.front();
    result.loss_mid_most = values.back();
  }
  if (auto const values = sorted(curves, field(&BarrierRecord::error_mid)); !values.empty()) {
    result.error_mid_least = values.front();
    result.error_mid_most = values.back();
  }
  // Where the partner is the mean, a holds the mean over the clients.
  bool const one = result.partner == "mean";
  result.loss_ends =
      median(curves, [&](auto const& c) { return one ? c.loss_a : (c.loss_a + c.loss_b) / 2; });
  result.error_ends =
      median(curves, [&](auto const& c) { return one ? c.error_a : (c.error_a + c.error_b) / 2; });
  return result;
}

}  // namespace

std::vector<BarrierSummary> summarize(std::vector<BarrierRecord> const& records) {
  using Key = std::tuple<std::int64_t, std::string, std::string, std::string, std::string>;
  std::map<Key, std::size_t> places;
  std::vector<Curves> groups;
  for (auto const& record : records) {
    Key const key{record.round, record.split.str(), record.kind.str(), record.target.str(),
                  partner_of(record)};
    auto const [place, fresh] = places.emplace(key, groups.size());
    if (fresh) groups.emplace_back();
    groups[place->second].push_back(&record);
  }
  std::vector<BarrierSummary> result;
  for (auto& curves : groups) {
    auto const is_mean = [](auto const* curve) { return curve->draw == -1; };
    if (std::any_of(curves.begin(), curves.end(), is_mean)) {
      std::erase_if(curves, [&](auto const* curve) { return !is_mean(curve); });
    }
    result.push_back(summary_of(curves));
  }
  return result;
}

}  // namespace fedstrata
