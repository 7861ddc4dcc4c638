#include "common/config/analysis/rounds.hpp"

#include <algorithm>
#include <iterator>

#include "common/base/error.hpp"
#include "common/base/text.hpp"

namespace fedstrata {
namespace {

using Kind = RoundSelection::Kind;

std::int64_t read_round(std::string const& text, std::string const& whole) {
  std::int64_t round = -1;
  require_input(read_entry(text, round) && round >= 0,
                "analysis.rounds = " + whole + ": '" + text +
                    "' is not a round; allowed: all, last, a list of rounds or A:B:STEP");
  return round;
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

/// Those of the rounds for which `wanted`.
template <class Wanted>
std::vector<std::int64_t> filtered(std::vector<std::int64_t> const& rounds, Wanted wanted) {
  std::vector<std::int64_t> result;
  std::copy_if(rounds.begin(), rounds.end(), std::back_inserter(result), wanted);
  return result;
}

std::vector<std::int64_t> chosen(RoundSelection const& selection,
                                 std::vector<std::int64_t> const& stored) {
  switch (selection.kind) {
    case Kind::all:
      return filtered(stored, [](std::int64_t round) { return round >= 1; });
    case Kind::last:
      return {stored.back()};
    case Kind::progression:
      return filtered(stored, [&](std::int64_t round) {
        return round >= selection.first && round <= selection.last &&
               (round - selection.first) % selection.step == 0;
      });
    case Kind::listed:
      break;
  }
  for (auto const round : selection.list) {
    require_input(std::binary_search(stored.begin(), stored.end(), round),
                  "analysis.rounds = " + selection.text + ": round " + std::to_string(round) +
                      " is not stored; stored rounds: " + list_rounds(stored));
  }
  return filtered(stored, [&](std::int64_t round) {
    return std::find(selection.list.begin(), selection.list.end(), round) != selection.list.end();
  });
}

}  // namespace

RoundSelection parse_rounds(std::string const& text) {
  RoundSelection result{.kind = Kind::listed, .text = text, .list = {}};
  if (text == "all" || text == "last") {
    result.kind = text == "all" ? Kind::all : Kind::last;
    return result;
  }
  if (text.find(':') == std::string::npos) {
    for (auto const& part : split(text, ',')) result.list.push_back(read_round(part, text));
    require_input(!result.list.empty(),
                  "analysis.rounds is empty; allowed: all, last, a list of rounds or A:B:STEP");
    return result;
  }
  auto const parts = split(text, ':');
  require_input(parts.size() == 2 || parts.size() == 3,
                "analysis.rounds = " + text + " is not of the form A:B:STEP");
  result.kind = Kind::progression;
  result.first = read_round(parts[0], text);
  result.last = read_round(parts[1], text);
  if (parts.size() == 3) result.step = read_round(parts[2], text);
  require_input(result.step > 0 && result.first <= result.last,
                "analysis.rounds = " + text + ": A:B:STEP needs A <= B and STEP >= 1");
  return result;
}

std::vector<std::int64_t> select_rounds(RoundSelection const& selection,
                                        std::vector<std::int64_t> const& stored) {
  require_input(!stored.empty(),
                "The run holds no checkpoint to analyse; run it with checkpoint.every > 0");
  auto sorted = stored;
  std::sort(sorted.begin(), sorted.end());
  auto rounds = chosen(selection, sorted);
  require_input(!rounds.empty(), "analysis.rounds = " + selection.text +
                                     " selects nothing; stored rounds: " + list_rounds(sorted));
  return rounds;
}

}  // namespace fedstrata
