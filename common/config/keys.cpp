#include "common/config/keys.hpp"

#include "common/base/error.hpp"
#include "common/config/analysis/kinds.hpp"
#include "common/config/analysis/selection.hpp"
#include "common/config/presets.hpp"
#include "common/config/values.hpp"

namespace fedstrata {
namespace {

using namespace keys;

bool not_empty(std::string const& text) { return !text.empty(); }
bool anything(std::string const&) { return true; }

template <class Check>
bool passes(Check check) {
  try {
    check();
    return true;
  } catch (InputError const&) {
    return false;
  }
}

bool valid_alphas(std::string const& text) {
  return passes([&] { parse_alphas(text); });
}

bool valid_rounds(std::string const& text) {
  return passes([&] { check_rounds(text); });
}

bool valid_pair(std::string const& text) {
  auto const ends = split(text, '-');
  std::int64_t a = 0;
  std::int64_t b = 0;
  return ends.size() == 2 && read_number(ends[0], a) && read_number(ends[1], b);
}

bool valid_pairs(std::string const& text) {
  for (auto const* word : {"all", "ring", "clients", "mean", "initial", "same"}) {
    if (text == word) return true;
  }
  std::int64_t count = 0;
  if (text.starts_with("random:")) return read_number(text.substr(7), count) && count >= 1;
  if (text.starts_with("round:")) return read_number(text.substr(6), count) && count >= 0;
  auto const pairs = split(text, ',');
  return !pairs.empty() && std::all_of(pairs.begin(), pairs.end(), valid_pair);
}

std::vector<Key<RunConfig>> run_keys() {
  return {
      number("seed", &RunConfig::seed, at_least(0), "", "all random numbers follow from it"),
      number("threads", &RunConfig::threads, at_least(0), "threads",
             "threads of each computing rank; 0 = what the allocation gives, resolved at the first "
             "start"),
      choice("device", &RunConfig::device, {"auto", "cpu", "cuda"},
             "where rows, data and models live; auto = cuda where the rank sees a GPU"),
      number("walltime", &RunConfig::walltime, at_least(0), "minutes",
             "stop in order, to be resumed, this long after the start; 0 = before the end of the "
             "Slurm job, if there is one"),
      number("grace", &RunConfig::grace, at_least(0), "seconds",
             "a stop waits for the end of the round if that takes no longer"),
      number("stall_timeout", &RunConfig::stall_timeout, at_least(0), "seconds",
             "end the job when nothing is heard of a rank for so long; 0 = wait for ever"),
  };
}

Key<ModelConfig> hidden_key() {
  auto const print = [](ModelConfig const& model) {
    std::vector<std::string> sizes;
    for (auto const size : model.hidden) sizes.push_back(std::to_string(size));
    return join(sizes, ",");
  };
  auto const read = [](ModelConfig& model, std::string const& text) {
    std::vector<std::int64_t> sizes;
    for (auto const& part : split(text, ',')) {
      std::int64_t size = 0;
      if (!read_number(part, size) || size < 1) return false;
      sizes.push_back(size);
    }
    model.hidden = sizes;
    return true;
  };
  return {"hidden",
          "neurons",
          "integers >= 1 joined by commas; empty = no hidden layer",
          "sizes of the hidden layers (mlp)",
          print,
          read};
}

std::vector<Key<ModelConfig>> model_keys() {
  return {
      text("name", &ModelConfig::name, "mlp, cnn, lenet5, resnet18, vgg11, ... or script:FILE.pt",
           not_empty, "network that every client trains"),
      hidden_key(),
      choice("norm", &ModelConfig::norm, {"none", "batch", "group"},
             "normalisation layers (resnet18)"),
      choice("init", &ModelConfig::init, {"same", "different"},
             "one initialisation for all clients, or one each"),
  };
}

std::vector<Key<DataConfig>> data_keys() {
  return {
      text("dataset", &DataConfig::dataset,
           "fashion-mnist, mnist, cifar10, cifar100, synthetic, ...", not_empty,
           "images and labels to learn"),
      text("dir", &DataConfig::dir, "a directory; empty = where the dataset's package puts it",
           anything, "where the dataset's files lie"),
      number("clients", &DataConfig::clients, at_least(1), "clients", "number of clients"),
      choice("partition", &DataConfig::partition,
             {"iid", "dirichlet", "shards", "quantity", "same"},
             "how the training set is dealt to clients; same = each sees all of it"),
      number("alpha", &DataConfig::alpha, above(0), "",
             "concentration of partition = dirichlet; smaller = more skewed labels"),
      number("classes_per_client", &DataConfig::classes_per_client, at_least(1), "classes",
             "classes a client sees with partition = shards"),
      number("sigma", &DataConfig::sigma, at_least(0), "",
             "standard deviation of log(samples) with partition = quantity"),
      number("min_samples", &DataConfig::min_samples, at_least(1), "samples",
             "smallest share of a client with partition = dirichlet or quantity"),
      number("train_limit", &DataConfig::train_limit, at_least(0), "samples",
             "use the first N training images in file order; 0 = all"),
      number("test_limit", &DataConfig::test_limit, at_least(0), "samples",
             "use the first N test images in file order; 0 = all"),
      choice("augment", &DataConfig::augment, {"none", "crop_flip"},
             "crop_flip = random crop with padding 4 and horizontal flip while training"),
  };
}

std::vector<Key<TrainConfig>> train_keys() {
  return {
      choice("optimizer", &TrainConfig::optimizer, {"sgd"}, "local optimizer"),
      number("lr", &TrainConfig::lr, above(0), "", "learning rate before schedule and warm-up"),
      number("momentum", &TrainConfig::momentum, {.low = 0, .high = 1, .high_open = true}, "",
             "momentum of SGD"),
      flag("nesterov", &TrainConfig::nesterov, "Nesterov's form of momentum"),
      number("weight_decay", &TrainConfig::weight_decay, at_least(0), "",
             "times the parameters, added to the gradient"),
      number("batch_size", &TrainConfig::batch_size, at_least(1), "samples",
             "batch of a training step; the last batch of an epoch may be smaller"),
      choice("schedule", &TrainConfig::schedule, {"constant", "step", "cosine"},
             "course of the learning rate over training progress"),
      number("step_every", &TrainConfig::step_every, above(0), "rounds",
             "rounds between two drops with schedule = step"),
      number("step_factor", &TrainConfig::step_factor, {.low = 0, .high = 1, .low_open = true}, "",
             "factor of one drop with schedule = step"),
      number("warmup", &TrainConfig::warmup, at_least(0), "steps",
             "a client's first steps, over which the rate rises linearly from 0"),
      number("horizon", &TrainConfig::horizon, at_least(0), "rounds",
             "length of the schedule; 0 = federation.rounds"),
      choice("momentum_at_averaging", &TrainConfig::momentum_at_averaging,
             {"reset", "keep", "average"},
             "what becomes of a layer's momentum when it is averaged"),
  };
}

std::vector<Key<FederationConfig>> federation_keys() {
  std::vector<std::string> presets = {""};
  for (auto const& name : preset_names()) presets.push_back(name);
  auto preset = choice("preset", &FederationConfig::preset, presets,
                       "averaging groups by name, instead of [average.NAME] sections");
  preset.allowed = join(preset_names(), " | ") + " | empty = none";
  return {
      number("rounds", &FederationConfig::rounds, at_least(0), "rounds", "number of rounds"),
      number("local_epochs", &FederationConfig::local_epochs, at_least(0), "epochs",
             "passes of a participant over its data in a round; this or local_steps"),
      number("local_steps", &FederationConfig::local_steps, at_least(0), "steps",
             "steps of a participant in a round; > 0 replaces local_epochs"),
      number("participation", &FederationConfig::participation,
             {.low = 0, .high = 1, .low_open = true}, "",
             "share of the clients that take part in a round, at least one client"),
      choice("weighting", &FederationConfig::weighting, {"samples", "uniform"},
             "weight of a participant in averages"),
      number("evaluate_every", &FederationConfig::evaluate_every, at_least(0), "rounds",
             "interval of evaluations on the test set; 0 = never"),
      choice("on_divergence", &FederationConfig::on_divergence, {"stop", "exclude"},
             "a client's loss or parameters become non-finite: stop, or leave it out"),
      preset,
  };
}

std::vector<Key<CheckpointConfig>> checkpoint_keys() {
  return {
      number("every", &CheckpointConfig::every, at_least(0), "rounds",
             "store models in rounds r with r mod every = 0, and round 0; 0 = none"),
      flag("before", &CheckpointConfig::before,
           "participants' models as trained, before averaging"),
      flag("after", &CheckpointConfig::after, "participants' models after averaging"),
      number("minutes", &CheckpointConfig::minutes, at_least(0), "minutes",
             "save what --resume needs at least this often, beside rounds that store models; 0 = "
             "only in those"),
      number("keep_resume", &CheckpointConfig::keep_resume, at_least(1), "states",
             "newest states for --resume that are kept"),
  };
}

bool valid_split(std::string const& text) {
  return passes([&] { parse_split(text); });
}

bool valid_batchnorm(std::string const& text) {
  return passes([&] { parse_batchnorm(text); });
}

Key<AnalysisConfig> kinds_key() {
  auto const print = [](AnalysisConfig const& analysis) { return join(analysis.kinds, ","); };
  auto const read = [](AnalysisConfig& analysis, std::string const& text) {
    auto const kinds = split(text, ',');
    for (auto const& kind : kinds) {
      parse_kind(kind);
      if (std::count(kinds.begin(), kinds.end(), kind) > 1) return false;
    }
    if (kinds.empty()) return false;
    analysis.kinds = kinds;
    return true;
  };
  return {"kinds", "", kinds_allowed(), "which layers are interpolated together", print, read};
}

std::vector<Key<AnalysisConfig>> analysis_keys() {
  return {
      number("ranks", &AnalysisConfig::ranks, at_least(0), "ranks",
             "ranks that write and analyse while others train; 0 = the coordinator does"),
      number("every", &AnalysisConfig::every, at_least(0), "rounds",
             "analyse rounds r with r mod every = 0 during the run; 0 = none"),
      text("rounds", &AnalysisConfig::rounds, "all | last | LIST | A:B:STEP", valid_rounds,
           "stored rounds that `analyze` takes; all = those from round 1 on"),
      kinds_key(),
      text("pairs", &AnalysisConfig::pairs,
           "all | ring | random:K | A-B,... | clients | mean | initial | round:R | same",
           valid_pairs,
           "pairs of clients; clients = all participants at once against their mean; each client "
           "with the mean, its initialisation, itself in round R, or (same, with --against) itself "
           "in the other run"),
      text("against", &AnalysisConfig::against, "a directory; empty = the run itself", anything,
           "run whose clients are the partners, in the same round (`analyze` only)"),
      text("alphas", &AnalysisConfig::alphas,
           "a count from 2 to 1001, a list in [0, 1], or search[:TOLERANCE]", valid_alphas,
           "points of a path, both ends included; 0, 1/2 and 1 are always added; search = refine "
           "the highest of nine points to within TOLERANCE (0.01)"),
      text("split", &AnalysisConfig::split, "train | test | both | union | client:C", valid_split,
           "data to evaluate on; union = training samples of the two clients, client:C = of one"),
      number("samples", &AnalysisConfig::samples, at_least(0), "samples",
             "use the first N of the split; 0 = all"),
      number("tolerance", &AnalysisConfig::tolerance, at_least(0), "",
             "stop a curve when the 95 % interval of its midpoint loss barrier is narrower; 0 = "
             "always use all samples"),
      choice("at", &AnalysisConfig::at, {"before", "after"}, "models before or after averaging"),
      text("batchnorm", &AnalysisConfig::batchnorm, "interpolate | recompute:N | from-base",
           valid_batchnorm,
           "running statistics at a point: interpolated, taken anew from N training samples, or "
           "those of the model that supplies the other layers"),
      choice("align", &AnalysisConfig::align, {"none", "weights", "activations"},
             "also permute the units of client b to match those of client a (kinds aligned-...)"),
      number("align_samples", &AnalysisConfig::align_samples, at_least(1), "samples",
             "training samples whose activations are matched with align = activations"),
      flag("curvature", &AnalysisConfig::curvature,
           "also predict midpoint barriers from slope and curvature at the ends"),
      number("plane_points", &AnalysisConfig::plane_points, {.low = 2, .high = 201}, "points",
             "points along each axis of kind plane"),
      number("batch_size", &AnalysisConfig::batch_size, at_least(1), "samples",
             "evaluation batch; the last bits of results depend on it"),
      number("memory", &AnalysisConfig::memory, at_least(1 << 20), "bytes",
             "room for models, activations and losses, per rank"),
      choice("backlog", &AnalysisConfig::backlog, {"wait", "skip"},
             "when analysis falls behind: training waits, or work is left for `analyze`"),
  };
}

}  // namespace

std::vector<Key<Config>> const& config_keys() {
  static auto const all_keys = [] {
    std::vector<Key<Config>> all;
    append(all, "run", &Config::run, run_keys());
    append(all, "model", &Config::model, model_keys());
    append(all, "data", &Config::data, data_keys());
    append(all, "train", &Config::train, train_keys());
    append(all, "federation", &Config::federation, federation_keys());
    append(all, "checkpoint", &Config::checkpoint, checkpoint_keys());
    append(all, "analysis", &Config::analysis, analysis_keys());
    return all;
  }();
  return all_keys;
}

std::vector<Key<AverageGroup>> const& group_keys() {
  static std::vector<Key<AverageGroup>> const group = {
      text("layers", &AverageGroup::layers, "selectors joined by commas", not_empty,
           "layers of the group"),
      number("every", &AverageGroup::every, at_least(0), "rounds",
             "interval of averages; 0 = never, the layers stay personal"),
      number("offset", &AverageGroup::offset, at_least(0), "rounds",
             "average in rounds r with (r - offset) mod every = 0"),
      number("from", &AverageGroup::from, at_least(1), "rounds", "first round that may average"),
      number("until", &AverageGroup::until, at_least(0), "rounds",
             "last round that may average; 0 = no end"),
  };
  return group;
}

}  // namespace fedstrata
