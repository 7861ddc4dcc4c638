#pragma once
#include <string>

#include "common/tasks/task.hpp"

namespace fedstrata {

// The tasks. To add one: a file in this folder that defines its function, declared and listed here.

using TaskFunction = Task const&();
TaskFunction classification_task, regression_task;

struct TaskEntry {
  char const* name;  ///< as data sets name the task that they are for
  TaskFunction* get;
};

/// In alphabetical order.
inline constexpr TaskEntry kTasks[] = {
    {"classification", classification_task},
    {"regression", regression_task},
};

/// Throws Error when there is none so called.
Task const& task_named(std::string const& name);

}  // namespace fedstrata
