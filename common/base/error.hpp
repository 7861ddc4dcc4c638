#pragma once
#include <exception>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace fedstrata {

/// What went wrong, as one sentence for the user: what, where (file, key, value), what to do.
/// The program ends with exit code 1.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Bad usage, config or input, found before anything was made. The program ends with exit code 2.
struct InputError : Error {
  using Error::Error;
};

/// Throws Error with `message` unless `ok`. Arguments are evaluated in any order: a call whose
/// reason (errno, std::error_code) is part of `message` is made before.
inline void require(bool ok, std::string const& message) {
  if (!ok) throw Error(message);
}

/// Throws InputError with `message` unless `ok`.
inline void require_input(bool ok, std::string const& message) {
  if (!ok) throw InputError(message);
}

/// What a library says went wrong, in one line: for the brackets behind a sentence of ours. Left out
/// are stacks of calls and, of a TorchScript module, the places in its source.
std::string reason_of(std::exception const& error);

/// The path between single quotes, for messages.
std::string quoted(std::filesystem::path const& path);

/// Throws Error "cannot WHAT 'PATH': REASON", the reason being that of errno; an errno of zero
/// after reading means that the file ended too early.
[[noreturn]] void throw_system_error(std::string const& what, std::filesystem::path const& path);

}  // namespace fedstrata
