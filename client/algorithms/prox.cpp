// FedProx (Li et al., MLSys 2020, arXiv 1812.06127, section 3.2): clients minimise their loss plus
// mu/2 ||y - x||^2, x being the global parameters, so mu (y - x) is added to the gradient. x is
// where all clients last had the same values: a layer that is averaged every five rounds is pulled
// to its latest average in all five. Personal layers have no such value and are left alone.
#include <torch/types.h>

#include "client/algorithms/correction.hpp"
#include "common/base/error.hpp"
#include "common/device/device.hpp"

namespace fedstrata {
namespace {

class Prox : public Correction {
 public:
  explicit Prox(double mu) : mu_(mu) {}

  void attach(LocalRows const& rows) override {
    require(rows.global.defined(), "FedProx needs the global row");
    parameters_ = rows.parameters();
    global_ = rows.global;
  }

  void begin(LocalRound const& round) override { common_ = round.common; }

  void correct(at::Tensor gradient) override {
    for (auto const& slice : common_) {
      add_difference(narrow(gradient, slice), mu_, narrow(parameters_, slice),
                     narrow(global_, slice));
    }
  }

 private:
  double mu_;
  at::Tensor parameters_, global_;
  std::vector<Slice> common_;
};

}  // namespace

std::unique_ptr<Correction> make_prox(TrainConfig const& train) {
  if (train.mu == 0.0) return nullptr;
  return std::make_unique<Prox>(train.mu);
}

}  // namespace fedstrata
