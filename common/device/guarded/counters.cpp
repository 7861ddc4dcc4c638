#include "common/device/guarded/counters.hpp"

#include <algorithm>
#include <cstdio>
#include <mutex>
#include <utility>
#include <vector>

#include "common/base/environment.hpp"

namespace fedstrata::guarded {
namespace {

std::mutex& mutex() {
  static auto* const one = new std::mutex;  // tensors may outlive what is static
  return *one;
}

Counters& now() {
  static auto* const one = new Counters;
  return *one;
}

template <class Change>
void change(Change const& change) {
  std::lock_guard const lock(mutex());
  change(now());
}

struct AtTheEnd {
  ~AtTheEnd() {
    if (environment("FEDSTRATA_GUARDED_COUNTERS").empty()) return;
    std::fputs(describe(counters()).c_str(), stderr);
  }
} const at_the_end;

}  // namespace

Counters counters() {
  std::lock_guard const lock(mutex());
  return now();
}

void reset_counters() {
  change([](Counters& c) {
    auto const live = c.live_bytes;
    c = {.live_bytes = live, .peak_bytes = live};
  });
}

std::string describe(Counters const& c) {
  auto const number = [](std::int64_t n) { return std::to_string(n); };
  auto text = "guarded device: " + number(c.launches) + " launches, " + number(c.synchronisations) +
              " synchronisations, " + number(c.uploads) + " uploads (" + number(c.upload_bytes) +
              " bytes), " + number(c.downloads) + " downloads (" + number(c.download_bytes) +
              " bytes), " + number(c.allocations) + " allocations, at most " +
              number(c.peak_bytes) + " bytes\n";
  std::vector<std::pair<std::string, std::int64_t>> operators(c.operators.begin(),
                                                              c.operators.end());
  std::ranges::stable_sort(operators, std::ranges::greater(),
                           &std::pair<std::string, std::int64_t>::second);
  for (auto const& [name, count] : operators) text += "  " + number(count) + " " + name + "\n";
  return text;
}

void count_launch(std::string const& name) {
  change([&](Counters& c) { ++c.launches, ++c.operators[name]; });
}

void count_synchronisation() {
  change([](Counters& c) { ++c.synchronisations; });
}

void count_upload(std::int64_t bytes) {
  change([&](Counters& c) { ++c.uploads, c.upload_bytes += bytes; });
}

void count_download(std::int64_t bytes) {
  change([&](Counters& c) { ++c.downloads, c.download_bytes += bytes; });
}

void count_allocation(std::int64_t bytes) {
  change([&](Counters& c) {
    ++c.allocations;
    c.live_bytes += bytes;
    c.peak_bytes = std::max(c.peak_bytes, c.live_bytes);
  });
}

void count_release(std::int64_t bytes) {
  change([&](Counters& c) { c.live_bytes -= bytes; });
}

}  // namespace fedstrata::guarded
