#include "common/base/files.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "common/base/environment.hpp"
#include "common/base/error.hpp"

namespace fedstrata {
namespace {

namespace fs = std::filesystem;

constexpr char const* kTemporaryPrefix = ".tmp-";

// Host and process id: names stay apart on a file system that several nodes share.
fs::path temporary_name(fs::path const& target) {
  static std::atomic<int> count = 0;
  return target.parent_path() / (kTemporaryPrefix + host_name() + "-" + std::to_string(::getpid()) +
                                 "-" + std::to_string(count++) + "-" + target.filename().string());
}

void sync_path(fs::path const& path, int flags) {
  int const file = ::open(path.c_str(), flags | O_CLOEXEC);
  if (file < 0) throw_system_error("open", path);
  int const status = ::fsync(file);
  int const error = errno;
  ::close(file);
  errno = error;
  // Some file systems cannot sync directories; there is nothing to be done about that.
  if (status != 0 && errno != EINVAL) throw_system_error("sync", path);
}

}  // namespace

void make_below(fs::path const& home, fs::path const& directory) {
  std::error_code error;
  require(fs::is_directory(home, error),
          quoted(home) +
              " is not there any more: it was moved or removed while it was written to; go on at "
              "its new place");
  auto path = home;
  for (auto const& part : directory.lexically_relative(home)) {
    if (part == ".") break;
    path /= part;
    fs::create_directory(path, error);  // never its parents
    require(!error, "cannot make directory " + quoted(path) + ": " + error.message());
  }
}

NewFile::NewFile(fs::path target, fs::path const& home)
    : target_(std::move(target)), temporary_(temporary_name(target_)) {
  if (!home.empty()) {
    make_below(home, target_.parent_path());
  } else {
    std::error_code error;
    fs::create_directories(target_.parent_path(), error);
    require(!error,
            "cannot make directory " + quoted(target_.parent_path()) + ": " + error.message());
  }
}

NewFile::~NewFile() {
  if (published_) return;
  // Emptied first: after a failed close HDF5 may still hold it open and with it the space.
  if (::truncate(temporary_.c_str(), 0) == 0 || errno != ENOENT) ::unlink(temporary_.c_str());
}

FileSum NewFile::sync() {
  sync_path(temporary_, O_RDONLY);
  return checksum_file(temporary_);
}

void NewFile::publish() {
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) throw_system_error("write", target_);
  published_ = true;
  sync_path(target_.parent_path(), O_RDONLY | O_DIRECTORY);
}

bool is_temporary(fs::path const& path) {
  return path.filename().string().starts_with(kTemporaryPrefix);
}

std::vector<fs::path> stale_temporaries(fs::path const& directory) {
  std::vector<fs::path> found;
  auto const mine = kTemporaryPrefix + host_name() + "-";
  constexpr auto kAbandoned = std::chrono::hours(1);
  std::error_code error;
  for (auto entry = fs::recursive_directory_iterator(directory, error);
       !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    if (!is_temporary(entry->path())) continue;
    auto const name = entry->path().filename().string();
    std::error_code gone;
    bool const here = name.starts_with(mine);
    bool const stale = here
                           ? ::kill(std::atoi(name.c_str() + mine.size()), 0) != 0 && errno == ESRCH
                           : fs::last_write_time(entry->path(), gone) + kAbandoned <
                                 fs::file_time_type::clock::now();
    if (stale && !gone) found.push_back(entry->path());
  }
  return found;
}

void write_text(fs::path const& target, std::string const& text, fs::path const& home) {
  NewFile file(target, home);
  std::ofstream stream(file.temporary(), std::ios::binary);
  stream << text;
  stream.close();
  if (!stream) throw_system_error("write", target);
  file.sync();
  file.publish();
}

std::string read_text(fs::path const& path) {
  errno = 0;
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream text;
  if (stream) text << stream.rdbuf();
  if (!stream) throw_system_error("read", path);
  return text.str();
}

std::vector<std::string> list_files(fs::path const& directory, std::string const& extension) {
  std::vector<std::string> result;
  std::error_code error;
  for (auto entry = fs::directory_iterator(directory, error);
       !error && entry != fs::directory_iterator(); entry.increment(error))
    if (entry->path().extension() == extension && !is_temporary(entry->path()))
      result.push_back(entry->path().filename().string());
  std::sort(result.begin(), result.end());
  return result;
}

FileStamp stamp(fs::path const& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) throw_system_error("find", path);
  return {static_cast<std::int64_t>(status.st_size),
          std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec};
}

}  // namespace fedstrata
