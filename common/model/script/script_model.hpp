#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/model/model.hpp"

namespace fedstrata {

/// FILE of model.name = script:FILE; nothing for a model of the zoo.
std::optional<std::filesystem::path> script_file(ModelConfig const& config);

/// `config` with the file of its script, if it has one, replaced by `file`.
ModelConfig with_script(ModelConfig config, std::filesystem::path const& file);

/// A TorchScript module as a model of one stage. Its parameters and float buffers, by name, become
/// the rows, and their stored values the initialisation; layers are the modules that own some
/// directly. Integer buffers keep their stored values. Throws InputError: no such file, not
/// TorchScript, saved by a newer PyTorch, tensors that cannot be rows, model.init = different, or
/// an answer that is not [B, classes].
Model make_script_model(ModelConfig const& config, InputShape const& input);

/// Names of a script's parameters that the gradient of no training pass of this Model has reached
/// so far. None of a model of the zoo.
std::vector<std::string> unreached_parameters(Model const& model);

/// Names of a script's operations that behave in training as in evaluation because the file fixes
/// it ("batch_norm", "dropout"), in alphabetical order: it was traced in evaluation mode. None of a
/// model of the zoo.
std::vector<std::string> operations_without_training(Model const& model);

}  // namespace fedstrata
