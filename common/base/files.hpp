#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "common/base/checksum.hpp"
#include "common/base/error.hpp"

namespace fedstrata {

/// Makes what is missing of a directory below `home`, or `home` itself, which must be there: one
/// that was moved away while it was in use is not made again. Throws Error.
void make_below(std::filesystem::path const& home, std::filesystem::path const& directory);

/// A file that comes into being whole: written under a hidden temporary name beside its target,
/// synced, then renamed. Destroyed before publish(), it removes the temporary file.
class NewFile {
 public:
  /// Makes the target's directory if it is missing, but not `home`, if that is given (see
  /// make_below); the file itself is made by the writer.
  explicit NewFile(std::filesystem::path target, std::filesystem::path const& home = {});
  NewFile(NewFile const&) = delete;
  NewFile& operator=(NewFile const&) = delete;
  ~NewFile();
  std::filesystem::path const& temporary() const { return temporary_; }
  std::filesystem::path const& target() const { return target_; }
  /// Brings the finished temporary file to the disk and takes its checksum.
  FileSum sync();
  /// Renames (replacing a target that exists) and syncs the directory.
  void publish();

 private:
  std::filesystem::path target_;
  std::filesystem::path temporary_;
  bool published_ = false;
};

/// Runs `read`, which reads `file`. Throws Error that names the file and what is wrong with it.
template <class Read>
auto reading(std::filesystem::path const& file, Read read) {
  try {
    return read();
  } catch (Error const& error) {
    throw Error(quoted(file) + " is not as fedstrata writes it: " + error.what());
  }
}

/// Was this name given by NewFile (leftover of a killed run)?
bool is_temporary(std::filesystem::path const& path);

/// Temporary files below a directory whose processes are gone: on this host those that do not exist
/// any more, on others those that have not written for an hour.
std::vector<std::filesystem::path> stale_temporaries(std::filesystem::path const& directory);

/// Writes, syncs and publishes a text file; `home` as for NewFile. Throws Error.
void write_text(std::filesystem::path const& target, std::string const& text,
                std::filesystem::path const& home = {});

/// Throws Error when the file cannot be read.
std::string read_text(std::filesystem::path const& path);

/// Names of the files with this extension in a directory, ascending, without temporary ones; none
/// when the directory is missing.
std::vector<std::string> list_files(std::filesystem::path const& directory,
                                    std::string const& extension);

/// Time of last modification in ns since 1970, and size; throws Error when there is no such file.
struct FileStamp {
  std::int64_t bytes = 0;
  std::int64_t modified = 0;
  bool operator==(FileStamp const&) const = default;
};
FileStamp stamp(std::filesystem::path const& path);

}  // namespace fedstrata
