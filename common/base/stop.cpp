#include "common/base/stop.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <ctime>

namespace fedstrata::stop {
namespace {

constexpr int kElsewhere = -1;  // instead of a signal: another rank was asked

std::atomic<int> received = 0;
std::atomic<std::time_t> first_time = 0;
std::atomic<double> deadline = 0.0;
std::atomic<double> time_given = 0.0;  // seconds, when the deadline was set

static_assert(std::atomic<int>::is_always_lock_free);

std::time_t clock_seconds() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);  // safe in a handler
  return now.tv_sec;
}

/// Launchers may deliver one signal twice; only a later one is a second.
void note(int signal) {
  int nothing = 0;
  if (received.compare_exchange_strong(nothing, signal)) {
    first_time = clock_seconds();
  } else if (clock_seconds() - first_time > 1) {
    _exit(128 + signal);
  }
}

std::string name_of(int signal) {
  switch (signal) {
    case SIGUSR1:
      return "SIGUSR1";
    case SIGTERM:
      return "SIGTERM";
    case SIGINT:
      return "SIGINT";
    default:
      return "a signal to another rank";
  }
}

double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

void watch() {
  struct sigaction action {};
  action.sa_handler = note;
  action.sa_flags = SA_RESTART;
  for (int const signal : {SIGUSR1, SIGTERM, SIGINT}) sigaction(signal, &action, nullptr);
}

void set_deadline(double end) {
  deadline = end;
  time_given = end - now();
}

void ignore() {
  for (int const signal : {SIGUSR1, SIGTERM, SIGINT}) std::signal(signal, SIG_IGN);
}

bool signalled() { return received != 0; }

bool requested(double before) {
  return signalled() || (deadline > 0.0 && now() + std::min(before, time_given / 2) >= deadline);
}

std::string reason() {
  if (signalled()) return name_of(received);
  return deadline > 0.0 ? "end of the time allowed" : "";
}

void request() {
  int nothing = 0;
  received.compare_exchange_strong(nothing, kElsewhere);
  if (first_time == 0) first_time = clock_seconds();
}

}  // namespace fedstrata::stop
