#pragma once
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <functional>
#include <string>
#include <vector>

namespace fedstrata::benchmarks {

/// Seconds of processor time this process has used. The programs compute on one thread, and unlike
/// the wall clock this one stands still while other programs have the core.
inline double processor_seconds() {
  return static_cast<double>(std::clock()) / static_cast<double>(CLOCKS_PER_SEC);
}

/// Seconds of each repetition.
struct Durations {
  std::vector<double> seconds;

  double best() const { return *std::ranges::min_element(seconds); }
  double median() const {
    auto sorted = seconds;
    std::ranges::sort(sorted);
    auto const middle = sorted.size() / 2;
    return sorted.size() % 2 == 1 ? sorted[middle] : 0.5 * (sorted[middle - 1] + sorted[middle]);
  }
};

/// Runs the candidates in turn, `repeats` times after one unmeasured turn, so that whatever else
/// the machine does meets all of them.
inline std::vector<Durations> interleave(int repeats,
                                       std::vector<std::function<void()>> const& candidates) {
  std::vector<Durations> samples(candidates.size());
  for (int repeat = -1; repeat < repeats; ++repeat) {
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      double const start = processor_seconds();
      candidates[i]();
      if (repeat >= 0) samples[i].seconds.push_back(processor_seconds() - start);
    }
  }
  return samples;
}

/// One row of a Markdown table.
inline void print_row(std::vector<std::string> const& cells) {
  std::string line = "|";
  for (auto const& cell : cells) line += " " + cell + " |";
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

/// A row and the line under it.
inline void print_head(std::vector<std::string> const& cells) {
  print_row(cells);
  print_row(std::vector<std::string>(cells.size(), "---"));
}

inline std::string fixed(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof(text), "%.*f", digits, value);
  return text;
}

inline bool tiny(int argc, char** argv) { return argc > 1 && std::string(argv[1]) == "--tiny"; }

}  // namespace fedstrata::benchmarks
