#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/store/rows/flat_rows.hpp"
#include "common/store/rows/row_file.hpp"

namespace fedstrata {

// What a run needs to go on after a round lies in row files (flat_rows.hpp): shard s of K holds the
// rows of the clients c with c mod K = s, shard 0 also the rows of the coordinator. Which rows
// there are is not known here: what keeps a state adds a field of its own name.

inline constexpr char const* kGlobalRow = "global";  ///< the coordinator's: the global state row
inline constexpr char const* kOwnRow = "own";        ///< of clients: what is theirs alone

/// A complete and intact resume state: all its shards.
class ResumeState {
 public:
  /// The newest one in the directory; nothing when there is none. States that are damaged are left
  /// out, with a warning.
  static std::optional<ResumeState> latest(std::filesystem::path const& directory);
  /// The one of a round, whose shards latest() has checked, on another rank. Throws Error when it
  /// cannot be read.
  static ResumeState at(std::filesystem::path const& directory, std::int64_t round);
  std::int64_t round() const { return round_; }
  /// Is there a field of this name? States that an older version wrote may lack one.
  bool has(std::string const& field) const { return files_.has(round_, field); }
  /// Both throw Error when the row is not there or has another size.
  void read(std::string const& field, std::span<float> row) const {
    files_.read(round_, field, row);
  }
  void read(std::string const& field, std::int64_t client, std::span<float> row) const {
    files_.read(round_, field, client, row);
  }

 private:
  ResumeState(RowFiles files, std::int64_t round) : files_(std::move(files)), round_(round) {}

  RowFiles files_;
  std::int64_t round_;
};

/// Is there a complete state in the directory, whole or damaged?
bool has_resume_state(std::filesystem::path const& directory);

/// Files of all states older than the `keep` newest complete ones; of all states if `keep` is 0.
std::vector<std::string> old_resume_states(std::filesystem::path const& directory,
                                           std::int64_t keep);
/// Removes them.
void prune_resume_states(std::filesystem::path const& directory, std::int64_t keep);

}  // namespace fedstrata
