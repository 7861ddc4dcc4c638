#pragma once
#include <filesystem>

namespace fedstrata {

// A run that must stay as it is (read-only, or packed into one file) is analysed in a directory of
// its own: a run with the same header, metrics and analyses, whose checkpoints lead to the models
// where they are.

/// Makes `directory`, which must not exist, of a run's directory or of a file that pack_run() made.
/// Later changes to the source are not seen. Throws InputError: there is no such run, it is
/// damaged, the directory exists or cannot be made; nothing is left then.
void make_linked_run(std::filesystem::path const& source, std::filesystem::path const& directory);

/// Where the models of such a run are; empty for a run that has its own. Throws InputError when
/// they are there no more.
std::filesystem::path models_of(std::filesystem::path const& run);

/// Removes a directory, unless it is to be kept.
class NewDirectory {
 public:
  explicit NewDirectory(std::filesystem::path path) : path_(std::move(path)) {}
  NewDirectory(NewDirectory const&) = delete;
  NewDirectory& operator=(NewDirectory const&) = delete;
  ~NewDirectory();
  std::filesystem::path const& path() const { return path_; }
  void keep() { kept_ = true; }

 private:
  std::filesystem::path path_;
  bool kept_ = false;
};

}  // namespace fedstrata
