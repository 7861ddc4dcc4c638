#include "common/store/upkeep/linked_run.hpp"

#include <algorithm>
#include <cstring>
#include <set>
#include <utility>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/files.hpp"
#include "common/base/names.hpp"
#include "common/hdf5/file.hpp"
#include "common/store/index.hpp"
#include "common/store/names.hpp"
#include "common/store/run_writer.hpp"
#include "common/store/upkeep/packed_script.hpp"

// All but the models is small, and copied. Models are reached through symbolic links to the files
// of a run, or through checkpoint files whose datasets are external links into a packed file.

namespace fedstrata {
namespace {

namespace fs = std::filesystem;
using Names = RunNames;

void link_directory(fs::path const& run, fs::path const& directory) {
  auto const records = read_index(run);
  auto const problems = check_files(run, records);
  if (!problems.empty()) throw InputError(problems.front());
  for (auto const& record : records) {
    fs::path const name = record.name.str();
    auto const target = directory / name;
    fs::create_directories(target.parent_path());
    if (*name.begin() == Names::kCheckpoints) {
      fs::create_symlink(run / name, target);
    } else {
      fs::copy_file(run / name, target);
    }
  }
  if (fs::exists(run / Names::kDone)) write_text(directory / Names::kDone, "");
}

/// Rows of the tables below a group, as a series of segments keeps them.
struct Rows {
  std::vector<TableKind> kinds;
  std::vector<std::vector<std::byte>> data;  ///< of each kind

