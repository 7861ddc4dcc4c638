#include "common/model/builder.hpp"

#include <cmath>

#include "common/base/error.hpp"

namespace fedstrata {
namespace {

using Kind = Initializer::Kind;

Initializer weight_start(InitScheme scheme, std::int64_t fan_in, std::int64_t fan_out) {
  switch (scheme) {
    case InitScheme::uniform_fan_in:
      return {Kind::uniform, 1.0 / std::sqrt(static_cast<double>(fan_in))};
    case InitScheme::normal_fan_out:
      return {Kind::normal, std::sqrt(2.0 / static_cast<double>(fan_out))};
    case InitScheme::normal_small:
      return {Kind::normal, 0.01};
  }
  throw Error("unknown kind of initialisation");
}

Initializer bias_start(InitScheme scheme, std::int64_t fan_in) {
  if (scheme != InitScheme::uniform_fan_in) return {Kind::constant, 0.0};
  return weight_start(scheme, fan_in, 0);
}

std::int64_t product(std::vector<std::int64_t> const& shape) {
  std::int64_t size = 1;
  for (auto const n : shape) size *= n;
  return size;
}

/// Appends a tensor of the newest layer to `tensors`; returns its index.
int append(LayerTable& table, std::vector<NamedTensor>& tensors, std::int64_t& count, Slice& layer,
           std::string const& name, std::vector<std::int64_t> shape) {
  auto const size = product(shape);
  tensors.push_back({name, static_cast<int>(table.layers.size()) - 1, {count, size}, shape});
  layer.size += size;
  count += size;
  return static_cast<int>(tensors.size()) - 1;
}

}  // namespace

ModelBuilder::ModelBuilder(std::string name, InputShape const& input, MemoryOrder order)
    : name_(std::move(name)), order_(order), images_(input.dimensions.size() == 3) {
  auto const& n = input.dimensions;
  main_ = images_ ? Shape{.channels = n[0], .height = n[1], .width = n[2]}
                  : Shape{.channels = product(n), .height = 1, .width = 1};
}

void ModelBuilder::linear(std::string const& layer, std::int64_t outputs, InitScheme scheme,
                          bool bias) {
  auto const inputs = main_.size();
  begin_stage(layer, LayerType::linear, true, Branch::main);
  auto const w = add_parameter("weight", {outputs, inputs}, weight_start(scheme, inputs, outputs));
  auto const b = bias ? add_parameter("bias", {outputs}, bias_start(scheme, inputs)) : -1;
  head(fedstrata::linear(w, b));
  auto const units = units_.add(outputs, stage());
  units_.parameter(units, main_.units, main_.height * main_.width);
  if (bias) units_.parameter(units);
  main_ = {outputs, 1, 1, units};
}

void ModelBuilder::convolution(std::string const& layer, std::int64_t outputs,
                               ConvolutionOptions const& options) {
  require_input(images_, "model.name = " + name_ +
                             " needs images, and the samples of this data set are none; choose "
                             "model.name = mlp");
  auto& current = shape(options.branch);
  auto const inputs = current.channels;
  auto const kernel = options.window.kernel;
  auto const area = kernel * kernel;
  begin_stage(layer, LayerType::conv, true, options.branch);
  auto const w = add_parameter("weight", {outputs, inputs, kernel, kernel},
                               weight_start(options.scheme, inputs * area, outputs * area));
  auto const b = options.bias
                     ? add_parameter("bias", {outputs}, bias_start(options.scheme, inputs * area))
                     : -1;
  head(fedstrata::convolution(w, b, options.window, order_));
  slide(options.window, current);
  auto const units = units_.add(outputs, stage());
  units_.parameter(units, current.units, area);
  if (options.bias) units_.parameter(units);
  current.channels = outputs;
  current.units = units;
}

void ModelBuilder::norm(std::string const& layer, Norm kind, Branch branch) {
  if (kind == Norm::none) return;
  auto const channels = shape(branch).channels;
  auto const units = shape(branch).units;
  begin_stage(layer, LayerType::norm, kind == Norm::group, branch);
  auto const w = add_parameter("weight", {channels}, {Kind::constant, 1.0});
  auto const b = add_parameter("bias", {channels}, {Kind::constant, 0.0});
  units_.normalise(units, stage());
  for (int i = 0; i < 2; ++i) units_.parameter(units);
  if (kind == Norm::group) {
    units_.forbid(
        "normalises groups of neighbouring channels (model.norm = group), so it has no known "
        "structure of its units");
    head(fedstrata::group_norm(w, b, std::min<std::int64_t>(32, channels)));
    return;
  }
  auto const mean = add_buffer("running_mean", channels, 0.0);
  auto const variance = add_buffer("running_var", channels, 1.0);
  for (int i = 0; i < 2; ++i) units_.buffer(units);
  head(fedstrata::batch_norm(w, b, mean, variance));
}

void ModelBuilder::max_pool(Window window) {
  tail(fedstrata::max_pool(window));
  slide(window, main_);
}

void ModelBuilder::global_average_pool() {
  tail(fedstrata::global_average_pool());
  main_ = {main_.channels, 1, 1, main_.units};
}

void ModelBuilder::adaptive_average_pool(std::int64_t size) {
  tail(fedstrata::adaptive_average_pool(size));
  main_ = {main_.channels, size, size, main_.units};
}

void ModelBuilder::save_skip() {
  tail(fedstrata::save_skip());
  skip_ = main_;
}

void ModelBuilder::add_skip() {
  tail(fedstrata::add_skip());
  units_.merge(main_.units, skip_.units);
}

Model ModelBuilder::build() {
  units_.merge(main_.units, UnitTracker::kFixed);
  return {std::move(name_),
          std::move(table_),
          std::move(stages_),
          std::move(parameter_initializers_),
          std::move(buffer_initializers_),
          units_.structure()};
}

void ModelBuilder::begin_stage(std::string const& layer, LayerType type, bool affine,
                               Branch branch) {
  open_layer_ = layer;
  table_.layers.push_back({layer,
                           type,
                           {table_.parameter_count, 0},
                           {table_.buffer_count, 0},
                           static_cast<int>(stages_.size())});
  Stage stage;
  stage.layers = {static_cast<int>(table_.layers.size()) - 1};
  stage.affine = affine;
  stage.on_skip = branch == Branch::skip;
  stages_.push_back(std::move(stage));
}

int ModelBuilder::add_parameter(std::string const& tensor, std::vector<std::int64_t> shape,
                                Initializer initializer) {
  parameter_initializers_.push_back(initializer);
  return append(table_, table_.parameters, table_.parameter_count, table_.layers.back().parameters,
                open_layer_ + "." + tensor, std::move(shape));
}

int ModelBuilder::add_buffer(std::string const& tensor, std::int64_t size, double value) {
  buffer_initializers_.push_back({Kind::constant, value});
  return append(table_, table_.buffers, table_.buffer_count, table_.layers.back().buffers,
                open_layer_ + "." + tensor, {size});
}

void ModelBuilder::head(OperationPtr operation) {
  auto& stage = stages_.back();
  stage.head = stage.on_skip ? on_skip(std::move(operation)) : std::move(operation);
}

void ModelBuilder::tail(OperationPtr operation) {
  stages_.back().tail.push_back(std::move(operation));
}

void ModelBuilder::slide(Window window, Shape& shape) {
  auto const moved = [&](std::int64_t n) {
    auto const room = n + 2 * window.padding - window.kernel;
    require_input(room >= 0, "model " + name_ + " does not fit images this small: after layer " +
                                 open_layer_ + " nothing would be left; choose another model");
    return room / window.stride + 1;
  };
  shape.height = moved(shape.height);
  shape.width = moved(shape.width);
}

}  // namespace fedstrata
