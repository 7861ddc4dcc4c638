#include "server/plan/kinds/kinds.hpp"

#include <algorithm>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/text.hpp"
#include "common/config/config.hpp"

namespace fedstrata {
namespace {

constexpr std::int64_t kDraws = 5;  // of kinds that are drawn, unless told otherwise
constexpr std::int64_t kMostDraws = 1000;

std::string name_of(KindEntry const& entry) {
  std::string const form = entry.form;
  return form.substr(0, form.find_first_of("[:"));
}

BarrierKindPtr parse_kind(std::string const& text) {
  auto const colon = text.find(':');
  KindText kind{text, std::nullopt};
  if (colon != std::string::npos) kind.argument = text.substr(colon + 1);
  std::vector<std::string> names;
  for (auto const& entry : kKinds) {
    auto const name = name_of(entry);
    bool const takes_argument = name != entry.form;
    if (takes_argument ? name == text.substr(0, colon) : name == text) return entry.make(kind);
    names.push_back(name);
  }
  auto const near = suggestion(text, names);
  auto const problem = "there is no kind '" + text + "'";
  throw InputError(near.empty() ? kind_problem(problem) : "analysis.kinds: " + problem + near);
}

}  // namespace

std::string kinds_allowed() {
  std::string text = "some of ";
  for (auto const& entry : kKinds) text += std::string(entry.form) + ", ";
  return text + "joined by commas";
}

KindSelection parse_kinds(std::string const& text) {
  auto const texts = split(text, ',');
  require_input(!texts.empty(), "analysis.kinds is empty; allowed: " + kinds_allowed());
  KindSelection result{join(texts, ","), {}};
  for (auto const& one : texts) {
    result.kinds.push_back(parse_kind(one));
    require_input(std::count(texts.begin(), texts.end(), one) == 1,
                  "analysis.kinds = " + result.text + " names '" + one +
                      "' twice; allowed: " + kinds_allowed());
  }
  return result;
}

void check_kinds(Config const& config, std::string const& source) {
  for (auto const& kind : config.analysis.kinds.kinds) kind->check(config, source);
}

void check_pairs_of_kinds(AnalysisConfig const& config, std::string const& source) {
  if (config.pairs.kind != PairSelection::Kind::clients) return;
  for (auto const& kind : config.kinds.kinds) {
    require_input(!kind->needs_pairs(),
                  source + ": analysis.kinds: " + kind->text() +
                      " compares pairs of models, and analysis.pairs = clients has none; leave " +
                      kind->text() + " out or set other pairs, such as analysis.pairs = all");
  }
}

std::string kind_problem(std::string const& problem) {
  return "analysis.kinds: " + problem + "; allowed: " + kinds_allowed();
}

std::int64_t kind_number(std::string const& number, KindText const& kind, std::int64_t least,
                         std::int64_t most) {
  std::int64_t value = 0;
  require_input(read_number(number, value) && value >= least && value <= most,
                kind_problem("in '" + kind.text + "', '" + number + "' is not a number from " +
                             std::to_string(least) + " to " + std::to_string(most)));
  return value;
}

std::int64_t kind_draws(KindText const& kind) {
  return kind.argument ? kind_number(*kind.argument, kind, 1, kMostDraws) : kDraws;
}

}  // namespace fedstrata
