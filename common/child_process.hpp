#pragma once
#include <functional>

namespace fedstrata {

/// Does `work` in a child process, so that a crash or an endless loop of a library that is given a
/// strange file stays there. Throws Error: what the child threw, or how it ended; also after
/// `seconds`. For processes of one thread.
void in_child(std::function<void()> const& work, unsigned seconds);

}  // namespace fedstrata
