#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "common/config/config.hpp"
#include "common/model/model.hpp"
#include "common/model/operations/operations.hpp"
#include "common/model/shape.hpp"
#include "common/model/unit_tracker.hpp"

namespace fedstrata {

/// How a layer's weight and bias start.
Initializer weight_start(InitScheme scheme, std::int64_t fan_in, std::int64_t fan_out);
Initializer bias_start(InitScheme scheme, std::int64_t fan_in);

/// What is known of the tensor in a slot before there is any sample.
struct Activations {
  Dimensions dimensions;  ///< of one sample
  Elements elements = Elements::reals;
  /// Which units the features, the channels, or the elements of a token's vector are.
  UnitTracker::Units units = UnitTracker::kFixed;
  bool shared = false;  ///< is it the model's input or in two slots, so that none may write to it?

  bool empty() const { return dimensions.empty(); }
  bool is_vector() const { return dimensions.size() == 1 && elements == Elements::reals; }
  bool is_sequence() const { return dimensions.size() == 2; }  ///< [tokens, width]
  bool is_image() const { return dimensions.size() == 3; }     ///< [channels, height, width]
  /// Size of the axis along which the units lie.
  std::int64_t channels() const { return is_sequence() ? dimensions[1] : dimensions[0]; }
};

/// Puts a model together, operation after operation, by the functions of operations/operations.hpp:
/// those that are given a layer's name open a stage, the others add to the open stage's tail. Keeps
/// track of the activations' shape, and writes stages, layer table, initialisers and the structure
/// of the units. Throws InputError, with the layer and the shapes, where an operation does not fit.
class ModelBuilder {
 public:
  /// `order` is that of the convolutions' activations: channels-last where max-pools follow.
  ModelBuilder(std::string name, InputShape const& input,
               MemoryOrder order = MemoryOrder::channels_first);
  /// Samples of any shape; those of Elements::tokens need an embedding first.
  ModelBuilder(std::string name, Dimensions input, Elements elements = Elements::reals);

  /// `layers` (a function without arguments) act on that slot instead of the main path. Slots come
  /// to be by save().
  template <class Layers>
  void on(std::string const& slot, Layers const& layers) {
    auto const before = slot_;
    slot_ = used_slot(slot);
    layers();
    slot_ = before;
  }

  /// The model; the builder is empty afterwards.
  Model build();

  // What follows is for the functions that add an operation.

  /// What the next operation is given.
  Activations const& input() const { return slots_.at(slot_); }
  /// The tensor of another slot, which must not be empty.
  Activations const& input(std::string const& slot) const { return slots_.at(used_slot(slot)); }
  MemoryOrder memory_order() const { return order_; }

  /// Throws InputError unless the operation fits: "model gpt: layer attn.q (linear) needs NEEDS,
  /// but is given [16, 32]". Without `layer` the operation is one of the tail of the newest layer.
  void require_fit(bool fits, std::string const& operation, std::string const& needs,
                   std::string const& layer = {}) const;
  /// Opens the stage of a layer that acts on the present slot. `affine`: is the output affine in
  /// the layer's parameters, for a given input?
  void open(std::string const& layer, LayerType type, bool affine = true);
  /// The open layer's next parameter, named LAYER.`tensor`; returns its index. Its units
  /// are as in TensorUnits, by the tracker's names.
  int parameter(std::string const& tensor, Dimensions shape, Initializer initializer,
                UnitTracker::Units outputs, UnitTracker::Units inputs = UnitTracker::kFixed,
                std::int64_t block = 1);
  /// The open layer's next buffer [size], with units along it; returns its index.
  int buffer(std::string const& tensor, std::int64_t size, double value, UnitTracker::Units units);
  /// The open layer's operation, and what it gives.
  void head(OperationPtr operation, Activations output);
  /// An operation without parameters, and what it gives (nothing said: the same again).
  void tail(OperationPtr operation, Activations output);
  void tail(OperationPtr operation);

  /// `size` new units that the open stage computes.
  UnitTracker::Units new_units(std::int64_t size) { return units_.add(size, stage()); }
  UnitTracker& units() { return units_; }
  /// The newest stage.
  int stage() const { return static_cast<int>(stages_.size()) - 1; }

  /// The input's dimensions once a window has gone over the image, channels as they were.
  Dimensions slid(Window window) const;

  /// The slot of that name, other than the present one; a new one where there is none.
  Slot slot(std::string const& name);
  /// Writes down what a slot holds from here on; nothing = it is empty.
  void set(Slot slot, Activations activations) { slots_.at(slot) = std::move(activations); }

 private:
  Slot used_slot(std::string const& name) const;
  OperationPtr placed(OperationPtr operation) const;

  std::string name_;
  MemoryOrder order_ = MemoryOrder::channels_first;
  std::string open_layer_;
  Slot slot_ = kMainSlot;
  std::vector<std::string> slot_names_{"main"};
  std::vector<Activations> slots_;
  LayerTable table_;
  std::vector<Stage> stages_;
  std::vector<Initializer> parameter_initializers_;
  std::vector<Initializer> buffer_initializers_;
  UnitTracker units_;
};

}  // namespace fedstrata
