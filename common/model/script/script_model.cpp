#include "common/model/script/script_model.hpp"

#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/ir/ir.h>
#include <torch/csrc/jit/passes/inliner.h>
#include <torch/csrc/jit/runtime/graph_iterator.h>
#include <torch/script.h>
#include <torch/torch.h>

#include <mutex>
#include <numeric>
#include <set>
#include <sstream>

#include "common/base/error.hpp"
#include "common/base/text.hpp"
#include "common/model/operations/operations.hpp"
#include "common/model/script/autograd.hpp"
#include "common/model/script/stored_layers.hpp"

// The one file that uses TorchScript. A scripted module is a model of one stage, run as its graph
// is written: the executor that LibTorch would choose profiles the first passes, which then have
// other bits. Parameters lie in our row all the same; the module is given views of it.

namespace fedstrata {
namespace {

namespace fs = std::filesystem;
using torch::jit::Module;

constexpr double kLeastShare = 1e-5;  // rounding makes shares of up to 1e-7

/// Where a module keeps one of its tensors.
struct Place {
  c10::intrusive_ptr<c10::ivalue::Object> owner;
  std::size_t slot;

  std::string name() const { return owner->type()->getAttributeName(slot); }
  at::Tensor get() const { return owner->getSlot(slot).toTensor(); }
  void set(at::Tensor tensor) const { owner->setSlot(slot, std::move(tensor)); }
};

void put(std::vector<Place> const& places, std::vector<at::Tensor> const& tensors) {
  for (std::size_t i = 0; i < places.size(); ++i) places[i].set(tensors[i]);
}

/// A module with its tensors in order: those of the rows, and others, which are buffers of other
/// types and plain attributes.
struct Script {
  Module module;
  std::vector<Place> parameters, buffers, others;
};

/// The whole forward pass of a module, whose backward pass is autograd's.
class ScriptOperation : public Operation {
 public:
  explicit ScriptOperation(Script script)
      : script_(std::move(script)), reached_(script_.parameters.size(), false) {
    for (auto const& place : script_.others) others_.push_back(place.get());
    for (std::size_t i = 0; i < script_.buffers.size(); ++i) {
      auto const name = script_.buffers[i].name();
      if (name == "running_mean" || name == "running_var") statistics_.push_back(i);
    }
  }

  Frame evaluate(Frame in, Weights const& weights) const override {
    std::lock_guard const alone(mutex_);
    at::NoGradGuard const no_gradient;
    put(script_.parameters, weights.parameters);
    put(script_.buffers, weights.buffers);
    if (weights.calibration > 0 && !statistics_.empty()) {
      require(in.main.size(0) == weights.rows, "one batch at a time can be calibrated");
      recompute_statistics(in.main.narrow(0, 0, weights.calibration), weights);
    }
    return {run(in.main, Mode::evaluation)};
  }

  Frame forward(Frame in, Weights const& weights, Saved& saved) const override {
    std::lock_guard const alone(mutex_);
    Differentiation const on;
    saved.clear();
    for (auto const& weight : weights.parameters)
      saved.push_back(tracked(weight).requires_grad_(true));
    std::vector<at::Tensor> buffers;
    for (auto const& buffer : weights.buffers) buffers.push_back(tracked(buffer));
    put(script_.parameters, saved);
    put(script_.buffers, buffers);
    saved.push_back(run(in.main, Mode::training));
    require(saved.back().requires_grad(),
            "the answer of the TorchScript module does not depend on its parameters");
    for (std::size_t i = 0; i < buffers.size(); ++i) {
      auto const now = script_.buffers[i].get();  // another tensor where the script assigned one
      if (!now.is_same(buffers[i])) buffers[i].copy_(now.detach());
    }
    return {saved.back().detach()};
  }

  Frame backward(Frame gradient, Weights const&, GradientTarget const& target, Saved& saved,
                 bool) const override {
    std::vector<at::Tensor> gradients;
    {
      Differentiation const on;
      auto const output = saved.back();
      saved.pop_back();
      gradients = torch::autograd::grad({output}, saved, {tracked(gradient.main)}, false, false,
                                        /*allow_unused=*/true);
    }
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      auto const& into = target.into.parameters[i];
      if (gradients[i].defined()) reached_[i] = true;
      accumulate(into, gradients[i].defined() ? gradients[i] : at::zeros_like(into), target);
    }
    return {};
  }

  /// As if every weight of an output channel were used once for each of the channel's elements.
  double multiply_adds(Frame const& output, Weights const& weights) const override {
    double sum = 0.0;
    for (auto const& weight : weights.parameters) {
      if (weight.dim() < 2) continue;
      sum += static_cast<double>(output.main.numel() / weight.size(0)) *
             static_cast<double>(weight.numel());
    }
    return sum;
  }

  std::shared_ptr<torch::jit::Graph> graph() const {
    return script_.module.get_method("forward").graph()->copy();
  }

