#include "common/mpi/background.hpp"

namespace fedstrata::mpi {

Background::Job Background::add(std::function<void()> work, bool only_waiting) {
  entries_.push_back({std::move(work), only_waiting, false});
  return {*this, std::prev(entries_.end())};
}

void Background::run(bool waiting) {
  for (auto& entry : entries_) {
    if (entry.busy || (entry.only_waiting && !waiting)) continue;
    Hold const itself(entry);
    entry.work();
  }
}

}  // namespace fedstrata::mpi
