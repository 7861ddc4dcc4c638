#include "server/alignment/alignment.hpp"

#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include <algorithm>
#include <limits>
#include <span>

#include "common/base/error.hpp"
#include "common/base/random.hpp"
#include "tests/support/model_fixture.hpp"
#include "tests/support/plain_evaluator.hpp"
#include "tests/support/tiny_transformer.hpp"

namespace fedstrata {
namespace {

using testing::HasSubstr;

InputShape const kSmall{{3, 16, 16}, 10};

std::span<float> slice_of(std::vector<float>& row, NamedTensor const& tensor) {
  return {row.data() + tensor.slice.offset, static_cast<std::size_t>(tensor.slice.size)};
}

float noise(Random& random) { return static_cast<float>(0.1 * (random.uniform() - 0.5)); }

/// A model and initial weights of it in which nothing is constant: norms, biases and statistics
/// are uneven too, but such that few units die.
struct Subject {
  Model model;
  InputShape input;

  HostModel host(std::uint64_t client) const {
    auto result = make_host_model(model, client);
    Random random(5, Purpose::pairs, client);
    for (auto const& tensor : model.table().parameters) {
      if (tensor.shape.size() > 1) continue;
      for (auto& value : slice_of(result.row, tensor)) value += noise(random);
    }
    for (auto const& tensor : model.table().buffers) {
      bool const mean = tensor.name.ends_with("mean");
      for (auto& value : slice_of(result.buffers, tensor))
        value = mean ? noise(random) : 0.3f + noise(random);
    }
    return result;
  }
  Weights weights(std::uint64_t client) const { return load(model, host(client)); }
  at::Tensor images(std::int64_t batch, std::int64_t count = 20) const {
    auto const generator = at::detail::createCPUGenerator(17 + static_cast<std::uint64_t>(batch));
    return at::randn(input.batch(count), generator);
  }
  UnitPermutations match_activations(Weights const& a, Weights const& b,
                                     AlignAt at = AlignAt::before) const {
    return fedstrata::match_activations(
        model, a, b, [this](std::int64_t batch) { return images(batch); }, 2, at);
  }
};

Subject subject(std::string const& name) {
  if (name == "resnet18-batch") return {build("resnet18", kSmall, Norm::batch), kSmall};
  auto const& input = name == "resnet18" ? kSmall : name == "vgg11-cifar" ? kColour : kGrey;
  return {build(name, input), input};
}

UnitPermutations random_permutations(Model const& model, std::uint64_t seed) {
  auto permutations = identity_permutations(model);
  Random random(seed, Purpose::pairs);
  for (auto& group : permutations.groups) random.shuffle(group);
  return permutations;
}

/// Sum over all parameters of a times b.
double inner_product(Weights const& a, Weights const& b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.parameters.size(); ++i) {
    sum += (a.parameters[i].to(at::kDouble) * b.parameters[i].to(at::kDouble)).sum().item<double>();
  }
  return sum;
}

void expect_equal(Weights const& a, Weights const& b) {
  for (std::size_t i = 0; i < a.parameters.size(); ++i) {
    EXPECT_TRUE(at::equal(a.parameters[i], b.parameters[i])) << "parameter " << i;
  }
  for (std::size_t i = 0; i < a.buffers.size(); ++i) {
    EXPECT_TRUE(at::equal(a.buffers[i], b.buffers[i])) << "buffer " << i;
  }
}

class Zoo : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { at::set_num_threads(1); }
  Subject const subject_ = subject(GetParam());
  Model const& model_ = subject_.model;
};

