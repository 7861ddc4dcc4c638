#include "experiments/commands/inspect.hpp"

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <map>
#include <sstream>

#include "common/base/error.hpp"
#include "common/base/format.hpp"
#include "common/base/log.hpp"
#include "common/store/maintenance.hpp"
#include "common/store/run.hpp"

// Reads only the index and the tables, never a model, so that it answers at once for a run of any
// size, also while that goes on.

namespace fedstrata {
namespace {

std::string number_text(double value, int digits = 4) {
  if (std::isnan(value)) return "-";
  std::ostringstream text;
  text << std::fixed << std::setprecision(digits) << value;
  return text.str();
}

void print_header(Run const& run) {
  auto const& header = run.header();
  auto const& provenance = header.provenance.front();
  auto const holder = run.simulated_by();
  std::cout << "run         " << run.path().string() << '\n'
            << "state       "
            << (run.complete()    ? "complete"
                : !holder.empty() ? "running: " + holder
                                  : "incomplete")
            << '\n'
            << "model       " << header.model << ", " << header.table.parameter_count
            << " parameters, " << header.table.buffer_count << " buffers\n"
            << "data        " << header.dataset.name << ", " << header.dataset.train_count
            << " training and " << header.dataset.test_count << " test samples, "
            << header.partition.clients() << " clients\n"
            << "seed        " << header.seed << '\n'
            << "started     " << provenance.start_time.str() << " on " << provenance.hosts.str()
            << ", " << provenance.ranks << " ranks, fedstrata " << provenance.version.str() << '\n';
}

// One line a section; keys without a value are left out.
void print_config(std::string const& text) {
  std::cout << "\nconfiguration";
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line[0] == '#') continue;
    if (line[0] == '[') {
      std::cout << "\n  " << line;
      continue;
    }
    auto const equals = line.find('=');
    if (equals == std::string::npos ||
        line.find_first_not_of(" \t", equals + 1) == std::string::npos)
      continue;
    line = line.substr(0, line.find('#'));
    std::cout << ' ';
    for (auto const c : line)
      if (c != ' ' && c != '\t') std::cout << c;
  }
  std::cout << '\n';
}

void print_layers(LayerTable const& table) {
  std::cout << "\nlayers\n  " << std::left << std::setw(32) << "name" << std::right << std::setw(12)
            << "offset" << std::setw(12) << "size" << std::setw(7) << "stage"
            << "  type\n";
  for (auto const& layer : table.layers) {
    std::cout << "  " << std::left << std::setw(32) << layer.name << std::right << std::setw(12)
              << layer.parameters.offset << std::setw(12) << layer.parameters.size << std::setw(7)
              << layer.stage << "  " << text(layer.type) << '\n';
  }
}

// Rounds with a test result; of many, the first and the last.
void print_rounds(Run const& run) {
  auto const all = run.metrics<RoundRecord>();
  std::vector<RoundRecord> rounds;
  for (auto const& record : all)
    if (!std::isnan(record.test_loss) || !std::isnan(record.test_loss_after))
      rounds.push_back(record);
  std::cout << "\nrounds      " << all.size() << ", " << rounds.size() << " of them evaluated\n";
  bool const classes = run.header().dataset.classes() > 0;
  if (!rounds.empty())
    std::cout << "   round  train loss   test loss  "
              << (classes ? "accuracy: global" : "    loss: global") << "    before     after\n";
  constexpr std::size_t kEnds = 10;
  for (std::size_t i = 0; i < rounds.size(); ++i) {
    if (rounds.size() > 2 * kEnds && i == kEnds) {
      std::cout << "     ...\n";
      i = rounds.size() - kEnds;
    }
    auto const& r = rounds[i];
    std::cout << std::setw(8) << r.round << std::setw(12) << number_text(r.train_loss)
              << std::setw(12) << number_text(r.test_loss) << std::setw(18)
              << number_text(classes ? r.test_accuracy : r.test_loss) << std::setw(10)
              << number_text(classes ? r.test_accuracy_before : r.test_loss_before) << std::setw(10)
              << number_text(classes ? r.test_accuracy_after : r.test_loss_after) << '\n';
  }
}

