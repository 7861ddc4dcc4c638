// One class, since all records of a round share the plan, the names of layers and the sums. Records
// are sorted by their leading columns at the end: what order the plan has its curves in shows in no
// table.
#include "server/results/round_tables.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "common/base/error.hpp"
#include "server/math/geometry.hpp"
#include "server/results/draw_means.hpp"
#include "server/results/spread.hpp"

namespace fedstrata {
namespace {

class Tables {
 public:
  Tables(RoundPlan const& plan, Model const& model, RoundSums const& sums)
      : plan_(plan), table_(model.table()), units_(model.units()), sums_(sums) {}

  AnalysisSegment build() {
    out_.rounds = {plan_.round};
    out_.rows<SkippedRecord>() = plan_.skipped;
    for (auto const& [index, sums] : sums_.curves) {
      auto const [g, set, c] = index;
      auto const& curve = plan_.groups[g].curves[c];
      auto const& split = plan_.sets[set].name;
      if (sums.samples == 0) continue;
      if (curve.plane.empty()) {
        add_points(split, curve, sums);
        add_barrier(split, curve, sums);
      } else {
        add_plane(split, curve, sums);
      }
    }
    for (auto const& record : draw_means(drawn_)) out_.add(record);
    for (auto const& [index, layers] : sums_.comparisons) {
      auto const& comparison = plan_.comparisons[index];
      if (comparison.listed) add_geometry(comparison, layers);
    }
    for (auto const& [index, orders] : sums_.alignments) {
      add_permutations(plan_.alignments[index], orders);
    }
    if (!sums_.alignments.empty()) {
      add_unit_axes(table_.parameters, units_.parameters);
      add_unit_axes(table_.buffers, units_.buffers);
    }
    out_.rows<SpreadRecord>() = spread(plan_, table_, sums_.comparisons);
    sort();
    return std::move(out_);
  }

 private:
  template <class Record>
  Record keyed(std::string const& split, CurveKey const& key) const {
    Record record;
    record.round = plan_.round;
    record.split = split;
    record.kind = key.kind;
    record.target = key.target;
    record.a = key.a;
    record.b = key.b;
    record.round_b = key.own_round ? plan_.round : plan_.round_b;
    if (!key.own_round) record.other_run = plan_.other_run;
    record.rest = key.rest;
    record.draw = key.draw;
    return record;
  }

  void add_points(std::string const& split, Curve const& curve, CurveSums const& sums) {
    for (auto const& row : curve.points) {
      auto record = keyed<PointRecord>(split, curve.key);
      auto const value = sums_.mean(sums, row.point);
      record.a = row.a;
      record.rest = row.rest;
      record.alpha = row.alpha;
      record.loss = value.loss;
      record.error = value.error;
      out_.add(record);
    }
  }

  void add_barrier(std::string const& split, Curve const& curve, CurveSums const& sums) {
    auto record = keyed<BarrierRecord>(split, curve.key);
    auto const n = sums.samples;
    auto const a = sums_.value(sums, curve.end_a), b = sums_.value(sums, curve.end_b);
    std::tie(record.loss_a, record.error_a) = std::pair(a.loss, a.error);
    std::tie(record.loss_b, record.error_b) = std::pair(b.loss, b.error);
    record.samples = n;
    record.layers = static_cast<std::int64_t>(curve.layers);
    auto const set = [](double& value, double& low, double& high, double v, double half) {
      value = v;
      low = v - half;
      high = v + half;
    };
    auto const mid = sums_.value(sums, curve.mid);
    auto half = half_width(mid, sums.squares[0], n);
    set(record.loss_mid, record.loss_mid_low, record.loss_mid_high, mid.loss, half.loss);
    set(record.error_mid, record.error_mid_low, record.error_mid_high, mid.error, half.error);
    auto const swap = sums_.value(sums, curve.swap);
    half = half_width(swap, sums.squares[1], n);
    set(record.loss_swap, record.loss_swap_low, record.loss_swap_high, swap.loss, half.loss);
    set(record.error_swap, record.error_swap_low, record.error_swap_high, swap.error, half.error);
    for (std::size_t i = 0; i < curve.rises.size(); ++i) {
      auto const rise = sums_.value(sums, curve.rises[i]);
      half = half_width(rise, sums.squares[2 + i], n);
      if (!(record.loss_path >= rise.loss)) {  // the first is larger than NaN
        set(record.loss_path, record.loss_path_low, record.loss_path_high, rise.loss, half.loss);
        record.alpha_path = curve.rises[i].alpha;
      }
      if (!(record.error_path >= rise.error)) {
        set(record.error_path, record.error_path_low, record.error_path_high, rise.error,
            half.error);
      }
    }
    if (sums.searched.size() > 2) {
      std::tie(record.loss_sup, record.alpha_sup) = highest_rise(sums.searched);
    }
    record.loss_predicted = sums_.value(sums, curve.predicted).loss;
    out_.add(record);
    if (curve.drawn) drawn_.push_back(record);
  }

  /// Of two clients' models in some layers.
  double squared_distance(std::int64_t x, std::int64_t y, std::vector<int> const& in) const {
    for (auto const& [index, layers] : sums_.comparisons) {
      auto const& c = plan_.comparisons[index];
      bool const these = (c.id_a == x && c.id_b == y) || (c.id_a == y && c.id_b == x);
      if (!these) continue;
      double sum = 0.0;
      for (int const l : in) sum += layers[static_cast<std::size_t>(l)].squared_distance;
      return sum;
    }
    throw Error("no distance of clients " + std::to_string(x) + " and " + std::to_string(y));
  }

