// What is measured: evaluation of a model, and the round's metrics from hand-made reports.
#include "server/averaging/round_metrics.hpp"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>

#include "tests/support/model_fixture.hpp"
#include "tests/support/tiny_experiment.hpp"

namespace fedstrata {
namespace {

TEST(EvaluateTest, batches_cover_the_split) {
  EXPECT_EQ(evaluation_batches(0), 0);
  EXPECT_EQ(evaluation_batches(1), 1);
  EXPECT_EQ(evaluation_batches(kEvaluationBatch), 1);
  EXPECT_EQ(evaluation_batches(kEvaluationBatch + 1), 2);
}

TEST(EvaluateTest, sums_are_those_of_the_logits) {
  auto const data = tiny_data(6, 1, 1, 230);
  auto const model = make_model({.name = "mlp", .hidden = {8}}, input_shape(data.info));
  auto row = at::empty({model.table().parameter_count});
  model.initialize(values(row), {}, 1, 0);
  auto const weights = model.view(row, at::empty({0}));
  Device const cpu(DeviceChoice::cpu, 1, 0, 1);
  Samples const test(data.info, data.test, cpu);
  double loss = 0.0;
  std::vector<double> correct(3, 0.0);
  for (std::int64_t i = 0; i < 230; ++i) {
    auto const [image, label] = test.range(i, 1);
    auto const logits = model.evaluate(image, weights);
    loss += at::cross_entropy_loss(logits.to(at::kDouble), label).item<double>();
    auto const right = label.item<std::int64_t>();
    bool const found = logits.argmax(1).item<std::int64_t>() == right;
    correct[static_cast<std::size_t>(right)] += found ? 1.0 : 0.0;
  }
  auto const sums = evaluate(model, classification_task(), weights, test);
  EXPECT_NEAR(sums.loss, loss, 1e-4);
  EXPECT_EQ(sums.correct, correct);
  EvaluationSums added;
  std::vector<std::int64_t> const batches{0, 1, 2};
  for (auto const& batch : evaluate_batches(model, classification_task(), weights, test, batches))
    added.add(batch);
  EXPECT_EQ(added.loss, sums.loss);
  EXPECT_EQ(added.correct, sums.correct);
}

TEST(EvaluateTest, local_accuracy_weights_the_classes_by_the_clients_own) {
  std::vector<double> const correct = {5, 0, 8};
  std::vector<std::int64_t> const test = {10, 10, 10};
  auto const accuracy = [&](std::vector<std::int64_t> const& counts,
                            std::vector<std::int64_t> const& own) {
    return local_accuracy(correct, counts, own);
  };
  EXPECT_DOUBLE_EQ(accuracy(test, {1, 0, 0}), 0.5);
  EXPECT_DOUBLE_EQ(accuracy(test, {1, 1, 2}), (0.5 + 0.0 + 2 * 0.8) / 4);
  EXPECT_DOUBLE_EQ(accuracy({10, 0, 10}, {1, 7, 1}), 0.65);  // a class that is not tested
  EXPECT_TRUE(std::isnan(accuracy({10, 0, 10}, {0, 7, 0})));
}

std::string const kConfig = R"([model]
name = mlp
hidden = 4
[data]
dataset = synthetic
clients = 20
partition = quantity
min_samples = 2
[train]
lr = 0.5
[federation]
rounds = 10
[average.head]
layers = head
every = 2
)";

constexpr std::int64_t kParameters = 36 * 4 + 4 + 4 * 3 + 3;

struct RoundMetricsTest : testing::Test {
  Dataset data = tiny_data();
  Experiment experiment = tiny_experiment(data, kConfig);

