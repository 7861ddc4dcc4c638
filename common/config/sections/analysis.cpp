#include "common/base/error.hpp"
#include "common/config/analysis/kinds.hpp"
#include "common/config/sections/sections.hpp"
#include "common/config/values.hpp"

namespace fedstrata::keys {
namespace {

/// What is wrong with a kind is said by the kind.
Key<AnalysisConfig> kinds_key() {
  auto const print = [](AnalysisConfig const& analysis) { return analysis.kinds.text; };
  auto const read = [](AnalysisConfig& analysis, std::string const& text) {
    analysis.kinds = parse_kinds(text);
    return true;
  };
  return {"kinds", "", kinds_allowed(), "which layers are interpolated together", print, read};
}

/// Is there one whose text begins so?
bool has_kind(KindSelection const& kinds, std::string const& beginning) {
  return std::ranges::any_of(split(kinds.text, ','),
                             [&](auto const& kind) { return kind.starts_with(beginning); });
}

}  // namespace

std::vector<Key<AnalysisConfig>> analysis_keys() {
  return {
      affects({.limits = true},
              number("ranks", &AnalysisConfig::ranks, at_least(0), "ranks",
                     "ranks that write and analyse while others train; 0 = the coordinator does")),
      number("every", &AnalysisConfig::every, at_least(0), "rounds",
             "analyse rounds r with r mod every = 0 during the run; 0 = none"),
      selection("rounds", &AnalysisConfig::rounds, "all | last | LIST | A:B:STEP", parse_rounds,
                "stored rounds that `analyze` takes; all = those from round 1 on"),
      kinds_key(),
      selection(
          "pairs", &AnalysisConfig::pairs,
          "all | ring | random:K | A-B,... | clients | mean | initial | round:R | same",
          parse_pairs,
          "pairs of clients; clients = all participants at once against their mean; each client "
          "with the mean, its initialisation, itself in round R, or (same, with --against) itself "
          "in the other run"),
      text("against", &AnalysisConfig::against, "a directory; empty = the run itself", anything,
           "run whose clients are the partners, in the same round (`analyze` only)"),
      selection(
          "alphas", &AnalysisConfig::alphas,
          "a count from 2 to 1001, a list in [0, 1], or search[:TOLERANCE]", parse_alphas,
          "points of a path, both ends included; 0, 1/2 and 1 are always added; search = refine "
          "the highest of nine points to within TOLERANCE (0.01)"),
      selection(
          "split", &AnalysisConfig::split, "train | test | both | union | client:C", parse_split,
          "data to evaluate on; union = training samples of the two clients, client:C = of one"),
      number("samples", &AnalysisConfig::samples, at_least(0), "samples",
             "use the first N of the split; 0 = all"),
      number("tolerance", &AnalysisConfig::tolerance, at_least(0), "",
             "stop a curve when the 95 % interval of its midpoint loss barrier is narrower; 0 = "
             "always use all samples"),
      choice("at", &AnalysisConfig::at, {"before", "after"}, "models before or after averaging"),
      selection(
          "batchnorm", &AnalysisConfig::batchnorm, "interpolate | recompute:N | from-base",
          parse_batchnorm,
          "running statistics at a point: interpolated, taken anew from N training samples, or "
          "those of the model that supplies the other layers"),
      choice("align", &AnalysisConfig::align, {"none", "weights", "activations"},
             "also permute the units of client b to match those of client a (kinds aligned-...)"),
      used_with(
          "analysis.align = activations",
          [](auto const& analysis) { return analysis.align == Align::activations; },
          number("align_samples", &AnalysisConfig::align_samples, at_least(1), "samples",
                 "training samples whose activations are matched with align = activations")),
      choice("align_at", &AnalysisConfig::align_at, {"before", "after"},
             "activations before or after the rectifier, with align = activations"),
      number("align_starts", &AnalysisConfig::align_starts, at_least(1), "starts",
             "with align = weights: the best match of so many starts, the first from the order as "
             "it is, the others from random ones"),
      flag("curvature", &AnalysisConfig::curvature,
           "also predict midpoint barriers from slope and curvature at the ends"),
      used_with(
          "analysis.kinds with a plane:A-B-C",
          [](auto const& analysis) { return has_kind(analysis.kinds, "plane:"); },
          number("plane_points", &AnalysisConfig::plane_points, {.low = 2, .high = 201}, "points",
                 "points along each axis of kind plane")),
      number("batch_size", &AnalysisConfig::batch_size, at_least(1), "samples",
             "evaluation batch; the last bits of results depend on it"),
      affects({.analysis = true, .machine = true, .limits = true},
              number("memory", &AnalysisConfig::memory, at_least(1 << 20), "bytes",
                     "room for models, activations and losses, per rank")),
      affects({.storage = true, .limits = true},
              choice("backlog", &AnalysisConfig::backlog, {"wait", "skip"},
                     "when analysis falls behind: training waits, or work is left for `analyze`")),
  };
}

}  // namespace fedstrata::keys
