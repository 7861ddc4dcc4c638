// The updates of all groups: which elements they change, in which rounds, and what they keep.
#include "server/averaging/layer_updates.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/error.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/support/tiny_experiment.hpp"

namespace fedstrata {
namespace {

using Row = std::vector<float>;

// Layers fc1 (36 x 4 + 4), fc2 (4 x 5 + 5), fc3 (5 x 3 + 3).
std::string const kConfig = R"([model]
name = mlp
hidden = 4,5
[data]
dataset = synthetic
clients = 6
[train]
momentum = 0.9
momentum_at_averaging = average
[federation]
rounds = 6
evaluate_every = 3
[average.body]
layers = body
update = momentum
[average.head]
layers = head
every = 2
update = adam
)";
constexpr std::int64_t kBody = 148 + 25, kHead = 18;

struct LayerUpdatesTest : testing::Test {
  Dataset const data = tiny_data();
  Experiment const experiment = tiny_experiment(data, kConfig);

  /// A state row whose element i is value + i / 1000.
  Row row(float value) const {
    Row result(static_cast<std::size_t>(experiment.state().size()));
    for (std::size_t i = 0; i < result.size(); ++i) {
      result[i] = value + 0.001F * static_cast<float>(i);
    }
    return result;
  }
  /// A round whose mean is 1 more than the row before, in buckets of `bucket` elements.
  Row apply(LayerUpdates& updates, std::int64_t round, std::int64_t bucket) const {
    auto const parts = experiment.parts(round);
    Row packed(static_cast<std::size_t>(parts.parts.size()));
    parts.parts.pack(row(1.0F), packed);
    for (std::int64_t first = 0; first < std::ssize(packed); first += bucket) {
      auto const size = std::min(bucket, std::ssize(packed) - first);
      updates.apply(parts, first, elements(std::span(packed), {first, size}), row(0.0F));
    }
    return packed;
  }
};

TEST_F(LayerUpdatesTest, fields_are_named_by_group_and_sized_by_its_parameters) {
  auto const fields = update_fields(experiment);
  ASSERT_EQ(fields.size(), 3U);
  EXPECT_EQ(fields[0].name, "average.body.v");
  EXPECT_EQ(fields[0].width, kBody);
  EXPECT_EQ(fields[1].name, "average.head.m");
  EXPECT_EQ(fields[2].name, "average.head.v");
  EXPECT_EQ(fields[2].width, kHead);
  EXPECT_EQ(LayerUpdates(experiment).size(), kBody + 2 * kHead);
  EXPECT_TRUE(update_fields(tiny_experiment(data, "")).empty());
}

TEST_F(LayerUpdatesTest, any_buckets_give_the_same_bits) {
  LayerUpdates whole(experiment), cut(experiment);
  for (std::int64_t const round : {1, 2, 3, 4}) {
    EXPECT_EQ(apply(whole, round, 1 << 20), apply(cut, round, 7));
  }
  EXPECT_EQ(whole.state(), cut.state());
}

TEST_F(LayerUpdatesTest, only_parameters_of_due_layers_change_and_only_their_state) {
  LayerUpdates updates(experiment);
  auto const start = updates.state();
  auto const parts = experiment.parts(1).parts;
  auto const packed = apply(updates, 1, 100);  // the head is not due
  Row plain(packed.size());
  parts.pack(row(1.0F), plain);
  EXPECT_EQ(packed, plain);  // the first step of momentum is the mean; momentum is averaged
  auto const after = updates.state();
  EXPECT_EQ(Row(after.begin() + kBody, after.end()), Row(start.begin() + kBody, start.end()));
  for (std::size_t i = 0; i < kBody; ++i) EXPECT_NEAR(after[i], 1.0F, 1e-6);

  auto const second = apply(updates, 2, 100);
  auto const due = experiment.parts(2);
  Row mean(second.size());
  due.parts.pack(row(1.0F), mean);
  for (auto const& part : due.parts) {
    bool const parameters = part.slice.offset < experiment.state().model_size();
    for (auto i = static_cast<std::size_t>(part.packed.offset);
         i < static_cast<std::size_t>(part.packed.offset + part.packed.size); ++i) {
      if (parameters)
        EXPECT_NE(second[i], mean[i]) << i;
      else
        EXPECT_EQ(second[i], mean[i]) << i;
    }
  }
}

TEST_F(LayerUpdatesTest, in_evaluated_rounds_the_plain_mean_follows_what_is_updated) {
  LayerUpdates updates(experiment);
  apply(updates, 1, 100);
  auto const parts = experiment.parts(3);  // body is due, all is observed
  auto const packed = apply(updates, 3, 100);
  Row observed(row(0.0F).size()), due(observed);
  parts.averaged().unpack(packed, due);
  parts.parts.unpack(packed, observed);
  auto const mean = row(1.0F);
  for (std::size_t i = 0; i < static_cast<std::size_t>(kBody); ++i) {
    EXPECT_NE(due[i], mean[i]);
    EXPECT_EQ(observed[i], mean[i]);
  }
}

TEST_F(LayerUpdatesTest, a_correction_has_the_coordinator_correct_every_mean) {
  auto const feddyn = tiny_experiment(
      data, "[model]\nname = mlp\nhidden = 4,5\n[data]\ndataset = synthetic\n",
      {"train.correction=feddyn", "train.dyn_alpha=0.1", "federation.weighting=uniform",
       "average.body.layers=body", "average.head.layers=head", "average.head.every=0"});
  auto const fields = update_fields(feddyn);
  ASSERT_EQ(fields.size(), 1U);  // personal layers have nothing to correct
  EXPECT_EQ(fields[0].name, "average.body.h");
  EXPECT_EQ(fields[0].width, kBody);
}

TEST_F(LayerUpdatesTest, factors_are_of_the_layers_that_ask_for_distances_and_of_who_counts) {
  auto const lws = tiny_experiment(
      data, kConfig,
      {"average.head.update=lws", "average.head.every=1", "average.head.update_lo=0",
       "average.head.update_hi=9", "average.head.update_beta=0.5"});
  LayerUpdates updates(lws);
  updates.begin(1, {4});
  auto const parts = lws.parts(1);
  EXPECT_EQ(parts.distant_layers, (std::vector{2}));
  Row before(row(0.0F).size(), 0.0F), after = before;
  auto const head = static_cast<std::size_t>(kBody);
  before[head] = 3.0F;
  after[head] = 5.0F;
  Row mean(static_cast<std::size_t>(parts.parts.size()));
  parts.parts.pack(after, mean);
  // of six clients one diverged: the mean distance is 2
  EXPECT_EQ(updates.factors(parts, mean, std::vector{1.0, 2.0, 3.0, 2.0, 99.0, 2.0}, before),
            (std::vector{3.0 / (3.0 + 1.0 * 2.0)}));
}

TEST_F(LayerUpdatesTest, the_state_comes_back_from_a_resume_state_by_name) {
  TemporaryDirectory const directory;
  LayerUpdates updates(experiment);
  for (std::int64_t const round : {1, 2}) apply(updates, round, 100);
  auto const kept = updates.state();
  RowFileWriter writer(flat_rows(), directory.path(),
                       {.round = 2, .clients = {}, .fields = update_fields(experiment)});
  std::span<float const> rest = kept;
  for (auto const& field : update_fields(experiment)) {
    writer.write(field.name, rest.first(static_cast<std::size_t>(field.width)));
    rest = rest.subspan(static_cast<std::size_t>(field.width));
  }
  writer.publish();
  LayerUpdates resumed(experiment);
  resumed.restore(*ResumeState::latest(directory.path()));
  EXPECT_EQ(resumed.state(), kept);
  EXPECT_EQ(apply(resumed, 3, 100), apply(updates, 3, 100));
  auto const changed = tiny_experiment(data, kConfig, {"average.body.update=adam"});
  LayerUpdates other(changed);
  EXPECT_THROW(other.restore(*ResumeState::latest(directory.path())), Error);
}

}  // namespace
}  // namespace fedstrata
