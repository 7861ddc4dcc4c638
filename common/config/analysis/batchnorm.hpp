#pragma once
#include <cstdint>
#include <string>

namespace fedstrata {

/// Statistics of batch normalisation at evaluated points (`analysis.batchnorm`).
struct NormSelection {
  enum class Kind {
    interpolate,  ///< blended like parameters
    recompute,    ///< anew at each point, from training samples
    from_base     ///< those of the model that supplies the other layers
  } kind = Kind::interpolate;
  std::string text = "interpolate";  ///< as given
  std::int64_t samples = 0;          ///< recompute
};

/// Reads interpolate | recompute:N | from-base. Throws InputError.
NormSelection parse_batchnorm(std::string const& text);

}  // namespace fedstrata
