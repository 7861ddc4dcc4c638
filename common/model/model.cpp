#include "common/model/model.hpp"

#include <torch/types.h>

#include <algorithm>

#include "common/base/error.hpp"
#include "common/base/random.hpp"
#include "common/device/device.hpp"
#include "common/model/operations/operations.hpp"

namespace fedstrata {
namespace {

// Nothing here is ever differentiated by autograd, so its dispatch layers are left out.
using NoAutograd = at::AutoDispatchBelowADInplaceOrView;

std::vector<at::Tensor> views(std::vector<NamedTensor> const& tensors, std::int64_t count,
                              at::Tensor const& row) {
  require(tensors.empty() || (row.dim() == 1 && row.is_contiguous() && row.size(0) == count),
          "a row of " + std::to_string(row.defined() ? row.numel() : 0) +
              " elements does not fit a model of " + std::to_string(count));
  std::vector<at::Tensor> result;
  result.reserve(tensors.size());
  for (auto const& tensor : tensors) result.push_back(narrow(row, tensor.slice).view(tensor.shape));
  return result;
}

void fill(std::span<float> values, Initializer const& initializer, Random& random) {
  auto const value = initializer.value;
  switch (initializer.kind) {
    case Initializer::Kind::constant:
      std::ranges::fill(values, static_cast<float>(value));
      break;
    case Initializer::Kind::uniform:
      for (auto& v : values) v = static_cast<float>(value * (2.0 * random.uniform() - 1.0));
      break;
    case Initializer::Kind::normal:
      for (auto& v : values) v = static_cast<float>(value * random.normal());
      break;
    case Initializer::Kind::stored:
      std::ranges::copy(initializer.stored, values.begin());
      break;
  }
}

void fill_row(std::span<float> row, std::vector<NamedTensor> const& tensors,
              std::vector<Initializer> const& initializers, Random& random) {
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    auto const& slice = tensors[i].slice;
    fill(row.subspan(static_cast<std::size_t>(slice.offset), static_cast<std::size_t>(slice.size)),
         initializers[i], random);
  }
}

}  // namespace

at::Tensor narrow(at::Tensor const& row, Slice slice) {
  return row.narrow(row.dim() - 1, slice.offset, slice.size);
}

Model::Model(std::string name, LayerTable table, std::vector<Stage> stages,
             std::vector<Initializer> parameter_initializers,
             std::vector<Initializer> buffer_initializers, UnitStructure units)
    : name_(std::move(name)),
      table_(std::move(table)),
      stages_(std::move(stages)),
      parameter_initializers_(std::move(parameter_initializers)),
      buffer_initializers_(std::move(buffer_initializers)),
      units_(std::move(units)) {
  for (auto const& stage : stages_) {
    operations_.push_back(stage.head.get());
    for (auto const& operation : stage.tail) operations_.push_back(operation.get());
  }
}

Weights Model::view(at::Tensor const& row, at::Tensor const& buffer_row) const {
  NoAutograd const guard;
  return {views(table_.parameters, table_.parameter_count, row),
          views(table_.buffers, table_.buffer_count, buffer_row)};
}

Weights Model::view_of_clients(at::Tensor const& rows, at::Tensor const& buffer_rows) const {
  NoAutograd const guard;
  auto const views = [](std::vector<NamedTensor> const& tensors, at::Tensor const& matrix) {
    std::vector<at::Tensor> result;
    for (auto const& tensor : tensors) {
      std::vector<std::int64_t> shape{matrix.size(0)};
      shape.insert(shape.end(), tensor.shape.begin(), tensor.shape.end());
      result.push_back(matrix.narrow(1, tensor.slice.offset, tensor.slice.size).view(shape));
    }
    return result;
  };
  Weights weights{views(table_.parameters, rows), views(table_.buffers, buffer_rows)};
  weights.clients = rows.size(0);
  return weights;
}

std::string Model::no_clients_at() const {
  for (auto const& stage : stages_) {
    auto const able = [](auto const& operation) { return operation->takes_clients(); };
    if (able(stage.head) && std::ranges::all_of(stage.tail, able)) continue;
    if (stage.layers.empty()) return "its beginning";
    return table_.layers[static_cast<std::size_t>(stage.layers.front())].name;
  }
  return "";
}

void Model::initialize(std::span<float> row, std::span<float> buffer_row, std::uint64_t seed,
                       std::uint64_t client) const {
  Random random(seed, Purpose::initialization, client);
  fill_row(row, table_.parameters, parameter_initializers_, random);
  fill_row(buffer_row, table_.buffers, buffer_initializers_, random);
}

Weights initial_weights(Model const& model, std::uint64_t seed, std::uint64_t client) {
  auto row = at::empty({model.table().parameter_count});
  auto buffers = at::empty({model.table().buffer_count});
  model.initialize({row.data_ptr<float>(), static_cast<std::size_t>(row.numel())},
                   {buffers.data_ptr<float>(), static_cast<std::size_t>(buffers.numel())}, seed,
                   client);
  return model.view(row, buffers);
}

at::Tensor Model::evaluate(at::Tensor const& inputs, Weights const& weights) const {
  NoAutograd const guard;
  Frame frame{inputs};
  for (auto const& stage : stages_)
    frame = stage.evaluate_tail(stage.evaluate_head(std::move(frame), weights), weights);
  return frame.main;
}

at::Tensor Model::train_pass(at::Tensor const& inputs, at::Tensor const& targets, Task const& task,
                             Weights const& weights, GradientTarget const& target,
                             at::Tensor& sums) const {
  NoAutograd const guard;
  std::vector<Saved> saved(operations_.size());
  Frame frame{inputs};
  for (std::size_t i = 0; i < operations_.size(); ++i)
    frame = operations_[i]->forward(std::move(frame), weights, saved[i]);
  auto outputs = std::move(frame.main);
  frame = {weights.clients == 0 ? task.gradient(outputs, targets, sums)
                                : task.gradients(outputs, targets, weights.clients, sums)};
  auto const backward = [&](GradientTarget const& into) {
    for (std::size_t i = operations_.size(); i-- > 0;) {
      frame = operations_[i]->backward(std::move(frame), weights, into, saved[i], i == 0);
      saved[i].clear();
    }
  };
  if (in_host_memory(inputs)) {
    backward(target);
  } else {
    GradientTarget::Waiting waiting;
    auto together = target;
    together.waiting = &waiting;
    backward(together);
    add_waiting(together);
  }
  return outputs;
}

}  // namespace fedstrata
