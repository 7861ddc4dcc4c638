// The hand-written training pass against autograd, and what it does with its target.
#include <gtest/gtest.h>
#include <torch/types.h>

#include <numeric>

#include "common/model/model.hpp"
#include "tests/support/model_fixture.hpp"
#include "tests/support/reference_net.hpp"

namespace fedstrata {
namespace {

/// Largest difference of two tensors as a share of the second's largest magnitude.
double difference(at::Tensor const& a, at::Tensor const& b) {
  return ((a - b).abs().max() / b.abs().max()).item<double>();
}

struct Case {
  std::string name;
  InputShape input;
  Norm norm = Norm::none;
  std::int64_t batch = 5;
};

void PrintTo(Case const& c, std::ostream* out) {
  *out << c.name << " norm " << static_cast<int>(c.norm) << " batch " << c.batch;
}

class TrainPass : public testing::TestWithParam<Case> {};

/// Expects a pass to leave the gradients and statistics that autograd does.
void expect_equals_autograd(Case const& c, at::ScalarType type, double tolerance) {
  auto const model = build(c.name, c.input, c.norm);
  Fixture f(model, c.input, c.batch, type);
  ReferenceNet reference(model, c.norm, f.row, f.buffer_row);
  auto const weights = model.view(f.row, f.buffer_row);
  // beta = 0 must overwrite whatever is there.
  GradientTarget const target{model.view(at::full_like(f.row, std::nan("")), f.buffer_row)};

  at::manual_seed(3);
  model.train_pass(f.images, f.labels, classification_task(), weights, target, f.sums);
  at::manual_seed(3);
  auto const gradients = reference.gradients(model, f.images, f.labels);
  auto const buffers = reference.buffers(model);

  for (std::size_t i = 0; i < gradients.size(); ++i)
    EXPECT_LT(difference(target.into.parameters[i], gradients[i]), tolerance)
        << model.table().parameters[i].name;
  for (std::size_t i = 0; i < buffers.size(); ++i)
    EXPECT_LT(difference(weights.buffers[i], buffers[i]), tolerance)
        << model.table().buffers[i].name;
}

// In double precision no rounding decides whether a rectifier is open: the formulas are right.
TEST_P(TrainPass, equals_autograd) { expect_equals_autograd(GetParam(), at::kDouble, 1e-10); }

INSTANTIATE_TEST_SUITE_P(models, TrainPass,
                         testing::Values(Case{"mlp", kGrey}, Case{"mlp", kColour, Norm::none, 1},
                                         Case{"cnn", kGrey}, Case{"cnn", kColour, Norm::none, 13},
                                         Case{"lenet5", kGrey},
                                         Case{"lenet5", kGrey, Norm::none, 1},
                                         Case{"resnet18", kTiny, Norm::none, 3},
                                         Case{"resnet18", kGrey, Norm::batch, 5},
                                         Case{"resnet18", kTiny, Norm::group, 2},
                                         Case{"vgg11-cifar", kColour, Norm::none, 3}));

class TrainPassFloat : public TrainPass {};

TEST_P(TrainPassFloat, equals_autograd) { expect_equals_autograd(GetParam(), at::kFloat, 1e-5); }

INSTANTIATE_TEST_SUITE_P(models, TrainPassFloat,
                         testing::Values(Case{"mlp", kGrey}, Case{"mlp", kGrey, Norm::none, 64},
                                         Case{"cnn", kGrey}, Case{"lenet5", kGrey},
                                         Case{"vgg11-cifar", kColour, Norm::none, 3},
                                         Case{"vgg11", kColour, Norm::none, 2}));

at::Tensor gradient_of(Model const& model, Fixture const& f) {
  auto gradient = at::zeros_like(f.row);
  auto sums = f.sums.clone();
  model.train_pass(f.images, f.labels, classification_task(),
                   model.view(f.row, f.buffer_row.clone()), {model.view(gradient, f.buffer_row)},
                   sums);
  return gradient;
}

TEST(train_pass, target_is_scaled_and_added_to) {
  for (auto const& c : {Case{"cnn", kGrey}, Case{"resnet18", kTiny, Norm::batch, 2}}) {
    auto const model = build(c.name, c.input, c.norm);
    Fixture f(model, c.input, c.batch);
    auto const gradient = gradient_of(model, f);
    auto const before = at::randn_like(gradient);
    for (auto const& [beta, alpha] : {std::pair{1.0, 1.0}, {0.9, 1.0}, {0.0, -0.3}, {1.0, -0.1}}) {
      auto row = before.clone();
      model.train_pass(f.images, f.labels, classification_task(),
                       model.view(f.row, f.buffer_row.clone()),
                       {model.view(row, f.buffer_row), beta, alpha}, f.sums);
      EXPECT_LT(difference(row, beta * before + alpha * gradient), 1e-6) << c.name << " " << beta;
    }
  }
}

TEST(train_pass, of_a_regression_on_rows_of_numbers_equals_autograd) {
  InputShape const rows{{16}, 2};
  auto const model = build("mlp", rows);
  Fixture f(model, rows, 7, at::kDouble);
  auto const targets = at::randn({7, 2}, at::kDouble);
  ReferenceNet reference(model, Norm::none, f.row, f.buffer_row);
  GradientTarget const target{model.view(at::full_like(f.row, std::nan("")), f.buffer_row)};
  model.train_pass(f.images, targets, regression_task(), model.view(f.row, f.buffer_row), target,
                   f.sums);
  auto const gradients = reference.gradients(model, f.images, targets);
  for (std::size_t i = 0; i < gradients.size(); ++i)
    EXPECT_LT(difference(target.into.parameters[i], gradients[i]), 1e-10);
}

TEST(train_pass, steps_straight_into_the_weights) {
  for (auto const& c : {Case{"mlp", kGrey}, Case{"cnn", kGrey}, Case{"resnet18", kTiny}}) {
    auto const model = build(c.name, c.input);
    Fixture f(model, c.input, 2);
    auto const expected = f.row - 0.1 * gradient_of(model, f);
    auto const weights = model.view(f.row, f.buffer_row);
    model.train_pass(f.images, f.labels, classification_task(), weights, {weights, 1.0, -0.1},
                     f.sums);
    EXPECT_LT(difference(f.row, expected), 1e-6) << c.name;
  }
}

TEST(train_pass, adds_loss_and_correct_answers) {
  auto const model = build("lenet5", kGrey);
  Fixture f(model, kGrey, 50);
  auto const logits = model.evaluate(f.images, model.view(f.row, f.buffer_row));
  std::vector<double> losses(50);
  std::vector<float> errors(50);
  classification_task().judge(logits, f.labels, losses, errors);
  f.sums.fill_(100.0);
  auto const target = model.view(at::empty_like(f.row), f.buffer_row);
  model.train_pass(f.images, f.labels, classification_task(), model.view(f.row, f.buffer_row),
                   {target}, f.sums);
  EXPECT_NEAR(f.sums[0].item<double>(), 100.0 + std::accumulate(losses.begin(), losses.end(), 0.0),
              1e-9);
  EXPECT_EQ(f.sums[1].item<double>(), 150.0 - std::accumulate(errors.begin(), errors.end(), 0.0));
}

TEST(train_pass, leaves_rows_and_images_alone) {
  auto const model = build("resnet18", kTiny, Norm::batch);
  Fixture f(model, kTiny, 2);
  auto const row = f.row.clone(), images = f.images.clone();
  gradient_of(model, f);
  EXPECT_TRUE(at::equal(row, f.row));
  EXPECT_TRUE(at::equal(images, f.images));
}

}  // namespace
}  // namespace fedstrata
