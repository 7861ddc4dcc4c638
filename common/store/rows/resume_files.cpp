#include "common/store/rows/resume_files.hpp"

#include <algorithm>

#include "common/base/error.hpp"
#include "common/base/log.hpp"
#include "common/store/names.hpp"

namespace fedstrata {
namespace fs = std::filesystem;

// When a round was saved twice, by other numbers of ranks, either will do.

std::optional<ResumeState> ResumeState::latest(fs::path const& directory) {
  RowFiles files(flat_rows(), directory);
  files.refresh();
  auto const& states = files.complete();
  for (auto state = states.rbegin(); state != states.rend(); ++state) {
    auto const damaged = std::ranges::find_if_not(state->second, [&](std::string const& name) {
      return is_intact_flat_file(directory / name);
    });
    if (damaged == state->second.end()) return at(directory, state->first);
    log::warning(quoted(directory / *damaged) + " is damaged; an older state is taken instead");
  }
  return std::nullopt;
}

ResumeState ResumeState::at(fs::path const& directory, std::int64_t round) {
  RowFiles files(flat_rows(), directory);
  files.refresh();
  require(files.complete().contains(round), "there is no resume state of round " +
                                                std::to_string(round) + " in " + quoted(directory));
  for (auto const& name : files.files_of(round)) files.shard(name);
  return {std::move(files), round};
}

bool has_resume_state(fs::path const& directory) {
  RowFiles files(flat_rows(), directory);
  files.refresh();
  return !files.complete().empty();
}

std::vector<std::string> old_resume_states(fs::path const& directory, std::int64_t keep) {
  RowFiles files(flat_rows(), directory);
  files.refresh();
  auto oldest = files.complete().rbegin();
  for (std::int64_t kept = 1; kept < keep && oldest != files.complete().rend(); ++kept) ++oldest;
  if (keep > 0 && oldest == files.complete().rend()) return {};
  auto const* const extension = flat_rows().extension();
  std::vector<std::string> old;
  for (auto const& name : list_files(directory, extension)) {
    auto const parsed = parse_shard_name(name, extension);
    if (parsed && (keep == 0 || parsed->round < oldest->first)) old.push_back(name);
  }
  return old;
}

void prune_resume_states(fs::path const& directory, std::int64_t keep) {
  for (auto const& name : old_resume_states(directory, keep)) fs::remove(directory / name);
}

}  // namespace fedstrata
