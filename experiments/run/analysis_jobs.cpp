// Everything that can be wrong with an analysis of a stored run is found here, before any rank
// begins to compute: rounds and clients that are not stored, models that are not finite, kinds that
// need more. That reads every model once, which is little beside evaluating it.
#include "experiments/run/analysis_jobs.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <utility>

#include "common/base/error.hpp"
#include "common/base/log.hpp"
#include "common/base/text.hpp"
#include "common/config/options.hpp"
#include "server/alignment/alignment.hpp"
#include "server/analysis/calibration.hpp"
#include "server/plan/barrier_kind.hpp"
#include "server/plan/planner.hpp"

namespace fedstrata {
namespace {

/// The stored models of a run that an analysis can look at.
class Stored {
 public:
  Stored(Run const& run, RowsAt at) : run_(run), kind_(row_kind(at)) {
    for (auto const& checkpoint : run.checkpoints()) {
      if (checkpoint.kept && (at == RowsAt::before ? checkpoint.before : checkpoint.after)) {
        checkpoints_.push_back(checkpoint);
      }
    }
    auto const when = std::string(at == RowsAt::before ? "before" : "after");
    auto const config = parse_config(run.header().config_text, run.path().string()).checkpoint;
    bool const later = config.every > 0 && (at == RowsAt::before ? config.before : config.after);
    require_input(
        !checkpoints_.empty(),
        run.path().string() + " holds no clients' models from " + when + " averaging; " +
            (later ? "the first are stored in round " + std::to_string(config.every) +
                         ": go on with fedstrata simulate --resume " + run.path().string()
                   : "run it again with checkpoint.every > 0 and checkpoint." + when + " = yes"));
  }

  std::vector<std::int64_t> rounds() const {
    std::vector<std::int64_t> rounds;
    for (auto const& checkpoint : checkpoints_) rounds.push_back(checkpoint.round);
    return rounds;
  }

  /// Ascending; none when the round is not stored.
  std::vector<std::int64_t> clients(std::int64_t round) const {
    auto const found = std::ranges::find(checkpoints_, round, &CheckpointInfo::round);
    return found == checkpoints_.end() ? std::vector<std::int64_t>{} : found->clients;
  }

  /// Rounds in which all of these clients are stored.
  std::vector<std::int64_t> rounds_of(std::vector<std::int64_t> const& clients) const {
    std::vector<std::int64_t> rounds;
    for (auto const& checkpoint : checkpoints_) {
      if (std::ranges::includes(checkpoint.clients, clients)) rounds.push_back(checkpoint.round);
    }
    return rounds;
  }

  void require_finite(std::int64_t round, std::vector<std::int64_t> const& clients) {
    auto const& table = run_.header().table;
    std::vector<float> row(static_cast<std::size_t>(table.parameter_count));
    std::vector<float> buffers(static_cast<std::size_t>(table.buffer_count));
    for (auto const client : clients) {
      if (!checked_.insert({round, client}).second) continue;
      run_.read(round, kind_, client, row, buffers);
      auto const finite = [](float v) { return std::isfinite(v); };
      require_input(std::ranges::all_of(row, finite) && std::ranges::all_of(buffers, finite),
                    run_.path().string() + ": the model of client " + std::to_string(client) +
                        " in round " + std::to_string(round) +
                        " has values that are not finite; choose rounds or pairs without it");
    }
  }

 private:
  Run const& run_;
  RowKind kind_;
  std::vector<CheckpointInfo> checkpoints_;
  std::set<std::pair<std::int64_t, std::int64_t>> checked_;
};

std::string listed(std::vector<std::int64_t> const& numbers) {
  std::vector<std::string> texts;
  for (auto const number : numbers) texts.push_back(std::to_string(number));
  return join(texts, ", ");
}

}  // namespace

std::vector<RoundJob> analysis_jobs(Run const& run, Run const* other, Config const& config,
                                    std::vector<std::int64_t> const& done) {
  auto const& analysis = config.analysis;
  Stored stored(run, analysis.at);
  std::optional<Stored> elsewhere;
  if (other != nullptr) elsewhere.emplace(*other, analysis.at);
  bool const other_round = analysis.pairs.kind == PairSelection::Kind::round;
  auto const there = analysis.pairs.count;
  require_input(!other_round || !stored.clients(there).empty(),
                "analysis.pairs = " + analysis.pairs.text + ": round " + std::to_string(there) +
                    " is not stored (stored: " + listed(stored.rounds()) + ")");
  std::set<std::pair<std::int64_t, std::int64_t>> excluded;
  for (auto const& record : run.metrics<ClientRecord>()) {
    if (record.excluded != 0) excluded.insert({record.round, record.client});
  }
  std::vector<RoundJob> jobs;
  for (auto const round : select_rounds(analysis.rounds, stored.rounds())) {
    if (std::ranges::binary_search(done, round)) continue;
    RoundJob job{.round = round};
    for (auto const id : stored.clients(round)) {
      (excluded.contains({round, id}) ? job.diverged : job.clients).push_back(id);
    }
    stored.require_finite(round, job.clients);
    if (elsewhere) {
      job.partners = elsewhere->clients(round);
      elsewhere->require_finite(round, job.partners);
    } else if (other_round) {
      job.partners = stored.clients(there);
      stored.require_finite(there, job.partners);
    }
    for (auto const& kind : analysis.kinds.kinds) {
      if (kind->stored_rounds() == 0) continue;
      job.trajectory = stored.rounds_of(job.clients);
      require_input(job.trajectory.size() >= kind->stored_rounds(),
                    "analysis.kinds: " + kind->text() + " needs at least " +
                        std::to_string(kind->stored_rounds()) +
                        " stored rounds with all clients of round " + std::to_string(round) +
                        "; stored are: " + listed(job.trajectory) +
                        "; run again with a smaller checkpoint.every");
    }
    jobs.push_back(std::move(job));
  }
  return jobs;
}

void check_insitu(Experiment const& experiment) {
  auto const& config = experiment.config;
  auto const round = config.analysis.every;
  if (round == 0) return;
  check_pairs(config.analysis.pairs, experiment.clients());
  plan_round({.config = config.analysis,
              .table = experiment.model.table(),
              .partition = experiment.partition,
              .seed = config.run.seed,
              .round = round,
              .participants = experiment.participants(round),
              .train_count = experiment.dataset.train_count,
              .test_count = experiment.dataset.test_count});
  if (config.analysis.align != Align::none) require_structure(experiment.model);
  require_calibration(config.analysis, experiment.model, input_shape(experiment.dataset));
}

void warn_of_statistics(AnalysisConfig const& config, LayerTable const& table) {
  if (table.buffer_count == 0 || config.batchnorm.kind != NormSelection::Kind::interpolate) return;
  log::warning(
      "the model has batch normalisation, whose interpolated statistics can make a barrier by "
      "themselves; compare with analysis.batchnorm = recompute:N");
}

void check_models(Run const& run, Config const& config, std::vector<RoundJob> const& jobs) {
  auto const& table = run.header().table;
  auto const rows = row_kind(config.analysis.at);
  for (auto const& kind : config.analysis.kinds.kinds) {
    for (auto const& job : jobs) {
      auto const read = [&](std::int64_t client) {
        std::vector<float> row(static_cast<std::size_t>(table.parameter_count));
        std::vector<float> buffers(static_cast<std::size_t>(table.buffer_count));
        run.read(job.round, rows, client, row, buffers);
        return row;
      };
      kind->check_models({job.round, job.clients, read}, table);
    }
  }
}

}  // namespace fedstrata
