#include "common/config/datasets.hpp"
#include "common/config/sections/sections.hpp"
#include "common/config/values.hpp"

namespace fedstrata::keys {

std::vector<Key<DataConfig>> data_keys() {
  auto const dirichlet = [](auto const& data) { return data.partition == "dirichlet"; };
  auto const by_class = [](auto const& data) {
    return data.partition == "classes" || data.partition == "shards";
  };
  auto const quantity = [](auto const& data) { return data.partition == "quantity"; };
  auto const uneven = [=](auto const& data) { return dirichlet(data) || quantity(data); };
  auto dataset =
      text("dataset", &DataConfig::dataset, "", not_empty,
           "samples to learn; it decides the task: to name a class, or to predict numbers");
  dataset.allowed = join(dataset_names(), ", ") + ", or file:FILE.h5";
  return {
      dataset,
      affects({.machine = true},
              text("dir", &DataConfig::dir,
                   "a directory; empty = where the dataset's package puts it", anything,
                   "where the dataset's files lie; of file:FILE.h5 where a "
                   "relative FILE is looked for")),
      number("clients", &DataConfig::clients, at_least(1), "clients", "number of clients"),
      choice(
          "partition", &DataConfig::partition, partition_names(),
          "how the training set is dealt to clients; same = each sees all of it; natural = as the "
          "file says (file:FILE.h5)"),
      used_with("data.partition = dirichlet", dirichlet,
                number("alpha", &DataConfig::alpha, above(0), "",
                       "concentration of partition = dirichlet; smaller = more skewed labels")),
      used_with("data.partition = classes | shards", by_class,
                number("classes_per_client", &DataConfig::classes_per_client, at_least(1), "",
                       "classes of each client with partition = classes; with partition = shards "
                       "its shards of the samples sorted by label, so about as many classes")),
      used_with("data.partition = quantity", quantity,
                number("sigma", &DataConfig::sigma, at_least(0), "",
                       "standard deviation of log(samples) with partition = quantity")),
      used_with("data.partition = dirichlet | quantity", uneven,
                number("min_samples", &DataConfig::min_samples, at_least(1), "samples",
                       "smallest share of a client with partition = dirichlet or quantity")),
      number("train_limit", &DataConfig::train_limit, at_least(0), "samples",
             "use the first N training samples in file order; 0 = all"),
      number("test_limit", &DataConfig::test_limit, at_least(0), "samples",
             "use the first N test samples in file order; 0 = all"),
      choice("augment", &DataConfig::augment, {"none", "crop_flip"},
             "crop_flip = random crop with padding 4 and horizontal flip while training"),
  };
}

}  // namespace fedstrata::keys
