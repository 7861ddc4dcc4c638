#include "server/round_tables.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "server/geometry.hpp"

namespace fedstrata {
namespace {

/// Mean loss and share of errors of one evaluated point.
struct Value {
  double loss = kAbsent;
  double error = kAbsent;
};

/// Which curve: the columns that its points and its barrier have in common.
struct CurveKey {
  Split split = Split::train;
  std::string kind;
  std::string target;
  std::int64_t a = 0;
  std::int64_t b = 0;
  std::int64_t rest = kNobody;
};

template <class Record>
Record keyed(CurveKey const& key, std::int64_t round) {
  Record record;
  record.round = round;
  record.split = key.split == Split::train ? "train" : "test";
  record.kind = key.kind;
  record.target = key.target;
  record.a = key.a;
  record.b = key.b;
  record.round_b = round;
  record.rest = key.rest;
  return record;
}

/// Between two ends; exactly their value when they are equal.
double chord(double from, double to, double alpha) { return from + alpha * (to - from); }

/// The largest rise above the chord over interior alphas, and where (the smallest such alpha).
std::pair<double, double> largest_rise(std::vector<double> const& alphas,
                                       std::vector<double> const& values) {
  std::pair<double, double> best{kAbsent, kAbsent};
  for (std::size_t i = 0; i < alphas.size(); ++i) {
    if (alphas[i] <= 0.0 || alphas[i] >= 1.0) continue;
    double const rise = values[i] - chord(values.front(), values.back(), alphas[i]);
    if (std::isnan(best.first) || rise > best.first) best = {rise, alphas[i]};
  }
  return best;
}

class Tables {
 public:
  Tables(RoundPlan const& plan, LayerTable const& table,
         std::vector<std::vector<double>> const& results)
      : plan_(plan), table_(table) {
    for (std::size_t u = 0; u < plan.units.size(); ++u) collect(plan.units[u], results[u]);
    half_ = static_cast<std::size_t>(std::find(plan.alphas.begin(), plan.alphas.end(), 0.5) -
                                     plan.alphas.begin());
  }

  AnalysisSegment build() {
    out_.rounds = {plan_.round};
    out_.skipped = plan_.skipped;
    for (auto const split : kSplits) {
      if (samples(split) == 0.0) continue;
      for (auto const& pair : plan_.pairs) add_pair(split, pair);
      if (plan_.clients && !plan_.participants.empty()) add_clients(split);
    }
    add_geometry();
    sort();
    return std::move(out_);
  }

 private:
  using Sums = std::vector<double>;  // loss, errors, loss, errors, ...

  void collect(Unit const& unit, Sums const& result) {
    auto const add = [](Sums& to, auto begin, auto end) {
      to.resize(static_cast<std::size_t>(end - begin), 0.0);
      for (auto& value : to) value += *begin++;
    };
    if (unit.kind == Unit::Kind::geometry) {
      geometry_[{unit.a, unit.b}] = result;
    } else if (unit.kind == Unit::Kind::full) {
      add(full_[{unit.split, unit.a, unit.b}], result.begin(), result.end());
    } else {
      if (unit.end_point) add(ends_[{unit.split, unit.a}], result.begin(), result.begin() + 2);
      auto const size = static_cast<std::ptrdiff_t>(table_.layers.size() * steps() * 2);
      auto begin = result.begin() + 2;
      for (auto const& partner : unit.partners) {
        add(paths_[{unit.split, unit.a, partner.client, partner.reversed}], begin, begin + size);
        begin += size;
      }
    }
  }

  std::size_t steps() const { return plan_.steps(false).size(); }
  double samples(Split split) const {
    return static_cast<double>(plan_.samples[static_cast<std::size_t>(split)]);
  }
  Value mean(Split split, Sums const& sums, std::size_t index) const {
    return {sums[2 * index] / samples(split), sums[2 * index + 1] / samples(split)};
  }
  Value end(Split split, std::int64_t model) const {
    return mean(split, ends_.at({split, model}), 0);
  }

  void add_pair(Split split, Pair const& pair) {
    auto const [a, b] = pair;
    if (plan_.full) {
      std::vector<Value> values{end(split, a)};
      auto const& sums = full_.at({split, a, b});
      for (std::size_t i = 0; 2 * i < sums.size(); ++i) values.push_back(mean(split, sums, i));
      values.push_back(end(split, b));
      add_curve({split, "full", "all", a, b, kNobody}, values);
    }
    for (std::size_t l = 0; plan_.layer && l < table_.layers.size(); ++l) {
      auto into_a = layer_values(split, {split, a, b, false}, l);
      into_a.insert(into_a.begin(), end(split, a));
      add_curve({split, "layer", table_.layers[l].name, a, b, a}, into_a);
      auto into_b = layer_values(split, {split, b, a, true}, l);
      into_b.push_back(end(split, b));
      add_curve({split, "layer", table_.layers[l].name, a, b, b}, into_b);
    }
  }

  using PathKey = std::tuple<Split, std::int64_t, std::int64_t, bool>;
  std::vector<Value> layer_values(Split split, PathKey const& key, std::size_t layer) const {
    std::vector<Value> values;
    for (std::size_t i = 0; i < steps(); ++i) {
      values.push_back(mean(split, paths_.at(key), layer * steps() + i));
    }
    return values;
  }

