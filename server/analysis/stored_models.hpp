#pragma once
#include "server/analysis/input.hpp"
#include "server/analysis/models.hpp"

namespace fedstrata {

/// Reads the models of a round from the run's checkpoints (and the other run's). What `input`
/// points to must outlive the result.
StoredModels stored_models(AnalysisInput const& input, RoundJob const& round);

/// Puts rows on the device. `model` and `device` must outlive the result.
Upload uploader(Model const& model, Device const& device);

/// Matches units as analysis.align says. Throws InputError for a model whose units are not known.
/// What `input` points to must outlive the result.
AlignModels aligner(AnalysisInput const& input);

}  // namespace fedstrata
