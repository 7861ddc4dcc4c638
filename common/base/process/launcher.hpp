#pragma once
#include <string>
#include <vector>

/// The program that starts several ranks on this machine: Open MPI's mpirun, or what MPIEXEC names.
namespace fedstrata::launcher {

/// Set in the environment of ranks that this program started itself (--ranks).
inline constexpr char const* kStartedByUs = "FEDSTRATA_RANKS_STARTED";

/// " --ranks N" where this program was started so, else "": for commands that go on.
std::string ranks_option(int ranks);

/// The words in front of a program's own that start it on `ranks` ranks. Sets in the environment,
/// which the launcher inherits, what it needs on small and shared machines (docs/mpi.md), unless
/// the user has a say. Throws InputError when there is no launcher.
std::vector<std::string> words(int ranks);

/// The variable that says that a launcher started this process as one of its ranks; empty when
/// none does.
std::string variable_of_rank();

/// This process's number among those that a launcher started, as the launcher says; empty without.
std::string rank();

/// Is this process one that mpirun started on a command line of the user's own?
bool under_mpirun();

/// Is this process the first to report a mistake, of those that the same launcher started on this
/// machine? Until it ends: it takes a name with the launcher's process id in it.
bool first_to_report();

}  // namespace fedstrata::launcher
