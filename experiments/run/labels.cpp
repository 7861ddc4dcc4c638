#include "experiments/run/labels.hpp"

#include "common/base/text.hpp"

namespace fedstrata {
namespace {

constexpr std::size_t kNamed = 10;

}  // namespace

std::string absent_labels(Experiment const& experiment) {
  auto const classes = static_cast<std::size_t>(experiment.dataset.classes());
  std::vector<bool> held(classes, false);
  for (auto const client : experiment.all_clients()) {
    auto const own = experiment.partition.histogram_of(client);
    for (std::size_t label = 0; label < classes; ++label)
      if (own[label] > 0) held[label] = true;
  }
  std::vector<std::string> absent;
  for (std::size_t label = 0; label < classes; ++label)
    if (!held[label]) absent.push_back(std::to_string(label));
  if (absent.empty()) return {};
  auto const count = absent.size();
  if (count > kNamed) absent.resize(kNamed);
  return "data.dataset = " + experiment.dataset.name + ": no client has a training sample of " +
         (count == 1 ? "class " : "classes ") + join(absent, ", ") +
         (count > kNamed ? ", ... (" + std::to_string(count) + " in all)" : "") + " of the " +
         std::to_string(classes) + ", so nothing is learnt of " + (count == 1 ? "it" : "them") +
         "; are these the files and the data.train_limit that are meant?";
}

}  // namespace fedstrata
