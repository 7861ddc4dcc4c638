// Models are made anew whenever they fall out of memory, so each has to come out the same every
// time: random ones draw from streams that are named by the model they start from, the draw and the
// layer, never by what was made before. All arithmetic on rows is done in double on the host and
// rounded once.
#include "server/analysis/models.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "common/base/error.hpp"
#include "common/base/random.hpp"
#include "server/math/symmetric_eigen.hpp"

namespace fedstrata {
namespace {

using Kind = ModelSpec::Kind;

constexpr double kNothing = 1e-6;  // of a direction's length: what rounding leaves

double dot(std::span<double const> a, std::span<double const> b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

double length(std::span<double const> values) { return std::sqrt(dot(values, values)); }

using Row = std::vector<float>;

/// The steps of a trajectory in a part of the row, as far as they are independent of each other.
class Span {
 public:
  Span(std::vector<Row> const& trajectory, std::size_t begin, std::size_t size)
      : trajectory_(trajectory), begin_(begin), size_(size), steps_(trajectory.size() - 1) {
    std::vector<double> gram(steps_ * steps_);
    for (std::size_t i = 0; i < steps_; ++i) {
      for (std::size_t j = 0; j <= i; ++j) {
        double sum = 0.0;
        for (std::size_t k = 0; k < size; ++k) sum += step(i, k) * step(j, k);
        gram[i * steps_ + j] = gram[j * steps_ + i] = sum;
      }
    }
    eigen_ = symmetric_eigen(std::move(gram), steps_);
  }

  /// The part of `direction` within the span; twice, since once leaves the rounding of the first.
  std::vector<double> projection(std::vector<double> const& direction) const {
    std::vector<double> inside(size_, 0.0);
    auto rest = direction;
    for (int pass = 0; pass < 2; ++pass) {
      auto const factors = solve(rest);
      for (std::size_t k = 0; k < size_; ++k) {
        double along = 0.0;
        for (std::size_t i = 0; i < steps_; ++i) along += factors[i] * step(i, k);
        inside[k] += along;
        rest[k] -= along;
      }
    }
    return inside;
  }

 private:
  double step(std::size_t i, std::size_t k) const {
    return static_cast<double>(trajectory_[i + 1][begin_ + k]) - trajectory_[i][begin_ + k];
  }

  /// Least squares by the eigenvectors of the steps' products.
  std::vector<double> solve(std::vector<double> const& direction) const {
    constexpr double kDependent = 1e-10;  // of the largest eigenvalue: float32 rows carry no more
    std::vector<double> products(steps_, 0.0), factors(steps_, 0.0);
    for (std::size_t i = 0; i < steps_; ++i) {
      for (std::size_t k = 0; k < size_; ++k) products[i] += step(i, k) * direction[k];
    }
    for (std::size_t e = 0; e < steps_; ++e) {
      if (eigen_.values[e] <= kDependent * eigen_.values.front()) break;
      double const along = dot(eigen_.vectors[e], products) / eigen_.values[e];
      for (std::size_t i = 0; i < steps_; ++i) factors[i] += along * eigen_.vectors[e][i];
    }
    return factors;
  }

  std::vector<Row> const& trajectory_;
  std::size_t begin_, size_, steps_;
  Eigen eigen_;
};

/// Names a stream of directions or subsets: of a base model, for one draw and one layer.
Random stream(std::uint64_t seed, Purpose purpose, ModelSpec const& base, std::int64_t draw,
              int part) {
  auto const round = static_cast<std::uint64_t>(base.round) +
                     (static_cast<std::uint64_t>(draw) << 28) +
                     (static_cast<std::uint64_t>(part) << 40);
  auto const who = base.kind == Kind::trained ? base.client : -1;
  return {seed, purpose, static_cast<std::uint64_t>(who), round};
}

}  // namespace

std::size_t models_at_once(Model const& model, std::int64_t memory) {
  auto const row = 4 * (model.table().parameter_count + model.table().buffer_count);
  return static_cast<std::size_t>(
      std::max<std::int64_t>(3, memory / std::max<std::int64_t>(row, 1)));
}

AnalysisModels::AnalysisModels(Model const& model, std::vector<ModelSpec> specs, std::uint64_t seed,
                               StoredModels stored, Upload upload, AlignModels align,
                               std::int64_t memory)
    : model_(model),
      specs_(std::move(specs)),
      seed_(seed),
      stored_(std::move(stored)),
      upload_(std::move(upload)),
      align_(std::move(align)),
      capacity_(models_at_once(model, memory)) {}

Weights AnalysisModels::get(int index) {
  auto const found = std::ranges::find(entries_, index, &Entry::index);
  if (found != entries_.end()) {
    entries_.splice(entries_.begin(), entries_, found);
    return entries_.front().weights;
  }
  auto const row = host(index);
  if (!layers_.contains(index)) {
    auto const parameters = static_cast<std::size_t>(model_.table().parameter_count);
    auto const all = std::span<float const>(row);
    layers_[index] = layer_sums(model_.table(), all.first(parameters), all.subspan(parameters));
  }
  auto weights = upload_(row);
  while (entries_.size() >= capacity_) entries_.pop_back();
  entries_.push_front({index, std::move(weights)});
  return entries_.front().weights;
}

AnalysisModels::Row AnalysisModels::stored(ModelSpec const& spec) const {
  auto const& table = model_.table();
  auto const parameters = static_cast<std::size_t>(table.parameter_count);
  Row row(parameters + static_cast<std::size_t>(table.buffer_count));
  stored_.read(spec, std::span(row).first(parameters), std::span(row).subspan(parameters));
  return row;
}

UnitPermutations const& AnalysisModels::permutations(int index) {
  auto const known = permutations_.find(index);
  if (known != permutations_.end()) return known->second;
  auto const& spec = specs_[static_cast<std::size_t>(index)];
  return permutations_[index] = align_(get(spec.partner), get(spec.base));
}

AnalysisModels::Row AnalysisModels::host(int index) {
  auto const& spec = specs_[static_cast<std::size_t>(index)];
  switch (spec.kind) {
    case Kind::trained:
    case Kind::mean:
    case Kind::initial:
      return stored(spec);
    case Kind::aligned: {
      auto row = host(spec.base);
      auto const parameters = static_cast<std::size_t>(model_.table().parameter_count);
      permute_rows(model_, permutations(index), std::span(row).first(parameters),
                   std::span(row).subspan(parameters));
      return row;
    }
    case Kind::subset: {
      auto row = host(spec.base);
      take_elements(row, spec);
      return row;
    }
    case Kind::plane: {
      auto row = host(spec.base);
      auto const from = host(spec.partner), to = host(spec.third);
      for (std::size_t i = 0; i < row.size(); ++i) {
        row[i] = static_cast<float>(row[i] + spec.v * (static_cast<double>(to[i]) - from[i]));
      }
      return row;
    }
    case Kind::random:
    case Kind::span:
    case Kind::complement:
      break;
  }
  auto row = host(spec.base);
  add_direction(row, spec);
  return row;
}

std::vector<AnalysisModels::Row> AnalysisModels::trajectory(ModelSpec const& base) const {
  std::vector<Row> rows;
  for (auto const round : stored_.trajectory) {
    rows.push_back(stored({.kind = Kind::trained, .client = base.client, .round = round}));
  }
  require(rows.size() > 1, "a trajectory of one stored round spans nothing");
  return rows;
}

/// Parameters only: buffers stay the base's. Where the span is all there is, its complement is
/// nothing, and the base stays where it is.
void AnalysisModels::add_direction(Row& row, ModelSpec const& spec) {
  auto const& base = specs_[static_cast<std::size_t>(spec.base)];
  auto const partner = host(spec.partner);
  auto const& table = model_.table();
  auto const rows = spec.kind == Kind::random ? std::vector<Row>{} : trajectory(base);
  std::vector<Slice> parts;
  for (auto const& layer : table.layers) parts.push_back(layer.parameters);
  if (!spec.by_layer) parts = {{0, table.parameter_count}};
  for (std::size_t p = 0; p < parts.size(); ++p) {
    auto const begin = static_cast<std::size_t>(parts[p].offset);
    auto random = stream(seed_, Purpose::direction, base, spec.draw, static_cast<int>(p));
    std::vector<double> way(static_cast<std::size_t>(parts[p].size)), direction(way.size());
    for (std::size_t i = 0; i < way.size(); ++i) {
      way[i] = static_cast<double>(partner[begin + i]) - row[begin + i];
      direction[i] = random.normal();
    }
    if (spec.kind != Kind::random) {
      auto const inside = Span(rows, begin, way.size()).projection(direction);
      for (std::size_t i = 0; i < way.size(); ++i) {
        direction[i] = spec.kind == Kind::span ? inside[i] : direction[i] - inside[i];
      }
    }
    double const own = length(direction);
    bool const some = own > kNothing * std::sqrt(static_cast<double>(way.size()));
    double const scale = some ? length(way) / own : 0.0;
    for (std::size_t i = 0; i < way.size(); ++i) {
      row[begin + i] = static_cast<float>(row[begin + i] + scale * direction[i]);
    }
  }
}

/// A random choice of elements of the whole row, by selection sampling: each one equally likely.
void AnalysisModels::take_elements(Row& row, ModelSpec const& spec) {
  auto const partner = host(spec.partner);
  auto random = stream(seed_, Purpose::subset, specs_[static_cast<std::size_t>(spec.base)],
                       spec.draw, spec.target);
  auto left = static_cast<std::uint64_t>(model_.table().parameter_count);
  auto wanted = static_cast<std::uint64_t>(spec.elements);
  for (std::size_t i = 0; wanted > 0; ++i, --left) {
    if (random.below(left) >= wanted) continue;
    row[i] = partner[i];
    --wanted;
  }
}

}  // namespace fedstrata
