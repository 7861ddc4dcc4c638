#include "common/base/process/launcher.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <optional>

#include "common/base/environment.hpp"
#include "common/base/error.hpp"
#include "common/base/text.hpp"

namespace fedstrata::launcher {
namespace {

struct Setting {
  char const* name;
  char const* value;
};

// docs/mpi.md says why.
constexpr Setting kSettings[] = {{"OMPI_MCA_rmaps_base_oversubscribe", "1"},
                                 {"OMPI_MCA_mpi_yield_when_idle", "1"},
                                 {"OMPI_MCA_hwloc_base_binding_policy", "none"},
                                 {"OMPI_MCA_btl_vader_single_copy_mechanism", "none"}};
constexpr Setting kSettingsOfRoot[] = {{"OMPI_ALLOW_RUN_AS_ROOT", "1"},
                                       {"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"}};

/// Looked up in PATH unless it has a slash.
std::optional<std::string> program(std::string const& name) {
  auto const runs = [](std::string const& path) { return ::access(path.c_str(), X_OK) == 0; };
  if (name.find('/') != std::string::npos) return runs(name) ? std::optional(name) : std::nullopt;
  for (auto const& directory : split(environment("PATH"), ':')) {
    if (runs(directory + "/" + name)) return directory + "/" + name;
  }
  return std::nullopt;
}

std::string find() {
  if (auto const given = environment("MPIEXEC"); !given.empty()) {
    auto const found = program(given);
    require_input(found.has_value(), "MPIEXEC = " + given +
                                         " is no program that can be started; unset it, or let it "
                                         "name Open MPI's mpirun");
    return *found;
  }
  for (auto const* name : {FEDSTRATA_MPIEXEC_BUILT_WITH, "mpirun", "mpiexec"}) {
    if (auto const found = program(name)) return *found;
  }
  throw InputError(
      "there is no mpirun to start several ranks with; install it (Debian: openmpi-bin), let "
      "MPIEXEC name it, or run on one rank");
}

}  // namespace

std::vector<std::string> words(int ranks) {
  auto const path = find();
  for (auto const& [name, value] : kSettings) ::setenv(name, value, 0);
  if (::geteuid() == 0) {
    for (auto const& [name, value] : kSettingsOfRoot) ::setenv(name, value, 0);
  }
  return {path, "-n", std::to_string(ranks)};
}

std::string variable_of_rank() {
  for (auto const* name :
       {"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_SIZE", "PMI_RANK"}) {
    if (!environment(name).empty()) return name;
  }
  // A shell of a batch job is a task, too.
  bool const tasks = std::atoi(environment("SLURM_STEP_NUM_TASKS").c_str()) > 1;
  return tasks ? "SLURM_STEP_NUM_TASKS" : "";
}

std::string rank() {
  for (auto const* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"}) {
    if (auto const text = environment(name); !text.empty()) return text;
  }
  return "";
}

std::string ranks_option(int ranks) {
  return environment(kStartedByUs).empty() ? "" : " --ranks " + std::to_string(ranks);
}

bool under_mpirun() {
  return !environment("OMPI_COMM_WORLD_SIZE").empty() && environment(kStartedByUs).empty();
}

bool first_to_report() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  auto const name = "fedstrata-failed-" + std::to_string(::getppid());
  std::copy(name.begin(), name.end(), address.sun_path + 1);  // a leading zero: not a file
  int const handle = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  auto const size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  return ::bind(handle, reinterpret_cast<sockaddr const*>(&address), size) == 0 ||
         errno != EADDRINUSE;
}

}  // namespace fedstrata::launcher
