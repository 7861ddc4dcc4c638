#include "common/base/output.hpp"

#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "common/base/log.hpp"

namespace fedstrata::output {
namespace {

bool has_reader() {
  pollfd out{STDOUT_FILENO, POLLOUT, 0};
  return ::poll(&out, 1, 0) < 0 || (out.revents & POLLERR) == 0;
}

}  // namespace

void outlive_reader() { std::signal(SIGPIPE, SIG_IGN); }

int settle(int code) {
  bool const lost = std::fflush(stdout) != 0 || std::ferror(stdout) != 0;
  if (!lost || code != 0 || !has_reader()) return code;
  log::error("standard output could not be written (is the disk full?)");
  return 1;
}

}  // namespace fedstrata::output
