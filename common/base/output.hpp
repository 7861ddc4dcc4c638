#pragma once

/// Standard output, whose reader may go away (| head) and which may lie on a full disk.
namespace fedstrata::output {

/// From here on nothing ends because a reader has gone: for work that is worth more than what it
/// prints. Others end in silence when they print next.
void outlive_reader();

/// Flushes standard output. The exit code of a program that would end with `code`: 1 instead of 0,
/// after a sentence on stderr, when something that was printed is lost. A reader that has gone
/// wanted no more, which is no mistake.
int settle(int code);

}  // namespace fedstrata::output
