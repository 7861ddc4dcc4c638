#include "experiments/run/launch.hpp"

#include <sched.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>

#include "common/base/checksum.hpp"
#include "common/base/environment.hpp"
#include "common/base/error.hpp"
#include "common/base/log.hpp"

// Mistakes in starting a job look like anything but what they are: ranks of another MPI library are
// N jobs of one rank, other builds or arguments are hangs, too many threads are slowness. They are
// found here from the environment and from /proc, before work begins.

namespace fedstrata {
namespace {

int number(char const* name) { return std::atoi(environment(name).c_str()); }

std::uint64_t program_checksum(std::vector<std::string> const& arguments) {
  std::ifstream file("/proc/self/exe", std::ios::binary);
  std::string content((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  for (auto const& argument : arguments) content += '\0' + argument;
  Checksum sum;
  sum.add(std::as_bytes(std::span(content)));
  return sum.value();
}

/// Names and sizes of the libraries on which results depend, as this process has loaded them.
std::string loaded_libraries() {
  std::set<std::string> found;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    auto const at = line.find('/');
    if (at == std::string::npos) continue;
    std::filesystem::path const path = line.substr(at);
    auto const name = path.filename().string();
    for (auto const* wanted :
         {"libtorch_cpu", "libc10.so", "libopenblas", "libmpi.so", "libhdf5"}) {
      std::error_code error;
      if (!name.starts_with(wanted)) continue;
      auto const size = std::filesystem::file_size(std::filesystem::canonical(path, error), error);
      found.insert(name + " of " + std::to_string(error ? 0 : size) + " bytes");
    }
  }
  std::string text;
  for (auto const& library : found) text += (text.empty() ? "" : ", ") + library;
  return text;
}

using Cores = std::array<bool, CPU_SETSIZE>;

/// By number.
Cores cores_allowed() {
  Cores cores{};
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return cores;
  for (std::size_t i = 0; i < cores.size(); ++i) cores[i] = CPU_ISSET(i, &set) != 0;
  return cores;
}

}  // namespace

std::string launch_problem(mpi::Comm const& world) {
  if (world.size() > 1) return {};
  auto const count = [](int processes, std::string const& launcher) {
    return launcher + " started " + std::to_string(processes) +
           " processes, but each of them believes that it is alone; ";
  };
  auto const left_over = [](std::string const& variable) {
    return "; if " + variable + " is left over from another program, unset it";
  };
  if (int const n = number("OMPI_COMM_WORLD_SIZE"); n > 1) {
    return count(n, "mpirun") +
           "use the mpirun of the MPI library that fedstrata was built with: " +
           mpi::library_version() + left_over("OMPI_COMM_WORLD_SIZE");
  }
  // Under mpirun that is the number of its daemons.
  int const tasks =
      environment("OMPI_COMM_WORLD_SIZE").empty() ? number("SLURM_STEP_NUM_TASKS") : 0;
  if (tasks > 1) {
    return count(tasks, "srun") +
           "use srun --mpi=pmix (srun --mpi=list shows what there is) or mpirun" +
           left_over("SLURM_STEP_NUM_TASKS");
  }
  if (int const n = number("PMI_SIZE"); n > 1) {
    return count(n, "the launcher") +
           "it is one for another MPI library than fedstrata was built with; use mpirun of " +
           mpi::library_version() + left_over("PMI_SIZE");
  }
  return {};
}

void check_same_program(mpi::Comm const& world, std::vector<std::string> const& arguments) {
  auto const sums = world.all_gather(static_cast<std::int64_t>(program_checksum(arguments)));
  auto const libraries = world.all_gather(loaded_libraries());
  for (std::size_t rank = 1; rank < sums.size(); ++rank) {
    require_input(sums[rank] == sums[0] || world.rank() != 0,
                  "rank " + std::to_string(rank) +
                      " was started with another fedstrata program or other arguments than rank 0; "
                      "start all ranks with one command");
    require_input(libraries[rank] == libraries[0] || world.rank() != 0,
                  "rank " + std::to_string(rank) + " has loaded other libraries (" +
                      libraries[rank] + ") than rank 0 (" + libraries[0] +
                      "); let all nodes see the same installation");
  }
  world.barrier();
  auto const kinds = world.all_gather(cpu_kind());
  if (world.rank() != 0) return;
  if (!std::ranges::all_of(kinds, [&](auto const& kind) { return kind == kinds[0]; })) {
    log::warning(
        "the ranks' processors differ, so other placements may give other bits "
        "(slurm/README.md says how to pin kernels)");
  }
  if (auto const blas = blas_info(); blas.reference) {
    log::warning("LibTorch uses the reference BLAS (" + blas.name +
                 "), which is many times slower; install libopenblas0-pthread");
  }
}

void warn_of_sharing(Device const& device, bool computes, mpi::Comm const& world) {
  struct Node {
    int ranks = 0;
    std::int64_t threads = 0;
    Cores cores{};
    std::map<std::string, int> gpus;
  };
  auto const hosts = world.all_gather(host_name());
  auto const threads = world.all_gather(computes ? std::int64_t{device.threads()} : 0);
  auto const mine = cores_allowed();
  auto const cores =
      world.all_gather(std::string(reinterpret_cast<char const*>(mine.data()), mine.size()));
  auto const gpus = world.all_gather(computes ? device.bus_id() : std::string());
  if (world.rank() != 0) return;
  std::map<std::string, Node> nodes;
  for (std::size_t rank = 0; rank < hosts.size(); ++rank) {
    auto& node = nodes[hosts[rank]];
    for (std::size_t i = 0; i < node.cores.size(); ++i) node.cores[i] |= cores[rank][i] != 0;
    if (threads[rank] == 0) continue;
    ++node.ranks;
    node.threads += threads[rank];
    if (!gpus[rank].empty()) ++node.gpus[gpus[rank]];
  }
  for (auto const& [host, node] : nodes) {
    auto const available = std::ranges::count(node.cores, true);
    if (node.gpus.empty() && node.threads > available) {
      log::warning(host + ": " + std::to_string(node.ranks) + " computing ranks want " +
                   std::to_string(node.threads) + " threads, but the job has " +
                   std::to_string(available) + (available == 1 ? " core" : " cores") +
                   " there; fewer ranks or run.threads, or more cores, would be faster");
    }
    for (auto const& [gpu, ranks] : node.gpus) {
      if (ranks == 1) continue;
      log::warning(host + ": " + std::to_string(ranks) + " ranks share the GPU at " + gpu +
                   "; ask for a GPU per computing rank, or start fewer ranks");
    }
  }
}

}  // namespace fedstrata
