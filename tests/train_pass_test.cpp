// The hand-written training pass against autograd, and what it does with its target.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "common/model.hpp"
#include "tests/model_fixture.hpp"
#include "tests/reference_net.hpp"

namespace fedstrata {
namespace {

/// Largest difference, as a share of the reference's largest magnitude.
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

TEST_P(TrainPass, equals_autograd) {
  auto const& [name, input, norm, batch] = GetParam();
  auto const model = build(name, input, norm);
  Fixture f(model, input, batch);
  ReferenceNet reference(model, norm, f.row, f.buffer_row);
  auto const weights = model.view(f.row, f.buffer_row);
  auto gradient = at::full_like(f.row, std::nan(""));  // beta = 0 must overwrite whatever is there

  torch::manual_seed(3);
  model.train_pass(f.images, f.labels, weights, {model.view(gradient, f.buffer_row)}, f.sums);
  torch::manual_seed(3);
  auto const expected = reference.gradient_row(model, f.images, f.labels);

  EXPECT_LT(difference(gradient, expected), 2e-6);
  if (norm == Norm::batch) {
    EXPECT_LT(difference(f.buffer_row, reference.buffer_row(model)), 1e-6);
  }
  torch::manual_seed(3);
  auto const logits = reference.logits(f.images).detach();
  auto const loss = at::cross_entropy_loss(logits, f.labels, {}, at::Reduction::Sum);
  EXPECT_NEAR(f.sums[0].item<double>(), loss.item<double>(), 1e-5 * loss.item<double>());
  EXPECT_EQ(f.sums[1].item<double>(), logits.argmax(1).eq(f.labels).sum().item<double>());
}

INSTANTIATE_TEST_SUITE_P(models, TrainPass,
                         testing::Values(Case{"mlp", kGrey}, Case{"mlp", kColour, Norm::none, 1},
                                         Case{"cnn", kGrey}, Case{"cnn", kColour, Norm::none, 13},
                                         Case{"lenet5", kGrey},
                                         Case{"lenet5", kGrey, Norm::none, 1},
                                         Case{"resnet18", kColour, Norm::none, 3},
                                         Case{"resnet18", kGrey, Norm::batch, 5},
                                         Case{"resnet18", kColour, Norm::group, 2},
                                         Case{"vgg11-cifar", kColour, Norm::none, 3},
                                         Case{"vgg11", kColour, Norm::none, 2}));

}  // namespace
}  // namespace fedstrata
