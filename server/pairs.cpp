#include "server/pairs.hpp"

#include <algorithm>
#include <charconv>
#include <set>
#include <string_view>

#include "common/error.hpp"
#include "common/random.hpp"

namespace fedstrata {
namespace {

std::int64_t parse_number(std::string_view text, std::string const& whole) {
  std::int64_t value = 0;
  auto const [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  require_input(code == std::errc() && end == text.data() + text.size() && value >= 0,
                "analysis.pairs = " + whole + ": '" + std::string(text) +
                    "' is not a number; give all, ring, random:K, A-B,... or clients.");
  return value;
}

std::string_view trim(std::string_view text) {
  auto const first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

Pair parse_pair(std::string_view item, std::string const& whole, std::int64_t clients) {
  auto const dash = item.find('-');
  require_input(dash != std::string_view::npos,
                "analysis.pairs = " + whole + ": '" + std::string(item) +
                    "' is not a pair; give all, ring, random:K, A-B,... or clients.");
  Pair const pair{parse_number(trim(item.substr(0, dash)), whole),
                  parse_number(trim(item.substr(dash + 1)), whole)};
  auto const largest = std::max(pair.a, pair.b);
  require_input(largest < clients, "analysis.pairs = " + whole + ": there is no client " +
                                       std::to_string(largest) + "; clients are 0 to " +
                                       std::to_string(clients - 1) + ".");
  require_input(pair.a != pair.b, "analysis.pairs = " + whole + ": '" + std::string(item) +
                                      "' pairs a client with itself; name two clients.");
  return pair;
}

bool took_part(std::span<std::int64_t const> participants, std::int64_t client) {
  return std::binary_search(participants.begin(), participants.end(), client);
}

std::vector<Pair> all_pairs(std::span<std::int64_t const> ids) {
  std::vector<Pair> pairs;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    for (std::size_t j = i + 1; j < ids.size(); ++j) pairs.push_back({ids[i], ids[j]});
  }
  return pairs;
}

std::vector<Pair> ring(std::span<std::int64_t const> ids) {
  std::vector<Pair> pairs;
  for (std::size_t i = 0; i + 1 < ids.size(); ++i) pairs.push_back({ids[i], ids[i + 1]});
  if (ids.size() > 2) pairs.push_back({ids.back(), ids.front()});
  return pairs;
}

/// Floyd's sampling without replacement over the pairs numbered j (j - 1) / 2 + i, i < j: memory
/// and time grow with `count`, not with the number of pairs there are.
std::vector<Pair> random_pairs(std::span<std::int64_t const> ids, std::int64_t count,
                               Random random) {
  auto const n = static_cast<std::uint64_t>(ids.size());
  auto const available = n < 2 ? 0 : n * (n - 1) / 2;
  if (static_cast<std::uint64_t>(count) >= available) return all_pairs(ids);
  std::set<std::uint64_t> numbers;
  for (auto last = available - static_cast<std::uint64_t>(count); last < available; ++last) {
    if (!numbers.insert(random.below(last + 1)).second) numbers.insert(last);
  }
  std::vector<Pair> pairs;
  std::uint64_t j = 1;
  for (auto const number : numbers) {
    while (j * (j + 1) / 2 <= number) ++j;
    pairs.push_back({ids[number - j * (j - 1) / 2], ids[j]});
  }
  std::sort(pairs.begin(), pairs.end());
  return pairs;
}

std::vector<Pair> listed_pairs(std::vector<Pair> const& listed,
                               std::span<std::int64_t const> participants) {
  std::vector<Pair> pairs;
  for (auto const& pair : listed) {
    if (took_part(participants, pair.a) && took_part(participants, pair.b)) pairs.push_back(pair);
  }
  return pairs;
}

}  // namespace

PairSelection parse_pairs(std::string const& text, std::int64_t clients) {
  using Kind = PairSelection::Kind;
  auto const value = trim(text);
  if (value == "all") return {Kind::all, 0, {}};
  if (value == "ring") return {Kind::ring, 0, {}};
  if (value == "clients") return {Kind::clients, 0, {}};
  if (value.starts_with("random:")) {
    auto const count = parse_number(value.substr(7), text);
    require_input(count > 0, "analysis.pairs = " + text + ": ask for at least one pair.");
    return {Kind::random, count, {}};
  }
  PairSelection selection{Kind::listed, 0, {}};
  for (std::size_t begin = 0; begin <= value.size();) {
    auto const comma = std::min(value.find(',', begin), value.size());
    auto const pair = parse_pair(trim(value.substr(begin, comma - begin)), text, clients);
    auto& listed = selection.listed;
    if (std::find(listed.begin(), listed.end(), pair) == listed.end()) listed.push_back(pair);
    begin = comma + 1;
  }
  return selection;
}

std::vector<Pair> select_pairs(PairSelection const& selection,
                               std::span<std::int64_t const> participants, std::uint64_t seed,
                               std::int64_t round) {
  switch (selection.kind) {
    case PairSelection::Kind::all:
      return all_pairs(participants);
    case PairSelection::Kind::ring:
      return ring(participants);
    case PairSelection::Kind::random:
      return random_pairs(participants, selection.count,
                          Random(seed, Purpose::pairs, 0, static_cast<std::uint64_t>(round)));
    case PairSelection::Kind::listed:
      return listed_pairs(selection.listed, participants);
    case PairSelection::Kind::clients:
      break;
  }
  return {};
}

std::vector<SkippedRecord> skipped_pairs(PairSelection const& selection,
                                         std::span<std::int64_t const> participants,
                                         std::int64_t round) {
  std::vector<SkippedRecord> skipped;
  for (auto const& pair : selection.listed) {
    for (auto const client : {pair.a, pair.b}) {
      if (took_part(participants, client)) continue;
      skipped.push_back({round, pair.a, pair.b,
                         "client " + std::to_string(client) + " did not take part in round " +
                             std::to_string(round)});
      break;
    }
  }
  bool const needs_two = selection.kind != PairSelection::Kind::listed &&
                         selection.kind != PairSelection::Kind::clients;
  if (needs_two && participants.size() < 2) {
    skipped.push_back({round, -1, -1, "fewer than two clients took part"});
  }
  return skipped;
}

}  // namespace fedstrata