  /// Of each parameter: has the gradient of some pass reached it?
  std::vector<bool> const& reached() const { return reached_; }

 private:
  /// What is in training mode: nothing, all, or the modules that own statistics alone, so that
  /// nothing is dropped out while statistics are taken.
  enum class Mode { evaluation, training, statistics };

  /// The graph as written: the profiling executor would give the first passes other bits. The
  /// images are copied, for a script may write to them, and those made in inference mode cannot be
  /// kept for a backward pass.
  at::Tensor run(at::Tensor const& images, Mode mode) const {
    torch::jit::GraphOptimizerEnabledGuard const as_written(false);
    // As they are in the file: counters of batches would depend on who else was trained here.
    for (std::size_t i = 0; i < others_.size(); ++i) {
      others_[i] = others_[i].to(images.device());
      script_.others[i].set(others_[i].clone());
    }
    script_.module.train(mode == Mode::training);
    if (mode == Mode::statistics) {
      for (auto const i : statistics_) {
        auto const& owner = script_.buffers[i].owner;
        auto const slot = owner->type()->findAttributeSlot("training");
        if (slot) owner->setSlot(*slot, true);
      }
    }
    return script_.module.forward({images.clone()}).toTensor();
  }

  /// Puts the statistics of these samples in place of the running ones. A module adds them with a
  /// share of its own, new = (1 - share) old + share of the batch's, which two passes show: after
  /// one from 0 and one from 1 the share is what the old value no longer makes of the new one.
  void recompute_statistics(at::Tensor const& samples, Weights const& weights) const {
    auto const after_a_pass_from = [&](double value) {
      for (auto const i : statistics_)
        script_.buffers[i].set(at::full_like(weights.buffers[i], value));
      run(samples, Mode::statistics);
      std::vector<at::Tensor> result;
      for (auto const i : statistics_) result.push_back(script_.buffers[i].get());
      return result;
    };
    auto const from_0 = after_a_pass_from(0.0);
    auto const from_1 = after_a_pass_from(1.0);
    for (std::size_t k = 0; k < statistics_.size(); ++k) {
      auto const& place = script_.buffers[statistics_[k]];
      auto const share = 1.0 - (from_1[k] - from_0[k]);
      require_input(
          share.numel() == 0 || share.min().item<double>() > kLeastShare,
          "analysis.batchnorm = recompute:N: the TorchScript model's " + place.name() +
              " does not change in a training pass, as in a network that was traced; save it by "
              "torch.jit.script, or set analysis.batchnorm = interpolate");
      place.set(from_0[k] / share);
    }
  }

  mutable Script script_;  ///< holds the tensors of the pass that runs
  mutable std::vector<bool> reached_;
  mutable std::vector<at::Tensor> others_;  ///< where the last pass ran
  std::vector<std::size_t> statistics_;     ///< of the buffers: running means and variances
  mutable std::mutex mutex_;
};

Module load(fs::path const& file) {
  auto const name = kScriptPrefix + file.string();
  require_input(fs::is_regular_file(file),
                "model.name = " + name + ": there is no such file" + beginning_of(file.string()));
  try {
    return torch::jit::load(file.string(), torch::Device("cpu"));
  } catch (std::exception const& error) {
    throw InputError("model.name = " + name + ": LibTorch " TORCH_VERSION " cannot load it (" +
                     reason_of(error) +
                     "); save it by torch.jit.script(net).save(FILE) with PyTorch " TORCH_VERSION
                     " or older");
  }
}

std::string joined(std::string const& path, std::string const& name) {
  return path.empty() ? name : path + "." + name;
}

/// Finds the tensors of a module and where it keeps them.
class ScriptReader {
 public:
  ScriptReader(std::string const& source, Module module) : layers(source), source_(source) {
    script.module = std::move(module);
    for (auto const& [path, part] : script.module.named_modules()) add_module(path, part);
    require_input(!script.parameters.empty(),
                  source + " has no parameters; save it as scripted, not frozen");
  }

  Script script;
  StoredLayers layers;

 private:
  void add_module(std::string const& path, Module const& module) {
    auto const object = module._ivalue();
    auto const type = object->type();
    std::vector<Place> parameters, buffers;
    for (std::size_t slot = 0; slot < type->numAttributes(); ++slot) {
      auto const& value = object->getSlot(slot);
      bool const parameter = type->is_parameter(slot);
      if (!value.isTensor()) continue;
      bool const buffer = type->is_buffer(slot);
      bool const in_row = parameter || (buffer && value.toTensor().is_floating_point());
      (parameter ? parameters : in_row ? buffers : script.others).push_back({object, slot});
    }
    if (parameters.empty() && buffers.empty()) return;
    layers.begin(path.empty() ? "root" : path,
                 layer_type(type->name()->name(), parameters, !buffers.empty()));
    for (auto const& place : parameters) add_parameter(joined(path, place.name()), place);
    for (auto const& place : buffers) {
      layers.add_buffer(joined(path, place.name()), place.get());
      script.buffers.push_back(place);
    }
  }

