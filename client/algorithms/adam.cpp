// torch.optim.Adam (Kingma & Ba 2015, arXiv 1412.6980) and torch.optim.AdamW (Loshchilov & Hutter
// 2019, arXiv 1711.05101). They differ in one thing: Adam adds weight_decay w to the gradient,
// AdamW shrinks the weights by 1 - lr weight_decay before the step.
//
// Bias correction needs the number of steps that the moments have seen. Layers are averaged, and
// their moments then reset, at times of their own, so that number is kept for each layer, beside
// the moments, and shares their fate: reset = it starts again at 0, so the first step after is
// corrected like a first step; keep = it goes on; average = the weighted mean of the participants'
// numbers, as the moments are the mean of theirs (a fraction where clients do different numbers of
// steps: 1 - beta^t is defined for those too).
#include <torch/types.h>

#include "client/algorithms/optimizer.hpp"
#include "common/device/device.hpp"

namespace fedstrata {
namespace {

/// Numbers of steps are averaged to 2^-15 and may be up to 2^35.
constexpr float kManySteps = 0x1p20F;

class Adam : public Optimizer {
 public:
  Adam(TrainConfig const& train, bool decoupled) : train_(train), decoupled_(decoupled) {}

  std::vector<StateField> fields() const override {
    return {{.name = "adam.mean"},
            {.name = "adam.square"},
            {.name = "adam.steps",
             .one_per = StateField::OnePer::layer,
             .least_magnitude = kManySteps}};
  }

  void attach(LocalRows const& rows) override {
    parameters_ = rows.parameters();
    mean_ = rows.field("adam.mean");
    square_ = rows.field("adam.square");
    kept_steps_ = rows.field("adam.steps");
    for (auto const& layer : rows.model->table().layers) slices_.push_back(layer.parameters);
  }

  // The numbers of steps are the host's while a client trains: a GPU need not be asked for them.
  void begin() override {
    auto const kept = kept_steps_.cpu();
    steps_.assign(kept.data_ptr<float>(), kept.data_ptr<float>() + kept.numel());
  }

  void end() override { kept_steps_.copy_(torch::tensor(steps_)); }

  void step(at::Tensor const& gradient, double lr) override {
    for (auto& steps : steps_) steps += 1.0F;
    for (std::size_t i = 0; i < slices_.size();) {
      auto part = slices_[i];
      auto const steps = steps_[i];
      // Layers side by side that have seen as many steps are one.
      while (++i < slices_.size() && steps_[i] == steps &&
             slices_[i].offset == part.offset + part.size)
        part.size += slices_[i].size;
      auto const slice = [&](at::Tensor const& row) { return narrow(row, part); };
      adam_update(slice(parameters_), slice(mean_), slice(square_), slice(gradient),
                  {.lr = lr,
                   .beta1 = train_.beta1,
                   .beta2 = train_.beta2,
                   .eps = train_.eps,
                   .weight_decay = train_.weight_decay,
                   .decoupled = decoupled_,
                   .steps = steps});
    }
  }

 private:
  TrainConfig train_;
  bool decoupled_;
  at::Tensor parameters_, mean_, square_, kept_steps_;
  std::vector<Slice> slices_;  ///< of the layers
  std::vector<float> steps_;   ///< of the client in training, layer by layer
};

}  // namespace

std::unique_ptr<Optimizer> make_adam(TrainConfig const& train) {
  return std::make_unique<Adam>(train, false);
}

std::unique_ptr<Optimizer> make_adamw(TrainConfig const& train) {
  return std::make_unique<Adam>(train, true);
}

}  // namespace fedstrata
