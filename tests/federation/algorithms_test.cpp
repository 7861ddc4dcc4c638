// Whole runs of federated algorithms, on any number of ranks, against their equations in the papers
// written down a second time: in double, one client after another, with autograd.
#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>
#include <map>

#include "tests/support/federated_run.hpp"
#include "tests/support/local_training.hpp"

namespace fedstrata {
namespace {

/// A federation that trains the multilayer perceptron, as rows [P] of doubles.
class Equations {
 public:
  at::Tensor x;                ///< the global model
  std::int64_t diverged = -1;  ///< a client that diverges whenever it takes part, and is left out

  Equations(FederatedRun const& run, at::Tensor const& start)
      : x(start.to(at::kDouble)),
        run_(run),
        c_(at::zeros_like(x)),
        h_(at::zeros_like(x)),
        clients_(static_cast<std::size_t>(experiment().clients())) {
    for (auto& client : clients_) {
      client = {x.clone(), at::zeros_like(x), at::zeros_like(x), at::zeros_like(x), {}, {}};
    }
  }

  void round(std::int64_t number) {
    auto ids = experiment().participants(number);
    taking_part_ = static_cast<double>(ids.size());
    std::erase(ids, diverged);
    for (auto const id : ids) train(id, number);
    for (int const layer : experiment().schedule.due_layers(number)) average(layer, ids);
  }

 private:
  struct Client {
    at::Tensor y, momentum, c, h;
    std::map<int, std::int64_t> steps;  ///< by layer, since its last average
    std::map<int, double> rates;        ///< their learning rates, summed
  };

  Experiment const& experiment() const { return run_.experiment; }
  TrainConfig const& config() const { return experiment().config.train; }
  Client& client(std::int64_t id) { return clients_[static_cast<std::size_t>(id)]; }
  Slice slice(int layer) const {
    return experiment().model.table().layers[static_cast<std::size_t>(layer)].parameters;
  }

  at::Tensor gradient(at::Tensor const& row, Batch const& batch) const {
    auto const variable = row.detach().clone().requires_grad_();
    auto const& tensors = experiment().model.table().parameters;
    auto values = batch.inputs.to(at::kDouble).flatten(1);
    for (std::size_t i = 0; i < tensors.size(); i += 2) {  // a weight and its bias
      auto const tensor = [&](std::size_t t) {
        return narrow(variable, tensors[t].slice).view(tensors[t].shape);
      };
      if (i > 0) values = at::relu(values);
      values = at::linear(values, tensor(i), tensor(i + 1));
    }
    at::cross_entropy_loss(values, batch.targets, {}, at::Reduction::Mean, -100,
                           config().label_smoothing)
        .backward();
    return variable.grad();
  }

  void train(std::int64_t id, std::int64_t number) {
    auto& self = client(id);
    auto const all = batches_of(experiment(), id, number);
    auto const steps = std::ssize(all);
    for (std::int64_t step = 0; step < steps; ++step) {
      auto const batch = run_.train.gather(all[static_cast<std::size_t>(step)]);
      auto g = gradient(self.y, batch);
      if (config().sam_rho > 0) g = gradient(self.y + config().sam_rho * g / g.norm(), batch);
      if (config().correction == "scaffold") g = g - self.c + c_;
      if (config().correction == "feddyn") g = g - self.h + config().dyn_alpha * (self.y - x);
      if (config().clip > 0) g = g * std::min(1.0, config().clip / g.norm().item<double>());
      self.momentum = config().momentum * self.momentum + g;
      double const lr =
          learning_rate(config(), experiment().config.federation.rounds, number, step, steps, 0);
      self.y = self.y - lr * self.momentum;
      for (int layer = 0; layer < std::ssize(experiment().model.table().layers); ++layer) {
        ++self.steps[layer];
        self.rates[layer] += lr;
      }
    }
  }