  ClientRecord client(std::int64_t id, std::int64_t samples, double loss) const {
    ClientRecord record;
    record.round = 2;
    record.client = id;
    record.samples = samples;
    record.train_loss = loss;
    record.train_accuracy = loss / 10;
    return record;
  }
  RoundMetrics metrics() const { return {experiment, {10, 10, 10}}; }
};

TEST_F(RoundMetricsTest, training_metrics_are_weighted_by_samples_without_the_excluded) {
  auto c = metrics();
  RoundReport here, there;
  here.clients = {client(4, 30, 1.0), client(9, 10, 3.0)};
  there.clients = {client(2, 60, 2.0), client(6, 1000, kAbsent)};
  there.clients[1].excluded = 1;
  auto const row = c.record(2, experiment.parts(2), {here, there}, {1.5, 0.5});
  EXPECT_DOUBLE_EQ(row.train_loss, (30 * 1.0 + 10 * 3.0 + 60 * 2.0) / 100);
  EXPECT_DOUBLE_EQ(row.train_accuracy, row.train_loss / 10);
  EXPECT_EQ(row.participants, 4);
  EXPECT_EQ(row.seconds_round, 1.5);
  EXPECT_EQ(row.seconds_aggregate, 0.5);
  auto const segment = c.take();
  ASSERT_EQ(segment.rows<ClientRecord>().size(), 4u);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(segment.rows<ClientRecord>()[i].client, (std::vector<std::int64_t>{2, 4, 6, 9})[i]);
  }
}

TEST_F(RoundMetricsTest, bytes_count_both_ways_of_what_is_due) {
  auto c = metrics();
  RoundReport report;
  report.clients = {client(0, 1, 1.0), client(1, 1, 1.0), client(2, 1, 1.0)};
  EXPECT_EQ(c.record(1, experiment.parts(1), {report}, {}).bytes, 0);  // head: even rounds
  EXPECT_EQ(c.record(2, experiment.parts(2), {report}, {}).bytes, 2 * 3 * (4 * 3 + 3) * 4);
  auto const whole = tiny_experiment(data, kConfig, {"average.head.layers=all"});
  RoundMetrics all(whole, {10, 10, 10});
  EXPECT_EQ(all.record(2, whole.parts(2), {report}, {}).bytes, 2 * 3 * kParameters * 4);
}

TEST_F(RoundMetricsTest, layers_that_were_averaged_are_listed_with_their_group) {
  auto c = metrics();
  RoundReport report;
  report.clients = {client(0, 1, 1.0), client(1, 1, 1.0), client(2, 1, 1.0)};
  for (std::int64_t round : {0, 1, 2}) c.record(round, experiment.parts(round), {report}, {});
  auto const averaged = c.take().rows<AveragedRecord>();
  ASSERT_EQ(averaged.size(), 1u);
  EXPECT_EQ(averaged[0].round, 2);
  EXPECT_EQ(averaged[0].group.str(), "head");
  EXPECT_EQ(averaged[0].layer.str(), "fc2");
  EXPECT_EQ(averaged[0].elements, 4 * 3 + 3);
  EXPECT_EQ(averaged[0].bytes, 2 * 3 * (4 * 3 + 3) * 4);
}

TEST_F(RoundMetricsTest, worst_tenth_is_averaged_apart) {
  auto c = metrics();
  RoundReport report;
  for (std::int64_t id = 0; id < 20; ++id) {
    auto record = client(id, 1, 1.0);
    record.test_accuracy_before = 0.05 * static_cast<double>((id * 7) % 20);
    if (id < 5) record.test_accuracy_after = 0.2 + 0.1 * static_cast<double>(id);
    report.clients.push_back(record);
  }
  auto const row = c.record(1, experiment.parts(1), {report}, {});
  EXPECT_NEAR(row.test_accuracy_before, 0.475, 1e-12);
  EXPECT_NEAR(row.test_accuracy_before_worst, 0.025, 1e-12);  // the two worst of 20
  EXPECT_NEAR(row.test_accuracy_after, 0.4, 1e-12);           // of those that have one
  EXPECT_NEAR(row.test_accuracy_after_worst, 0.2, 1e-12);     // at least one
  EXPECT_TRUE(std::isnan(row.test_loss_before));
}

