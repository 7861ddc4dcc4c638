// Each task against autograd, in float64, and against numbers by hand.
#include "common/tasks/tasks.hpp"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>
#include <numeric>

#include "common/base/error.hpp"

namespace fedstrata {
namespace {

using PlainLoss = at::Tensor(at::Tensor const& outputs, at::Tensor const& targets);

at::Tensor cross_entropy(at::Tensor const& outputs, at::Tensor const& targets) {
  return at::cross_entropy_loss(outputs, targets);
}

at::Tensor squared(at::Tensor const& outputs, at::Tensor const& targets) {
  return at::mse_loss(outputs, targets);
}

struct Case {
  char const* name;
  PlainLoss* loss;  ///< mean over the batch, as PyTorch defines it
};

class EveryTask : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override { at::manual_seed(3); }
  Task const& task() const { return task_named(GetParam().name); }
  at::Tensor targets(std::int64_t count, at::ScalarType type) const {
    bool const labels = task().has_accuracy();
    return labels ? at::randint(4, {count}, at::kLong) : at::randn({count, 4}, type);
  }
};

double distance(at::Tensor const& a, at::Tensor const& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

TEST_P(EveryTask, has_the_gradient_of_autograd) {
  for (auto const type : {at::kDouble, at::kFloat}) {
    auto const outputs = at::randn({7, 4}, type);
    auto const answers = targets(7, type);
    auto sums = at::full({2}, 100.0, at::kDouble);
    auto const gradient = task().gradient(outputs, answers, sums);
    auto const variable = outputs.to(at::kDouble).requires_grad_();
    auto const loss =
        GetParam().loss(variable, answers.is_floating_point() ? answers.to(at::kDouble) : answers);
    loss.backward();
    EXPECT_LT(distance(gradient, variable.grad()), 1e-6);
    EXPECT_EQ(gradient.scalar_type(), type);
    EXPECT_NEAR(sums[0].item<double>(), 100.0 + 7.0 * loss.item<double>(), 1e-5);
  }
}

TEST_P(EveryTask, judges_samples_one_by_one_as_it_sums_them) {
  auto const outputs = at::randn({9, 4});
  auto const answers = targets(9, at::kFloat);
  std::vector<double> losses(9);
  std::vector<float> errors(9);
  task().judge(outputs, answers, losses, errors);
  auto const sums = task().evaluate(outputs, answers);
  EXPECT_NEAR(std::accumulate(losses.begin(), losses.end(), 0.0), sums.loss, 1e-6);
  auto counted = at::zeros({2}, at::kDouble);
  task().gradient(outputs, answers, counted);
  EXPECT_NEAR(counted[0].item<double>(), sums.loss, 1e-5);
  double const correct = std::accumulate(sums.correct.begin(), sums.correct.end(), 0.0);
  EXPECT_EQ(counted[1].item<double>(), correct);
  if (!task().has_accuracy()) {
    EXPECT_TRUE(sums.correct.empty());
    return;
  }
  EXPECT_EQ(std::accumulate(errors.begin(), errors.end(), 0.0), 9.0 - correct);
}

TEST_P(EveryTask, adds_up_over_batches) {
  auto const outputs = at::randn({6, 4});
  auto const answers = targets(6, at::kFloat);
  EvaluationSums parts;
  for (std::int64_t first : {0, 2, 4}) {
    parts.add(task().evaluate(outputs.narrow(0, first, 2), answers.narrow(0, first, 2)));
  }
  auto const whole = task().evaluate(outputs, answers);
  EXPECT_NEAR(parts.loss, whole.loss, 1e-9);
  EXPECT_EQ(parts.correct, whole.correct);
}

INSTANTIATE_TEST_SUITE_P(tasks, EveryTask,
                         testing::Values(Case{"classification", cross_entropy},
                                         Case{"regression", squared}),
                         [](auto const& instance) { return instance.param.name; });

TEST(tasks, unknown_names_are_refused) { EXPECT_THROW(task_named("singing"), Error); }

TEST(classification, by_hand) {
  auto const logits = at::tensor({0.0F, 0.0F, 1.0F, 3.0F}).view({2, 2});
  std::vector<double> losses(2);
  std::vector<float> errors(2);
  classification_task().judge(logits, at::tensor({0, 0}, at::kLong), losses, errors);
  EXPECT_NEAR(losses[0], std::log(2.0), 1e-12);
  EXPECT_NEAR(losses[1], std::log(1 + std::exp(2.0)), 1e-12);
  EXPECT_EQ(errors[0], 0);  // the first of two equal logits is the answer
  EXPECT_EQ(errors[1], 1);
}

TEST(classification, stays_finite_for_large_logits_and_counts_nan_as_wrong) {
  auto const labels = at::tensor({0}, at::kLong);
  std::vector<double> losses(1);
  std::vector<float> errors(1);
  classification_task().judge(at::tensor({-500.0F, 500.0F}).view({1, 2}), labels, losses, errors);
  EXPECT_NEAR(losses[0], 1000.0, 1e-9);
  classification_task().judge(at::full({1, 2}, std::nan("")), labels, losses, errors);
  EXPECT_TRUE(std::isnan(losses[0]));
  EXPECT_EQ(errors[0], 1);
}

TEST(classification, counts_the_same_answers_in_either_way_of_computing) {
  auto const nan = std::nan("");
  auto const
      logits =  // one row each: right, an earlier one is as large, a later one is, not finite
      at::tensor({3.0, 1.0, 2.0, 2.0, 0.0, 0.0, nan, nan, 1.0, nan}).view({5, 2});
  auto const labels = at::tensor({0, 1, 0, 0, 0}, at::kLong);
  for (auto const type : {at::kFloat, at::kDouble}) {  // a loop, and tensor operations
    auto sums = at::zeros({2}, at::kDouble);
    classification_task().gradient(logits.to(type), labels, sums);
    EXPECT_EQ(sums[1].item<double>(), 2.0);
    EXPECT_EQ(classification_task().evaluate(logits.to(type), labels).correct,
              (std::vector<double>{2.0, 0.0}));
  }
}

TEST(classification, smoothed_labels_are_those_of_pytorch) {
  at::manual_seed(4);
  auto const labels = at::randint(4, {7}, at::kLong);
  for (double const share : {0.0, 0.1, 1.0}) {
    auto const task = classification_task().smoothed(share);
    for (auto const type : {at::kDouble, at::kFloat}) {
      auto const logits = at::randn({7, 4}, type);
      auto const variable = logits.to(at::kDouble).requires_grad_();
      auto const loss =
          at::cross_entropy_loss(variable, labels, {}, at::Reduction::Mean, -100, share);
      loss.backward();
      auto sums = at::zeros({2}, at::kDouble), plain = at::zeros({2}, at::kDouble);
      EXPECT_LT(distance(task->gradient(logits, labels, sums), variable.grad()), 1e-6) << share;
      EXPECT_NEAR(sums[0].item<double>(), 7.0 * loss.item<double>(), 1e-5) << share;
      auto const unsmoothed = classification_task().gradient(logits, labels, plain);
      EXPECT_EQ(sums[1].item<double>(), plain[1].item<double>());
      EXPECT_NEAR(task->evaluate(logits, labels).loss, 7.0 * loss.item<double>(), 1e-5) << share;
      if (share == 0.0) {
        EXPECT_TRUE(at::equal(task->gradient(logits, labels, sums), unsmoothed));
      }
    }
  }
  EXPECT_EQ(regression_task().smoothed(0.1), nullptr);
}

TEST(regression, by_hand) {
  auto const outputs = at::tensor({1.0F, 2.0F, 0.0F, 0.0F}).view({2, 2});
  auto const targets = at::tensor({1.0F, 5.0F, -1.0F, 2.0F}).view({2, 2});
  std::vector<double> losses(2);
  std::vector<float> errors(2);
  regression_task().judge(outputs, targets, losses, errors);
  EXPECT_DOUBLE_EQ(losses[0], 4.5);
  EXPECT_DOUBLE_EQ(losses[1], 2.5);
  EXPECT_EQ(errors[0], 1.5F);
  EXPECT_EQ(errors[1], 1.5F);
}

}  // namespace
}  // namespace fedstrata