  void average(int layer, std::vector<std::int64_t> const& ids) {
    auto const at = [&](at::Tensor const& row) { return narrow(row, slice(layer)); };
    auto const weights = experiment().weights(ids);
    auto const before = at(x).clone();
    auto mean = at::zeros_like(before);
    for (std::size_t i = 0; i < ids.size(); ++i) mean += weights[i] * at(client(ids[i]).y);
    auto const& update = experiment().schedule.settings_of(layer)->update;
    auto result = mean;
    if (update == "nova") result = nova(layer, ids, weights, before);
    if (update == "lws") result = lws(layer, ids, mean, before);
    if (config().correction == "scaffold") {
      auto sum = at::zeros_like(before);
      for (auto const id : ids) {
        auto& self = client(id);
        auto const next = at(self.c) - at(c_) + (before - at(self.y)) / self.rates[layer];
        sum += next - at(self.c);
        at(self.c).copy_(next);
      }
      double const share = taking_part_ / static_cast<double>(clients_.size());
      at(c_).add_(share * sum / static_cast<double>(ids.size()));
    }
    if (config().correction == "feddyn") {
      double const alpha = config().dyn_alpha;
      for (auto const id : ids) {
        auto const way = at(client(id).y) - before;
        at(client(id).h).sub_(alpha * way);
        at(h_).sub_(alpha / static_cast<double>(clients_.size()) * way);
      }
      result = mean - at(h_) / alpha;
    }
    at(x).copy_(result);
    for (auto& self : clients_) {
      at(self.y).copy_(result);
      at(self.momentum).zero_();
      self.steps[layer] = 0;
      self.rates[layer] = 0.0;
    }
  }

  at::Tensor nova(int layer, std::vector<std::int64_t> const& ids,
                  std::vector<double> const& weights, at::Tensor const& before) {
    double const rho = config().momentum;
    double tau = 0.0;
    auto direction = at::zeros_like(before);
    for (std::size_t i = 0; i < ids.size(); ++i) {
      auto const k = static_cast<double>(client(ids[i]).steps[layer]);
      double const a = (k - rho * (1 - std::pow(rho, k)) / (1 - rho)) / (1 - rho);
      tau += weights[i] * a;
      direction += weights[i] * (narrow(client(ids[i]).y, slice(layer)) - before) / a;
    }
    return before + tau * direction;
  }

  at::Tensor lws(int layer, std::vector<std::int64_t> const& ids, at::Tensor const& mean,
                 at::Tensor const& before) {
    auto const& group = *experiment().schedule.settings_of(layer);
    double distance = 0.0;
    for (auto const id : ids) {
      distance += (narrow(client(id).y, slice(layer)) - mean).norm().item<double>();
    }
    double const t = std::clamp(group.update_beta * distance / static_cast<double>(ids.size()),
                                group.update_lo, group.update_hi);
    double const norm = before.norm().item<double>();
    return mean * (norm / (norm + t * (mean - before).norm().item<double>()));
  }

