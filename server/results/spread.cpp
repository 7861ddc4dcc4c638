#include "server/results/spread.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <utility>

#include "server/math/symmetric_eigen.hpp"

namespace fedstrata {
namespace {

/// Eigenvalues of -1/2 J D J, D the squared distances [n, n] and J the centring matrix.
std::vector<double> singular_values(std::vector<double> const& squared, std::size_t n) {
  std::vector<double> means(n, 0.0);
  double all = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) means[i] += squared[i * n + j] / static_cast<double>(n);
    all += means[i] / static_cast<double>(n);
  }
  std::vector<double> gram(n * n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      gram[i * n + j] = -0.5 * (squared[i * n + j] - means[i] - means[j] + all);
    }
  }
  auto values = symmetric_eigen(std::move(gram), n).values;
  values.pop_back();  // centred rows: one direction is missing
  for (auto& value : values) value = std::sqrt(std::max(0.0, value));
  return values;
}

}  // namespace

std::vector<SpreadRecord> spread(RoundPlan const& plan, LayerTable const& table,
                                 std::map<std::size_t, std::vector<Products>> const& comparisons) {
  auto const& clients = plan.participants;
  auto const n = clients.size();
  auto const layers = table.layers.size();
  if (n < 2) return {};
  auto const place = [&](std::int64_t id) {
    return static_cast<std::size_t>(std::ranges::lower_bound(clients, id) - clients.begin());
  };
  std::vector<std::vector<double>> squared(layers + 1, std::vector<double>(n * n, 0.0));
  std::set<std::pair<std::size_t, std::size_t>> seen;
  for (auto const& [index, products] : comparisons) {
    auto const& c = plan.comparisons[index];
    bool const of_round = c.id_b >= 0 &&
                          plan.models[static_cast<std::size_t>(c.b)].round == plan.round &&
                          !plan.models[static_cast<std::size_t>(c.b)].other_run;
    if (!of_round) continue;
    auto const i = place(c.id_a), j = place(c.id_b);
    if (i == j || !seen.insert(std::minmax(i, j)).second) continue;
    for (std::size_t l = 0; l < layers; ++l) {
      squared[l][i * n + j] = squared[l][j * n + i] = products[l].squared_distance;
      squared[layers][i * n + j] += products[l].squared_distance;
    }
    squared[layers][j * n + i] = squared[layers][i * n + j];
  }
  if (seen.size() < n * (n - 1) / 2) return {};
  std::vector<SpreadRecord> records;
  for (std::size_t l = 0; l <= layers; ++l) {
    auto const values = singular_values(squared[l], n);
    for (std::size_t k = 0; k < values.size(); ++k) {
      records.push_back({plan.round, l < layers ? table.layers[l].name : "all",
                         static_cast<std::int64_t>(k), values[k]});
    }
  }
  return records;
}

}  // namespace fedstrata
