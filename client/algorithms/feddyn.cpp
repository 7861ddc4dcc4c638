// FedDyn (Acar et al., ICLR 2021, arXiv 2111.04263): clients minimise their loss minus <h_i, y>
// plus alpha/2 ||y - x||^2, so -h_i + alpha (y - x) is added to the gradient, x being the global
// parameters; when a layer is averaged, h_i becomes h_i - alpha (y_i - x), the gradient of the
// client's loss where it came to rest. What the server does is an update of the coordinator's
// (server/averaging/updates/feddyn.cpp).
#include <torch/types.h>

#include "client/algorithms/correction.hpp"
#include "common/base/error.hpp"
#include "common/device/device.hpp"

namespace fedstrata {
namespace {

class FedDyn : public Correction {
 public:
  explicit FedDyn(double alpha) : alpha_(alpha) {}

  std::vector<StateField> fields() const override {
    return {{.name = "feddyn.own", .at_averaging = AtAveraging::keep}};
  }

  void attach(LocalRows const& rows) override {
    require(rows.global.defined(), "FedDyn needs the global row");
    parameters_ = rows.parameters();
    global_ = rows.global;
    own_ = rows.field("feddyn.own");
    for (auto const& layer : rows.model->table().layers) slices_.push_back(layer.parameters);
  }

  void begin(LocalRound const& round) override { common_ = round.common; }

  void correct(at::Tensor gradient) override {
    for (auto const& slice : common_) {
      auto const part = narrow(gradient, slice);
      add_difference(part, alpha_, narrow(parameters_, slice), narrow(global_, slice));
      part.sub_(narrow(own_, slice));
    }
  }

  void end(LocalRound const& round) override {
    for (int const layer : round.averaged) {
      auto const& slice = slices_[static_cast<std::size_t>(layer)];
      add_difference(narrow(own_, slice), -alpha_, narrow(parameters_, slice),
                     narrow(global_, slice));
    }
  }

 private:
  double alpha_;
  at::Tensor parameters_, global_, own_;
  std::vector<Slice> slices_;  ///< of the layers
  std::vector<Slice> common_;
};

}  // namespace

std::unique_ptr<Correction> make_feddyn(TrainConfig const& train) {
  if (train.dyn_alpha == 0.0) return nullptr;
  return std::make_unique<FedDyn>(train.dyn_alpha);
}

}  // namespace fedstrata
