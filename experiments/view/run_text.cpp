#include <sstream>

#include "common/base/format.hpp"
#include "common/base/text.hpp"
#include "common/config/ini.hpp"
#include "experiments/view/run_facts.hpp"
#include "experiments/view/view.hpp"

namespace fedstrata {
namespace {

std::string without_blanks(std::string text) {
  std::erase_if(text, [](char c) { return c == ' ' || c == '\t'; });
  return text;
}

std::string header_text(Inspected const& inspected) {
  auto const& run = inspected.run;
  auto const& header = run.header();
  auto const& provenance = header.provenance.front();
  auto const holder = run.simulated_by();
  std::ostringstream out;
  out << "run         " << inspected.path << '\n'
      << "state       " << run_state(run) << (run.complete() || holder.empty() ? "" : ": " + holder)
      << '\n'
      << (inspected.models_of.empty() ? "" : "models of   " + inspected.models_of + "\n")
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
  for (auto const& [key, value, source] : read_ini(config, "").assignments) {
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
  auto const all = run.metrics<RoundRecord>();
  auto const rounds = evaluated(all);
  std::string text = "\nrounds      " + std::to_string(all.size()) + ", " +
                     std::to_string(rounds.size()) + " of them evaluated\n";
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
  auto const analyses = analysis_facts(run);
  std::string text = std::string("\nanalyses    ") + (analyses.empty() ? "none" : "") + "\n";
  for (auto const& analysis : analyses) {
    auto const& rounds = analysis.rounds;
    bool const curves = analysis.curves > 0 || analysis.plane_points == 0;
    text += "  " + analysis.name + ": ";
    if (curves) text += std::to_string(analysis.curves) + " curves";
    if (curves && analysis.plane_points > 0) text += ", ";
    if (analysis.plane_points > 0)
      text += std::to_string(analysis.plane_points) + " points on planes";
    text += " of " + std::to_string(rounds.size()) + " rounds";
    if (!rounds.empty()) {
      text += " (" + std::to_string(rounds.front()) + " .. " + std::to_string(rounds.back()) + ")";
    }
    if (analysis.skipped > 0) text += ", " + std::to_string(analysis.skipped) + " pairs left out";
    text += "\n";
  }
  return text;
}

std::string size_text(std::int64_t bytes) { return bytes_text(static_cast<double>(bytes)); }

std::string sizes_text(SizeFacts const& sizes) {
  auto const& checkpoints = sizes.checkpoints;
  std::string text = "\ncheckpoints " + std::to_string(checkpoints.size());
  if (!checkpoints.empty()) {
    text += ", rounds " + std::to_string(checkpoints.begin()->first) + " .. " +
            std::to_string(checkpoints.rbegin()->first) + ", last one " +
            size_text(checkpoints.rbegin()->second);
  }
  text += "\n\nfiles\n";
  for (auto const& [kind, files] : sizes.kinds) {
    text += "  " + padded(kind, 12) + right(std::to_string(files.count), 7) +
            right(size_text(files.bytes), 12) + "\n";
  }
  return text + "  " + padded("all", 12) + right(size_text(sizes.bytes), 19) + "\n";
}

}  // namespace

std::string run_text(Inspected const& inspected) {
  auto const& run = inspected.run;
  auto const& header = run.header();
  return header_text(inspected) + config_lines(header.config_text) + layers_text(header.table) +
         rounds_text(run) + analyses_text(run) + sizes_text(inspected.sizes);
}

}  // namespace fedstrata
