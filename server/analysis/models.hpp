#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <span>
#include <vector>

#include "common/model/model.hpp"
#include "server/alignment/alignment.hpp"
#include "server/engine/blended_weights.hpp"
#include "server/plan/model_spec.hpp"

namespace fedstrata {

/// Where stored models come from. Each fills row [P] and buffers [Q] on the host.
struct StoredModels {
  std::function<void(ModelSpec const&, std::span<float> row, std::span<float> buffers)> read;
  /// Rounds of the client's trajectory, ascending: where subspace directions come from.
  std::vector<std::int64_t> trajectory;
};

/// Puts a host row [P + Q] where the model computes, as views of its tensors.
using Upload = std::function<Weights(std::vector<float> const&)>;

/// Orders of b's units that match those of a.
using AlignModels = std::function<UnitPermutations(Weights const& a, Weights const& b)>;

/// How many rows of `model` fit into `memory` bytes; at least three.
std::size_t models_at_once(Model const& model, std::int64_t memory);

/// The models of a plan, read or made when first asked for and kept as far as memory allows.
class AnalysisModels {
 public:
  /// `memory`: bytes for rows (three always fit).
  AnalysisModels(Model const& model, std::vector<ModelSpec> specs, std::uint64_t seed,
                 StoredModels stored, Upload upload, AlignModels align, std::int64_t memory);

  /// Views that stay valid while they are held. Throws Error when a row cannot be read.
  Weights get(int index);
  /// What tells its layers from those of others. Of a model that get() has returned.
  LayerSums const& layers(int index) const { return layers_.at(index); }
  /// How the units of an aligned model are ordered. Throws as get().
  UnitPermutations const& permutations(int index);
  /// How many models there are.
  std::size_t size() const { return specs_.size(); }
  /// How many models the memory holds.
  std::size_t capacity() const { return capacity_; }

 private:
  using Row = std::vector<float>;  // [P + Q]
  struct Entry {
    int index;
    Weights weights;
  };
  Row stored(ModelSpec const& spec) const;
  Row host(int index);
  void add_direction(Row& row, ModelSpec const& spec);
  std::vector<Row> trajectory(ModelSpec const& base) const;
  void take_elements(Row& row, ModelSpec const& spec);

  Model const& model_;
  std::vector<ModelSpec> specs_;
  std::uint64_t seed_;
  StoredModels stored_;
  Upload upload_;
  AlignModels align_;
  std::size_t capacity_;
  std::list<Entry> entries_;         ///< most recently used first
  std::map<int, LayerSums> layers_;  ///< of all that were ever among them
  std::map<int, UnitPermutations> permutations_;
};

}  // namespace fedstrata
