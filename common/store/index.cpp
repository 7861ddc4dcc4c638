#include "common/store/index.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <iterator>
#include <set>
#include <sstream>
#include <thread>

#include "common/base/error.hpp"
#include "common/base/text.hpp"
#include "common/config/config.hpp"
#include "common/hdf5/file.hpp"
#include "common/store/names.hpp"

// run.h5 is a pure function of the files beside it, so it can be made again at any time. It is
// replaced, never changed: whoever has it open goes on seeing the run as it was. Its checksum lies
// in a file of its own, and two files cannot be replaced in one step; how readers cope is said
// below.

namespace fedstrata {
namespace {

namespace fs = std::filesystem;
using Names = RunNames;

constexpr int kAttempts = 20;
constexpr auto kNap = std::chrono::milliseconds(20);

std::string line_of(FileSum const& sum) {
  return sum.checksum + "  " + std::to_string(sum.bytes) + "\n";
}

bool is_intact(fs::path const& directory) {
  auto const line = line_of(checksum_file(directory / Names::kIndex));
  return read_text(directory / Names::kIndexSum).find(line) != std::string::npos;
}

// The sidecar describes the newest run.h5 and the one before, since the two files cannot be
// replaced in one step; a reader overtaken twice tries again.
void check_index_sum(fs::path const& directory) {
  auto const index = directory / Names::kIndex, sidecar = directory / Names::kIndexSum;
  std::error_code error;
  require_input(!fs::is_regular_file(directory, error),
                quoted(directory) +
                    " is not a run but a file; if it was made by inspect "
                    "--pack, fedstrata analyze FILE --out DIR makes a directory of it");
  require_input(fs::is_directory(directory, error),
                quoted(directory) + " is not a run: there is no such directory" +
                    beginning_of(directory.string()));
  require_input(fs::exists(index, error),
                quoted(directory) + " is not a run: it has no " + Names::kIndex);
  require_input(fs::exists(sidecar, error), quoted(directory) + " is not a complete run: '" +
                                                sidecar.string() +
                                                "' is missing; restore it from a copy");
  for (int attempt = 0; attempt < kAttempts; ++attempt, std::this_thread::sleep_for(kNap))
    if (is_intact(directory)) return;
  throw InputError(quoted(index) + " is damaged: its checksum is not that of '" + sidecar.string() +
                   "'; restore it from a copy");
}

// Of a file in the run's directory or below.
void check_name(std::string const& name) {
  fs::path const path = name;
  require(!name.empty() && path.is_relative() && path.lexically_normal() == path &&
              *path.begin() != "..",
          "it names a file '" + name + "' outside the run");
}

// What helps where a file is not as it was written.
std::string remedy(fs::path const& directory, std::string const& name) {
  fs::path const path = name;
  bool const of_analysis = path.begin()->string() == Names::kBarriers;
  return "restore it from a copy" +
         (of_analysis ? ", or take the analysis out of the run with fedstrata inspect " +
                            directory.string() + " --remove " + std::next(path.begin())->string()
                      : std::string());
}

// Empty when the file is as the index describes it, else one sentence that names it.
std::string check_file(fs::path const& directory, FileRecord const& record, bool contents) {
  auto const path = directory / record.name.str();
  std::error_code error;
  if (!fs::exists(path, error))
    return quoted(path) + " is missing; " + remedy(directory, record.name.str());
  auto const size = static_cast<std::int64_t>(fs::file_size(path, error));
  if (size != record.bytes)
    return quoted(path) + " is damaged: it has " + std::to_string(size) + " bytes where " +
           std::to_string(record.bytes) + " were written; " + remedy(directory, record.name.str());
  auto const checksum = record.checksum.str();
  if (contents && !checksum.empty() && checksum_file(path).checksum != checksum)
    return quoted(path) + " is damaged: its checksum is not that of what was written; " +
           remedy(directory, record.name.str());
  return "";
}

}  // namespace

std::vector<FileRecord> read_index(fs::path const& directory) {
  check_index_sum(directory);
  auto const path = directory / Names::kIndex;
  try {
    auto const file = hdf5::File::open(path);
    require_input(file.text("/", "format") == "fedstrata",
                  quoted(directory) + " is not a run of fedstrata");
    auto const version = file.integer("/", "format_version");
    require_input(version <= kFormatVersion, quoted(directory) + " has format version " +
                                                 std::to_string(version) + ", newer than the " +
                                                 std::to_string(kFormatVersion) +
                                                 " that this program reads; use a newer fedstrata");
    auto records = file.read_table<FileRecord>("/files");
    for (auto const& record : records) check_name(record.name.str());
    return records;
  } catch (InputError const&) {
    throw;
  } catch (Error const& error) {
    throw InputError(quoted(path) + " is not an index of a run: " + error.what());
  }
}

std::vector<FileRecord> read_index_if_intact(fs::path const& directory) {
  bool const there =
      fs::exists(directory / Names::kIndex) && fs::exists(directory / Names::kIndexSum);
  return there && is_intact(directory) ? read_index(directory) : std::vector<FileRecord>{};
}

std::vector<std::string> check_files(fs::path const& directory,
                                     std::vector<FileRecord> const& records, bool checkpoints) {
  std::vector<std::string> problems;
  for (auto const& record : records) {
    bool const contents = checkpoints || !record.name.str().starts_with(Names::kCheckpoints);
    if (auto const problem = check_file(directory, record, contents); !problem.empty())
      problems.push_back(problem);
  }
  return problems;
}

RunContents::RunContents(fs::path directory)
    : directory_(std::move(directory)),
      metrics_(directory_ / Names::kMetrics, MetricsTables::kinds()),
      checkpoints_(directory_ / Names::kCheckpoints) {}

Series& RunContents::analysis(std::string const& name) {
  return analyses_.try_emplace(name, directory_ / Names::kBarriers / name, AnalysisTables::kinds())
      .first->second;
}

std::vector<std::string> RunContents::analysis_names() const {
  std::vector<std::string> names;
  for (auto const& [name, series] : analyses_)
    if (!series.live().empty() || fs::exists(series.directory() / Names::kAnalysisConfig))
      names.push_back(name);
  return names;
}

void RunContents::refresh() {
  metrics_.refresh();
  checkpoints_.refresh();
  std::error_code error;
  for (auto entry = fs::directory_iterator(directory_ / Names::kBarriers, error);
       !error && entry != fs::directory_iterator(); entry.increment(error))
    if (entry->is_directory() && !is_removed(entry->path()))
      analysis(entry->path().filename().string());
  std::erase_if(analyses_, [](auto const& each) { return is_removed(each.second.directory()); });
  for (auto& [name, series] : analyses_) series.refresh();
}

void RunContents::merge_all() {
  refresh();
  metrics_.merge_all();
  for (auto& [name, series] : analyses_) series.merge_all();
}

std::vector<std::string> RunContents::files(RunHeader const& header) const {
  std::vector<std::string> names{newest_header(directory_)};
  if (header.model.starts_with(kScriptPrefix)) names.push_back(Names::kModel);
  auto const add = [&](std::string const& directory, std::string const& name) {
    names.push_back(directory + "/" + name);
  };
  for (auto const& segment : metrics_.live()) add(Names::kMetrics, segment.file);
  for (auto const& [round, shards] : checkpoints_.complete()) {
    for (auto const& name : shards) add(Names::kCheckpoints, name);
    if (shards.size() > 1) add(Names::kCheckpoints, overview_name(round));
  }
  for (auto const& name : analysis_names()) {
    auto const directory = std::string(Names::kBarriers) + "/" + name;
    for (auto const& segment : analyses_.at(name).live()) add(directory, segment.file);
    if (fs::exists(directory_ / directory / Names::kAnalysisConfig))
      add(directory, Names::kAnalysisConfig);
  }
  return names;
}

std::vector<FileRecord> RunContents::describe(std::vector<std::string> const& names,
                                              std::map<std::string, FileRecord> const& last) {
  std::vector<FileRecord> records;
  for (auto const& name : names) {
    auto const found = stamp(directory_ / name);
    auto const known = last.find(name);
    auto const fresh = fresh_.find(name);
    FileRecord record{name, found.bytes, {}, found.modified};
    if (known != last.end() && known->second.bytes == found.bytes &&
        known->second.run_modified == found.modified) {
      record = known->second;
    } else if (fresh != fresh_.end() && fresh->second.bytes == found.bytes) {
      record.checksum = fresh->second.checksum;
    } else {
      record.checksum = checksum_file(directory_ / name).checksum;
    }
    auto const same = known == last.end() || known->second.checksum.str().empty() ||
                      known->second.checksum == record.checksum;
    require(same, quoted(directory_ / name) +
                      " is damaged: it is not what was written; restore it from a copy");
    records.push_back(record);
  }
  fresh_.clear();
  return records;
}

void RunContents::add_series(hdf5::File& index, Series const& series, std::string const& group,
                             std::string const& directory) const {
  for (std::size_t t = 0; t < series.tables().size(); ++t) {
    auto const& [table, layout] = series.tables()[t];
    auto const name = group + "/" + table;
    auto const pieces = series.pieces(t);
    auto const& live = series.live();
    if (pieces.empty()) {
      index.write_table(name, layout, {});
    } else if (live.size() == 1) {
      index.link(name, directory + "/" + live[0].file, "/" + table);
    } else {
      std::vector<hdf5::VirtualPart> parts;
      std::int64_t rows = 0;
      for (auto const& piece : pieces) {
        parts.push_back({directory + "/" + live[piece.segment].file,
                         "/" + table,
                         series.rows_in_segment(piece.segment, t),
                         piece.first,
                         {{rows, piece.count}}});
        rows += piece.count;
      }
      index.make_virtual_table(name, layout, rows, parts);
    }
  }
}

void RunContents::build(fs::path const& path, RunHeader const& header,
                        std::vector<FileRecord> const& records) {
  auto index = hdf5::File::create(path);
  set_root_attributes(index, header);
  index.set("/", "complete", std::int64_t{fs::exists(directory_ / Names::kDone)});
  for (auto const* name :
       {"/provenance", "/layers", "/parameters", "/buffers", "/dataset", "/partition"})
    index.link(name, records.front().name.str(), name);
  add_series(index, metrics_, "/metrics", Names::kMetrics);
  index.make_group("/checkpoints");
  for (auto const& [round, shards] : checkpoints_.complete())
    index.link("/checkpoints/" + round_text(round),
               std::string(Names::kCheckpoints) + "/" +
                   (shards.size() > 1 ? overview_name(round) : shards[0]),
               "/");
  index.make_group("/barriers");
  for (auto const& name : analysis_names()) {
    auto const group = "/barriers/" + name;
    auto const& series = analyses_.at(name);
    add_series(index, series, group, std::string(Names::kBarriers) + "/" + name);
    auto const config = series.directory() / Names::kAnalysisConfig;
    if (fs::exists(config)) index.set(group, "config", read_text(config));
  }
  index.write_table<FileRecord>("/files", records);
  index.close();
}

void RunContents::publish(RunHeader const& header) {
  refresh();
  checkpoints_.write_overviews();
  std::map<std::string, FileRecord> last;
  std::string last_line;
  // An index that was lost or damaged is built anew from the files, all of them read again.
  for (auto const& record : read_index_if_intact(directory_)) last[record.name.str()] = record;
  if (!last.empty()) last_line = line_of(checksum_file(directory_ / Names::kIndex));
  auto const records = describe(files(header), last);
  NewFile index(directory_ / Names::kIndex, directory_);
  build(index.temporary(), header, records);
  auto const sum = index.sync();
  write_text(directory_ / Names::kIndexSum, line_of(sum) + last_line, directory_);
  index.publish();
  for (auto const& name : settled(last)) fs::remove(directory_ / name);
}

std::vector<std::string> RunContents::settled(std::map<std::string, FileRecord> const& last) const {
  std::vector<std::string> names;
  auto const add = [&](Series const& series, std::string const& directory) {
    std::set<std::string> kept;
    for (auto const& [name, record] : last)
      if (name.starts_with(directory + "/")) kept.insert(name.substr(directory.size() + 1));
    for (auto const& file : series.settled(kept)) names.push_back(directory + "/" + file);
  };
  add(metrics_, Names::kMetrics);
  for (auto const& [name, series] : analyses_)
    add(series, std::string(Names::kBarriers) + "/" + name);
  return names;
}

}  // namespace fedstrata
