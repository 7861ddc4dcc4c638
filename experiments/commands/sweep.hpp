#pragma once
#include <string>

#include "common/config/command_line.hpp"

namespace fedstrata {

struct SweepOptions {
  std::string action;
  std::string target;  ///< sweep file
  std::string out;
  int jobs = 0;        ///< 0 = as many as the cores allow
  int throttle = 0;    ///< 0 = none
  std::string script;  ///< empty = the one that is there
  bool failed = false;
  bool missing = false;
};

Command<SweepOptions> const& sweep_command();

/// Does what the action says; returns the exit code.
int sweep(SweepOptions const& options);

}  // namespace fedstrata