void print_analyses(Run const& run) {
  auto const names = run.analysis_names();
  std::cout << "\nanalyses    " << (names.empty() ? "none" : "") << '\n';
  for (auto const& name : names) {
    auto const barriers = run.analysis<BarrierRecord>(name);
    std::map<std::int64_t, int> rounds;
    for (auto const& barrier : barriers) ++rounds[barrier.round];
    std::cout << "  " << name << ": " << barriers.size() << " curves of " << rounds.size()
              << " rounds";
    if (!rounds.empty())
      std::cout << " (" << rounds.begin()->first << " .. " << rounds.rbegin()->first << ')';
    std::cout << '\n';
  }
}

void print_sizes(Run const& run) {
  std::map<std::string, std::pair<int, std::int64_t>> kinds;
  std::map<std::string, std::int64_t> checkpoints;
  std::int64_t total = 0;
  for (auto const& record : run.files()) {
    auto const name = record.name.str();
    auto const slash = name.find('/');
    auto& [count, bytes] = kinds[slash == std::string::npos ? name : name.substr(0, slash)];
    ++count;
    bytes += record.bytes;
    total += record.bytes;
    if (name.starts_with("checkpoints/"))
      checkpoints[name.substr(12, name.find_first_of("-.", 12) - 12)] += record.bytes;
  }
  std::cout << "\ncheckpoints " << checkpoints.size();
  if (!checkpoints.empty())
    std::cout << ", rounds " << std::stoll(checkpoints.begin()->first) << " .. "
              << std::stoll(checkpoints.rbegin()->first) << ", last one "
              << bytes_text(static_cast<double>(checkpoints.rbegin()->second));
  std::cout << "\n\nfiles\n";
  for (auto const& [kind, sum] : kinds)
    std::cout << "  " << std::left << std::setw(12) << kind << std::right << std::setw(7)
              << sum.first << std::setw(12) << bytes_text(static_cast<double>(sum.second)) << '\n';
  std::cout << "  " << std::left << std::setw(12) << "all" << std::right << std::setw(19)
            << bytes_text(static_cast<double>(total)) << '\n';
}

int verify(std::string const& target) {
  auto const problems = verify_run(target);
  for (auto const& problem : problems) log::error(problem);
  if (problems.empty()) std::cout << target << ": every file is as it was written\n";
  return problems.empty() ? 0 : 2;
}

int rebuild(std::string const& target) {
  auto const run = rebuild_index(target);
  std::cout << target << ": run.h5 names " << run.files().size() << " files\n";
  return 0;
}

}  // namespace

Command<InspectOptions> const& inspect_command() {
  using Options = InspectOptions;
  static Command<Options> const command = {
      .text = {.name = "inspect",
               .target = "RUN_DIR",
               .summary = "show what is in a run: layers, rounds, analyses, sizes",
               .details = "Can be used while the run goes on.",
               .example = "fedstrata inspect runs/a --pack a.h5"},
      .options = {option::flag("verify", &Options::verify, "check size and checksum of every file"),
                  option::text("pack", "OUT.h5", &Options::pack,
                               "write everything into one self-contained file"),
                  option::without({"verify", "pack"},
                                  option::flag("rebuild-index", &Options::rebuild_index,
                                               "write run.h5 anew from the files beside it"))}};
  return command;
}

int inspect(InspectOptions const& options) {
  if (options.rebuild_index) return rebuild(options.target);
  if (options.verify)
    if (int const code = verify(options.target); code != 0) return code;
  if (!options.pack.empty()) {
    pack_run(options.target, options.pack);
    auto const size = static_cast<std::int64_t>(std::filesystem::file_size(options.pack));
    std::cout << options.pack << ": " << bytes_text(static_cast<double>(size)) << '\n';
  }
  if (options.verify || !options.pack.empty()) return 0;
  auto const run = Run::open(options.target, Verify::tables);
  print_header(run);
  print_config(run.header().config_text);
  print_layers(run.header().table);
  print_rounds(run);
  print_analyses(run);
  print_sizes(run);
  return 0;
}

}  // namespace fedstrata
