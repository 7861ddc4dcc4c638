// SCAFFOLD (Karimireddy et al., ICML 2020, arXiv 1910.06378, algorithm 1, option II): every client
// keeps a control variate c_i, about its mean gradient, the server the mean c of all of them, and
// c - c_i is added to the gradient, so that a client goes where all would go together. When a layer
// is averaged, c_i becomes c_i - c + (x - y_i) / (K lr), the mean gradient along the way from x to
// y_i, and c becomes c + |S|/N mean(change of c_i), unweighted, over the participants S.
//
// c is a field of the global row: participants leave c + |S|/N (change of c_i) in it, and the mean
// of that is the server's rule. A layer that is not averaged yet keeps c and c_i, and K lr goes on
// counting; it starts again for all clients when the layer is averaged, since all start from x
// then.
#include <torch/types.h>

#include "client/algorithms/correction.hpp"
#include "common/base/error.hpp"
#include "common/device/device.hpp"

namespace fedstrata {
namespace {

class Scaffold : public Correction {
 public:
  std::vector<StateField> fields() const override {
    return {{.name = "scaffold.own", .at_averaging = AtAveraging::keep},
            {.name = "scaffold.shared", .at_averaging = AtAveraging::average, .uniform = true},
            {.name = "scaffold.rates",
             .one_per = StateField::OnePer::layer,
             .at_averaging = AtAveraging::reset}};
  }

  void attach(LocalRows const& rows) override {
    require(rows.global.defined(), "SCAFFOLD needs the global row");
    parameters_ = rows.parameters();
    global_ = rows.global;
    own_ = rows.field("scaffold.own");
    shared_ = rows.field("scaffold.shared");
    rates_ = rows.field("scaffold.rates");
    for (auto const& layer : rows.model->table().layers) slices_.push_back(layer.parameters);
  }

  void begin(LocalRound const& round) override { common_ = round.common; }

  void correct(at::Tensor gradient) override {
    for (auto const& slice : common_) {
      add_difference(narrow(gradient, slice), 1.0, narrow(shared_, slice), narrow(own_, slice));
    }
  }

  void end(LocalRound const& round) override {
    rates_.add_(round.rates);
    auto const rates = rates_.cpu();
    for (int const layer : round.averaged) {
      auto const& slice = slices_[static_cast<std::size_t>(layer)];
      auto const shared = narrow(shared_, slice);
      auto const rate = static_cast<double>(rates.data_ptr<float>()[layer]);
      if (rate == 0.0) continue;  // not a step was done
      auto const change = narrow(global_, slice).sub(narrow(parameters_, slice));
      change.div_(rate).sub_(shared);
      narrow(own_, slice).add_(change);
      shared.add_(change, round.participation);
    }
  }

 private:
  at::Tensor parameters_, global_, own_, shared_, rates_;
  std::vector<Slice> slices_;  ///< of the layers
  std::vector<Slice> common_;
};

}  // namespace

std::unique_ptr<Correction> make_scaffold(TrainConfig const&) {
  return std::make_unique<Scaffold>();
}

}  // namespace fedstrata
