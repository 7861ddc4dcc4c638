#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "common/config/analysis/alphas.hpp"
#include "common/config/analysis/batchnorm.hpp"
#include "common/config/analysis/kinds.hpp"
#include "common/config/analysis/pairs.hpp"
#include "common/config/analysis/rounds.hpp"
#include "common/config/analysis/split.hpp"
#include "common/config/evaluate.hpp"

namespace fedstrata {

// Every setting of an experiment with its default. docs/configuration.md and `--help` explain the
// keys; each is described in common/config/sections/, by which common/config/text.cpp reads it.

/// `guarded` is for tests: a device of ours whose memory the host cannot touch (docs/gpu.md).
enum class DeviceChoice { automatic, cpu, cuda, guarded };
enum class Norm { none, batch, group };
enum class Init { same, different };
enum class Augment { none, crop_flip };
enum class LastBatch { keep, merge, drop };
enum class ScheduleKind { constant, step, cosine };
enum class AtAveraging { reset, keep, average };
enum class Weighting { samples, uniform };
enum class OnDivergence { stop, exclude };
enum class RowsAt { before, after };
enum class Backlog { wait, skip };
enum class Align { none, weights, activations };

/// Which activations are matched: what enters the rectifier, or what leaves it.
enum class AlignAt { before, after };

struct RunConfig {
  std::uint64_t seed = 1;
  int threads = 1;  ///< per computing rank; 0 = from the allocation
  DeviceChoice device = DeviceChoice::automatic;
  std::int64_t clients_at_once = 0;  ///< clients in one launch; 0 = auto
  double walltime = 0.0;  ///< minutes from the start; 0 = to the end of the Slurm job, if any
  double grace = 60.0;    ///< seconds that a stop may take
  double stall_timeout = 600.0;  ///< seconds; 0 = wait for ever
};

/// Begins the name of a model that is a TorchScript file.
inline constexpr char const* kScriptPrefix = "script:";

struct ModelConfig {
  std::string name = "mlp";
  std::vector<std::int64_t> hidden = {200, 200};  ///< hidden sizes, mlp only
  Norm norm = Norm::none;                         ///< resnet18 only
  Init init = Init::same;
};

struct DataConfig {
  std::string dataset = "fashion-mnist";
  std::string dir;  ///< empty = where the dataset's package puts it
  std::int64_t clients = 4;
  std::string partition = "iid";
  double alpha = 0.5;                   ///< Dirichlet concentration
  std::int64_t classes_per_client = 2;  ///< shards
  double sigma = 1.0;                   ///< quantity: standard deviation of log(size)
  std::int64_t min_samples = 10;        ///< dirichlet, quantity: smallest share of a client
  std::int64_t train_limit = 0;         ///< first N in file order; 0 = all
  std::int64_t test_limit = 0;
  Augment augment = Augment::none;
};

struct TrainConfig {
  std::string optimizer = "sgd";
  double lr = 0.05;
  double momentum = 0.0;  ///< sgd
  bool nesterov = false;  ///< sgd
  double beta1 = 0.9;     ///< adam, adamw
  double beta2 = 0.999;   ///< adam, adamw
  double eps = 1e-8;      ///< adam, adamw
  double weight_decay = 0.0;
  double clip = 0.0;             ///< largest norm of a gradient; 0 = any
  double sam_rho = 0.0;          ///< how far SAM looks from the parameters; 0 = not at all
  double label_smoothing = 0.0;  ///< share of a label that all classes get
  std::int64_t batch_size = 64;
  LastBatch last_batch = LastBatch::keep;  ///< what becomes of an epoch's smaller last batch
  ScheduleKind schedule = ScheduleKind::constant;
  double step_every = 30;    ///< schedule = step: rounds between drops
  double step_factor = 0.1;  ///< schedule = step: factor of one drop
  std::int64_t warmup = 0;   ///< steps of a client, linear from 0
  double horizon = 0;        ///< rounds of the schedule; 0 = federation.rounds
  AtAveraging momentum_at_averaging = AtAveraging::reset;  ///< of all the optimizer keeps
  std::string precision = "float32";  ///< of products of matrices; tf32: on GPUs alone
  std::string correction = "none";
  double mu = 0.0;         ///< prox
  double dyn_alpha = 0.0;  ///< feddyn
};

struct FederationConfig {
  std::int64_t rounds = 10;
  std::int64_t local_epochs = 1;
  std::int64_t local_steps = 0;  ///< > 0 replaces local_epochs
  double participation = 1.0;    ///< share of the clients taking part in a round
  Weighting weighting = Weighting::samples;
  EvaluateSelection evaluate;
  std::int64_t evaluate_every = 1;  ///< rounds; 0 = never
  OnDivergence on_divergence = OnDivergence::stop;
  std::string preset;  ///< fedavg|fedper|lg-fedavg|fedbn|local instead of [average.*] sections
};

/// One averaging group: these layers are averaged in the rounds r with from <= r <= until and
/// (r - offset) mod every = 0.
struct AverageGroup {
  std::string name = "all";
  std::string layers = "all";  ///< selectors joined by commas, `!` excludes
  std::int64_t every = 1;      ///< rounds; 0 = never
  std::int64_t offset = 0;
  std::int64_t from = 1;
  std::int64_t until = 0;       ///< 0 = to the end
  std::string update = "mean";  ///< what becomes of the mean: a file of server/averaging/updates/
  double update_lr = 1.0;
  double update_beta1 = 0.9;
  double update_beta2 = 0.99;
  double update_tau = 1e-3;
  double update_beta = 0.03;  ///< lws, as what follows
  double update_lo = 0.01;
  double update_hi = 0.2;
};

struct CheckpointConfig {
  std::int64_t every = 0;  ///< rounds; 0 = none
  bool before = true;      ///< clients' models as trained, before averaging
  bool after = false;      ///< clients' models after averaging
  double minutes = 10.0;   ///< between two resume states; 0 = only with stored models
  std::int64_t keep_resume = 2;
  bool keep_state = false;  ///< the newest resume state of a run that is done
};

struct AnalysisConfig {
  int ranks = 1;
  std::int64_t every = 0;  ///< in-situ: rounds; 0 = none
  RoundSelection rounds;   ///< post-hoc
  KindSelection kinds = parse_kinds(std::string(kFullKind) + "," + kLayerKind);
  PairSelection pairs;
  std::string against;  ///< directory of another run whose clients are the partners; "" = own
  AlphaSelection alphas;
  SplitSelection split;
  std::int64_t samples = 0;  ///< the first N of the split; 0 = all
  double tolerance = 0.0;    ///< width of an interval at which a curve stops; 0 = off
  RowsAt at = RowsAt::before;
  NormSelection batchnorm;
  Align align = Align::none;
  std::int64_t align_samples = 1000;  ///< training samples for align = activations
  AlignAt align_at = AlignAt::before;
  std::int64_t align_starts = 1;   ///< orders that align = weights starts from
  bool curvature = false;          ///< predict midpoints from the curvature at the ends
  std::int64_t plane_points = 11;  ///< along each axis of a plane
  std::int64_t batch_size = 64;
  std::int64_t memory = std::int64_t{1} << 30;  ///< bytes per rank
  Backlog backlog = Backlog::wait;
};

struct Config {
  RunConfig run;
  ModelConfig model;
  DataConfig data;
  TrainConfig train;
  FederationConfig federation;
  std::vector<AverageGroup> average;  ///< empty = one group: all layers, every round
  CheckpointConfig checkpoint;
  AnalysisConfig analysis;
};

/// Is `round` one where a group with these numbers is averaged?
inline bool due(AverageGroup const& group, std::int64_t round) {
  return group.every > 0 && round >= group.from && (group.until == 0 || round <= group.until) &&
         (round - group.offset) % group.every == 0;
}

/// First round r >= group.from with (r - offset) mod every = 0, for a group with every > 0.
inline std::int64_t first_due(AverageGroup const& group) {
  std::int64_t const beyond = (group.from - group.offset) % group.every;
  return group.from + (beyond > 0 ? group.every - beyond : -beyond);
}

}  // namespace fedstrata