  std::vector<std::int64_t> rounds_of(std::size_t table) const {
    auto const& layout = kinds[table].layout;
    std::vector<std::int64_t> rounds;
    for (std::size_t at = 0; at < data[table].size(); at += layout.record_size) {
      rounds.emplace_back();
      std::memcpy(&rounds.back(), &data[table][at + layout.fields.front().offset],
                  sizeof rounds.back());
    }
    return rounds;
  }
};

Rows read_rows(hdf5::File const& file, std::string const& group, std::vector<TableKind> kinds) {
  Rows rows{std::move(kinds), {}};
  for (auto const& [name, layout] : rows.kinds) {
    auto& bytes = rows.data.emplace_back();
    auto const table = group + "/" + name;
    if (!file.has(table)) continue;  // of an older version
    bytes.resize(static_cast<std::size_t>(file.rows(table)) * layout.record_size);
    file.read_table(table, layout, 0, bytes);
  }
  return rows;
}

/// Rounds that have rows of `skipped` alone were left out, and may be computed later.
void write_series(Rows rows, fs::path const& directory) {
  std::set<std::int64_t> with_results, skipped;
  for (std::size_t table = 0; table < rows.kinds.size(); ++table) {
    auto& rounds = rows.kinds[table].name == SkippedRecord::kTable ? skipped : with_results;
    for (auto const round : rows.rounds_of(table)) rounds.insert(round);
  }
  for (bool const placeholder : {false, true}) {
    auto part = rows;
    std::vector<std::int64_t> covered;
    std::ranges::set_union(with_results, skipped, std::back_inserter(covered));
    std::erase_if(covered, [&](auto round) { return with_results.contains(round) == placeholder; });
    for (std::size_t table = 0; table < part.kinds.size(); ++table) {
      auto const size = part.kinds[table].layout.record_size;
      std::vector<std::byte> kept;
      auto const rounds = part.rounds_of(table);
      for (std::size_t i = 0; i < rounds.size(); ++i) {
        if (!std::ranges::binary_search(covered, rounds[i])) continue;
        auto const row = part.data[table].begin() + static_cast<std::ptrdiff_t>(i * size);
        kept.insert(kept.end(), row, row + static_cast<std::ptrdiff_t>(size));
      }
      part.data[table] = std::move(kept);
    }
    if (covered.empty()) continue;
    fs::create_directories(directory);
    auto const file = Series(directory, part.kinds).write(covered, part.data, placeholder);
    file->sync();
    file->publish();
  }
}

void link_checkpoint(hdf5::File const& packed, fs::path const& source, std::string const& name,
                     fs::path const& directory) {
  auto const group = "/checkpoints/" + name;
  auto const round = parse_shard_name(name + ".h5", ".h5");
  require(round.has_value(), "it has a checkpoint '" + name + "'");
  NewFile target(directory / shard_name(*round, ".h5"));
  auto file = hdf5::File::create(target.temporary());
  file.set("/", "round", round->round);
  file.set("/", "shard", std::int64_t{0});
  file.set("/", "shards", std::int64_t{1});
  auto const clients = packed.read_integers(group + "/clients");
  file.write_integers("/clients", clients, {std::ssize(clients)});
  for (auto const& field : packed.float_datasets(group))
    file.link("/" + field, source.string(), group + "/" + field);
  file.close();
  target.sync();
  target.publish();
}

void link_packed(fs::path const& source, fs::path const& directory) {
  auto const packed = hdf5::File::open(source);
  require(packed.has_attribute("/", "format") && packed.text("/", "format") == "fedstrata",
          "it is not of fedstrata");
  require(packed.integer("/", "format_version") <= kFormatVersion,
          "it has a newer format version; use a newer fedstrata");
  auto const header = read_header(source);
  write_header(directory / Names::kHeader, header);
  unpack_script(packed, directory / Names::kModel);
  write_series(read_rows(packed, "/metrics", MetricsTables::kinds()), directory / Names::kMetrics);
  for (auto const& name : packed.names("/checkpoints"))
    link_checkpoint(packed, source, name, directory / Names::kCheckpoints);
  for (auto const& name : packed.names("/barriers")) {
    require(is_plain_name(name, ".") && name[0] != '.', "it has an analysis '" + name + "'");
    auto const analysis = directory / Names::kBarriers / name;
    auto const group = "/barriers/" + name;
    write_series(read_rows(packed, group, AnalysisTables::kinds()), analysis);
    if (packed.has_attribute(group, "config"))
      write_text(analysis / Names::kAnalysisConfig, packed.text(group, "config"));
  }
  if (packed.integer("/", "complete") != 0) write_text(directory / Names::kDone, "");
}

}  // namespace

NewDirectory::~NewDirectory() {
  std::error_code ignored;
  if (!kept_) fs::remove_all(path_, ignored);
}

void make_linked_run(fs::path const& from, fs::path const& to) {
  auto const source = absolute_path(from);
  std::error_code error;
  bool const packed = fs::is_regular_file(source, error);
  require_input(packed || fs::is_directory(source, error),
                quoted(source) + " is not a run: there is no such file or directory");
  auto const path = absolute_path(to);
  require_input(!fs::exists(path, error), quoted(path) + " exists; choose another --out");
  require_input(fs::create_directory(path, error) && !error,
                "cannot make directory " + quoted(path) + ": " +
                    (error ? error.message() : std::string("it exists")));
  NewDirectory made(path);
  fs::create_directory(path / Names::kState);
  auto const models = packed ? fs::path() : models_of(source);
  write_text(path / Names::kModelsOf, (models.empty() ? source : models).string() + "\n");
  try {
    packed ? link_packed(source, path) : link_directory(source, path);
    RunWriter::attach(path).publish_index();
  } catch (InputError const&) {
    throw;
  } catch (Error const& problem) {
    if (!packed) throw;
    throw InputError(quoted(source) +
                     " is not a run, nor one that inspect --pack made: " + problem.what());
  }
  made.keep();
}

fs::path models_of(fs::path const& run) {
  auto const file = run / Names::kModelsOf;
  std::error_code error;
  if (!fs::exists(file, error)) return {};
  auto text = read_text(file);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  require_input(fs::exists(text, error), quoted(run) + " has its models in " +
                                             quoted(fs::path(text)) +
                                             ", which is not there any more; bring it back");
  return text;
}

}  // namespace fedstrata
