#include "common/base/process/stop.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>

#include "common/base/environment.hpp"
#include "common/base/process/launcher.hpp"

namespace fedstrata::stop {
namespace {

constexpr int kElsewhere = -1;        // instead of a signal: another rank was asked
constexpr std::int64_t kTwice = 300;  // milliseconds within which a signal is the same one

std::atomic<int> received = 0;
std::atomic<std::int64_t> first_time = 0;  // milliseconds
std::atomic<double> deadline = 0.0;
std::atomic<double> time_given = 0.0;  // seconds, when the deadline was set

static_assert(std::atomic<int>::is_always_lock_free);

std::atomic<bool> speaks = false;
std::atomic<bool> working = false;
std::atomic<unsigned> patience = 0;  // seconds
std::atomic<Others const*> others = nullptr;

// What is said, ready for a handler: the text in use is never the one that is written.
std::array<std::array<char, 256>, 2> plans{};
std::atomic<std::size_t> plan = 0;

std::int64_t clock_milliseconds() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);  // safe in a handler
  return std::int64_t{1000} * now.tv_sec + now.tv_nsec / 1'000'000;
}

void say(char const* text) {
  [[maybe_unused]] auto const written = ::write(STDERR_FILENO, text, std::strlen(text));
}

void say_aloud(char const* text) {
  Others const* const asked = others;
  if (speaks && (asked == nullptr || !asked->reported())) say(text);
}

void end_at_once(int signal) {
  say_aloud("fedstrata: ended at once; what is stored stays valid, go on with --resume\n");
  _exit(128 + signal);
}

/// Launchers may deliver one signal twice; only a later one is a second.
void note(int signal) {
  int const error = errno;
  int nothing = 0;
  if (!received.compare_exchange_strong(nothing, signal)) {
    if (clock_milliseconds() - first_time > kTwice) end_at_once(signal);
    return;
  }
  first_time = clock_milliseconds();
  if (!working) {
    say_aloud("fedstrata: stopped before anything was done\n");
    _exit(3);
  }
  Others const* const asked = others;
  if (asked == nullptr || !asked->lost()) say_aloud(plans[plan].data());
  alarm(patience);
  errno = error;
}

void give_up(int /*signal*/) {
  say("fedstrata: the stop gets nowhere, so the process ends (run.stall_timeout sets the time "
      "allowed); what is stored stays valid, go on with --resume\n");
  _exit(1);
}

std::string name_of(int signal) {
  switch (signal) {
    case SIGUSR1:  // our launcher sends it in place of what it was sent
      return environment(launcher::kStartedByUs).empty() ? "SIGUSR1" : "interrupted";
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

void watch(bool aloud) {
  speaks = aloud;
  announce("stopping");
  struct sigaction action {};
  action.sa_handler = note;
  action.sa_flags = SA_RESTART;
  for (int const signal : {SIGUSR1, SIGTERM, SIGINT}) sigaction(signal, &action, nullptr);
  action.sa_handler = give_up;
  sigaction(SIGALRM, &action, nullptr);
}

void heed(Others const* asked) { others = asked; }

void begin_work(double seconds) {
  patience = static_cast<unsigned>(std::ceil(std::min(seconds, 1e9)));
  working = true;
}

void announce(std::string const& text) {
  auto& next = plans[1 - plan];
  std::snprintf(next.data(), next.size(), "%sfedstrata: stopping: %s; again: at once\n",
                isatty(STDERR_FILENO) != 0 ? "\n" : "", text.c_str());
  plan = 1 - plan;
}

void show_life() {
  if (signalled()) alarm(patience);
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
  if (first_time == 0) first_time = clock_milliseconds();
}

}  // namespace fedstrata::stop
