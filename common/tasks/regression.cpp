#include <torch/types.h>

#include <algorithm>

#include "common/tasks/tasks.hpp"

namespace fedstrata {
namespace {

at::Tensor difference(at::Tensor const& outputs, at::Tensor const& targets) {
  return outputs.to(at::kDouble) - targets.view_as(outputs).to(at::kDouble);
}

void copy(at::Tensor const& from, auto to) {
  auto const host = from.cpu().contiguous();
  std::copy_n(host.data_ptr<double>(), to.size(), to.begin());
}

/// Numbers. Outputs and targets are float32 [B, outputs]. The loss is the mean over the outputs of
/// (output - target)^2, so that the mean over samples is PyTorch's MSELoss; the error is the mean
/// over the outputs of |output - target|, in the unit of the targets.
class Regression : public Task {
 public:
  at::Tensor gradient(at::Tensor const& outputs, at::Tensor const& targets,
                      at::Tensor& sums) const override {
    auto gradient = outputs - targets;
    if (sums.defined()) sums.select(0, 0).add_(gradient.to(at::kDouble).square().mean(1).sum());
    return gradient.mul_(2.0 / static_cast<double>(outputs.numel()));
  }

  void judge(at::Tensor const& outputs, at::Tensor const& targets, std::span<double> losses,
             std::span<float> errors) const override {
    auto const off = difference(outputs, targets);
    copy(off.square().mean(1), losses);
    copy(off.abs().mean(1), errors);
  }

  void add_sums(at::Tensor const& outputs, at::Tensor const& targets,
                at::Tensor sums) const override {
    sums.select(0, 0).add_(difference(outputs, targets).square_().mean(1).sum());
  }

  bool has_accuracy() const override { return false; }
};

}  // namespace

Task const& regression_task() {
  static Regression const task;
  return task;
}

}  // namespace fedstrata
