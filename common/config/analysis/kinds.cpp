#include "common/config/analysis/kinds.hpp"

#include <map>

#include "common/base/error.hpp"
#include "common/base/text.hpp"

namespace fedstrata {
namespace {

using Family = Kind::Family;
using Order = Kind::Order;

constexpr std::int64_t kDraws = 5;  // of the random kinds, unless told otherwise
constexpr std::int64_t kMostDraws = 1000;

std::string allowed() { return "; allowed: " + kinds_allowed(); }

std::int64_t number_in(std::string const& text, std::string const& whole, std::int64_t least,
                       std::int64_t most) {
  std::int64_t value = 0;
  require_input(read_number(text, value) && value >= least && value <= most,
                "analysis.kinds: in '" + whole + "', '" + text + "' is not a number from " +
                    std::to_string(least) + " to " + std::to_string(most) + allowed());
  return value;
}

Kind group_kind(std::string const& rest, std::string const& whole) {
  auto const equals = rest.find('=');
  require_input(equals != std::string::npos && equals > 0 && equals + 1 < rest.size(),
                "analysis.kinds: '" + whole +
                    "' is not of the form group:NAME=SELECTOR+SELECTOR..." + allowed());
  Kind kind{Family::group, Order::shallow, "group", 0, rest.substr(0, equals), {}, {}};
  kind.layers = join(split(rest.substr(equals + 1), '+'), ",");
  return kind;
}

Kind plane_kind(std::string const& rest, std::string const& whole) {
  auto const colon = rest.find(':');
  auto const ids = split(rest.substr(0, colon), '-');
  require_input(ids.size() == 3, "analysis.kinds: '" + whole +
                                     "' is not of the form plane:A-B-C or plane:A-B-C:LAYER" +
                                     allowed());
  Kind kind{Family::plane, Order::shallow, "plane", 0, {}, {}, {}};
  for (std::size_t i = 0; i < 3; ++i) {
    kind.clients[i] = number_in(ids[i], whole, 0, std::int64_t{1} << 40);
  }
  auto const& [a, b, c] = kind.clients;
  require_input(a != b && b != c && a != c,
                "analysis.kinds: '" + whole + "' names a client twice; a plane needs three.");
  if (colon != std::string::npos) kind.layers = rest.substr(colon + 1);
  return kind;
}

}  // namespace

std::string kinds_allowed() {
  return "some of full, layer, cumulative-shallow, cumulative-deep, cumulative-random, "
         "cumulative-minimal, window:K, group:NAME=SELECTOR+SELECTOR..., complement, interaction, "
         "subset[:DRAWS], random[:DRAWS], subspace[:DRAWS], plane:A-B-C[:LAYER], joined by commas";
}

Kind parse_kind(std::string const& text) {
  static std::map<std::string, Kind> const kPlain = {
      {"full", {Family::full, {}, "full", 0, {}, {}, {}}},
      {"layer", {Family::layer, {}, "layer", 0, {}, {}, {}}},
      {"cumulative-shallow",
       {Family::cumulative, Order::shallow, "cumulative-shallow", 0, {}, {}, {}}},
      {"cumulative-deep", {Family::cumulative, Order::deep, "cumulative-deep", 0, {}, {}, {}}},
      {"cumulative-random",
       {Family::cumulative, Order::random, "cumulative-random", 0, {}, {}, {}}},
      {"cumulative-minimal",
       {Family::cumulative, Order::minimal, "cumulative-minimal", 0, {}, {}, {}}},
      {"complement", {Family::complement, {}, "complement", 0, {}, {}, {}}},
      {"interaction", {Family::interaction, {}, "interaction", 0, {}, {}, {}}}};
  static std::map<std::string, Family> const kDrawn = {
      {"subset", Family::subset}, {"random", Family::random}, {"subspace", Family::subspace}};
  auto const colon = text.find(':');
  auto const name = text.substr(0, colon);
  auto const rest = colon == std::string::npos ? std::string() : text.substr(colon + 1);
  if (auto const plain = kPlain.find(text); plain != kPlain.end()) return plain->second;
  if (auto const drawn = kDrawn.find(name); drawn != kDrawn.end()) {
    Kind kind{drawn->second, {}, name, kDraws, {}, {}, {}};
    if (colon != std::string::npos) kind.count = number_in(rest, text, 1, kMostDraws);
    return kind;
  }
  if (name == "window") {
    return {Family::window, {}, text, number_in(rest, text, 1, 100000), {}, {}, {}};
  }
  if (name == "group") return group_kind(rest, text);
  if (name == "plane") return plane_kind(rest, text);
  std::vector<std::string> names = {"window:K", "group:NAME=...", "plane:A-B-C"};
  for (auto const& [known, kind] : kPlain) names.push_back(known);
  for (auto const& [known, family] : kDrawn) names.push_back(known);
  auto const near = suggestion(text, names);
  throw InputError("analysis.kinds: there is no kind '" + text + "'" +
                   (near.empty() ? allowed() : near));
}

}  // namespace fedstrata
