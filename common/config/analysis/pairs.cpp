#include "common/config/analysis/pairs.hpp"

#include <algorithm>
#include <map>

#include "common/base/error.hpp"
#include "common/base/text.hpp"

namespace fedstrata {
namespace {

using Kind = PairSelection::Kind;

constexpr char const* kAllowed =
    "give all, ring, random:K, A-B,..., clients, mean, initial, round:R or (with --against) same.";

std::int64_t parse_number(std::string const& text, std::string const& whole) {
  std::int64_t value = 0;
  require_input(read_number(text, value) && value >= 0,
                "analysis.pairs = " + whole + ": '" + text + "' is not a number; " + kAllowed);
  return value;
}

Pair parse_pair(std::string const& item, std::string const& whole) {
  auto const dash = item.find('-');
  require_input(dash != std::string::npos,
                "analysis.pairs = " + whole + ": '" + item + "' is not a pair; " + kAllowed);
  return {parse_number(trim(item.substr(0, dash)), whole),
          parse_number(trim(item.substr(dash + 1)), whole)};
}

void require_client(std::int64_t client, std::int64_t clients, std::string const& begin,
                    std::string const& where) {
  require_input(client < clients, begin + ": there is no client " + std::to_string(client) +
                                      "; clients are 0 to " + std::to_string(clients - 1) + where);
}

}  // namespace

PairSelection parse_pairs(std::string const& text) {
  static std::map<std::string, Kind> const kPlain = {
      {"all", Kind::all},   {"ring", Kind::ring},       {"clients", Kind::clients},
      {"mean", Kind::mean}, {"initial", Kind::initial}, {"same", Kind::same}};
  auto const value = trim(text);
  PairSelection result{.kind = Kind::listed, .text = text, .count = 0, .listed = {}};
  if (auto const plain = kPlain.find(value); plain != kPlain.end()) {
    result.kind = plain->second;
  } else if (value.starts_with("random:")) {
    result.kind = Kind::random;
    result.count = parse_number(value.substr(7), text);
    require_input(result.count > 0, "analysis.pairs = " + text + ": ask for at least one pair.");
  } else if (value.starts_with("round:")) {
    result.kind = Kind::round;
    result.count = parse_number(value.substr(6), text);
  } else {
    auto const items = split(value, ',');
    require_input(!items.empty(), std::string("analysis.pairs is empty; ") + kAllowed);
    auto& listed = result.listed;
    for (auto const& item : items) {
      auto const pair = parse_pair(trim(item), text);
      if (std::find(listed.begin(), listed.end(), pair) == listed.end()) listed.push_back(pair);
    }
  }
  return result;
}

void check_listed_pairs(PairSelection const& selection, std::int64_t clients,
                        std::string const& source) {
  auto const begin = source + "analysis.pairs = " + selection.text;
  auto const where = " (data.clients = " + std::to_string(clients) + ")";
  for (auto const& [a, b] : selection.listed) {
    require_input(a != b, begin + ": " + std::to_string(a) + "-" + std::to_string(b) +
                              " pairs a client with itself; name two clients (or another run, "
                              "--against)");
    require_client(a, clients, begin, where);
    require_client(b, clients, begin, where);
  }
}

void check_pairs(PairSelection const& selection, std::int64_t clients, bool against,
                 std::int64_t partners) {
  auto const begin = "analysis.pairs = " + selection.text;
  require_input(against || selection.kind != Kind::same,
                "analysis.pairs = same pairs a client with itself in another run; name that run "
                "with --against.");
  bool const there = selection.kind == Kind::all || selection.kind == Kind::random ||
                     selection.kind == Kind::listed || selection.kind == Kind::same;
  require_input(!against || there, begin +
                                       " has no partners in another run; with --against give all, "
                                       "random:K, A-B,... or same.");
  if (!against) return check_listed_pairs(selection, clients);
  for (auto const& pair : selection.listed) {
    require_client(pair.a, clients, begin, " in this run");
    require_client(pair.b, partners, begin, " in the other run");
  }
}

}  // namespace fedstrata
