#include "common/tasks/tasks.hpp"

#include <torch/types.h>

#include <algorithm>
#include <iterator>

#include "common/base/error.hpp"

namespace fedstrata {

void EvaluationSums::add(EvaluationSums const& other) {
  loss += other.loss;
  correct.resize(std::max(correct.size(), other.correct.size()), 0.0);
  for (std::size_t c = 0; c < other.correct.size(); ++c) correct[c] += other.correct[c];
}

std::vector<EvaluationSums> to_host(at::Tensor const& sums) {
  auto const host = sums.cpu();
  auto const* row = host.data_ptr<double>();
  auto const columns = host.size(1);
  std::vector<EvaluationSums> result;
  for (std::int64_t i = 0; i < host.size(0); ++i, row += columns)
    result.push_back({.loss = row[0], .correct = {row + 1, row + columns}});
  return result;
}

at::Tensor Task::gradients(at::Tensor const& outputs, at::Tensor const& targets,
                           std::int64_t batches, at::Tensor& sums) const {
  auto const size = outputs.size(0) / batches;
  std::vector<at::Tensor> all;
  for (std::int64_t i = 0; i < batches; ++i) {
    auto own = sums.defined() ? sums[i] : at::Tensor();
    all.push_back(
        gradient(outputs.narrow(0, i * size, size), targets.narrow(0, i * size, size), own));
  }
  return at::cat(all);
}

at::Tensor Task::sums(std::int64_t rows, at::Tensor const& outputs) const {
  auto const classes = has_accuracy() ? outputs.size(1) : 0;
  return at::zeros({rows, 1 + classes}, outputs.options().dtype(at::kDouble));
}

EvaluationSums Task::evaluate(at::Tensor const& outputs, at::Tensor const& targets) const {
  auto const row = sums(1, outputs);
  add_sums(outputs, targets, row[0]);
  return to_host(row).front();
}

Task const& task_named(std::string const& name) {
  auto const entry = std::ranges::find_if(kTasks, [&](auto const& e) { return name == e.name; });
  require(entry != std::end(kTasks), "there is no task '" + name + "' in this program");
  return entry->get();
}

}  // namespace fedstrata
