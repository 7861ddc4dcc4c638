#pragma once
#include <array>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "experiments/sweep/cells.hpp"

namespace fedstrata {

/// Where a cell stands.
enum class CellStage { done, running, queued, interrupted, failed, missing };
inline constexpr std::array<char const*, 6> kCellStages = {"done",        "running", "queued",
                                                           "interrupted", "failed",  "not started"};
char const* name_of(CellStage stage);

/// What the queue knows of cells, by name: is it running (or else waiting)?
using QueueView = std::map<std::string, bool>;

struct CellStatus {
  CellStage stage = CellStage::missing;
  std::string error;  ///< first line of the error of a failed cell
};

/// The directory of a sweep. Of a cell called NAME: its config, configs/NAME.ini, its run,
/// cells/NAME, the output of its last start, logs/NAME.log, and the exit code of that start,
/// logs/NAME.exit, which is there from the end of one start to the next one's beginning.
class SweepDirectory {
 public:
  explicit SweepDirectory(std::filesystem::path path) : path_(std::move(path)) {}
  /// Is there a sweep in `path`?
  static bool is_one(std::filesystem::path const& path);

  std::filesystem::path const& path() const { return path_; }
  std::filesystem::path config(std::string const& name) const;
  std::filesystem::path run(std::string const& name) const;
  std::filesystem::path log(std::string const& name) const;
  std::filesystem::path exit(std::string const& name) const;
  std::filesystem::path jobs() const { return path_ / "jobs"; }  ///< lists of submitted cells
  std::filesystem::path collected() const { return path_ / "collected.h5"; }

  /// Names of all cells that were ever prepared, ascending.
  std::vector<std::string> names() const;
  /// Cells that are there already under another name, as a key was added to the axes, keep it.
  void keep_names(std::vector<SweepCell>& cells) const;
  /// Makes the directory, a copy of the sweep file in it, which says where the file lies, and the
  /// configs of these cells; that of a run that has begun stays as it is. Throws InputError when it
  /// cannot be written.
  void prepare(std::vector<SweepCell> const& cells, std::string const& sweep_text,
               std::filesystem::path const& sweep_file) const;
  /// Where the sweep file was when cells were last prepared; "" when that is not known.
  std::filesystem::path sweep_file() const;
  CellStatus status(std::string const& name, QueueView const& queue) const;
  /// Did the last start end by being stopped, so that going on is all it needs?
  static bool was_stopped(int code);

 private:
  std::optional<int> last_code(std::string const& name) const;

  std::filesystem::path path_;
};

/// The first line of ours about an error in the output of a program, otherwise its last line.
std::string first_error(std::filesystem::path const& log);

}  // namespace fedstrata
