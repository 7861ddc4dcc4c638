#pragma once
#include <string>
#include <vector>

#include "common/base/stopwatch.hpp"
#include "common/federation/messages.hpp"
#include "common/mpi/comm.hpp"

namespace fedstrata {

/// Tells a rank that is late from one that is gone: every rank shows rank 0 now and then that it
/// lives and what it does, and rank 0 shows itself to all. Who hears nothing for `timeout` seconds
/// ends the job with the name of the silent rank.
class Liveness {
 public:
  /// Collective over `world`, which must outlive this. `role`: "client", ...; timeout 0 = never.
  Liveness(mpi::Comm const& world, double timeout, std::string const& role);

  /// What this rank does from now on, for the messages of others and its own errors.
  void phase(std::string const& text);
  /// The same, told to the others at once: for work that is long and never polls.
  void announce(std::string const& text);
  /// Call wherever the rank waits, and between pieces of work; cheap. Throws Error for a rank that
  /// is silent for too long.
  void poll();

 private:
  struct Peer {
    std::string name;  ///< "rank 2 on node1 (client)"
    std::string phase;
    double heard = 0.0;
  };
  void listen(double now);
  void check(double now) const;
  void show(double now);

  mpi::Comm const* world_;
  double timeout_;
  std::vector<Peer> peers_;  ///< by rank
  std::string phase_ = "starting";
  Outbox outbox_;
  Stopwatch clock_;
  double last_poll_ = 0.0;
  double last_sign_ = -1e9;  ///< the first goes out at once
};

}  // namespace fedstrata
