#include "experiments/view/run_progress.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <map>
#include <utility>

#include "common/base/text.hpp"
#include "common/store/names.hpp"
#include "experiments/view/screen.hpp"

namespace fedstrata {
namespace {

constexpr std::size_t kLately = 10;  // rounds that the rate is taken over

/// Rounds a second over the last rounds of the last start.
double rate_of(std::vector<ProgressRow> const& rows) {
  auto first = rows.end();
  while (first != rows.begin() && rows.end() - first <= static_cast<long>(kLately)) {
    if (first != rows.end() && (first - 1)->seconds > first->seconds) break;
    --first;
  }
  if (rows.end() - first < 2) return kAbsent;
  double const time = rows.back().seconds - first->seconds;
  return time > 0.0 ? static_cast<double>(rows.back().round - first->round) / time : kAbsent;
}

void take_over(double& value, double newer) {
  if (!std::isnan(newer)) value = newer;
}

std::string percent(double share) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%.2f %%", 100.0 * share);
  return text.data();
}

}  // namespace

void TestResult::update(TestResult const& newer) {
  take_over(accuracy, newer.accuracy);
  take_over(own_accuracy, newer.own_accuracy);
  take_over(loss, newer.loss);
}

std::string TestResult::text() const {
  if (std::isnan(accuracy) && !std::isnan(loss)) return "test loss " + compact(loss, 4);
  return "test accuracy " + (std::isnan(accuracy) ? "-" : percent(accuracy)) +
         (std::isnan(own_accuracy) ? "" : ", own labels " + percent(own_accuracy));
}

std::vector<ProgressRow> read_progress_rows(std::filesystem::path const& run) {
  std::vector<ProgressRow> rows;
  std::ifstream file(run / RunNames::kProgress);
  std::string line;
  std::getline(file, line);
  std::map<std::string, std::size_t> place;
  for (auto const& name : split(line, ',')) place.emplace(name, place.size());
  while (std::getline(file, line)) {
    auto const cells = split(line, ',');
    auto const read = [&](char const* name, auto& value) {
      auto const found = place.find(name);
      return found != place.end() && found->second < cells.size() &&
             read_number(cells[found->second], value);
    };
    ProgressRow row;
    row.line = line;
    if (file.eof() || !read("round", row.round) || !read("seconds", row.seconds)) continue;
    read("train_loss", row.train_loss);
    // The clients' models: where layers are averaged seldom or never, no client uses the global
    // one.
    if (!read("test_accuracy_after", row.test.accuracy)) read("test_accuracy", row.test.accuracy);
    if (!read("test_loss_after", row.test.loss)) read("test_loss", row.test.loss);
    read("test_accuracy_local_after", row.test.own_accuracy);
    rows.push_back(std::move(row));
  }
  return rows;
}

RunProgress read_progress(std::filesystem::path const& run) {
  RunProgress result;
  auto const rows = read_progress_rows(run);
  double before = 0.0;
  for (auto const& row : rows) {
    // The clock of a start that goes on with a run may begin anew.
    result.seconds += row.seconds >= before ? row.seconds - before : row.seconds;
    before = row.seconds;
    result.round = row.round;
    take_over(result.train_loss, row.train_loss);
    result.test.update(row.test);
  }
  result.rate = rate_of(rows);
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
  auto const hours = whole / 3600;
  if (hours < 100) {
    std::snprintf(text.data(), text.size(), "%lld h %02lld min", hours, whole % 3600 / 60);
    return text.data();
  }
  return compact(static_cast<double>(hours / 24), 0) + " days";
}

}  // namespace fedstrata
