#include "experiments/run/provenance.hpp"

#include <torch/version.h>

#include <array>
#include <cstdlib>
#include <ctime>
#include <map>
#include <string>

#include "common/base/environment.hpp"
#include "common/base/version.hpp"
#include "common/device/device.hpp"
#include "common/hdf5/file.hpp"

namespace fedstrata {
namespace {

/// "node1 x4, node2 x4".
std::string hosts(mpi::Comm const& world) {
  std::map<std::string, int> ranks;
  for (auto const& name : world.all_gather(host_name())) ++ranks[name];
  std::string text;
  for (auto const& [name, count] : ranks) {
    text += (text.empty() ? "" : ", ") + name + " x" + std::to_string(count);
  }
  return text;
}

std::string now() {
  std::time_t const time = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&time, &utc);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text.data();
}

}  // namespace

ProvenanceRecord provenance(mpi::Comm const& world) {
  ProvenanceRecord record;
  record.version = software_version();
  record.build = build_description();
  record.libraries = "LibTorch " TORCH_VERSION "; " + mpi::library_version() + "; HDF5 " +
                     hdf5::library_version() + "; BLAS " + blas_info().name;
  record.cpu = cpu_kind();
  record.hosts = hosts(world);
  if (auto const* job = std::getenv("SLURM_JOB_ID")) record.slurm_job = job;
  record.start_time = now();
  record.ranks = world.size();
  return record;
}

}  // namespace fedstrata
