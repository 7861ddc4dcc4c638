#include "common/store/series.hpp"

#include <algorithm>
#include <cstring>
#include <functional>
#include <memory>
#include <numeric>
#include <set>

#include "common/base/error.hpp"
#include "common/hdf5/file.hpp"
#include "common/store/names.hpp"

namespace fedstrata {
namespace {

std::int64_t integer_at(std::byte const* record, std::size_t offset) {
  std::int64_t value = 0;
  std::memcpy(&value, record + offset, sizeof value);
  return value;
}

int compare_keys(std::byte const* a, std::byte const* b, TableLayout const& layout) {
  for (auto const& field : layout.fields) {
    if (field.type == FieldType::float64) return 0;
    if (field.type == FieldType::text) {
      if (int const order = std::memcmp(a + field.offset, b + field.offset, field.size))
        return order;
    } else if (auto const x = integer_at(a, field.offset), y = integer_at(b, field.offset);
               x != y) {
      return x < y ? -1 : 1;
    }
  }
  return 0;
}

// Rows of each round, in the order of `rounds`; every row must belong to one of them.
std::vector<std::int64_t> count_rows(std::vector<std::byte> const& records, TableKind const& table,
                                     std::vector<std::int64_t> const& rounds) {
  std::vector<std::int64_t> counts(rounds.size(), 0);
  auto const& layout = table.layout;
  for (std::size_t at = 0; at < records.size(); at += layout.record_size) {
    auto const round = integer_at(&records[at], layout.fields.front().offset);
    auto const found = std::lower_bound(rounds.begin(), rounds.end(), round);
    require(found != rounds.end() && *found == round,
            "table " + table.name + " has a row of round " + std::to_string(round) +
                ", which its segment does not cover");
    ++counts[static_cast<std::size_t>(found - rounds.begin())];
  }
  return counts;
}

constexpr std::int64_t kMostRows = std::int64_t{1} << 40;  // of a round in a table

/// Counts of rows, [rounds, tables]; an older file has fewer tables, of which later ones are the
/// first.
std::vector<std::int64_t> read_counts(hdf5::File const& file, std::size_t rounds,
                                      std::size_t tables) {
  auto const stored = file.read_integers("/row_counts");
  auto const known = stored.size() / std::max<std::size_t>(1, rounds);
  require(known <= tables && known * rounds == stored.size(),
          "it has tables that this version does not know");
  std::vector<std::int64_t> counts(rounds * tables, 0);
  for (std::size_t i = 0; i < stored.size(); ++i) {
    require(stored[i] >= 0 && stored[i] <= kMostRows, "/row_counts are no numbers of rows");
    counts[i / known * tables + i % known] = stored[i];
  }
  return counts;
}

SegmentInfo read_info(std::filesystem::path const& path, std::size_t tables) {
  return reading(path, [&] {
    auto const file = hdf5::File::open(path);
    auto rounds = file.read_integers("/rounds_covered");
    require(!rounds.empty() && std::adjacent_find(rounds.begin(), rounds.end(),
                                                  std::greater_equal{}) == rounds.end(),
            "/rounds_covered are not rounds in ascending order");
    auto counts = read_counts(file, rounds.size(), tables);
    auto const level = file.integer("/", "level");
    require(level >= 0 && level <= kHighestLevel, "its level is " + std::to_string(level));
    return SegmentInfo{path.filename().string(), static_cast<int>(level), std::move(rounds),
                       std::move(counts), file.integer("/", "placeholder") != 0};
  });
}

bool covers(SegmentInfo const& big, SegmentInfo const& small) {
  bool const over =
      big.placeholder == small.placeholder ? big.level > small.level : small.placeholder;
  return over && std::includes(big.rounds.begin(), big.rounds.end(), small.rounds.begin(),
                               small.rounds.end());
}

}  // namespace

void sort_records(std::vector<std::byte>& records, TableLayout const& layout) {
  std::vector<std::byte const*> order;
  for (std::size_t at = 0; at < records.size(); at += layout.record_size)
    order.push_back(&records[at]);
  std::stable_sort(order.begin(), order.end(), [&](std::byte const* a, std::byte const* b) {
    return compare_keys(a, b, layout) < 0;
  });
  std::vector<std::byte> sorted(records.size());
  auto* out = sorted.data();
  for (auto const* record : order) out = std::copy_n(record, layout.record_size, out);
  records = std::move(sorted);
}

Series::Series(std::filesystem::path directory, std::vector<TableKind> tables)
    : directory_(std::move(directory)), tables_(std::move(tables)) {}

void Series::try_reading(std::string const& file) const {
  std::vector<SegmentInfo> const segments{read_info(directory_ / file, tables_.size())};
  for (std::size_t table = 0; table < tables_.size(); ++table) read(segments, table);
}

void Series::refresh() {
  live_.clear();
  superseded_.clear();
  std::map<std::string, SegmentInfo> present;
  for (auto const& name : list_files(directory_, ".h5")) {
    auto const known = known_.find(name);
    present[name] =
        known != known_.end() ? known->second : read_info(directory_ / name, tables_.size());
  }
  known_ = std::move(present);
  for (auto const& [name, info] : known_) {
    auto const cover =
        std::find_if(known_.begin(), known_.end(),
                     [&info = info](auto const& other) { return covers(other.second, info); });
    if (cover != known_.end())
      superseded_.push_back({name, cover->first});
    else
      live_.push_back(info);
  }
}

std::vector<std::int64_t> Series::rounds() const {
  std::vector<std::int64_t> rounds;
  for (auto const& segment : live_) {
    if (!segment.placeholder) {
      rounds.insert(rounds.end(), segment.rounds.begin(), segment.rounds.end());
    }
  }
  std::sort(rounds.begin(), rounds.end());
  return rounds;
}

std::vector<RowPiece> Series::pieces(std::size_t table) const { return pieces(live_, table); }

std::vector<RowPiece> Series::pieces(std::vector<SegmentInfo> const& segments,
                                     std::size_t table) const {
  std::map<std::int64_t, RowPiece> by_round;
  auto const take = [&](std::size_t s) {
    std::int64_t first = 0;
    for (std::size_t i = 0; i < segments[s].rounds.size(); ++i) {
      auto const count = segments[s].row_counts.at(i * tables_.size() + table);
      by_round[segments[s].rounds[i]] = {s, first, count};
      first += count;
    }
  };
  for (bool const placeholder : {true, false}) {
    for (std::size_t s = 0; s < segments.size(); ++s) {
      if (segments[s].placeholder == placeholder) take(s);
    }
  }
  std::erase_if(by_round, [](auto const& entry) { return entry.second.count == 0; });
  std::vector<RowPiece> result;
  for (auto const& [round, piece] : by_round) {
    bool const joins = !result.empty() && result.back().segment == piece.segment &&
                       result.back().first + result.back().count == piece.first;
    if (joins)
      result.back().count += piece.count;
    else
      result.push_back(piece);
  }
  return result;
}

std::int64_t Series::rows_in_segment(std::size_t segment, std::size_t table) const {
  std::int64_t rows = 0;
  auto const& counts = live_.at(segment).row_counts;
  for (std::size_t i = table; i < counts.size(); i += tables_.size()) rows += counts[i];
  return rows;
}

std::size_t Series::place_of(std::string const& table) const {
  auto const found = std::ranges::find(tables_, table, &TableKind::name);
  require(found != tables_.end(), quoted(directory_) + " holds no tables '" + table + "'");
  return static_cast<std::size_t>(found - tables_.begin());
}

std::vector<std::byte> Series::read(std::vector<SegmentInfo> const& segments,
                                    std::size_t table) const {
  auto const& layout = tables_[table].layout;
  std::vector<std::byte> result;
  for (auto const& piece : pieces(segments, table)) {
    auto const path = directory_ / segments[piece.segment].file;
    reading(path, [&] {
      auto const file = hdf5::File::open(path);
      auto const name = "/" + tables_[table].name;
      require(piece.first + piece.count <= file.rows(name), "table " + name + " lacks rows");
      auto const at = result.size();
      result.resize(at + static_cast<std::size_t>(piece.count) * layout.record_size);
      file.read_table(name, layout, piece.first, std::span(result).subspan(at));
    });
  }
  return result;
}

std::unique_ptr<NewFile> Series::write(std::vector<std::int64_t> const& rounds,
                                       std::vector<std::vector<std::byte>>& data,
                                       bool placeholder) const {
  require(!rounds.empty() && std::is_sorted(rounds.begin(), rounds.end()),
          "a segment needs its rounds in ascending order");
  std::vector<std::int64_t> row_counts(rounds.size() * tables_.size());
  for (std::size_t t = 0; t < tables_.size(); ++t) {
    sort_records(data[t], tables_[t].layout);
    auto const counts = count_rows(data[t], tables_[t], rounds);
    for (std::size_t i = 0; i < rounds.size(); ++i) row_counts[i * tables_.size() + t] = counts[i];
  }
  return write_segment(0, placeholder, rounds, data, row_counts);
}

std::unique_ptr<NewFile> Series::write_segment(int level, bool placeholder,
                                               std::vector<std::int64_t> const& rounds,
                                               std::vector<std::vector<std::byte>> const& data,
                                               std::vector<std::int64_t> const& row_counts) const {
  auto const name = round_text(rounds.front()) + "-" + round_text(rounds.back()) +
                    (placeholder ? "-skipped" : "") +
                    (level > 0 ? "-merged" + std::to_string(level) : "") + ".h5";
  auto result = std::make_unique<NewFile>(directory_ / name, directory_);
  auto file = hdf5::File::create(result->temporary());
  auto const count = static_cast<std::int64_t>(rounds.size());
  file.set("/", "level", std::int64_t{level});
  file.set("/", "placeholder", std::int64_t{placeholder ? 1 : 0});
  file.write_integers("/rounds_covered", rounds, {count});
  file.write_integers("/row_counts", row_counts, {count, std::ssize(tables_)});
  for (std::size_t t = 0; t < tables_.size(); ++t)
    file.write_table("/" + tables_[t].name, tables_[t].layout, data[t]);
  file.close();
  return result;
}

void Series::require_new(std::vector<std::int64_t> const& rounds) const {
  for (auto const& segment : live_)
    for (auto const round : rounds)
      require(
          segment.placeholder ||
              !std::binary_search(segment.rounds.begin(), segment.rounds.end(), round),
          "round " + std::to_string(round) + " is already in " + quoted(directory_ / segment.file));
}

}  // namespace fedstrata
