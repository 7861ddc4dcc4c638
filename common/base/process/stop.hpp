#pragma once
#include <string>

/// The request that a run ends early but in order: SIGUSR1 (what batch systems send before a time
/// limit), SIGTERM, SIGINT, or an end of time that was set. Process-wide, like signals are.
namespace fedstrata::stop {

/// From here on these signals are noted: the first one ends set-up at once with code 3, and work in
/// order; a second one, some time after the first, ends the process at once with 128 + its number.
/// `speaks`: does this process say so, on stderr and within the signal's handler? Call as main's
/// first statement: until then they kill, and MPI takes a while to start.
void watch(bool speaks);

/// What is known of the other processes of the job, asked in a signal's handler: when one of them
/// fails, the launcher signals the others, and there is nothing to say about that.
struct Others {
  bool (*reported)();  ///< has one of them told the user why all end?
  bool (*lost)();      ///< has one of them ended?
};
/// `others` is asked from now on, and must last; nullptr = this process is alone.
void heed(Others const* others);

/// Set-up is over: from here on there is something to be saved. `patience`: seconds without
/// show_life() after which a stop that was asked for ends the process with code 1; 0 = never.
void begin_work(double patience);
/// What the first signal's line says from now on: what happens, and how long it may take.
void announce(std::string const& plan);
/// The main thread gets on.
void show_life();

/// The end of time, seconds since 1970; 0 = none.
void set_deadline(double end);

/// Is the run to stop? `before`: seconds before the deadline at which it is, at most half of the
/// time that there was when the deadline was set: every start gets on a little.
bool requested(double before = 0.0);
/// Was there a signal? (Unlike a deadline, it may have come to this process alone.)
bool signalled();
/// "SIGUSR1" or "end of the time allowed"; empty when nothing asks for a stop.
std::string reason();
/// Everything is in order now: further signals are ignored, so that the exit code stays what it is.
void ignore();
/// Notes a request that came to another rank.
void request();

}  // namespace fedstrata::stop
