#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "common/config/config.hpp"
#include "common/model/model.hpp"
#include "common/model/operations/operations.hpp"
#include "common/model/unit_tracker.hpp"

namespace fedstrata {

/// How a layer's weights start: PyTorch's default, uniform within +-1/sqrt(fan_in), bias too; or
/// torchvision's: normal with standard deviation sqrt(2/fan_out), or 0.01, bias 0.
enum class InitScheme { uniform_fan_in, normal_fan_out, normal_small };

/// Which tensor of the State a layer acts on.
enum class Branch { main, skip };

struct ConvolutionOptions {
  Window window;
  bool bias = true;
  InitScheme scheme = InitScheme::uniform_fan_in;
  Branch branch = Branch::main;
};

/// Puts a model together, layer after layer: keeps track of the activations' shape, and writes
/// stages, layer table, initialisers and the structure of the units. A function named after a layer
/// opens a stage; the others add to the open stage's tail. Throws InputError where an image becomes
/// too small.
class ModelBuilder {
 public:
  /// `order` is that of the convolutions' activations: channels-last where max-pools follow.
  ModelBuilder(std::string name, InputShape const& input,
               MemoryOrder order = MemoryOrder::channels_first);

  void linear(std::string const& layer, std::int64_t outputs,
              InitScheme scheme = InitScheme::uniform_fan_in, bool bias = true);
  void convolution(std::string const& layer, std::int64_t outputs,
                   ConvolutionOptions const& options);
  /// No layer at all for Norm::none. Norm::group has min(32, channels) groups.
  void norm(std::string const& layer, Norm kind, Branch branch = Branch::main);

  void relu() { tail(fedstrata::relu()); }
  void dropout(double p) { tail(fedstrata::dropout(p)); }
  /// Call it before relu(): the result and the gradients are the same, with less to rectify.
  void max_pool(Window window);
  void global_average_pool();
  void adaptive_average_pool(std::int64_t size);
  void save_skip();
  void add_skip();

  /// The model; the builder is empty afterwards.
  Model build();

 private:
  struct Shape {
    std::int64_t channels, height, width;
    UnitTracker::Units units = UnitTracker::kFixed;  ///< which units the channels are
    std::int64_t size() const { return channels * height * width; }
  };

  Shape& shape(Branch branch) { return branch == Branch::main ? main_ : skip_; }
  /// The newest stage.
  int stage() const { return static_cast<int>(stages_.size()) - 1; }
  void begin_stage(std::string const& layer, LayerType type, bool affine, Branch branch);
  int add_parameter(std::string const& tensor, std::vector<std::int64_t> shape,
                    Initializer initializer);
  int add_buffer(std::string const& tensor, std::int64_t size, double value);
  void head(OperationPtr operation);
  void tail(OperationPtr operation);
  void slide(Window window, Shape& shape);

  std::string name_;
  MemoryOrder order_;
  std::string open_layer_;
  bool images_;  ///< are samples images?
  Shape main_;
  Shape skip_{};
  LayerTable table_;
  std::vector<Stage> stages_;
  std::vector<Initializer> parameter_initializers_;
  std::vector<Initializer> buffer_initializers_;
  UnitTracker units_;
};

}  // namespace fedstrata
