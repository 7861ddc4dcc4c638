#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/config/config.hpp"
#include "common/model/layer_table.hpp"
#include "common/model/stage.hpp"
#include "common/model/unit_structure.hpp"
#include "common/tasks/task.hpp"

namespace fedstrata {

/// Shape of one sample and of the answer.
struct InputShape {
  std::vector<std::int64_t> dimensions;  ///< [channels, height, width] of images, [features]
  std::int64_t outputs = 0;              ///< numbers in the answer: one a class, or one a target

  /// The shape of a batch.
  std::vector<std::int64_t> batch(std::int64_t samples) const {
    std::vector<std::int64_t> shape{samples};
    shape.insert(shape.end(), dimensions.begin(), dimensions.end());
    return shape;
  }
};

enum class Activation { relu, identity };

/// How one tensor of the rows starts; drawn by our own generator so that the bits do not depend on
/// the LibTorch version.
struct Initializer {
  enum class Kind { constant, uniform, normal, stored } kind = Kind::constant;
  double value =
      0.0;  ///< the constant; half-width of the uniform; standard deviation of the normal
  std::vector<float> stored = {};  ///< the tensor's values, with `stored`
};

/// A neural network without weights: a chain of stages that reads its tensors from rows handed to
/// it. One instance serves any number of clients.
class Model {
 public:
  Model(std::string name, LayerTable table, std::vector<Stage> stages,
        std::vector<Initializer> parameter_initializers,
        std::vector<Initializer> buffer_initializers, UnitStructure units = {});

  std::string const& name() const { return name_; }
  LayerTable const& table() const { return table_; }
  std::span<Stage const> stages() const { return stages_; }
  UnitStructure const& units() const { return units_; }

  /// Views of a parameter row [P] and a buffer row [Q] (contiguous float32, or float64 in
  /// tests; may be unaligned slices of larger ones). The rows own the memory.
  Weights view(at::Tensor const& row, at::Tensor const& buffer_row) const;

  /// Views of K clients' rows [K, P] and [K, Q], each client's contiguous: Weights::clients is K.
  Weights view_of_clients(at::Tensor const& rows, at::Tensor const& buffer_rows) const;
  /// Can train_pass() take them? If not, the layer at which it could not go on is named.
  bool takes_clients() const { return no_clients_at().empty(); }
  std::string no_clients_at() const;

  /// Fills rows [P] and [Q] on the host; the same (seed, client) gives the same bits everywhere.
  void initialize(std::span<float> row, std::span<float> buffer_row, std::uint64_t seed,
                  std::uint64_t client) const;

  /// Outputs [B, outputs] in evaluation mode, for inputs [B, ...].
  at::Tensor evaluate(at::Tensor const& inputs, Weights const& weights) const;

  /// One training pass without autograd: gradients of the batch's mean loss into `target`; adds
  /// what Task::gradient counts to `sums`, float64 [2] on the model's device or undefined. Returns
  /// the outputs. With weights of K clients `inputs` are K batches of equal size, client after
  /// client, and `sums`, where defined, is [K, 2].
  at::Tensor train_pass(at::Tensor const& inputs, at::Tensor const& targets, Task const& task,
                        Weights const& weights, GradientTarget const& target,
                        at::Tensor& sums) const;

 private:
  std::string name_;
  LayerTable table_;
  std::vector<Stage> stages_;
  std::vector<Operation const*> operations_;  ///< of all stages, in order
  std::vector<Initializer> parameter_initializers_;
  std::vector<Initializer> buffer_initializers_;
  UnitStructure units_;
};

/// The model as initialize() makes it, in rows of its own on the host: for asking a model something
/// that does not depend on trained weights.
Weights initial_weights(Model const& model, std::uint64_t seed, std::uint64_t client);

/// The elements of a row, or of each of a matrix's rows, that `slice` names: a view, which shares
/// the memory.
at::Tensor narrow(at::Tensor const& row, Slice slice);

/// Names of the zoo, in alphabetical order.
std::vector<std::string> model_names();

/// Builds a model of the zoo, or of a file (script:FILE, script_model.hpp). Throws InputError that
/// lists the names when there is none so called, or says why the model does not fit the input.
Model make_model(ModelConfig const& config, InputShape const& input);

}  // namespace fedstrata
