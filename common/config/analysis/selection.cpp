#include "common/config/analysis/selection.hpp"

#include <algorithm>

#include "common/base/error.hpp"
#include "common/base/text.hpp"

namespace fedstrata {
namespace {

constexpr std::int64_t kMostAlphas = 1001;

/// Parsed form of analysis.rounds: a progression when step > 0, else the list.
struct RoundSpec {
  std::int64_t first = 0;
  std::int64_t last = 0;
  std::int64_t step = 0;
  std::vector<std::int64_t> list;
};

std::int64_t read_round(std::string const& text, std::string const& spec) {
  std::int64_t round = -1;
  require_input(read_number(text, round) && round >= 0,
                "analysis.rounds = " + spec + ": '" + text +
                    "' is not a round; allowed: all, last, a list of rounds or A:B:STEP");
  return round;
}

RoundSpec parse_rounds(std::string const& spec) {
  RoundSpec result;
  if (spec.find(':') == std::string::npos) {
    for (auto const& part : split(spec, ',')) result.list.push_back(read_round(part, spec));
    require_input(!result.list.empty(),
                  "analysis.rounds is empty; allowed: all, last, a list of rounds or A:B:STEP");
    return result;
  }
  auto const parts = split(spec, ':');
  require_input(parts.size() == 2 || parts.size() == 3,
                "analysis.rounds = " + spec + " is not of the form A:B:STEP");
  result.first = read_round(parts[0], spec);
  result.last = read_round(parts[1], spec);
  result.step = parts.size() == 3 ? read_round(parts[2], spec) : 1;
  require_input(result.step > 0 && result.first <= result.last,
                "analysis.rounds = " + spec + ": A:B:STEP needs A <= B and STEP >= 1");
  return result;
}

std::string list_rounds(std::vector<std::int64_t> const& rounds) {
  constexpr std::size_t kShown = 20;
  std::vector<std::string> names;
  for (auto const round : rounds) names.push_back(std::to_string(round));
  if (names.size() > kShown) {
    names[kShown - 2] = "...";
    names[kShown - 1] = names.back();
    names.resize(kShown);
  }
  return join(names, ", ");
}

std::vector<std::int64_t> chosen(std::string const& spec, std::vector<std::int64_t> const& stored) {
  if (spec == "last") return {stored.back()};
  std::vector<std::int64_t> rounds;
  auto const keep_if = [&](auto wanted) {
    std::copy_if(stored.begin(), stored.end(), std::back_inserter(rounds), wanted);
  };
  if (spec == "all") {
    keep_if([](std::int64_t round) { return round >= 1; });
    return rounds;
  }
  RoundSpec const parsed = parse_rounds(spec);
  if (parsed.step > 0) {
    keep_if([&](std::int64_t round) {
      return round >= parsed.first && round <= parsed.last &&
             (round - parsed.first) % parsed.step == 0;
    });
    return rounds;
  }
  for (auto const round : parsed.list) {
    require_input(std::binary_search(stored.begin(), stored.end(), round),
                  "analysis.rounds = " + spec + ": round " + std::to_string(round) +
                      " is not stored; stored rounds: " + list_rounds(stored));
  }
  keep_if([&](std::int64_t round) {
    return std::find(parsed.list.begin(), parsed.list.end(), round) != parsed.list.end();
  });
  return rounds;
}

}  // namespace

double search_tolerance(std::string const& text) {
  constexpr double kDefault = 0.01;
  if (text == "search") return kDefault;
  if (!text.starts_with("search:")) return 0.0;
  double tolerance = 0.0;
  require_input(read_number(text.substr(7), tolerance) && tolerance >= 1e-6 && tolerance <= 0.1,
                "analysis.alphas = " + text +
                    ": the tolerance of a search is a number from 1e-6 "
                    "to 0.1");
  return tolerance;
}

std::vector<double> parse_alphas(std::string const& text) {
  if (search_tolerance(text) > 0.0) return parse_alphas("9");
  std::vector<double> alphas = {0.0, 0.5, 1.0};
  std::int64_t count = 0;
  if (read_number(trim(text), count) && count > 1) {
    require_input(count <= kMostAlphas, "analysis.alphas = " + text + ": at most " +
                                            std::to_string(kMostAlphas) + " are possible");
    for (std::int64_t i = 0; i < count; ++i) {
      alphas.push_back(static_cast<double>(i) / static_cast<double>(count - 1));
    }
  } else {
    auto const parts = split(text, ',');
    for (auto const& part : parts) {
      double alpha = -1;
      require_input(read_number(part, alpha) && alpha >= 0 && alpha <= 1,
                    "analysis.alphas = " + text + ": '" + part + "' is not a number in [0, 1]");
      alphas.push_back(alpha == 0 ? 0.0 : alpha);
    }
    require_input(!parts.empty(),
                  "analysis.alphas is empty; give a count > 1, a list in [0, 1] or search");
  }
  std::sort(alphas.begin(), alphas.end());
  alphas.erase(std::unique(alphas.begin(), alphas.end()), alphas.end());
  return alphas;
}

void check_rounds(std::string const& spec) {
  if (spec != "all" && spec != "last") parse_rounds(spec);
}

std::vector<std::int64_t> select_rounds(std::string const& spec,
                                        std::vector<std::int64_t> const& stored) {
  require_input(!stored.empty(),
                "The run holds no checkpoint to analyse; run it with checkpoint.every > 0");
  auto sorted = stored;
  std::sort(sorted.begin(), sorted.end());
  auto rounds = chosen(spec, sorted);
  require_input(!rounds.empty(), "analysis.rounds = " + spec +
                                     " selects nothing; stored rounds: " + list_rounds(sorted));
  return rounds;
}

}  // namespace fedstrata
