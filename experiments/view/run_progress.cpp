#include "experiments/view/run_progress.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <map>
#include <vector>

#include "common/base/text.hpp"

namespace fedstrata {
namespace {

constexpr std::size_t kLately = 10;  // rounds that the rate is taken over

struct Point {
  std::int64_t round;
  double seconds;
};

/// Rounds a second over the last rounds of the last start.
double rate_of(std::vector<Point> const& points) {
  auto first = points.end();
  while (first != points.begin() && points.end() - first <= static_cast<long>(kLately)) {
    if (first != points.end() && (first - 1)->seconds > first->seconds) break;
    --first;
  }
  if (points.end() - first < 2) return kAbsent;
  double const time = points.back().seconds - first->seconds;
  return time > 0.0 ? static_cast<double>(points.back().round - first->round) / time : kAbsent;
}

}  // namespace

RunProgress read_progress(std::filesystem::path const& run) {
  RunProgress result;
  std::ifstream file(run / "progress.csv");
  std::string line;
  std::getline(file, line);
  std::map<std::string, std::size_t> place;
  for (auto const& name : split(line, ',')) place.emplace(name, place.size());
  std::vector<Point> points;
  while (std::getline(file, line)) {
    auto const cells = split(line, ',');
    auto const read = [&](char const* name, auto& value) {
      auto const found = place.find(name);
      return found != place.end() && found->second < cells.size() &&
             read_number(cells[found->second], value);
    };
    Point point{};
    if (file.eof() || !read("round", point.round) || !read("seconds", point.seconds)) continue;
    // The clock of a start that goes on with a run begins anew.
    double const before = points.empty() ? 0.0 : points.back().seconds;
    result.seconds += point.seconds >= before ? point.seconds - before : point.seconds;
    result.round = point.round;
    read("train_loss", result.train_loss);
    // The clients' own, as `simulate` shows it: where layers are averaged seldom, the averaged
    // model says little.
    if (!read("test_accuracy_after", result.test_accuracy)) {
      read("test_accuracy", result.test_accuracy);
    }
    if (!read("test_loss_after", result.test_loss)) read("test_loss", result.test_loss);
    points.push_back(point);
  }
  result.rate = rate_of(points);
  return result;
}

std::string time_text(double seconds) {
  if (!std::isfinite(seconds)) return "?";
  std::array<char, 32> text{};
  if (seconds < 60.0) {
    std::snprintf(text.data(), text.size(), "%.1f s", seconds);
    return text.data();
  }
  auto const whole = static_cast<long long>(std::llround(seconds));
  if (whole < 3600) return std::to_string(whole / 60) + " min " + std::to_string(whole % 60) + " s";
  std::snprintf(text.data(), text.size(), "%lld h %02lld min", whole / 3600, whole % 3600 / 60);
  return text.data();
}

std::string test_text(double accuracy, double loss) {
  std::array<char, 48> text{};
  if (!std::isnan(accuracy)) {
    std::snprintf(text.data(), text.size(), "test accuracy %.2f %%", 100.0 * accuracy);
  } else if (!std::isnan(loss)) {
    std::snprintf(text.data(), text.size(), "test loss %.4f", loss);
  } else {
    return "test accuracy -";
  }
  return text.data();
}

}  // namespace fedstrata
