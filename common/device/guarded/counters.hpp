#pragma once
#include <cstdint>
#include <map>
#include <string>

namespace fedstrata::guarded {

/// What the guarded device was asked for: what a program would wait for on a GPU.
struct Counters {
  std::int64_t launches = 0;          ///< kernels, copies within the device among them
  std::int64_t synchronisations = 0;  ///< times that the host waited for the device
  std::int64_t uploads = 0, upload_bytes = 0;
  std::int64_t downloads = 0, download_bytes = 0;
  std::int64_t allocations = 0;
  std::int64_t live_bytes = 0, peak_bytes = 0;
  std::map<std::string, std::int64_t> operators = {};  ///< launches, by the operator's name
};

/// All since the start of the program, or since reset_counters().
Counters counters();
/// Begins anew, but for the bytes that are in use.
void reset_counters();
/// For people: one line, then one for each operator, the most frequent first. A process with
/// FEDSTRATA_GUARDED_COUNTERS in its environment writes this to standard error when it ends.
std::string describe(Counters const& counters);

// For the device itself. Any thread may call these.
void count_launch(std::string const& name);
void count_synchronisation();
void count_upload(std::int64_t bytes);
void count_download(std::int64_t bytes);
void count_allocation(std::int64_t bytes);
void count_release(std::int64_t bytes);

}  // namespace fedstrata::guarded