TEST_F(RoundMetricsTest, test_batches_of_all_ranks_make_the_global_metrics) {
  auto const whole = tiny_experiment(data, kConfig, {"average.head.layers=all"});
  RoundMetrics c(whole, {10, 10, 10});
  RoundReport here, there;
  here.clients = {client(3, 5, 1.0)};
  here.test_batches = {{.batch = 1, .loss = 12.0, .correct = {3, 2, 1}},
                       {.batch = 2, .loss = 1.0, .correct = {1, 1, 1}}};
  there.test_batches = {{.batch = 0, .loss = 2.0, .correct = {4, 4, 4}}};
  auto const row = c.record(2, whole.parts(2), {here, there}, {});
  EXPECT_DOUBLE_EQ(row.test_loss, 15.0 / 30);
  EXPECT_DOUBLE_EQ(row.test_accuracy, 21.0 / 30);
  // Every layer is averaged, so the clients hold the global model.
  auto const record = c.take().rows<ClientRecord>().at(0);
  EXPECT_EQ(record.test_loss_after, row.test_loss);
  EXPECT_EQ(record.test_accuracy_after, row.test_accuracy);
  EXPECT_DOUBLE_EQ(
      record.test_accuracy_local_after,
      local_accuracy(std::vector<double>{8, 7, 6}, std::vector<std::int64_t>{10, 10, 10},
                     whole.partition.histogram_of(3)));
  EXPECT_EQ(row.test_loss_after, row.test_loss);
}

TEST_F(RoundMetricsTest, layer_divergence_is_weighted_as_the_average_is) {
  auto c = metrics();
  RoundReport here, there;
  here.clients = {client(8, 1, 1.0), client(1, 1, 1.0), client(5, 1, kAbsent)};
  here.clients[2].excluded = 1;  // so it is not compared
  here.distances = {{.client = 8, .squared = {4.0, 1.0}, .cosines = {0.5, 1.0}},
                    {.client = 1, .squared = {9.0, 0.0}, .cosines = {0.0, 1.0}}};
  there.clients = {client(0, 1, 1.0)};
  there.distances = {{.client = 0, .squared = {1.0, 16.0}, .cosines = {1.0, -1.0}}};
  c.record(2, experiment.parts(2), {here, there}, {});
  auto const layers = c.take().rows<LayerRecord>();
  ASSERT_EQ(layers.size(), 2u);
  auto const w = experiment.weights({0, 1, 8});
  EXPECT_EQ(layers[0].layer.str(), "fc1");
  EXPECT_EQ(layers[0].averaged, 0);
  EXPECT_EQ(layers[1].averaged, 1);
  EXPECT_NEAR(layers[0].divergence, std::sqrt(w[0] * 1 + w[1] * 9 + w[2] * 4), 1e-12);
  EXPECT_NEAR(layers[1].divergence, std::sqrt(w[0] * 16 + w[1] * 0 + w[2] * 1), 1e-12);
  EXPECT_NEAR(layers[0].cosine, w[0] * 1 + w[1] * 0 + w[2] * 0.5, 1e-12);
}

TEST_F(RoundMetricsTest, metrics_are_taken_once_with_their_rounds) {
  auto c = metrics();
  for (std::int64_t round : {0, 1, 2}) c.record(round, experiment.parts(round), {}, {});
  auto const segment = c.take();
  EXPECT_EQ(segment.first, 0);
  EXPECT_EQ(segment.last, 2);
  EXPECT_EQ(segment.rows<RoundRecord>().size(), 3u);
  EXPECT_EQ(segment.rows<LayerRecord>().size(), 4u);  // none for the initialisation
  EXPECT_TRUE(c.take().rows<RoundRecord>().empty());
}

}  // namespace
}  // namespace fedstrata