  /// Points and barrier of one curve; `values` at every alpha of the plan.
  void add_curve(CurveKey const& key, std::vector<Value> const& values) {
    std::vector<double> losses, errors;
    for (std::size_t i = 0; i < values.size(); ++i) {
      add_point(key, plan_.alphas[i], values[i]);
      losses.push_back(values[i].loss);
      errors.push_back(values[i].error);
    }
    auto record = keyed<BarrierRecord>(key, plan_.round);
    auto const reference =
        set_ends(record, key.split, end(key.split, key.a), end(key.split, key.b));
    record.loss_mid = losses[half_] - reference.loss;
    record.error_mid = errors[half_] - reference.error;
    std::tie(record.loss_path, record.alpha_path) = largest_rise(plan_.alphas, losses);
    record.error_path = largest_rise(plan_.alphas, errors).first;
    if (key.rest != kNobody) {
      auto const& swapped = key.rest == key.a ? values.back() : values.front();
      record.loss_swap = swapped.loss - reference.loss;
      record.error_swap = swapped.error - reference.error;
    }
    out_.barriers.push_back(record);
  }

  /// Fills the end points' columns; the mean of the two.
  Value set_ends(BarrierRecord& record, Split split, Value const& a, Value const& b) const {
    record.loss_a = a.loss;
    record.loss_b = b.loss;
    record.error_a = a.error;
    record.error_b = b.error;
    record.samples = plan_.samples[static_cast<std::size_t>(split)];
    return {(a.loss + b.loss) / 2, (a.error + b.error) / 2};
  }

  void add_point(CurveKey const& key, double alpha, Value const& value) {
    auto record = keyed<PointRecord>(key, plan_.round);
    record.alpha = alpha;
    record.loss = value.loss;
    record.error = value.error;
    out_.points.push_back(record);
  }

  /// pairs = clients: all participants against their weighted mean.
  void add_clients(Split split) {
    auto const average = [&](auto const& value_of) {
      Value sum{0.0, 0.0};
      for (auto const client : plan_.participants) {
        Value const value = value_of(client);
        sum.loss += value.loss;
        sum.error += value.error;
      }
      auto const count = static_cast<double>(plan_.participants.size());
      return Value{sum.loss / count, sum.error / count};
    };
    auto const add = [&](CurveKey const& key, Value const& clients, Value const& mixed) {
      auto record = keyed<BarrierRecord>(key, plan_.round);
      set_ends(record, split, clients, end(split, kMean));
      record.loss_mid = mixed.loss - clients.loss;
      record.error_mid = mixed.error - clients.error;
      out_.barriers.push_back(record);
    };
    if (!plan_.full && !plan_.layer) return;
    auto const clients = average([&](std::int64_t client) { return end(split, client); });
    if (plan_.full) {
      for (auto const client : plan_.participants) {
        add_point({split, "full", "all", client, kMean, kNobody}, 0.0, end(split, client));
      }
      CurveKey const key{split, "full", "all", kNobody, kMean, kNobody};
      add_point(key, 1.0, end(split, kMean));
      add(key, clients, end(split, kMean));
    }
    for (std::size_t l = 0; plan_.layer && l < table_.layers.size(); ++l) {
      auto const& name = table_.layers[l].name;
      auto const mixed = average([&](std::int64_t client) {
        auto const value = layer_values(split, {split, client, kMean, false}, l).front();
        add_point({split, "layer", name, client, kMean, client}, 1.0, value);
        return value;
      });
      add({split, "layer", name, kNobody, kMean, kNobody}, clients, mixed);
    }
  }

  void add_geometry() {
    for (auto const& [key, values] : geometry_) {
      Products whole;
      for (std::size_t l = 0; l < table_.layers.size(); ++l) {
        auto const* v = &values[4 * l];
        Products const layer{v[0], v[1], v[2], v[3]};
        add_geometry(key, table_.layers[l].name, layer);
        whole += layer;
      }
      add_geometry(key, "all", whole);
    }
  }

  void add_geometry(std::pair<std::int64_t, std::int64_t> const& key, std::string const& layer,
                    Products const& p) {
    out_.geometry.push_back({plan_.round, layer, key.first, key.second, p.distance(), p.cosine(),
                             std::sqrt(p.squared_a), std::sqrt(p.squared_b)});
  }

  void sort() {
    auto const curve = [](auto const& r) {
      return std::tie(r.round, r.split, r.kind, r.target, r.a, r.b, r.round_b, r.other_run, r.rest,
                      r.draw);
    };
    auto const by = [](auto& records, auto const& key) {
      std::stable_sort(records.begin(), records.end(),
                       [&](auto const& x, auto const& y) { return key(x) < key(y); });
    };
    by(out_.points,
       [&](PointRecord const& r) { return std::tuple_cat(curve(r), std::tie(r.alpha)); });
    by(out_.barriers, curve);
    by(out_.skipped, [](SkippedRecord const& r) { return std::tie(r.round, r.a, r.b); });
    by(out_.geometry, [](GeometryRecord const& r) { return std::tie(r.round, r.layer, r.a, r.b); });
  }

  RoundPlan const& plan_;
  LayerTable const& table_;
  std::size_t half_ = 0;
  std::map<std::pair<Split, std::int64_t>, Sums> ends_;
  std::map<std::tuple<Split, std::int64_t, std::int64_t>, Sums> full_;
  std::map<PathKey, Sums> paths_;
  std::map<std::pair<std::int64_t, std::int64_t>, Sums> geometry_;
  AnalysisSegment out_;
};

}  // namespace

AnalysisSegment make_tables(RoundPlan const& plan, LayerTable const& table,
                            std::vector<std::vector<double>> const& results) {
  return Tables(plan, table, results).build();
}

}  // namespace fedstrata
