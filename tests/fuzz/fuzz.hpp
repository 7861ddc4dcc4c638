#pragma once
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>

#include "common/base/error.hpp"
#include "tests/support/temporary_directory.hpp"

namespace fedstrata::fuzz {

/// Ends the program so that libFuzzer keeps the input.
[[noreturn]] inline void broken(std::string const& promise) {
  std::fprintf(stderr, "broken promise: %s\n", promise.c_str());
  std::abort();
}

inline void promise(bool kept, std::string const& text) {
  if (!kept) broken(text);
}

/// Runs `work`, which may refuse its input by an InputError and by nothing else.
template <class Work>
bool accepted(Work work) {
  try {
    work();
    return true;
  } catch (InputError const& error) {
    promise(error.what()[0] != '\0', "an error says what is wrong");
    return false;
  }
}

/// A directory in memory where there is one, removed at the end.
inline std::filesystem::path const& directory() {
  static TemporaryDirectory const made = [] {
    ::setenv("TMPDIR", std::filesystem::is_directory("/dev/shm") ? "/dev/shm" : "/tmp", 0);
    return TemporaryDirectory();
  }();
  return made.path();
}

inline void write_file(std::filesystem::path const& path, std::span<std::uint8_t const> bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(reinterpret_cast<char const*>(bytes.data()), std::ssize(bytes));
  promise(file.good(), "the fuzzer can write " + path.string());
}

/// Takes an input apart from its front; zeros when it is used up.
class Input {
 public:
  Input(std::uint8_t const* data, std::size_t size) : rest_(data, size) {}
  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    auto const value = rest_.front();
    rest_ = rest_.subspan(1);
    return value;
  }
  std::span<std::uint8_t const> bytes(std::size_t most) {
    auto const taken = rest_.first(std::min(most, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }
  std::span<std::uint8_t const> rest() { return bytes(rest_.size()); }
  bool empty() const { return rest_.empty(); }

 private:
  std::span<std::uint8_t const> rest_;
};

}  // namespace fedstrata::fuzz
