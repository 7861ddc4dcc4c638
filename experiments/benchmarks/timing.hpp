#pragma once
#include <algorithm>
#include <cstdio>
#include <cstdlib>
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
/// the machine does meets all of them. `seconds` is the clock.
inline std::vector<Durations> interleave(
    int repeats, std::vector<std::function<void()>> const& candidates,
    std::function<double()> const& seconds = processor_seconds) {
  std::vector<Durations> samples(candidates.size());
  for (int repeat = -1; repeat < repeats; ++repeat) {
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      double const start = seconds();
      candidates[i]();
      if (repeat >= 0) samples[i].seconds.push_back(seconds() - start);
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

/// The command line: [--tiny] [--cuda].
struct Options {
  bool tiny = false;  ///< small sizes, to see that the program works
  bool cuda = false;  ///< measure on a GPU

  /// Ends the process where there is another word, or --cuda and the program has no use for a GPU.
  Options(int argc, char** argv, bool uses_device) {
    for (int i = 1; i < argc; ++i) {
      std::string const word = argv[i];
      if (word == "--tiny") {
        tiny = true;
      } else if (word == "--cuda" && uses_device) {
        cuda = true;
      } else {
        std::fprintf(stderr, "%s: unknown argument '%s' (known: --tiny%s)\n", argv[0], argv[i],
                     uses_device ? ", --cuda" : "");
        std::exit(2);
      }
    }
  }
};

}  // namespace fedstrata::benchmarks
