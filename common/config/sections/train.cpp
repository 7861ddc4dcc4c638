#include "common/config/sections/sections.hpp"
#include "common/config/values.hpp"

namespace fedstrata::keys {

std::vector<Key<TrainConfig>> train_keys() {
  auto const drops = [](auto const& train) { return train.schedule == ScheduleKind::step; };
  auto const changes = [](auto const& train) { return train.schedule != ScheduleKind::constant; };
  auto const remembers = [](auto const& train) {
    return train.optimizer != "sgd" || train.momentum > 0.0;
  };
  return {
      choice("optimizer", &TrainConfig::optimizer, {"sgd", "adam", "adamw"}, "local optimizer"),
      number("lr", &TrainConfig::lr, above(0), "", "learning rate before schedule and warm-up"),
      number("momentum", &TrainConfig::momentum, {.low = 0, .high = 1, .high_open = true}, "",
             "momentum of SGD"),
      flag("nesterov", &TrainConfig::nesterov, "Nesterov's form of momentum"),
      number("beta1", &TrainConfig::beta1, {.low = 0, .high = 1, .high_open = true}, "",
             "adam, adamw: share of the mean gradient that a step keeps"),
      number("beta2", &TrainConfig::beta2, {.low = 0, .high = 1, .high_open = true}, "",
             "adam, adamw: share of the mean square that a step keeps"),
      number("eps", &TrainConfig::eps, above(0), "",
             "adam, adamw: added to the root of the mean square"),
      number("weight_decay", &TrainConfig::weight_decay, at_least(0), "",
             "times the parameters, added to the gradient; adamw: weights shrink by it times lr"),
      number("clip", &TrainConfig::clip, at_least(0), "",
             "largest norm of a step's gradient, over all parameters; longer ones are shortened to "
             "it; 0 = any"),
      number("sam_rho", &TrainConfig::sam_rho, at_least(0), "",
             "SAM: how far along the gradient the point lies whose gradient a step takes; 0 = no "
             "SAM"),
      number("label_smoothing", &TrainConfig::label_smoothing, {.low = 0, .high = 1}, "",
             "share of each label that is spread over all classes, in the training loss alone"),
      number("batch_size", &TrainConfig::batch_size, at_least(1), "samples",
             "batch of a training step; the last batch of an epoch may be smaller"),
      choice("last_batch", &TrainConfig::last_batch, {"keep", "merge", "drop"},
             "an epoch's smaller last batch: kept, merged with the one before, or left out"),
      choice("schedule", &TrainConfig::schedule, {"constant", "step", "cosine"},
             "course of the learning rate over training progress"),
      used_with("train.schedule = step", drops,
                number("step_every", &TrainConfig::step_every, above(0), "rounds",
                       "rounds between two drops with schedule = step")),
      used_with(
          "train.schedule = step", drops,
          number("step_factor", &TrainConfig::step_factor, {.low = 0, .high = 1, .low_open = true},
                 "", "factor of one drop with schedule = step")),
      number("warmup", &TrainConfig::warmup, at_least(0), "steps",
             "a client's first steps, over which the rate rises linearly from 0"),
      used_with("train.schedule = step | cosine", changes,
                number("horizon", &TrainConfig::horizon, at_least(0), "rounds",
                       "length of the schedule; 0 = federation.rounds")),
      used_with("optimizers that keep something, not for train.optimizer = sgd with "
                "train.momentum = 0",
                remembers,
                choice("momentum_at_averaging", &TrainConfig::momentum_at_averaging,
                       {"reset", "keep", "average"},
                       "what becomes of a layer's momentum or moments when it is averaged")),
      choice("precision", &TrainConfig::precision, {"float32", "tf32"},
             "of products of matrices in training; tf32 rounds their factors, on GPUs that can"),
      choice("correction", &TrainConfig::correction, {"none", "prox", "scaffold", "feddyn"},
             "what is added to local gradients against drifting apart"),
      number("mu", &TrainConfig::mu, at_least(0), "",
             "prox: strength of the pull towards the global model"),
      number("dyn_alpha", &TrainConfig::dyn_alpha, at_least(0), "",
             "feddyn: strength of the pull towards the global model, and of what corrects it"),
  };
}

}  // namespace fedstrata::keys
