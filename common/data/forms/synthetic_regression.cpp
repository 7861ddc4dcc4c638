#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>

#include "common/base/random.hpp"
#include "common/data/forms/forms.hpp"

namespace fedstrata {
namespace {

constexpr std::uint64_t kTrainCount = 2000, kTestCount = 500;
constexpr std::size_t kFeatures = 16, kHidden = 8, kTargets = 2;
constexpr double kNoise = 0.1;  // standard deviation

/// y = V max(W x, 0), with weights so large that a target's standard deviation is about 1.
class Teacher {
 public:
  explicit Teacher(Random& random) : first_(kHidden * kFeatures), second_(kTargets * kHidden) {
    for (auto& w : first_) w = random.normal() / std::sqrt(static_cast<double>(kFeatures));
    for (auto& w : second_) w = random.normal() * std::sqrt(2.0 / static_cast<double>(kHidden));
  }

  std::vector<double> answer(std::span<double const> x) const {
    std::vector<double> hidden, y;
    for (std::size_t h = 0; h < kHidden; ++h) hidden.push_back(std::max(0.0, dot(first_, h, x)));
    for (std::size_t t = 0; t < kTargets; ++t) y.push_back(dot(second_, t, hidden));
    return y;
  }

 private:
  static double dot(std::vector<double> const& weights, std::size_t row,
                    std::span<double const> x) {
    double sum = 0.0;
    for (std::size_t i = 0; i < x.size(); ++i) sum += weights[row * x.size() + i] * x[i];
    return sum;
  }

  std::vector<double> first_, second_;
};

void append(std::vector<std::uint8_t>& bytes, double value) {
  auto const number = static_cast<float>(value);
  bytes.resize(bytes.size() + sizeof(number));
  std::memcpy(bytes.data() + bytes.size() - sizeof(number), &number, sizeof(number));
}

// Every sample has a stream of its own: limits change none of those that stay.
Split make_split(Teacher const& teacher, std::uint64_t count, std::uint64_t seed,
                 std::uint64_t which) {
  Split split;
  for (std::uint64_t i = 0; i < count; ++i) {
    Random random(seed, Purpose::synthetic_data, i, which);
    std::vector<double> x(kFeatures);
    for (auto& value : x) value = random.normal();
    for (double const value : x) append(split.inputs, value);
    for (double const value : teacher.answer(x))
      append(split.targets, value + kNoise * random.normal());
  }
  return split;
}

void make(Dataset& dataset, DataConfig const& config, std::uint64_t seed) {
  Random random(seed, Purpose::synthetic_data);
  Teacher const teacher(random);
  dataset.train = make_split(teacher, kept(kTrainCount, config.train_limit), seed, 1);
  dataset.test = make_split(teacher, kept(kTestCount, config.test_limit), seed, 2);
}

}  // namespace

/// 2,000 training and 500 test samples of 16 features and 2 targets, less where the limits cut.
/// Features are standard normal; targets are the answer of a random network (16 - 8 - 2, rectified,
/// without biases; its weights follow from the seed) plus noise of standard deviation 0.1, so no
/// model gets a loss below 0.01 on unseen samples.
std::vector<DatasetEntry> synthetic_regression() {
  return {{{.name = "synthetic-regression",
            .task = "regression",
            .inputs = Inputs::features,
            .targets = Targets::values,
            .shape = {kFeatures},
            .outputs = kTargets},
           make}};
}

}  // namespace fedstrata
