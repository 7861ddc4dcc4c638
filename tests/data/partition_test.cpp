#include "common/data/partition.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "common/base/error.hpp"

namespace fedstrata {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using Labels = std::vector<std::uint8_t>;

constexpr std::int64_t kClasses = 10;

Labels balanced(std::size_t samples) {
  Labels labels(samples);
  for (std::size_t i = 0; i < samples; ++i) labels[i] = static_cast<std::uint8_t>(i % kClasses);
  return labels;
}

DataConfig config(std::string const& kind, std::int64_t clients) {
  DataConfig config;
  config.partition = kind;
  config.clients = clients;
  config.min_samples = 1;
  return config;
}

Partition make(Labels const& labels, DataConfig const& config, std::uint64_t seed = 1) {
  return make_partition(labels, kClasses, config, seed);
}

std::vector<std::int64_t> sizes(Partition const& partition) {
  std::vector<std::int64_t> sizes;
  for (std::int64_t c = 0; c < partition.clients(); ++c) sizes.push_back(partition.samples(c));
  return sizes;
}

// Each sample is with exactly one client, indices ascend, none below `least`, histogram as it is.
void expect_valid(Partition const& partition, Labels const& labels, std::int64_t clients,
                  std::int64_t least) {
  ASSERT_EQ(partition.clients(), clients);
  std::vector<std::int64_t> histogram(static_cast<std::size_t>(clients * kClasses));
  for (std::int64_t c = 0; c < clients; ++c) {
    ASSERT_GE(partition.samples(c), least) << "client " << c;
    auto const mine = partition.of(c);
    ASSERT_TRUE(std::ranges::is_sorted(mine));
    for (auto const sample : mine)
      ++histogram[static_cast<std::size_t>(c * kClasses) +
                  labels[static_cast<std::size_t>(sample)]];
  }
  EXPECT_EQ(partition.histogram, histogram);
  auto all = partition.indices;
  std::ranges::sort(all);
  ASSERT_EQ(all.size(), labels.size());
  for (std::size_t i = 0; i < all.size(); ++i) ASSERT_EQ(all[i], static_cast<std::int64_t>(i));
}

// Mean over clients of the share that their most frequent label has of their samples.
double skew(Partition const& partition) {
  double sum = 0.0;
  for (std::int64_t c = 0; c < partition.clients(); ++c) {
    auto const row = std::span(partition.histogram)
                         .subspan(static_cast<std::size_t>(c * kClasses), std::size_t{kClasses});
    sum += static_cast<double>(std::ranges::max(row)) / static_cast<double>(partition.samples(c));
  }
  return sum / static_cast<double>(partition.clients());
}

std::string failure(Labels const& labels, DataConfig const& config) {
  try {
    make(labels, config);
  } catch (InputError const& error) {
    return error.what();
  }
  return "";
}

class DisjointTest : public ::testing::TestWithParam<char const*> {};

TEST_P(DisjointTest, is_disjoint_and_complete_for_any_size) {
  for (std::size_t const samples : {1u, 2u, 7u, 60u, 997u})
    for (std::int64_t const clients : {1, 2, 3, 7, 30, 60, 997}) {
      if (clients > static_cast<std::int64_t>(samples)) continue;
      SCOPED_TRACE(std::to_string(samples) + " samples, " + std::to_string(clients) + " clients");
      auto const labels = balanced(samples);
      auto settings = config(GetParam(), clients);
      settings.classes_per_client = 1;
      expect_valid(make(labels, settings), labels, clients, 1);
    }
}

TEST_P(DisjointTest, depends_on_the_seed_alone) {
  auto const labels = balanced(500);
  auto const settings = config(GetParam(), 10);
  EXPECT_EQ(make(labels, settings, 3).indices, make(labels, settings, 3).indices);
  EXPECT_NE(make(labels, settings, 3).indices, make(labels, settings, 4).indices);
}

TEST_P(DisjointTest, many_clients_take_little_time) {
  auto const labels = balanced(60000);
  auto const start = std::chrono::steady_clock::now();
  auto const partition = make(labels, config(GetParam(), 10000));
  auto const took = std::chrono::steady_clock::now() - start;
  expect_valid(partition, labels, 10000, 1);
  EXPECT_LT(std::chrono::duration<double>(took).count(), 5.0);  // about 0.05 s on an idle core
}

TEST_P(DisjointTest, one_label_and_absent_labels_are_fine) {
  Labels const labels(100, 7);
  expect_valid(make(labels, config(GetParam(), 9)), labels, 9, 1);
}

TEST_P(DisjointTest, more_clients_than_samples_are_refused) {
  EXPECT_THAT(failure(balanced(9), config(GetParam(), 10)),
              AllOf(HasSubstr("data.clients = 10"), HasSubstr("9 training samples")));
  EXPECT_THAT(failure(balanced(9), config(GetParam(), std::int64_t{1} << 62)),
              HasSubstr("data.clients"));
  EXPECT_THAT(failure({}, config(GetParam(), 1)), HasSubstr("0 training samples"));
  EXPECT_THAT(failure(balanced(9), config(GetParam(), 0)), HasSubstr("at least 1"));
}

INSTANTIATE_TEST_SUITE_P(Kinds, DisjointTest,
                         ::testing::Values("iid", "dirichlet", "shards", "quantity"));

TEST(PartitionTest, iid_sizes_differ_by_at_most_one) {
  for (std::size_t const samples : {100u, 101u, 1013u, 60000u})
    for (std::int64_t const clients : {1, 3, 7, 64, 99}) {
      auto const [least, most] =
          std::ranges::minmax(sizes(make(balanced(samples), config("iid", clients))));
      EXPECT_LE(most - least, 1) << samples << " samples, " << clients << " clients";
    }
}

TEST(PartitionTest, iid_mixes_labels_of_sorted_files) {
  auto labels = balanced(10000);
  std::ranges::sort(labels);
  EXPECT_LT(skew(make(labels, config("iid", 10))), 0.15);
}

TEST(PartitionTest, dirichlet_ends_and_is_valid_for_any_alpha) {
  auto const labels = balanced(6000);
  for (double const alpha : {1e-300, 1e-6, 0.01, 0.5, 100.0, 1e6, 1e30, 1e300})
    for (std::int64_t const clients : {1, 10, 600}) {
      SCOPED_TRACE(std::to_string(alpha) + ", " + std::to_string(clients) + " clients");
      auto settings = config("dirichlet", clients);
      settings.alpha = alpha;
      settings.min_samples = 10;  // with 600 clients every client must end at exactly 10
      expect_valid(make(labels, settings), labels, clients, 10);
    }
}

TEST(PartitionTest, dirichlet_skew_falls_with_alpha) {
  auto const labels = balanced(20000);
  auto settings = config("dirichlet", 20);
  std::vector<double> skews;
  for (double const alpha : {0.01, 0.1, 1.0, 10.0, 1e6}) {
    settings.alpha = alpha;
    skews.push_back(skew(make(labels, settings)));
  }
  EXPECT_TRUE(std::ranges::is_sorted(skews, std::ranges::greater{}));
  EXPECT_GT(skews.front(), 0.8);
  EXPECT_NEAR(skews.back(), 0.1, 0.005);
}

// A client's share p of a class has mean 1/K and variance (1/K)(1 - 1/K) / (K alpha + 1).
TEST(PartitionTest, dirichlet_shares_have_the_right_variance) {
  constexpr std::int64_t kClients = 5;
  constexpr double kAlpha = 0.5, kPerClass = 2000.0;
  auto settings = config("dirichlet", kClients);
  settings.alpha = kAlpha;
  double sum = 0.0, squares = 0.0, count = 0.0;
  for (std::uint64_t seed = 0; seed < 40; ++seed)
    for (auto const entry : make(balanced(20000), settings, seed).histogram) {
      double const share = static_cast<double>(entry) / kPerClass;
      sum += share;
      squares += share * share;
      ++count;
    }
  double const mean = sum / count;
  EXPECT_NEAR(mean, 0.2, 1e-9);
  EXPECT_NEAR(squares / count - mean * mean, 0.2 * 0.8 / (kClients * kAlpha + 1.0), 0.005);
}

TEST(PartitionTest, large_alpha_favours_no_client_where_classes_are_small) {
  auto settings = config("dirichlet", 1000);
  settings.alpha = 1e6;
  auto const all = sizes(make(balanced(6000), settings));  // six of ten classes each
  EXPECT_LE(std::ranges::max(all), 10);
  EXPECT_LT(std::ranges::count(all, 10), 50);
}

TEST(PartitionTest, shards_give_each_client_its_number_of_labels) {
  auto labels = balanced(6000);
  auto settings = config("shards", 100);
  for (std::int64_t const wanted : {1, 2, 5}) {
    settings.classes_per_client = wanted;
    auto const partition = make(labels, settings);
    expect_valid(partition, labels, 100, 60 - wanted);
    for (std::int64_t c = 0; c < 100; ++c) {
      std::set<int> held;
      for (auto const sample : partition.of(c))
        held.insert(labels[static_cast<std::size_t>(sample)]);
      EXPECT_LE(static_cast<std::int64_t>(held.size()), wanted);
    }
  }
  settings.classes_per_client = 61;
  EXPECT_THAT(failure(labels, settings),
              AllOf(HasSubstr("data.classes_per_client = 61"), HasSubstr("data.clients = 100")));
}

TEST(PartitionTest, classes_give_each_client_exactly_its_number_of_labels) {
  auto const labels = balanced(6000);
  auto settings = config("classes", 0);
  for (std::int64_t const clients : {5, 10, 37, 100}) {
    for (std::int64_t const wanted : {2, 3, 10}) {
      SCOPED_TRACE(std::to_string(clients) + " clients, " + std::to_string(wanted) + " classes");
      settings.clients = clients;
      settings.classes_per_client = wanted;
      auto const partition = make(labels, settings);
      expect_valid(partition, labels, clients, wanted);
      std::vector<std::vector<std::int64_t>> shares(kClasses);
      for (std::int64_t c = 0; c < clients; ++c) {
        auto const held = partition.histogram_of(c);
        EXPECT_EQ(kClasses - std::ranges::count(held, 0), wanted);
        for (std::size_t k = 0; k < kClasses; ++k)
          if (held[k] > 0) shares[k].push_back(held[k]);
      }
      std::vector<std::size_t> holders;
      for (auto const& share : shares) {
        EXPECT_LE(std::ranges::max(share) - std::ranges::min(share), 1);
        holders.push_back(share.size());
      }
      EXPECT_LE(std::ranges::max(holders) - std::ranges::min(holders), 1);
    }
  }
  settings.clients = 20;
  settings.classes_per_client = 2;
  EXPECT_EQ(make(labels, settings, 3).indices, make(labels, settings, 3).indices);
  EXPECT_NE(make(labels, settings, 3).indices, make(labels, settings, 4).indices);
  std::set<std::vector<std::int64_t>> pairs;  // not the same classes together every time
  auto const partition = make(labels, settings);
  for (std::int64_t c = 0; c < 20; ++c) {
    std::vector<std::int64_t> pair;
    for (std::int64_t k = 0; k < kClasses; ++k)
      if (partition.histogram_of(c)[static_cast<std::size_t>(k)] > 0) pair.push_back(k);
    pairs.insert(pair);
  }
  EXPECT_GT(pairs.size(), 10U);
}

TEST(PartitionTest, classes_are_refused_where_they_cannot_be_dealt) {
  auto settings = config("classes", 4);
  settings.classes_per_client = 2;
  EXPECT_THAT(failure(balanced(600), settings), HasSubstr("would be nobody's"));
  settings.classes_per_client = 11;
  EXPECT_THAT(failure(balanced(600), settings), HasSubstr("are of 10 classes"));
  settings.classes_per_client = 3;
  auto labels = balanced(600);
  std::ranges::replace(labels, std::uint8_t{9}, std::uint8_t{8});  // 9 never occurs: eight others
  EXPECT_EQ(failure(labels, settings), "");
  settings.clients = 20;
  settings.classes_per_client = 5;
  EXPECT_THAT(failure(balanced(90), settings), AllOf(HasSubstr("9 samples for 10 clients")));
}

TEST(PartitionTest, quantity_sizes_are_log_normal) {
  auto const labels = balanced(60000);
  auto settings = config("quantity", 200);
  settings.sigma = 0.0;
  auto const [least, most] = std::ranges::minmax(sizes(make(labels, settings)));
  EXPECT_LE(most - least, 1);
  settings.sigma = 1.0;
  double sum = 0.0, squares = 0.0;
  for (auto const size : sizes(make(labels, settings))) {
    double const x = std::log(static_cast<double>(size));
    sum += x;
    squares += x * x;
  }
  EXPECT_NEAR(std::sqrt(squares / 200 - sum * sum / 40000), 1.0, 0.15);
  EXPECT_LT(skew(make(labels, settings)), 0.25);
}

TEST(PartitionTest, quantity_respects_the_minimum_at_any_sigma) {
  auto const labels = balanced(6000);
  for (double const sigma : {0.1, 3.0, 1e3, 1e308}) {
    auto settings = config("quantity", 100);
    settings.sigma = sigma;
    settings.min_samples = 59;
    expect_valid(make(labels, settings), labels, 100, 59);
  }
}

TEST(PartitionTest, minimum_that_cannot_be_met_says_what_to_set) {
  for (auto const kind : {"dirichlet", "quantity"}) {
    auto settings = config(kind, 100);
    settings.min_samples = 10;
    EXPECT_EQ(failure(balanced(1000), settings), "");
    EXPECT_THAT(failure(balanced(999), settings),
                AllOf(HasSubstr("data.min_samples = 10"), HasSubstr("data.clients = 100"),
                      HasSubstr("999")));
    settings.min_samples = std::numeric_limits<std::int64_t>::max();
    EXPECT_THAT(failure(balanced(1000), settings), HasSubstr("lower data.min_samples"));
  }
}

TEST(PartitionTest, nonsense_parameters_are_refused) {
  auto settings = config("dirichlet", 2);
  for (double const alpha : {0.0, -1.0, std::numeric_limits<double>::infinity(),
                             std::numeric_limits<double>::quiet_NaN()}) {
    settings.alpha = alpha;
    EXPECT_THAT(failure(balanced(10), settings), HasSubstr("data.alpha"));
  }
}

TEST(PartitionTest, samples_without_labels_are_dealt_alike_or_refused) {
  auto settings = config("quantity", 7);
  Labels const labels(200, 0);
  auto const with = make_partition(labels, 1, settings, 3);
  auto const without = make_partition(200, settings, 3);
  EXPECT_EQ(without.indices, with.indices);
  EXPECT_EQ(without.offsets, with.offsets);
  EXPECT_TRUE(without.histogram.empty());
  EXPECT_TRUE(without.histogram_of(2).empty());
  for (auto const kind : {"dirichlet", "shards"}) {
    settings.partition = kind;
    EXPECT_THROW(make_partition(200, settings, 3), InputError);
  }
}

TEST(PartitionTest, same_gives_everything_to_all) {
  auto const labels = balanced(50);
  auto const partition = make(labels, config("same", 3));
  ASSERT_EQ(partition.clients(), 3);
  for (std::int64_t c = 0; c < 3; ++c) {
    ASSERT_EQ(partition.samples(c), 50);
    for (std::int64_t i = 0; i < 50; ++i)
      ASSERT_EQ(partition.of(c)[static_cast<std::size_t>(i)], i);
  }
  EXPECT_EQ(partition.histogram, std::vector<std::int64_t>(30, 5));
  EXPECT_EQ(make(labels, config("same", 100)).clients(), 100);  // more than samples
  EXPECT_THAT(failure(labels, config("same", std::int64_t{1} << 31)),
              AllOf(HasSubstr("data.partition = same"), HasSubstr("lower data.clients")));
}

}  // namespace
}  // namespace fedstrata
