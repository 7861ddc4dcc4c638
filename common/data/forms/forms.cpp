#include "common/data/forms/forms.hpp"

#include <algorithm>

namespace fedstrata {

std::vector<DatasetEntry> const& dataset_entries() {
  static std::vector<DatasetEntry> const all = [] {
    std::vector<DatasetEntry> entries;
    for (auto* const form : kDataForms) {
      for (auto& entry : form()) entries.push_back(std::move(entry));
    }
    std::ranges::sort(entries, {}, [](auto const& entry) { return entry.info.name; });
    return entries;
  }();
  return all;
}

std::uint64_t kept(std::uint64_t count, std::int64_t limit) {
  return limit > 0 ? std::min(count, static_cast<std::uint64_t>(limit)) : count;
}

}  // namespace fedstrata
