#pragma once
#include <optional>
#include <string>
#include <vector>

namespace fedstrata {

/// On how many ranks this process is to start the command line `words` (--ranks); nothing: it does
/// the work itself, also when it is one of several ranks. Before MPI begins. Throws InputError: the
/// command line is wrong, or a launcher has started this process already.
std::optional<int> ranks_to_start(std::vector<std::string> const& words);

/// Starts the command line on that many ranks of this machine and waits for them. They get no
/// input; what they write comes out as it is, without what the launcher adds. The first of SIGINT,
/// SIGTERM and SIGUSR1 asks them to stop in order, a second one ends them. Returns the exit code:
/// that of the ranks, 1 when one of them was killed. Throws InputError when there is no launcher.
int run_on_ranks(std::vector<std::string> const& words, int ranks);

}  // namespace fedstrata
