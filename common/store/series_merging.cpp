#include <algorithm>
#include <chrono>
#include <map>

#include "common/base/files.hpp"
#include "common/store/series.hpp"

// Rows of new rounds go into a new small file, and files of one size are merged into a larger one
// now and then (as in a log-structured merge tree): few files to open, and each row is written
// again only a logarithmic number of times. Merged files stay a while for those who have them open.

namespace fedstrata {
namespace {

constexpr std::int64_t kLargest = std::int64_t{16} << 20;  // bytes of a segment that is small
constexpr std::int64_t kGrace = 60'000'000'000;  // ns that merged segments stay for open readers

}  // namespace

void Series::merge() {
  for (bool const placeholder : {false, true}) {
    for (int level = 0; merge_level(level, placeholder); ++level) {
    }
  }
}

bool Series::merge_level(int level, bool placeholder) {
  std::vector<SegmentInfo> gathered;
  for (auto const& segment : live_)
    if (segment.level == level && segment.placeholder == placeholder) gathered.push_back(segment);
  if (gathered.size() < kMergeCount || level >= kHighestLevel) return false;
  merge(gathered);
  return true;
}

void Series::merge_all() {
  for (bool const placeholder : {false, true}) {
    std::vector<SegmentInfo> small;
    int level = 0;
    for (auto const& segment : live_) {
      if (segment.placeholder != placeholder || stamp(directory_ / segment.file).bytes > kLargest)
        continue;
      small.push_back(segment);
      level = std::max(level, segment.level);
    }
    if (small.size() > 1 && level < kHighestLevel) merge(small);
  }
}

void Series::merge(std::vector<SegmentInfo> const& gathered) {
  int level = 0;
  std::map<std::int64_t, std::vector<std::int64_t>> counts_of;
  for (auto const& segment : gathered) {
    level = std::max(level, segment.level);
    for (std::size_t i = 0; i < segment.rounds.size(); ++i) {
      auto const row = segment.row_counts.begin() + static_cast<std::ptrdiff_t>(i * tables_.size());
      counts_of[segment.rounds[i]] = {row, row + std::ssize(tables_)};
    }
  }
  std::vector<std::int64_t> rounds, row_counts;
  for (auto const& [round, counts] : counts_of) {
    rounds.push_back(round);
    row_counts.insert(row_counts.end(), counts.begin(), counts.end());
  }
  std::vector<std::vector<std::byte>> data;
  for (std::size_t t = 0; t < tables_.size(); ++t) data.push_back(read(gathered, t));
  auto const file =
      write_segment(level + 1, gathered.front().placeholder, rounds, data, row_counts);
  file->sync();
  file->publish();
  refresh();
}

std::vector<std::string> Series::settled(std::set<std::string> const& last) const {
  auto const now = std::chrono::duration_cast<std::chrono::nanoseconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count();
  std::vector<std::string> names;
  for (auto const& [file, by] : superseded_) {
    if (now - stamp(directory_ / by).modified > kGrace && !last.contains(file))
      names.push_back(file);
  }
  return names;
}

}  // namespace fedstrata