INSTANTIATE_TEST_SUITE_P(alignment, Zoo,
                         testing::Values("mlp", "cnn", "lenet5", "vgg11-cifar", "resnet18",
                                         "resnet18-batch"),
                         [](auto const& instance) {
                           auto name = instance.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST_P(Zoo, a_permuted_model_computes_the_same_function) {
  auto const weights = subject_.weights(0);
  auto const copy = permuted(model_, weights, random_permutations(model_, 3));
  auto const images = subject_.images(0, 6);
  auto const before = model_.evaluate(images, weights);
  auto const after = model_.evaluate(images, copy);
  EXPECT_LT((after - before).abs().max().item<double>(), 1e-4 * before.abs().max().item<double>());
  for (std::size_t i = 0; i < weights.parameters.size(); ++i) {
    auto const& units = model_.units().parameters[i];
    bool const moves = units.outputs >= 0 || units.inputs >= 0;
    EXPECT_EQ(at::equal(copy.parameters[i], weights.parameters[i]), !moves) << i;
  }
  for (std::size_t i = 0; i < weights.buffers.size(); ++i) {
    EXPECT_FALSE(at::equal(copy.buffers[i], weights.buffers[i])) << i;
  }
}

TEST_P(Zoo, permuted_rows_are_those_of_the_permuted_model) {
  auto const permutations = random_permutations(model_, 4);
  auto host = subject_.host(0);
  permute_rows(model_, permutations, host.row, host.buffers);
  expect_equal(load(model_, host), permuted(model_, subject_.weights(0), permutations));
}

TEST_P(Zoo, matching_weights_recovers_a_permuted_copy) {
  auto const a = subject_.weights(0);
  auto const copy = permuted(model_, a, random_permutations(model_, 5));
  expect_equal(permuted(model_, copy, match_weights(model_, a, copy, 1)), a);
}

TEST_P(Zoo, matching_activations_recovers_a_permuted_copy) {
  auto const a = subject_.weights(0);
  auto const copy = permuted(model_, a, random_permutations(model_, 6));
  expect_equal(permuted(model_, copy, subject_.match_activations(a, copy)), a);
}

/// [images, units]: the largest value of each unit's output.
at::Tensor largest(at::Tensor const& output) {
  return output.reshape({output.size(0), output.size(1), -1}).amax(2);
}

/// Behind the rectifiers; what leaves other stages is not compared. Dead units cannot be told from
/// each other, nor can those that answer the same one image.
TEST_P(Zoo, matching_what_leaves_rectifiers_recovers_the_units_that_answer_images) {
  auto const a = subject_.weights(0);
  auto const copy = permuted(model_, a, random_permutations(model_, 6));
  auto const found = permuted(model_, copy, subject_.match_activations(a, copy, AlignAt::after));
  Frame x{at::cat({subject_.images(0), subject_.images(1)})}, y = x;
  for (auto const& stage : model_.stages()) {
    x = stage.evaluate_tail(stage.evaluate_head(std::move(x), a), a);
    y = stage.evaluate_tail(stage.evaluate_head(std::move(y), found), found);
    if (std::ranges::none_of(stage.tail, [](auto const& part) { return part->rectifies(); }))
      continue;
    auto const answers = largest(x.main).gt(0).sum(0).ge(2);
    ASSERT_GT(answers.sum().item<std::int64_t>(), answers.numel() / 2);
    auto const difference = largest((x.main - y.main).abs()).amax(0).masked_select(answers);
    EXPECT_LT(difference.max().item<double>(), 1e-3 * x.main.max().item<double>());
  }
}

TEST_P(Zoo, equal_models_are_matched_as_they_are) {
  auto const a = subject_.weights(0);
  EXPECT_EQ(match_weights(model_, a, a, 1), identity_permutations(model_));
  EXPECT_EQ(subject_.match_activations(a, a), identity_permutations(model_));
}

TEST_P(Zoo, matching_weights_brings_different_models_closer_and_cannot_be_improved_by_itself) {
  auto const a = subject_.weights(0);
  auto const b = subject_.weights(1);
  auto const aligned = permuted(model_, b, match_weights(model_, a, b, 1));
  EXPECT_GT(inner_product(a, aligned), inner_product(a, b));
  EXPECT_EQ(match_weights(model_, a, aligned, 2), identity_permutations(model_));
}

TEST_P(Zoo, matching_activations_of_different_models_cannot_be_improved_by_itself) {
  auto const a = subject_.weights(0);
  auto const b = subject_.weights(1);
  auto const first = subject_.match_activations(a, b);
  EXPECT_NE(first, identity_permutations(model_));
  auto const aligned = permuted(model_, b, first);
  EXPECT_EQ(subject_.match_activations(a, aligned), identity_permutations(model_));
}

/// By how much `found` stays below the order of the first layer's units with the largest sum of
/// correlations, which is found by trying all.
double distance_to_best(Subject const& net, Weights const& a, Weights const& b, AlignAt at,
                        std::vector<std::int64_t> const& found) {
  auto const units = [&](Weights const& weights) {
    auto const images = at::cat({net.images(0), net.images(1)});
    auto const state = net.model.stages()[0].evaluate_head({images, {}}, weights);
    auto const seen = at == AlignAt::after ? at::max_pool2d(state.main, {2, 2}).relu() : state.main;
    return seen.permute({1, 0, 2, 3}).reshape({6, -1}).to(at::kDouble);
  };
  auto const correlation = at::corrcoef(at::cat({units(a), units(b)})).slice(0, 0, 6).slice(1, 6);
  auto const sum = [&](std::vector<std::int64_t> const& order) {
    double result = 0.0;
    for (std::size_t i = 0; i < 6; ++i) {
      result += correlation[static_cast<std::int64_t>(i)][order[i]].item<double>();
    }
    return result;
  };
  std::vector<std::int64_t> order{0, 1, 2, 3, 4, 5};
  double best = -10.0;
  do best = std::max(best, sum(order));
  while (std::ranges::next_permutation(order).found);
  return best - sum(found);
}

TEST(alignment, units_are_matched_by_the_best_assignment_of_correlations) {
  auto const net = subject("lenet5");
  auto const a = net.weights(0);
  auto const b = net.weights(1);
  for (auto const at : {AlignAt::before, AlignAt::after}) {
    auto const found = net.match_activations(a, b, at).groups[0];
    EXPECT_NEAR(distance_to_best(net, a, b, at, found), 0.0, 1e-9);
  }
  EXPECT_NE(net.match_activations(a, b), net.match_activations(a, b, AlignAt::after));
}

TEST(alignment, more_starts_never_give_a_worse_match) {
  for (auto const* name : {"mlp", "lenet5"}) {
    auto const net = subject(name);
    auto const a = net.weights(0);
    auto const b = net.weights(1);
    auto const one = match_weights(net.model, a, b, 1);
    EXPECT_EQ(match_weights(net.model, a, b, 1, 1), one);
    double const first = inner_product(a, permuted(net.model, b, one));
    double before = first;
    for (int const starts : {2, 3, 5, 9}) {
      auto const found = match_weights(net.model, a, b, 1, starts);
      EXPECT_EQ(match_weights(net.model, a, b, 1, starts), found);
      double const now = inner_product(a, permuted(net.model, b, found));
      EXPECT_GE(now, before) << name << " " << starts;
      before = now;
    }
    EXPECT_GT(before, first) << name;
  }
}

TEST(alignment, the_same_seed_gives_the_same_match) {
  auto const net = subject("lenet5");
  auto const a = net.weights(0);
  auto const b = net.weights(1);
  EXPECT_EQ(match_weights(net.model, a, b, 1), match_weights(net.model, a, b, 1));
  EXPECT_EQ(net.match_activations(a, b), net.match_activations(a, b));
}

TEST(alignment, a_diverged_model_keeps_its_order) {
  auto const net = subject("mlp");
  auto const a = net.weights(0);
  auto const b = net.weights(1);
  b.parameters[0].fill_(std::numeric_limits<float>::quiet_NaN());
  auto const orders = match_weights(net.model, a, b, 1);
  EXPECT_EQ(orders.groups[0], identity_permutations(net.model).groups[0]);
  EXPECT_EQ(net.match_activations(a, b), identity_permutations(net.model));
}

TEST(alignment, units_that_never_change_correlate_with_none) {
  auto const net = subject("mlp");
  auto const a = net.weights(0);
  a.parameters[0].select(0, 3).zero_();  // unit 3 of the first layer is its bias
  auto const copy = permuted(net.model, a, random_permutations(net.model, 8));
  expect_equal(permuted(net.model, copy, net.match_activations(a, copy)), a);
}

TEST(alignment, units_of_sequences_are_matched_too) {
  TinyTransformer const sizes{.attends = false};
  auto const model = make_transformer(sizes);
  ASSERT_EQ(model.units().groups.size(), 3U);  // the residual stream, and inside each of two blocks
  auto const a = load(model, make_host_model(model, 0));
  auto const copy = permuted(model, a, random_permutations(model, 9));
  auto const tokens = random_tokens(sizes, 30);
  EXPECT_LT((model.evaluate(tokens, copy) - model.evaluate(tokens, a)).abs().max().item<double>(),
            1e-5);
  expect_equal(permuted(model, copy, match_weights(model, a, copy, 1)), a);
  auto const batches = [&](std::int64_t) { return tokens; };
  expect_equal(permuted(model, copy, match_activations(model, a, copy, batches, 1)), a);
}

TEST(alignment, refuses_models_whose_units_may_not_be_reordered) {
  auto const refusal = [](Model const& model) -> std::string {
    try {
      require_structure(model);
    } catch (InputError const& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(refusal(subject("resnet18-batch").model), "");
  EXPECT_THAT(refusal(build("resnet18", kSmall, Norm::group)),
              testing::AllOf(HasSubstr("model.norm = group"), HasSubstr("analysis.align = none")));
  EXPECT_EQ(refusal(make_transformer({})),
            "analysis.align: model transformer has attention, whose heads cannot be reordered yet; "
            "use analysis.align = none");
  EXPECT_EQ(refusal(Model("foreign", {}, {}, {}, {})),
            "analysis.align: model foreign has no known structure of its units; use "
            "analysis.align = none");
  auto const model = build("resnet18", kSmall, Norm::group);
  auto const weights = load(model, make_host_model(model, 0));
  EXPECT_THROW(match_weights(model, weights, weights, 1), InputError);
  EXPECT_THROW(permuted(model, weights, {}), InputError);
}

TEST(alignment, permutations_of_another_model_are_refused) {
  auto const net = subject("mlp");
  EXPECT_THROW(permuted(net.model, net.weights(0), {}), Error);
  auto permutations = identity_permutations(net.model);
  permutations.groups[1].pop_back();
  EXPECT_THROW(permuted(net.model, net.weights(0), permutations), Error);
  EXPECT_THROW(match_activations(net.model, net.weights(0), net.weights(0), {}, 0), Error);
}

}  // namespace
}  // namespace fedstrata
