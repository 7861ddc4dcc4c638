#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "common/data/samples.hpp"
#include "common/model/model.hpp"
#include "common/tasks/task.hpp"

namespace fedstrata {

/// Samples of an evaluation batch. Part of the results: kernels round differently for other shapes.
inline constexpr std::int64_t kEvaluationBatch = 100;

/// Number of evaluation batches of a split.
std::int64_t evaluation_batches(std::int64_t samples);

/// Evaluates these batches of a split (their numbers): what each counts. `poll` (may be empty) is
/// called between them. A device is waited for once, at the end.
std::vector<EvaluationSums> evaluate_batches(Model const& model, Task const& task,
                                             Weights const& weights, Samples const& data,
                                             std::span<std::int64_t const> batches,
                                             std::function<void()> const& poll = {});

/// Evaluates a whole split: the sum over its batches, in order.
EvaluationSums evaluate(Model const& model, Task const& task, Weights const& weights,
                        Samples const& data, std::function<void()> const& poll = {});

/// Correct answers of all classes together by the number of samples; NaN for a task without
/// classes.
double accuracy(EvaluationSums const& sums, std::int64_t samples);

/// Accuracy under a client's own mix of labels: the accuracies per class weighted by the client's
/// samples per class. All [classes]; NaN when the test set has none of its classes, or
/// there are no classes.
double local_accuracy(std::span<double const> correct, std::span<std::int64_t const> test_counts,
                      std::span<std::int64_t const> own);

}  // namespace fedstrata
