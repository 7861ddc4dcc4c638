#pragma once
#include <cstdint>
#include <string>

namespace fedstrata {

/// Whose models are evaluated on the test set (`federation.evaluate`).
struct EvaluateSelection {
  enum class What {
    automatic,  ///< what a tenth of the training pays for (common/federation/evaluation_plan.hpp)
    both,       ///< the global model and all participants' own
    global,     ///< the global model
    clients,    ///< the participants' own models
    some        ///< the global model and `clients` of the participants
  } what = What::automatic;
  std::string text = "auto";  ///< as given
  std::int64_t clients = 0;   ///< some
};

/// Reads auto | both | global | clients | N. Throws InputError.
EvaluateSelection parse_evaluate(std::string const& text);

}  // namespace fedstrata
