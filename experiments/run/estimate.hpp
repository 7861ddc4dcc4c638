#pragma once
#include <string>

#include "common/data/samples.hpp"
#include "common/device/device.hpp"
#include "common/federation/experiment.hpp"
#include "common/federation/layout.hpp"
#include "common/mpi/comm.hpp"

namespace fedstrata {

/// How fast the slowest client rank computes, all of them computing at once.
struct Speed {
  double step = 0.0;        ///< seconds of a training step
  double evaluation = 0.0;  ///< seconds of an evaluation batch (kEvaluationBatch samples)
};

/// Collective. Trains one client and evaluates one model for some seconds and drops the results.
Speed probe_speed(Experiment const& experiment, Layout const& layout, Device const& device,
                  Samples const& train, Samples const& test, mpi::Comm const& world);

/// Seconds that a run takes, about.
struct TimeEstimate {
  double train = 0.0, evaluate = 0.0;  ///< of all rounds, of the busiest client rank
  double analyse = 0.0;                ///< of all analysed rounds, shared out among analysis ranks
  double analyse_round = 0.0;          ///< of one
  bool beside = false;                 ///< is there an analysis while others train?

  double all() const;
};

TimeEstimate estimate_time(Experiment const& experiment, Layout const& layout, Speed const& speed);

/// Lines for --dry-run.
std::string time_lines(TimeEstimate const& time, std::int64_t rounds);

/// A sentence where analysing will take longer than training; else empty.
std::string analysis_warning(TimeEstimate const& time);

}  // namespace fedstrata
