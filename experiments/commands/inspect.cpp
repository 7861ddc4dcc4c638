#include "experiments/commands/inspect.hpp"

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <utility>
#include <vector>

#include "common/base/environment.hpp"
#include "common/base/error.hpp"
#include "common/base/format.hpp"
#include "common/base/log.hpp"
#include "common/base/process/child_process.hpp"
#include "common/base/text.hpp"
#include "common/store/names.hpp"
#include "common/store/run.hpp"
#include "common/store/upkeep/cleaning.hpp"
#include "common/store/upkeep/linked_run.hpp"
#include "common/store/upkeep/maintenance.hpp"
#include "experiments/view/run_facts.hpp"

// Reads only the index and the tables, never a model, so that it answers at once for a run of any
// size, also while that goes on.

namespace fedstrata {
namespace {

std::string size_text(std::int64_t bytes) { return bytes_text(static_cast<double>(bytes)); }

int verify(std::string const& target) {
  auto const problems = verify_run(target);
  for (auto const& problem : problems) log::error(problem);
  if (problems.empty()) std::printf("%s: every file is as it was written\n", target.c_str());
  return problems.empty() ? 0 : 2;
}

int rebuild(std::string const& target) {
  auto const run = rebuild_index(target);
  std::printf("%s: run.h5 names %zu files\n", target.c_str(), run.files().size());
  return 0;
}

void print(std::string const& target, std::vector<RemovedFile> const& removed) {
  std::int64_t bytes = 0;
  for (auto const& file : removed) {
    std::printf("removed %s%s\n", padded(file.name, 40).c_str(), size_text(file.bytes).c_str());
    bytes += file.bytes;
  }
  std::printf("%s: %zu files removed, %s\n", target.c_str(), removed.size(),
              size_text(bytes).c_str());
}

void show(Inspected const& inspected, bool as_json) {
  auto const text = as_json ? run_json(inspected) + "\n" : run_text(inspected);
  std::printf("%s", text.c_str());
}

/// A packed file, through a directory that is made of it and removed again.
void show_packed(InspectOptions const& options) {
  auto const file = absolute_path(options.target);
  bool const shown = !options.verify && options.pack.empty() && !options.clean &&
                     options.remove.empty() && !options.rebuild_index;
  require_input(shown, "'" + file.string() +
                           "' is a packed run, which stays as it is: inspect shows it, also with "
                           "--json; its other options are for the directory of a run");
  NewDirectory const made(std::filesystem::temp_directory_path() /
                          ("fedstrata-" + host_name() + "-" + std::to_string(::getpid())));
  constexpr unsigned kLongest = 600;  // seconds
  try {
    in_child([&] { make_linked_run(file, made.path()); }, kLongest);
  } catch (Error const& error) {
    throw InputError(error.what());
  }
  auto run = Run::open(made.path(), Verify::tables);
  auto const sizes = size_facts(run, file);
  show({std::move(run), file.string(), "", sizes}, options.json);
}

}  // namespace

Command<InspectOptions> const& inspect_command() {
  using Options = InspectOptions;
  auto const alone = [](Option<Options> option) {
    std::vector<std::string> others = {"verify", "pack",   "json",
                                       "clean",  "remove", "rebuild-index"};
    std::erase(others, option.text.name);
    return option::without(others, std::move(option));
  };
  static Command<Options> const command = {
      .text = {.name = "inspect",
               .target = "RUN_DIR",
               .summary = "show what is in a run: layers, rounds, analyses, sizes",
               .details = "Can be used while the run goes on. RUN_DIR may be a file that --pack "
                          "made.",
               .example = "fedstrata inspect runs/a --pack a.h5"},
      .options = {option::flag("verify", &Options::verify, "check size and checksum of every file"),
                  option::text("pack", "OUT.h5", &Options::pack,
                               "write everything into one self-contained file"),
                  option::without({"verify", "pack"},
                                  option::flag("json", &Options::json,
                                               "the same facts as one JSON object, for scripts")),
                  alone(option::flag(
                      "clean", &Options::clean,
                      "remove what no reader needs: old states, what a kill left; says what")),
                  alone(option::text("remove", "ANALYSIS", &Options::remove,
                                     "remove an analysis and its files")),
                  alone(option::flag("rebuild-index", &Options::rebuild_index,
                                     "write run.h5 anew from the files beside it"))}};
  return command;
}

int inspect(InspectOptions const& options) {
  auto const& target = options.target;
  std::error_code error;
  if (std::filesystem::is_regular_file(target, error)) {
    show_packed(options);
    return 0;
  }
  if (options.rebuild_index) return rebuild(target);
  if (options.clean || !options.remove.empty()) {
    print(target, options.clean ? clean_run(target) : remove_analysis(target, options.remove));
    return 0;
  }
  if (options.verify)
    if (int const code = verify(target); code != 0) return code;
  if (!options.pack.empty()) {
    pack_run(target, options.pack);
    auto const size = static_cast<std::int64_t>(std::filesystem::file_size(options.pack));
    std::printf("%s: %s\n", options.pack.c_str(), size_text(size).c_str());
  }
  if (options.verify || !options.pack.empty()) return 0;
  auto run = Run::open(target, Verify::tables);
  auto const path = run.path();
  auto const sizes = size_facts(run);
  show({std::move(run), path.string(), models_of(path).string(), sizes}, options.json);
  return 0;
}

}  // namespace fedstrata
