#include "common/config/analysis/alphas.hpp"

#include <algorithm>
#include <cstdint>

#include "common/base/error.hpp"
#include "common/base/text.hpp"

namespace fedstrata {
namespace {

constexpr std::int64_t kMostAlphas = 1001;
constexpr std::int64_t kSearchGrid = 9;
constexpr double kSearchTolerance = 0.01;  // unless told otherwise

/// 0 when `text` asks for no search.
double search_tolerance(std::string const& text) {
  if (text == "search") return kSearchTolerance;
  if (!text.starts_with("search:")) return 0.0;
  double tolerance = 0.0;
  require_input(read_number(text.substr(7), tolerance) && tolerance >= 1e-6 && tolerance <= 0.1,
                "analysis.alphas = " + text +
                    ": the tolerance of a search is a number from 1e-6 "
                    "to 0.1");
  return tolerance;
}

std::vector<double> evenly_spaced(std::int64_t count) {
  std::vector<double> alphas;
  for (std::int64_t i = 0; i < count; ++i) {
    alphas.push_back(static_cast<double>(i) / static_cast<double>(count - 1));
  }
  return alphas;
}

std::vector<double> listed(std::string const& text) {
  std::vector<double> alphas;
  for (auto const& part : split(text, ',')) {
    double alpha = -1;
    require_input(read_number(part, alpha) && alpha >= 0 && alpha <= 1,
                  "analysis.alphas = " + text + ": '" + part + "' is not a number in [0, 1]");
    alphas.push_back(alpha == 0 ? 0.0 : alpha);
  }
  require_input(!alphas.empty(),
                "analysis.alphas is empty; give a count > 1, a list in [0, 1] or search");
  return alphas;
}

}  // namespace

AlphaSelection parse_alphas(std::string const& text) {
  AlphaSelection result{text, {}, search_tolerance(text)};
  auto& grid = result.grid;
  std::int64_t count = 0;
  if (result.search_tolerance > 0.0) {
    grid = evenly_spaced(kSearchGrid);
  } else if (read_number(trim(text), count) && count > 1) {
    require_input(count <= kMostAlphas, "analysis.alphas = " + text + ": at most " +
                                            std::to_string(kMostAlphas) + " are possible");
    grid = evenly_spaced(count);
  } else {
    grid = listed(text);
  }
  grid.insert(grid.end(), {0.0, 0.5, 1.0});
  std::sort(grid.begin(), grid.end());
  grid.erase(std::unique(grid.begin(), grid.end()), grid.end());
  return result;
}

}  // namespace fedstrata