  FederatedRun const& run_;
  at::Tensor c_, h_;
  double taking_part_ = 0.0;  ///< in the round, those that diverge included
  std::vector<Client> clients_;
};

struct Case {
  std::string name;
  Settings settings;
};

void PrintTo(Case const& c, std::ostream* out) { *out << c.name; }

class AlgorithmsTest : public testing::TestWithParam<Case> {};

at::Tensor global_row(FederatedRun const& run, std::int64_t round) {
  return torch::tensor(run.row(round, RowKind::global));
}

TEST_P(AlgorithmsTest, follows_its_equations) {
  Settings settings = {"train.momentum=0", "federation.rounds=5", "train.lr=0.1"};
  settings.insert(settings.end(), GetParam().settings.begin(), GetParam().settings.end());
  FederatedRun const run(tiny_data(), settings);
  if (run.stored) {
    Equations equations(run, global_row(run, 0));
    for (std::int64_t round = 1; round <= 5; ++round) {
      equations.round(round);
      auto const difference = global_row(run, round).to(at::kDouble) - equations.x;
      EXPECT_LT(difference.abs().max().item<double>(), 1e-5) << "round " << round;
    }
    EXPECT_GT((equations.x - global_row(run, 0)).abs().max().item<double>(), 1e-2);
  }
  run.world.barrier();
}

class DivergedTest : public AlgorithmsTest {};

TEST_P(DivergedTest, is_about_those_that_are_left) {
  Settings settings = {"train.momentum=0", "federation.rounds=3",
                       "federation.on_divergence=exclude"};
  settings.insert(settings.end(), GetParam().settings.begin(), GetParam().settings.end());
  FederatedRun const run(blinding(2), settings);
  if (run.stored) {
    Equations equations(run, global_row(run, 0));
    equations.diverged = 2;
    for (std::int64_t round = 1; round <= 3; ++round) {
      equations.round(round);
      auto const difference = global_row(run, round).to(at::kDouble) - equations.x;
      EXPECT_LT(difference.abs().max().item<double>(), 1e-5) << "round " << round;
    }
    auto const clients = run.stored->metrics<ClientRecord>();
    EXPECT_EQ(std::ranges::count(clients, 1, &ClientRecord::excluded), 3);
  }
  run.world.barrier();
}

INSTANTIATE_TEST_SUITE_P(
    settings, DivergedTest,
    testing::Values(Case{"nova", {"average.all.update=nova"}},
                    Case{"lws", {"average.all.update=lws", "average.all.update_hi=9"}},
                    Case{"scaffold", {"train.correction=scaffold"}},
                    Case{"feddyn",
                         {"train.correction=feddyn", "train.dyn_alpha=0.1",
                          "federation.weighting=uniform"}}),
    [](auto const& tested) { return tested.param.name; });

Settings with_groups(Settings more) {
  Settings settings = {"average.body.layers=body", "average.body.every=2", "average.body.offset=1",
                       "average.head.layers=head", "federation.participation=0.7"};
  settings.insert(settings.end(), more.begin(), more.end());
  return settings;
}

INSTANTIATE_TEST_SUITE_P(
    settings, AlgorithmsTest,
    testing::Values(
        Case{"fedavg", {"train.momentum=0.5"}}, Case{"fedavg_groups", with_groups({})},
        Case{"clip_smoothing", {"train.clip=0.3", "train.label_smoothing=0.1"}},
        Case{"nova", {"average.all.update=nova"}},
        Case{"nova_momentum", {"average.all.update=nova", "train.momentum=0.8"}},
        Case{"nova_groups", with_groups({"average.body.update=nova", "average.head.update=nova",
                                         "train.momentum=0.5"})},
        Case{"nova_rotate", {"average.one.layers=rotate", "average.one.update=nova"}},
        Case{"lws", {"average.all.update=lws", "average.all.update_hi=1"}},
        Case{"lws_groups",
             with_groups({"average.body.update=lws", "average.body.update_beta=1",
                          "average.body.update_hi=9", "federation.evaluate_every=0"})},
        Case{"lws_least", {"average.all.update=lws", "average.all.update_lo=0.1"}},
        Case{"scaffold", {"train.correction=scaffold"}},
        Case{"scaffold_participation",
             {"train.correction=scaffold", "federation.participation=0.5", "train.clip=1",
              "train.schedule=cosine"}},
        Case{"scaffold_groups", with_groups({"train.correction=scaffold"})},
        Case{"feddyn",
             {"train.correction=feddyn", "train.dyn_alpha=0.1", "federation.weighting=uniform"}},
        Case{"feddyn_participation",
             {"train.correction=feddyn", "train.dyn_alpha=0.3", "federation.weighting=uniform",
              "federation.participation=0.5", "train.momentum=0.5"}},
        Case{"feddyn_groups", with_groups({"train.correction=feddyn", "train.dyn_alpha=0.1",
                                           "federation.weighting=uniform"})},
        Case{"sam", {"train.sam_rho=0.1"}},
        Case{"sam_scaffold", {"train.sam_rho=0.1", "train.correction=scaffold"}}),
    [](auto const& tested) { return tested.param.name; });

}  // namespace
}  // namespace fedstrata
