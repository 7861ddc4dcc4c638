#include "experiments/commands/inspect.hpp"

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>
#include <utility>

#include "common/base/error.hpp"
#include "common/base/format.hpp"
#include "common/base/log.hpp"
#include "common/base/text.hpp"
#include "common/config/syntax.hpp"
#include "common/store/maintenance.hpp"
#include "common/store/run.hpp"
#include "experiments/view/view.hpp"

// Reads only the index and the tables, never a model, so that it answers at once for a run of any
// size, also while that goes on.

namespace fedstrata {
namespace {

std::string without_blanks(std::string text) {
  std::erase_if(text, [](char c) { return c == ' ' || c == '\t'; });
  return text;
}

std::string header_text(Run const& run) {
  auto const& header = run.header();
  auto const& provenance = header.provenance.front();
  auto const holder = run.simulated_by();
  std::ostringstream out;
  out << "run         " << run.path().string() << '\n'
      << "state       "
      << (run.complete()    ? "complete"
          : !holder.empty() ? "running: " + holder
                            : "incomplete")
      << '\n'
      << "model       " << header.model << ", " << header.table.parameter_count << " parameters, "
      << header.table.buffer_count << " buffers\n"
      << "data        " << header.dataset.name << ", " << header.dataset.train_count
      << " training and " << header.dataset.test_count << " test samples, "
      << header.partition.clients() << " clients\n"
      << "seed        " << header.seed << '\n'
      << "started     " << provenance.start_time.str() << " on " << provenance.hosts.str() << ", "
      << provenance.ranks << " ranks, fedstrata " << provenance.version.str() << '\n';
  return out.str();
}

/// One line a section; keys without a value are left out.
std::string config_lines(std::string const& config) {
  std::ostringstream out;
  out << "\nconfiguration";
  std::string last;
  for (auto const& [key, value, source] : read_ini(config, "")) {
    if (value.empty()) continue;
    auto const dot = key.rfind('.');
    auto const section = key.substr(0, dot);
    if (section != last) out << "\n  [" << section << ']';
    last = section;
    out << ' ' << key.substr(dot + 1) << '=' << without_blanks(value);
  }
  out << '\n';
  return out.str();
}

std::string layers_text(LayerTable const& table) {
  auto const line = [](std::string const& name, std::string const& offset, std::string const& size,
                       std::string const& stage, std::string const& type) {
    return "  " + padded(name, 32) + right(offset, 12) + right(size, 12) + right(stage, 7) + "  " +
           type + "\n";
  };
  std::string result = "\nlayers\n" + line("name", "offset", "size", "stage", "type");
  for (auto const& layer : table.layers) {
    result +=
        line(layer.name, std::to_string(layer.parameters.offset),
             std::to_string(layer.parameters.size), std::to_string(layer.stage), text(layer.type));
  }
  return result;
}

/// Rounds with a test result; of many, the first and the last.
std::string rounds_text(Run const& run) {
  auto rounds = run.metrics<RoundRecord>();
  auto const all = rounds.size();
  std::erase_if(rounds, [](auto const& record) {
    return std::isnan(record.test_loss) && std::isnan(record.test_loss_after);
  });
  std::string text = "\nrounds      " + std::to_string(all) + ", " + std::to_string(rounds.size()) +
                     " of them evaluated\n";
  bool const classes = run.header().dataset.classes() > 0;
  if (!rounds.empty()) {
    text += std::string("   round  train loss   test loss  ") +
            (classes ? "accuracy: global" : "    loss: global") + "    before     after\n";
  }
  constexpr std::size_t kEnds = 10;
  for (std::size_t i = 0; i < rounds.size(); ++i) {
    if (rounds.size() > 2 * kEnds && i == kEnds) {
      text += "     ...\n";
      i = rounds.size() - kEnds;
    }
    auto const& r = rounds[i];
    auto const cell = [](double value, std::size_t width) { return right(fixed(value, 4), width); };
    text += right(std::to_string(r.round), 8) + cell(r.train_loss, 12) + cell(r.test_loss, 12) +
            cell(classes ? r.test_accuracy : r.test_loss, 18) +
            cell(classes ? r.test_accuracy_before : r.test_loss_before, 10) +
            cell(classes ? r.test_accuracy_after : r.test_loss_after, 10) + "\n";
  }
  return text;
}

std::string analyses_text(Run const& run) {
  auto const names = run.analysis_names();
  std::string text = std::string("\nanalyses    ") + (names.empty() ? "none" : "") + "\n";
  for (auto const& name : names) {
    auto const barriers = run.analysis<BarrierRecord>(name);
    std::set<std::int64_t> rounds;
    for (auto const& barrier : barriers) rounds.insert(barrier.round);
    text += "  " + name + ": " + std::to_string(barriers.size()) + " curves of " +
            std::to_string(rounds.size()) + " rounds";
    if (!rounds.empty()) {
      text +=
          " (" + std::to_string(*rounds.begin()) + " .. " + std::to_string(*rounds.rbegin()) + ")";
    }
    text += "\n";
  }
  return text;
}

std::string size_text(std::int64_t bytes) { return bytes_text(static_cast<double>(bytes)); }

std::string sizes_text(Run const& run) {
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
  std::string text = "\ncheckpoints " + std::to_string(checkpoints.size());
  if (!checkpoints.empty()) {
    auto const round = [](auto const& entry) { return std::to_string(std::stoll(entry.first)); };
    text += ", rounds " + round(*checkpoints.begin()) + " .. " + round(*checkpoints.rbegin()) +
            ", last one " + size_text(checkpoints.rbegin()->second);
  }
  text += "\n\nfiles\n";
  for (auto const& [kind, sum] : kinds) {
    text += "  " + padded(kind, 12) + right(std::to_string(sum.first), 7) +
            right(size_text(sum.second), 12) + "\n";
  }
  return text + "  " + padded("all", 12) + right(size_text(total), 19) + "\n";
}

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
    std::printf("%s: %s\n", options.pack.c_str(), size_text(size).c_str());
  }
  if (options.verify || !options.pack.empty()) return 0;
  auto const run = Run::open(options.target, Verify::tables);
  auto const& header = run.header();
  auto const text = header_text(run) + config_lines(header.config_text) +
                    layers_text(header.table) + rounds_text(run) + analyses_text(run) +
                    sizes_text(run);
  std::printf("%s", text.c_str());
  return 0;
}

}  // namespace fedstrata
