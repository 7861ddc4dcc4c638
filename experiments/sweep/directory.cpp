#include "experiments/sweep/directory.hpp"

#include <csignal>
#include <fstream>

#include "common/base/error.hpp"
#include "common/base/files.hpp"
#include "common/base/text.hpp"
#include "common/config/options.hpp"
#include "common/store/file_lock.hpp"
#include "common/store/names.hpp"

namespace fedstrata {
namespace {

namespace fs = std::filesystem;

constexpr char const* kCopy = "sweep.ini";   // of the sweep file
std::string const kCopyOf = "# A copy of ";  // begins its first line
constexpr std::streamoff kTail = 65'536;     // of a log, where its error is looked for

bool is_there(fs::path const& path) {
  std::error_code unknown;
  return fs::exists(path, unknown);
}

std::string config_text(SweepCell const& cell) {
  std::string header;
  for (auto const& [key, value] : cell.settings) header += "# " + key + " = " + value + "\n";
  return "# One cell of a sweep; written by `fedstrata sweep`.\n" + header + "\n" +
         to_text(cell.config);
}

}  // namespace

char const* name_of(CellStage stage) { return kCellStages.at(static_cast<std::size_t>(stage)); }

bool SweepDirectory::is_one(fs::path const& path) {
  return is_there(path / kCopy) && is_there(path / "configs");
}

fs::path SweepDirectory::config(std::string const& name) const {
  return path_ / "configs" / (name + ".ini");
}
fs::path SweepDirectory::run(std::string const& name) const { return path_ / "cells" / name; }
fs::path SweepDirectory::log(std::string const& name) const {
  return path_ / "logs" / (name + ".log");
}
fs::path SweepDirectory::exit(std::string const& name) const {
  return path_ / "logs" / (name + ".exit");
}

std::vector<std::string> SweepDirectory::names() const {
  auto names = list_files(path_ / "configs", ".ini");
  for (auto& name : names) name = fs::path(name).stem().string();
  return names;
}

void SweepDirectory::keep_names(std::vector<SweepCell>& cells) const {
  std::map<std::string, std::string> by_hash;
  for (auto const& name : names()) by_hash.emplace(name.substr(name.rfind('-') + 1), name);
  for (auto& cell : cells) {
    if (auto const found = by_hash.find(cell.hash); found != by_hash.end()) {
      cell.name = found->second;
    }
  }
}

void SweepDirectory::prepare(std::vector<SweepCell> const& cells, std::string const& sweep_text,
                             fs::path const& sweep_file) const {
  try {
    for (auto const* name : {"configs", "cells", "logs"}) fs::create_directories(path_ / name);
    write_text(path_ / kCopy,
               kCopyOf + fs::absolute(sweep_file).lexically_normal().string() + "\n" + sweep_text);
    for (auto const& cell : cells) {
      auto const file = config(cell.name);
      auto const text = config_text(cell);
      if (is_there(file) &&
          (is_there(run(cell.name) / RunNames::kIndex) || read_text(file) == text)) {
        continue;
      }
      write_text(file, text);
    }
  } catch (std::exception const& error) {
    throw InputError(quoted(path_) + " cannot hold the sweep (" + error.what() +
                     "); choose another directory with --out");
  }
}

fs::path SweepDirectory::sweep_file() const {
  std::ifstream copy(path_ / kCopy);
  std::string line;
  std::getline(copy, line);
  return line.starts_with(kCopyOf) ? line.substr(kCopyOf.size()) : std::string();
}

bool SweepDirectory::was_stopped(int code) {
  return code == 0 || code == 3 || code == 128 + SIGINT || code == 128 + SIGTERM ||
         code == 128 + SIGUSR1;
}

std::optional<int> SweepDirectory::last_code(std::string const& name) const {
  std::ifstream file(exit(name));
  int code = 0;
  return file >> code ? std::optional(code) : std::nullopt;
}

CellStatus SweepDirectory::status(std::string const& name, QueueView const& queue) const {
  auto const directory = run(name);
  bool const has_index = is_there(directory / RunNames::kIndex);
  bool const has_results =
      is_there(directory / RunNames::kDone) || is_there(directory / RunNames::kMetrics);
  if (has_results && !has_index) {
    return {CellStage::failed, "run.h5 is not there any more; `fedstrata inspect --rebuild-index " +
                                   directory.string() + "` makes it anew"};
  }
  if (is_there(directory / RunNames::kDone)) return {CellStage::done, ""};
  auto const queued = queue.find(name);
  bool const in_queue = queued != queue.end();
  if ((in_queue && queued->second) || is_alive(directory / RunNames::kSimulation)) {
    return {CellStage::running, ""};
  }
  if (in_queue) return {CellStage::queued, ""};
  auto const code = last_code(name);
  if (code && !was_stopped(*code)) {
    auto error = first_error(log(name));
    if (error.empty()) error = "ended with exit code " + std::to_string(*code);
    return {CellStage::failed, error};
  }
  bool const begun = code || has_index;
  return {begun ? CellStage::interrupted : CellStage::missing, ""};
}

std::string first_error(fs::path const& log) {
  std::ifstream file(log, std::ios::binary | std::ios::ate);
  if (!file) return "";
  file.seekg(std::max<std::streamoff>(0, file.tellg() - kTail));
  std::string last;
  for (std::string line; std::getline(file, line);) {
    line = trim(line);
    bool const ours = line.starts_with("fedstrata: ") || line.starts_with("fedstrata (");
    bool const of_a_stop =
        line.starts_with("fedstrata: stopping") || line.starts_with("fedstrata: ended at once");
    if (ours && !of_a_stop && line.find(": warning: ") == std::string::npos) {
      return line.substr(line.find(": ") + 2);
    }
    if (!line.empty() && line.find_first_not_of("-=") != std::string::npos) last = line;
  }
  return last;
}

}  // namespace fedstrata
