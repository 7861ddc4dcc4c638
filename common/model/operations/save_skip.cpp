#include <torch/torch.h>

#include "common/model/operations/operations.hpp"

namespace fedstrata {
namespace {

class SaveSkip : public Operation {
 public:
  State evaluate(State in, Weights const&) const override { return {in.main, in.main}; }

  State forward(State in, Weights const&, Saved&) const override { return {in.main, in.main}; }

  State backward(State gradient, Weights const&, GradientTarget const&, Saved&,
                 bool) const override {
    return {gradient.main + gradient.skip, {}};
  }
};

}  // namespace

OperationPtr save_skip() { return std::make_unique<SaveSkip>(); }

}  // namespace fedstrata
