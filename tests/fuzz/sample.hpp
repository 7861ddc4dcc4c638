#pragma once
#include <hdf5.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/fuzz/fuzz.hpp"
#include "tests/support/sample_run.hpp"

namespace fedstrata::fuzz {

/// A small finished run whose files inputs change and which is put right again afterwards.
class Sample {
 public:
  Sample() : path_(directory() / "run") {
    H5set_free_list_limits(-1, -1, -1, -1, -1, -1);  // HDF5 keeps its half a megabyte for each file
    {
      auto run = RunWriter::create(path_, sample_header());
      write_shard(run, {5, 0, 2, {0, 4}, true, true, true, true});
      write_shard(run, {5, 1, 2, {1, 3}, false, true, true, true});
      run.write_metrics(sample_metrics(0, 2));
      run.write_analysis_config("insitu", "[analysis]\n");
      run.write_analysis("insitu", sample_analysis({2}));
      run.mark_done(1);
    }
    for (auto const& entry : std::filesystem::recursive_directory_iterator(path_)) {
      auto const name = entry.path().lexically_relative(path_).string();
      if (!entry.is_regular_file() || name.starts_with("state")) continue;
      contents_[name] = read_text(entry.path());
      names_.push_back(name);
    }
    std::sort(names_.begin(), names_.end());
  }

  std::filesystem::path const& path() const { return path_; }
  /// Of the files, in order.
  std::vector<std::string> const& names() const { return names_; }
  std::string const& content(std::string const& name) const { return contents_.at(name); }

  /// Replaces a file; removes it when there is no new content.
  void put(std::string const& name, std::string const* content) {
    changed_.insert(name);
    if (content == nullptr)
      std::filesystem::remove(path_ / name);
    else
      write_file(path_ / name,
                 {reinterpret_cast<std::uint8_t const*>(content->data()), content->size()});
  }

  /// Says that a file was changed in place.
  void touch(std::string const& name) { changed_.insert(name); }

  /// Takes back every change.
  void restore() {
    for (auto const& name : std::set(std::move(changed_))) put(name, &contents_.at(name));
    changed_.clear();
  }

 private:
  std::filesystem::path path_;
  std::map<std::string, std::string> contents_;
  std::vector<std::string> names_;
  std::set<std::string> changed_;
};

inline Sample& sample() {
  static Sample made;
  return made;
}

}  // namespace fedstrata::fuzz
