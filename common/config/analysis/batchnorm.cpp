#include "common/config/analysis/batchnorm.hpp"

#include "common/base/error.hpp"
#include "common/base/text.hpp"

namespace fedstrata {

NormSelection parse_batchnorm(std::string const& text) {
  using Kind = NormSelection::Kind;
  if (text == "interpolate") return {Kind::interpolate, text, 0};
  if (text == "from-base") return {Kind::from_base, text, 0};
  NormSelection result{Kind::recompute, text, 0};
  bool const read = text.starts_with("recompute:") && read_number(text.substr(10), result.samples);
  require_input(read && result.samples >= 2,
                "analysis.batchnorm = " + text +
                    " is not possible; allowed: interpolate | recompute:N | from-base, with N "
                    "training samples, at least 2");
  return result;
}

}  // namespace fedstrata
