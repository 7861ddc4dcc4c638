#include <torch/types.h>

#include "common/model/builder.hpp"
#include "common/model/operations/operations.hpp"
#include "common/model/operations/sample_norm.hpp"

namespace fedstrata {
namespace {

class GroupNorm final : public SampleNorm {
 public:
  GroupNorm(int weight, int bias, std::int64_t groups)
      : SampleNorm(weight, bias), groups_(groups) {}

 private:
  Tensors normalise(at::Tensor const& input, at::Tensor const& weight,
                    at::Tensor const& bias) const override {
    return at::native_group_norm(input, weight, bias, input.size(0), input.size(1),
                                 input.size(2) * input.size(3), groups_, kEpsilon);
  }

  Tensors gradients(at::Tensor const& gradient, Saved const& saved, at::Tensor const& weight,
                    at::Tensor const& /*bias*/, std::array<bool, 3> wanted) const override {
    auto const& input = saved[0];
    return at::native_group_norm_backward(gradient, input, saved[1], saved[2], weight,
                                          input.size(0), input.size(1),
                                          input.size(2) * input.size(3), groups_, wanted);
  }

  std::int64_t groups_;
};

}  // namespace

OperationPtr group_norm(int weight, int bias, std::int64_t groups) {
  return std::make_unique<GroupNorm>(weight, bias, groups);
}

void group_norm(ModelBuilder& model, std::string const& layer, std::int64_t groups) {
  auto out = model.input();
  model.require_fit(out.is_image() && out.channels() % groups == 0, "group_norm",
                    "an image [channels, height, width] whose channels form " +
                        std::to_string(groups) + " groups",
                    layer);
  out.shared = false;
  auto const channels = out.channels();
  model.open(layer, LayerType::norm);
  auto const w =
      model.parameter("weight", {channels}, {Initializer::Kind::constant, 1.0}, out.units);
  auto const b = model.parameter("bias", {channels}, {Initializer::Kind::constant, 0.0}, out.units);
  model.units().forbid(
      "normalises groups of neighbouring channels (model.norm = group), so it has no known "
      "structure of its units");
  model.head(group_norm(w, b, groups), std::move(out));
}

}  // namespace fedstrata
