// What a step of training and a batch of an evaluation ask of a GPU, counted on the guarded device.
// The numbers are what they are: a change that adds to them makes every step on a GPU slower, and
// has to say so here.
#include <gtest/gtest.h>
#include <torch/types.h>

#include "client/clients_trainer.hpp"
#include "client/trainer.hpp"
#include "common/data/evaluate.hpp"
#include "common/device/guarded/counters.hpp"
#include "server/engine/barrier_engine.hpp"
#include "tests/support/model_fixture.hpp"
#include "tests/support/plain_evaluator.hpp"
#include "tests/support/tiny_experiment.hpp"

namespace fedstrata {
namespace {

struct Cost {
  std::int64_t launches = 0, synchronisations = 0, uploads = 0, upload_bytes = 0, downloads = 0,
               download_bytes = 0;
  bool operator==(Cost const&) const = default;
};

std::ostream& operator<<(std::ostream& out, Cost const& cost) {
  return out << "{.launches = " << cost.launches
             << ", .synchronisations = " << cost.synchronisations << ", .uploads = " << cost.uploads
             << ", .upload_bytes = " << cost.upload_bytes << ", .downloads = " << cost.downloads
             << ", .download_bytes = " << cost.download_bytes << "}";
}

/// What `work` asks for, since it last set the counters to zero itself.
template <class Work>
guarded::Counters counted(Work const& work) {
  guarded::reset_counters();
  work();
  return guarded::counters();
}

Cost cost(guarded::Counters const& c) {
  return {c.launches, c.synchronisations, c.uploads, c.upload_bytes, c.downloads, c.download_bytes};
}

/// What the second piece of work asks for beyond the first.
template <class Work>
void expect_difference(Work const& less, Work const& more, Cost const& expected) {
  auto const one = counted(less), two = counted(more);
  auto const a = cost(one), b = cost(two);
  Cost const found{b.launches - a.launches,   b.synchronisations - a.synchronisations,
                   b.uploads - a.uploads,     b.upload_bytes - a.upload_bytes,
                   b.downloads - a.downloads, b.download_bytes - a.download_bytes};
  std::string operators;
  for (auto const& [name, count] : two.operators) {
    auto const before = one.operators.find(name);
    auto const more_often = count - (before == one.operators.end() ? 0 : before->second);
    if (more_often != 0) operators += std::to_string(more_often) + " " + name + "\n";
  }
  EXPECT_EQ(found, expected) << operators;
}

/// A model that trains one client of a made-up data set on the guarded device.
struct Training {
  Dataset data;
  Device device{DeviceChoice::guarded, 1, 0, 1};
  std::vector<std::string> settings;
  Samples samples;

  Training(std::string const& model, std::vector<std::string> more, bool colour = false)
      : data(tiny_data(colour ? 32 : 28, colour ? 3 : 1, 40, 3 * kEvaluationBatch, 10)),
        settings(std::move(more)),
        samples(data.info, data.train, device) {
    settings.push_back("model.name=" + model);
  }

  Experiment experiment(std::int64_t steps) const {
    return tiny_experiment(data,
                           "[data]\ndataset = synthetic\nclients = 1\n[train]\nbatch_size = 4\n"
                           "[federation]\nrounds = 1\n",
                           with_steps(steps));
  }

  std::vector<std::string> with_steps(std::int64_t steps) const {
    auto all = settings;
    all.push_back("federation.local_steps=" + std::to_string(steps));
    return all;
  }

  /// Of a client's `steps` steps, as all that a rank does for it.
  auto steps(std::int64_t steps) const {
    return [this, steps] {
      auto const experiment = this->experiment(steps);
      auto const state = device.zeros(experiment.state().size());
      Trainer trainer({.experiment = &experiment,
                       .device = &device,
                       .data = &samples,
                       .state = state,
                       .global = state.clone()});
      guarded::reset_counters();  // a rank has one trainer
      trainer.train(0, 1, 0);
    };
  }

  /// The same of ten clients at once.
  auto steps_of_ten(std::int64_t steps) const {
    return [this, steps] {
      auto const ten = tiny_experiment(data,
                                       "[data]\ndataset = synthetic\nclients = 10\n[train]\n"
                                       "batch_size = 4\n[federation]\nrounds = 1\n",
                                       with_steps(steps));
      auto const size = ten.state().size();
      ClientsTrainer trainer({.experiment = &ten,
                              .device = &device,
                              .data = &samples,
                              .state = device.zeros(10 * size).view({10, size})});
      guarded::reset_counters();
      trainer.train(ten.all_clients(), 1, 0);
    };
  }

