#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "common/store/run_writer.hpp"
#include "tests/support/sample_run.hpp"
#include "tests/support/temporary_directory.hpp"

namespace fedstrata {

// What the tests of common/store share.

inline std::string message_of(std::function<void()> const& work) {
  try {
    work();
  } catch (InputError const& error) {
    return std::string("input: ") + error.what();
  } catch (std::exception const& error) {
    return error.what();
  }
  return "no error";
}

inline std::vector<std::string> entries(std::filesystem::path const& directory) {
  std::vector<std::string> names;
  for (auto const& entry : std::filesystem::recursive_directory_iterator(directory))
    names.push_back(entry.path().lexically_relative(directory).string());
  return names;
}

inline void flip_byte(std::filesystem::path const& path, std::int64_t at) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(at);
  auto const byte = static_cast<char>(file.get() ^ 1);
  file.seekp(at);
  file.put(byte);
}

/// Runs `work` in a process of its own; its exit code, or 128 + signal.
inline int exit_code_of(std::function<int()> const& work) {
  auto const child = ::fork();
  if (child == 0) ::_exit(work());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

inline int python(std::string const& arguments) {
  auto const command =
      "/usr/bin/python3 " FEDSTRATA_SOURCE_DIR "/tests/store/h5py_reads_run.py " + arguments;
  return WEXITSTATUS(std::system(command.c_str()));
}

inline bool have_h5py() {
  return std::system("/usr/bin/python3 -c 'import h5py' 2>/dev/null") == 0;
}

/// A directory for a run, which make_sample() writes.
class RunTest : public testing::Test {
 protected:
  TemporaryDirectory directory_;
  std::filesystem::path const path_ = directory_.path() / "runs" / "a";

  void make_sample() {
    auto run = RunWriter::create(path_, sample_header());
    write_sample_run(run);
  }
  std::string open_message() const {
    return message_of([&] { Run::open(path_); });
  }
};

}  // namespace fedstrata
