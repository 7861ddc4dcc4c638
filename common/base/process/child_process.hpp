#pragma once
#include <sys/types.h>

#include <functional>
#include <string>

namespace fedstrata {

/// Does `work` in a child process, so that a crash or an endless loop of a library that is given a
/// strange file stays there. Throws Error: what the child threw, or how it ended; also after
/// `seconds`. For processes of one thread.
void in_child(std::function<void()> const& work, unsigned seconds);

/// All that comes from a pipe until its other end is closed.
std::string read_all(int file);

/// Waits for a child process to end; its status as waitpid gives it.
int wait_for(pid_t child);

}  // namespace fedstrata
