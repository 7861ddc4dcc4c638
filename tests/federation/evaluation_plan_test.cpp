#include "common/federation/evaluation_plan.hpp"

#include <gtest/gtest.h>

namespace fedstrata {
namespace {

/// 100 rounds, evaluated as `evaluate` says.
EvaluationPlan plan(std::string const& evaluate, EvaluationLoad const& load,
                    std::int64_t evaluate_every = 1) {
  FederationConfig federation;
  federation.rounds = 100;
  federation.evaluate = parse_evaluate(evaluate);
  federation.evaluate_every = evaluate_every;
  return evaluation_plan(federation, load);
}

// In a round ten participants train on 60,000 samples; a tenth of that is an evaluation of 18,000.
constexpr EvaluationLoad kShared{
    .participants = 10, .trained_samples = 60'000, .test_samples = 3'000, .all_averaged = true};
constexpr EvaluationLoad kPersonal{
    .participants = 10, .trained_samples = 60'000, .test_samples = 3'000, .all_averaged = false};

TEST(evaluation_plan, says_what_was_asked_for) {
  auto const both = plan("both", kPersonal, 4);
  EXPECT_TRUE(both.global);
  EXPECT_EQ(both.participants, 10);
  EXPECT_EQ(both.every, 4);
  EXPECT_DOUBLE_EQ(both.share, 21.0 * 3'000 / (4 * 180'000.0));
  EXPECT_EQ(plan("global", kPersonal).participants, 0);
  EXPECT_FALSE(plan("clients", kPersonal).global);
  EXPECT_EQ(plan("3", kPersonal).participants, 3);
  EXPECT_EQ(plan("300", kPersonal).participants, 10);
  EXPECT_EQ(plan("auto", kPersonal, 0).every, 0);
}

TEST(evaluation_plan, by_default_a_tenth_of_the_training_pays_for_it) {
  auto const shared = plan("auto", kShared);  // six models
  EXPECT_TRUE(shared.global);
  EXPECT_EQ(shared.participants, 5);
  EXPECT_EQ(shared.every, 1);
  EXPECT_DOUBLE_EQ(shared.share, 0.1);
  auto const personal = plan("auto", kPersonal);  // before and after averaging
  EXPECT_FALSE(personal.global);
  EXPECT_EQ(personal.participants, 3);
  EXPECT_EQ(plan("auto", kPersonal, 4).participants, 10);
  EXPECT_TRUE(plan("auto", kPersonal, 4).global);
}

TEST(evaluation_plan, a_model_that_costs_more_is_evaluated_less_often_but_ten_times) {
  auto load = kShared;
  load.test_samples = 60'000;  // 3.3 times what a round pays for
  EXPECT_EQ(plan("auto", load).every, 4);
  EXPECT_EQ(plan("auto", load).participants, 0);
  EXPECT_TRUE(plan("auto", load).global);
  load.test_samples = 6'000'000;
  EXPECT_EQ(plan("auto", load).every, 10);
  EXPECT_EQ(plan("auto", load, 20).every, 20);  // as rarely as was asked for
  auto personal = kPersonal;
  personal.test_samples = 60'000;
  EXPECT_EQ(plan("auto", personal).participants, 1);
  EXPECT_EQ(plan("auto", personal).every, 7);
}

}  // namespace
}  // namespace fedstrata