  auto evaluation(std::int64_t batches) const {
    return [this, batches] {
      auto const experiment = this->experiment(1);
      auto const& table = experiment.model.table();
      auto split = data.test;
      auto const count = static_cast<std::size_t>(batches * kEvaluationBatch);
      split.inputs.resize(count * static_cast<std::size_t>(data.info.input_bytes()));
      split.targets.resize(count);
      Samples const test(data.info, split, device);
      guarded::reset_counters();  // the split goes up once
      evaluate(experiment.model, *experiment.task,
               experiment.model.view(device.zeros(table.parameter_count),
                                     device.zeros(table.buffer_count)),
               test);
    };
  }
};

template <class Work>
void expect_cost(Work const& work, Cost const& expected) {
  auto const found = counted(work);
  EXPECT_EQ(cost(found), expected) << guarded::describe(found);
}

void expect_step(Training const& training, Cost const& expected) {
  expect_difference(training.steps(2), training.steps(3), expected);
}

void expect_batch(Training const& training, Cost const& expected) {
  expect_difference(training.evaluation(1), training.evaluation(2), expected);
}

std::string const kMomentum = "train.momentum=0.9";

TEST(LaunchesTest, mlp) {
  Training const plain("mlp", {});
  expect_step(plain, {.launches = 22});
  expect_batch(plain, {.launches = 19, .download_bytes = 88});
  expect_step(Training("mlp", {kMomentum}), {.launches = 24});
  expect_step(Training("mlp", {kMomentum, "train.nesterov=yes"}), {.launches = 27});
  expect_step(Training("mlp", {kMomentum, "train.weight_decay=0.01"}), {.launches = 25});
  expect_step(Training("mlp", {"train.weight_decay=0.01"}), {.launches = 23});
  expect_step(Training("mlp", {"train.optimizer=adam"}), {.launches = 31});
}

TEST(LaunchesTest, cnn) {
  Training const plain("cnn", {});
  expect_step(plain, {.launches = 31});
  expect_batch(plain, {.launches = 24, .download_bytes = 88});
  expect_step(Training("cnn", {"data.augment=crop_flip"}), {.launches = 33});
}

TEST(LaunchesTest, resnet18_with_batch_norm) {
  Training const momentum("resnet18", {"model.norm=batch", kMomentum}, true);
  expect_step(momentum, {.launches = 146});
  expect_batch(momentum, {.launches = 81, .download_bytes = 88});
  expect_step(Training("resnet18", {"model.norm=batch"}, true), {.launches = 144});
}

void expect_step_of_ten(Training const& training, Cost const& expected) {
  expect_difference(training.steps_of_ten(2), training.steps_of_ten(3), expected);
}

TEST(LaunchesTest, ten_clients_at_once_cost_little_more_than_one) {
  expect_step_of_ten(Training("mlp", {}), {.launches = 25, .upload_bytes = 320});
  expect_step_of_ten(Training("mlp", {kMomentum}), {.launches = 27, .upload_bytes = 320});
  expect_step_of_ten(Training("lenet5", {}), {.launches = 51, .upload_bytes = 320});
  expect_step_of_ten(Training("cnn", {}), {.launches = 44, .upload_bytes = 320});
}

TEST(LaunchesTest, a_client_of_one_step_and_an_evaluation_of_one_batch) {
  Training const mlp("mlp", {});
  expect_cost(mlp.steps(1), {.launches = 36,
                             .synchronisations = 1,
                             .uploads = 1,
                             .upload_bytes = 320,
                             .downloads = 1,
                             .download_bytes = 88});
  expect_cost(mlp.evaluation(1),
              {.launches = 22, .synchronisations = 1, .downloads = 1, .download_bytes = 88});
}

/// Two models and `points` places on the line between them, on batches of four images.
struct Barriers {
  Device device{DeviceChoice::guarded, 1, 0, 1};
  Model model = build("mlp", kGrey);
  BarrierEngine engine{model, classification_task(), kGrey, {4, 1 << 20, {}}};

  Weights weights(std::uint64_t client) const {
    auto const host = make_host_model(model, client);
    auto const row = device.row(std::ssize(host.row));
    device.upload(host.row, row);
    return model.view(row, device.row(0));
  }

  auto losses(int points, std::int64_t batches) const {
    return [this, points, batches] {
      PointSet set;
      std::vector<int> all;
      for (int i = 0; i < points; ++i) {
        auto const one = set.add(blend(0, 1, static_cast<double>(i) / (points - 1)));
        all.push_back(set.add(std::vector<int>(model.table().layers.size(), one)));
      }
      auto const tree = build_tree(set, all, engine.stages());
      BlendedWeights blended(model.table(), {weights(0), weights(1)}, set.blends(), 1 << 30);
      auto const images = device.to_device(at::rand(kGrey.batch(4)));
      auto const labels = device.to_device(at::arange(4));
      auto const load = [&](std::int64_t, std::int64_t) { return Batch{images, labels}; };
      SampleLosses losses(set.size(), 4 * batches);
      guarded::reset_counters();
      engine.evaluate(tree, blended, 0, 4 * batches, load, losses, {});
    };
  }
};

TEST(LaunchesTest, losses_of_all_points_come_by_one_copy_a_batch) {
  Barriers const barriers;
  expect_difference(barriers.losses(5, 1), barriers.losses(5, 2),
                    {.launches = 26, .synchronisations = 2, .downloads = 2, .download_bytes = 832});
}

}  // namespace
}  // namespace fedstrata
