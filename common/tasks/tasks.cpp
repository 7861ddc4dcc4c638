#include "common/tasks/tasks.hpp"

#include <algorithm>
#include <iterator>

#include "common/base/error.hpp"

namespace fedstrata {

void EvaluationSums::add(EvaluationSums const& other) {
  loss += other.loss;
  correct.resize(std::max(correct.size(), other.correct.size()), 0.0);
  for (std::size_t c = 0; c < other.correct.size(); ++c) correct[c] += other.correct[c];
}

Task const& task_named(std::string const& name) {
  auto const entry = std::ranges::find_if(kTasks, [&](auto const& e) { return name == e.name; });
  require(entry != std::end(kTasks), "there is no task '" + name + "' in this program");
  return entry->get();
}

}  // namespace fedstrata