  static LayerType layer_type(std::string const& module, std::vector<Place> const& parameters,
                              bool buffers) {
    auto const rank = parameters.empty() ? 1 : parameters.front().get().dim();
    if (rank == 4) return LayerType::conv;
    if (rank == 2) return LayerType::linear;
    bool const norm = buffers || module.find("Norm") != std::string::npos;
    return rank == 1 && norm ? LayerType::norm : LayerType::other;
  }

  void add_parameter(std::string const& name, Place const& place) {
    auto const tensor = place.get();
    require_input(tensor.requires_grad(), source_ + ": parameter " + name +
                                              " is frozen (requires_grad = False); make it a "
                                              "buffer, or let it be trained");
    require_input(tensor.numel() == 0 || memory_.insert(tensor.data_ptr()).second,
                  source_ + ": parameter " + name +
                      " is shared with another one; tied parameters cannot be averaged one by one");
    layers.add_parameter(name, tensor);
    script.parameters.push_back(place);
  }

  std::string source_;
  std::set<void const*> memory_;
};

/// Asks the model once: a script can return anything.
void check_answer(Model const& model, InputShape const& input) {
  at::NoGradGuard const no_gradient;
  auto const inputs = at::zeros(input.batch(2));
  std::ostringstream text;
  text << "model.name = " << model.name() << ": for inputs " << inputs.sizes() << " outputs [2, "
       << input.outputs << "] are needed, but the module ";
  try {
    auto const logits = model.evaluate(inputs, initial_weights(model, 0, 0));
    if (logits.sizes() == at::IntArrayRef{2, input.outputs}) return;
    text << "returns " << logits.sizes();
  } catch (std::exception const& error) {
    text << "fails (" << reason_of(error) << ")";
  }
  throw InputError(text.str());
}

}  // namespace

std::optional<fs::path> script_file(ModelConfig const& config) {
  if (!config.name.starts_with(kScriptPrefix)) return std::nullopt;
  return config.name.substr(std::string_view(kScriptPrefix).size());
}

namespace {

/// Null for a model of the zoo.
ScriptOperation const* script_of(Model const& model) {
  return dynamic_cast<ScriptOperation const*>(model.stages().front().head.get());
}

/// Is its flag for training fixed to no? One that drops out nothing has no need of it.
bool without_training(torch::jit::Node const& node) {
  auto const* const schema = node.maybeSchema();
  bool fixed = false;
  for (std::size_t i = 0; schema != nullptr && i < schema->arguments().size(); ++i) {
    auto const& argument = schema->arguments()[i].name();
    auto const* const input = node.input(i);
    if (argument == "train" || argument == "training")
      fixed = torch::jit::constant_as<bool>(input) == false;
    if (argument == "p" || argument == "dropout") {
      if (torch::jit::constant_as<double>(input) == 0.0) return false;
    }
  }
  return fixed;
}

}  // namespace

std::vector<std::string> operations_without_training(Model const& model) {
  auto const* const script = script_of(model);
  if (script == nullptr) return {};
  auto graph = script->graph();
  torch::jit::Inline(*graph);
  std::set<std::string> names;
  torch::jit::DepthFirstGraphNodeIterator nodes(graph);
  while (auto const* const node = nodes.next()) {
    if (without_training(*node)) names.insert(node->kind().toUnqualString());
  }
  return {names.begin(), names.end()};
}

std::vector<std::string> unreached_parameters(Model const& model) {
  auto const* const script = script_of(model);
  std::vector<std::string> names;
  for (std::size_t i = 0; script != nullptr && i < script->reached().size(); ++i) {
    if (!script->reached()[i]) names.push_back(model.table().parameters[i].name);
  }
  return names;
}

ModelConfig with_script(ModelConfig config, fs::path const& file) {
  if (script_file(config)) config.name = kScriptPrefix + file.string();
  return config;
}

Model make_script_model(ModelConfig const& config, InputShape const& input) {
  require_input(config.init == Init::same,
                "model.init = different does not go with model.name = " + config.name +
                    ": every client starts from the values in the file; set model.init = same");
  ScriptReader reader("model.name = " + config.name, load(*script_file(config)));
  auto& layers = reader.layers;
  std::vector<Stage> stages(1);
  stages[0].layers.resize(layers.table.layers.size());
  std::iota(stages[0].layers.begin(), stages[0].layers.end(), 0);
  stages[0].head = std::make_unique<ScriptOperation>(std::move(reader.script));
  Model model(config.name, std::move(layers.table), std::move(stages),
              std::move(layers.parameter_initializers), std::move(layers.buffer_initializers));
  check_answer(model, input);
  return model;
}

}  // namespace fedstrata