  void add_plane(std::string const& split, Curve const& curve, CurveSums const& sums) {
    auto const& key = curve.key;
    double const ab = squared_distance(key.a, key.b, curve.plane_layers);
    double const ac = squared_distance(key.a, curve.c, curve.plane_layers);
    double const bc = squared_distance(key.b, curve.c, curve.plane_layers);
    if (on_one_line(ab, ac, bc)) {
      SkippedRecord const flat{
          plan_.round, key.a, key.b,
          "plane: on one line with client " + std::to_string(curve.c) + " (" + key.target + ")"};
      auto const same = [&](auto const& r) {
        return r.a == flat.a && r.b == flat.b && r.reason == flat.reason;
      };
      if (std::ranges::none_of(out_.rows<SkippedRecord>(), same)) out_.add(flat);
      return;
    }
    double const dot = (ab + ac - bc) / 2.0;
    double const height = ac - dot * dot / ab;
    for (auto const& row : curve.plane) {
      auto const value = sums_.mean(sums, row.point);
      PlaneRecord record;
      record.round = plan_.round;
      record.split = split;
      record.target = key.target;
      std::tie(record.a, record.b, record.c, record.rest) =
          std::tuple(key.a, key.b, curve.c, key.rest);
      std::tie(record.u, record.v) = std::pair(row.u, row.v);
      record.x = row.u * std::sqrt(ab) + row.v * dot / std::sqrt(ab);
      record.y = row.v * std::sqrt(height);
      std::tie(record.loss, record.error) = std::pair(value.loss, value.error);
      out_.add(record);
    }
  }

  void add_geometry(Comparison const& comparison, std::vector<Products> const& layers) {
    Products whole;
    auto const add = [&](std::string const& layer, Products const& p) {
      double const a = std::sqrt(p.squared_a), b = std::sqrt(p.squared_b);
      out_.add(GeometryRecord{.round = plan_.round,
                              .layer = layer,
                              .a = comparison.id_a,
                              .b = comparison.id_b,
                              .distance = p.distance(),
                              .cosine = p.cosine(),
                              .norm_a = a,
                              .norm_b = b,
                              .norm_ratio = a > 0.0 ? b / a : kAbsent});
    };
    for (std::size_t l = 0; l < layers.size(); ++l) {
      add(table_.layers[l].name, layers[l]);
      whole += layers[l];
    }
    add("all", whole);
  }

  void add_permutations(Alignment const& alignment, std::vector<std::int64_t> const& orders) {
    auto order = orders.begin();
    for (std::size_t g = 0; g < units_.groups.size(); ++g) {
      for (std::int64_t place = 0; place < units_.groups[g].size; ++place) {
        out_.add(PermutationRecord{.round = plan_.round,
                                   .a = alignment.id_a,
                                   .b = alignment.id_b,
                                   .group = static_cast<std::int64_t>(g),
                                   .place = place,
                                   .unit = *order++});
      }
    }
  }

  void add_unit_axes(std::vector<NamedTensor> const& tensors, std::vector<TensorUnits> const& of) {
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      if (of[i].outputs >= 0) {
        out_.add(UnitAxisRecord{plan_.round, tensors[i].name, 0, of[i].outputs});
      }
      if (of[i].inputs >= 0) {
        out_.add(UnitAxisRecord{plan_.round, tensors[i].name, 1, of[i].inputs});
      }
    }
  }

  void sort() {
    auto const curve = [](auto const& r) {
      return std::tie(r.round, r.split, r.kind, r.target, r.a, r.b, r.round_b, r.other_run, r.rest,
                      r.draw);
    };
    auto const by = [](auto& records, auto const& key) {
      std::ranges::stable_sort(records,
                               [&](auto const& x, auto const& y) { return key(x) < key(y); });
    };
    by(out_.rows<PointRecord>(),
       [&](PointRecord const& r) { return std::tuple_cat(curve(r), std::tie(r.alpha)); });
    by(out_.rows<BarrierRecord>(), curve);
    by(out_.rows<SkippedRecord>(),
       [](SkippedRecord const& r) { return std::tie(r.round, r.a, r.b); });
    by(out_.rows<GeometryRecord>(),
       [](GeometryRecord const& r) { return std::tie(r.round, r.layer, r.a, r.b); });
    by(out_.rows<PermutationRecord>(),
       [](PermutationRecord const& r) { return std::tie(r.round, r.a, r.b, r.group, r.place); });
    by(out_.rows<UnitAxisRecord>(),
       [](UnitAxisRecord const& r) { return std::tie(r.round, r.tensor, r.axis); });
    by(out_.rows<PlaneRecord>(), [](PlaneRecord const& r) {
      return std::tie(r.round, r.split, r.target, r.a, r.b, r.c, r.rest, r.v, r.u);
    });
  }

  RoundPlan const& plan_;
  LayerTable const& table_;
  UnitStructure const& units_;
  RoundSums const& sums_;
  std::vector<BarrierRecord> drawn_;  ///< of curves that are drawn
  AnalysisSegment out_;
};

}  // namespace

AnalysisSegment make_tables(RoundPlan const& plan, Model const& model, RoundSums const& sums) {
  return Tables(plan, model, sums).build();
}

}  // namespace fedstrata
