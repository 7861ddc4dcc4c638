// Pairs of a round, chosen without listing all of them: 100,000 clients have five billion. Random
// pairs come from a stream named by the round, so that any rank, during the run or later, chooses
// the same.
#include "server/plan/pairs.hpp"

#include <algorithm>
#include <array>

#include "common/base/random.hpp"

namespace fedstrata {
namespace {

using Kind = PairSelection::Kind;

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

/// Over the pairs numbered j (j - 1) / 2 + i, i < j.
std::vector<Pair> random_pairs(std::span<std::int64_t const> ids, std::uint64_t count,
                               Random random) {
  auto const n = static_cast<std::uint64_t>(ids.size());
  auto const available = n < 2 ? 0 : n * (n - 1) / 2;
  if (count >= available) return all_pairs(ids);
  std::vector<Pair> pairs;
  std::uint64_t j = 1;
  for (auto const number : distinct_numbers(available, count, random)) {
    while (j * (j + 1) / 2 <= number) ++j;
    pairs.push_back({ids[number - j * (j - 1) / 2], ids[j]});
  }
  std::sort(pairs.begin(), pairs.end());
  return pairs;
}

std::vector<Pair> combinations(std::span<std::int64_t const> ids,
                               std::span<std::int64_t const> partners) {
  std::vector<Pair> pairs;
  for (auto const a : ids) {
    for (auto const b : partners) pairs.push_back({a, b});
  }
  return pairs;
}

/// Pairs whose second model is of another round or run.
std::vector<Pair> pairs_elsewhere(PairSelection const& selection, std::span<std::int64_t const> ids,
                                  std::span<std::int64_t const> partners, Random random) {
  auto const there = [&](std::int64_t id) {
    return std::binary_search(partners.begin(), partners.end(), id);
  };
  auto pairs = combinations(ids, partners);
  if (selection.kind == Kind::random) {
    auto const count = static_cast<std::uint64_t>(selection.count);
    if (count >= pairs.size()) return pairs;
    std::vector<Pair> chosen;
    for (auto const number : distinct_numbers(pairs.size(), count, random))
      chosen.push_back(pairs[number]);
    return chosen;
  }
  if (selection.kind == Kind::all) return pairs;
  std::vector<Pair> chosen;
  if (selection.kind == Kind::same || selection.kind == Kind::round) {
    for (auto const id : ids) {
      if (there(id)) chosen.push_back({id, id});
    }
  }
  for (auto const& pair : selection.listed) {
    if (std::binary_search(ids.begin(), ids.end(), pair.a) && there(pair.b)) chosen.push_back(pair);
  }
  return chosen;
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

std::vector<Pair> select_pairs(PairSelection const& selection,
                               std::span<std::int64_t const> participants, std::uint64_t seed,
                               std::int64_t round,
                               std::optional<std::span<std::int64_t const>> partners) {
  Random const random(seed, Purpose::pairs, 0, static_cast<std::uint64_t>(round));
  if (partners) return pairs_elsewhere(selection, participants, *partners, random);
  switch (selection.kind) {
    case Kind::all:
      return all_pairs(participants);
    case Kind::ring:
      return ring(participants);
    case Kind::random:
      return random_pairs(participants, static_cast<std::uint64_t>(selection.count), random);
    case Kind::listed:
      return listed_pairs(selection.listed, participants);
    case Kind::mean:
      return combinations(participants, std::array{kMean});
    case Kind::initial:
      return combinations(participants, std::array{kInitialisation});
    case Kind::clients:
    case Kind::round:
    case Kind::same:
      break;
  }
  return {};
}

std::vector<SkippedRecord> skipped_pairs(PairSelection const& selection,
                                         std::span<std::int64_t const> participants,
                                         std::int64_t round,
                                         std::optional<std::span<std::int64_t const>> partners) {
  std::vector<SkippedRecord> skipped;
  auto const skip = [&](Pair const& pair, std::string const& reason) {
    skipped.push_back({round, pair.a, pair.b, reason});
  };
  auto const absent = [&](std::int64_t client) {
    return "client " + std::to_string(client) + " did not take part in round " +
           std::to_string(round);
  };
  auto const no_partner = [](std::int64_t client) {
    return "client " + std::to_string(client) + " has no model on the other side";
  };
  for (auto const& pair : selection.listed) {
    if (!took_part(participants, pair.a)) {
      skip(pair, absent(pair.a));
    } else if (!took_part(partners.value_or(participants), pair.b)) {
      skip(pair, partners ? no_partner(pair.b) : absent(pair.b));
    }
  }
  if (partners && (selection.kind == Kind::same || selection.kind == Kind::round)) {
    for (auto const id : participants) {
      if (!took_part(*partners, id)) skip({id, id}, no_partner(id));
    }
  }
  bool const needs_two =
      selection.kind == Kind::all || selection.kind == Kind::ring || selection.kind == Kind::random;
  if (needs_two && !partners && participants.size() < 2) {
    skip({kNobody, kNobody}, "fewer than two clients took part");
  }
  return skipped;
}

}  // namespace fedstrata
