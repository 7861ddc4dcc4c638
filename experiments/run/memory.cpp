#include "experiments/run/memory.hpp"

#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

#include "common/base/error.hpp"
#include "common/base/format.hpp"

namespace fedstrata {
namespace {

// What LibTorch, OpenBLAS and MPI map beyond their files, on one thread: about 0.5 GiB.
constexpr double kLibraries = 0.75 * 1024 * 1024 * 1024;

void lower(MemoryLimit& limit, std::filesystem::path const& file) {
  double bytes = 0.0;
  if (std::ifstream(file) >> bytes && bytes > 0.0 && bytes < limit.bytes) {
    limit = {bytes, "the limit of the control group (" + file.string() + ")"};
  }
}

/// In the group's directory and those above it, as far as they are seen from here.
void lower_by_group(MemoryLimit& limit, std::filesystem::path const& root, std::string const& group,
                    char const* file) {
  for (auto path = std::filesystem::path("/" + group).lexically_normal();;
       path = path.parent_path()) {
    lower(limit, root / path.relative_path() / file);
    if (path == path.parent_path()) return;
  }
}

}  // namespace

MemoryLimit node_memory() {
  MemoryLimit limit;
  struct sysinfo info {};
  if (::sysinfo(&info) == 0) {
    limit = {static_cast<double>(info.totalram + info.totalswap) * info.mem_unit, "RAM and swap"};
  }
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    auto const first = line.find(':');
    auto const second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    auto const kinds = line.substr(first + 1, second - first - 1);
    auto const group = line.substr(second + 1);
    if (kinds.empty()) lower_by_group(limit, "/sys/fs/cgroup", group, "memory.max");
    if (kinds == "memory")
      lower_by_group(limit, "/sys/fs/cgroup/memory", group, "memory.limit_in_bytes");
  }
  return limit;
}

MemoryLimit process_memory() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return {};
  double pages = 0.0;
  std::ifstream("/proc/self/statm") >> pages;
  double const left =
      static_cast<double>(limit.rlim_cur) - pages * static_cast<double>(::sysconf(_SC_PAGESIZE));
  return {std::max(0.0, left), "the limit of ulimit -v"};
}

void check_address_space() {
  auto const left = process_memory();
  require_input(left.bytes >= kLibraries,
                left.what + " leaves " + bytes_text(left.bytes) +
                    " of address space, and the libraries alone take " + bytes_text(kLibraries) +
                    "; lift it (ulimit -v unlimited), or limit the memory that is used by a "
                    "control group");
}

}  // namespace fedstrata
