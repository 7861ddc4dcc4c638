#include "common/federation/liveness.hpp"

#include <algorithm>
#include <cstdio>
#include <span>
#include <utility>

#include "common/base/environment.hpp"
#include "common/base/error.hpp"
#include "common/base/log.hpp"
#include "common/base/process/stop.hpp"

namespace fedstrata {
namespace {

constexpr double kPoll = 0.05;      // seconds between looks at messages
constexpr double kSignEvery = 5.0;  // between two signs of life, at most a quarter of the timeout

}  // namespace

Liveness::Liveness(mpi::Comm const& world, double timeout, std::string const& role)
    : world_(&world), timeout_(world.size() > 1 ? timeout : 0.0), outbox_(world, 1024) {
  auto const hosts = world.all_gather(host_name());
  auto const roles = world.all_gather(role);
  for (std::size_t rank = 0; rank < hosts.size(); ++rank) {
    peers_.push_back(
        {"rank " + std::to_string(rank) + " on " + hosts[rank] + " (" + roles[rank] + ")",
         "starting", 0.0});
  }
  phase("starting");
}

void Liveness::phase(std::string const& text) {
  phase_ = text;
  if (world_->size() == 1) return;
  log::set_prefix(peers_[static_cast<std::size_t>(world_->rank())].name + ", " + text);
}

void Liveness::announce(std::string const& text) {
  phase(text);
  if (timeout_ > 0.0) show(clock_.seconds());
}

void Liveness::listen(double now) {
  while (auto const sign = receive_waiting<SignOfLife>(*world_)) {
    auto& peer = peers_[static_cast<std::size_t>(sign->from)];
    peer.phase = sign->content.phase;
    peer.heard = now;
  }
}

void Liveness::check(double now) const {
  bool const first = world_->rank() == 0;
  for (std::size_t rank = first ? 1 : 0; rank < (first ? peers_.size() : 1); ++rank) {
    auto const& peer = peers_[rank];
    if (now - peer.heard < timeout_) continue;
    char waited[32];
    std::snprintf(waited, sizeof waited, "%.3g", now - peer.heard);
    throw Error(peer.name + " has given no sign of life for " + waited + " s; its last was: " +
                peer.phase + "; the run can be resumed (run.stall_timeout sets the time allowed)");
  }
}

void Liveness::poll() {
  stop::show_life();
  if (timeout_ == 0.0) return;
  double const now = clock_.seconds();
  if (now - last_poll_ < kPoll) return;
  double const interval = std::min(kSignEvery, timeout_ / 4);
  bool const was_away = now - last_poll_ > interval;
  last_poll_ = now;
  listen(now);
  // A rank that was busy, or itself asleep, has not listened either.
  if (was_away) {
    for (auto& peer : peers_) peer.heard = now;
  }
  check(now);
  if (now - last_sign_ >= interval) show(now);
}

void Liveness::show(double now) {
  last_sign_ = now;
  bool const first = world_->rank() == 0;
  for (int rank = first ? 1 : 0; rank < (first ? world_->size() : 1); ++rank) {
    outbox_.send(SignOfLife{phase_}, rank);
  }
}

}  // namespace fedstrata
