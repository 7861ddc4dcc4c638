#include "common/config/evaluate.hpp"

#include <map>

#include "common/base/error.hpp"
#include "common/base/text.hpp"

namespace fedstrata {

EvaluateSelection parse_evaluate(std::string const& text) {
  using What = EvaluateSelection::What;
  static std::map<std::string, What> const kWords = {{"auto", What::automatic},
                                                     {"both", What::both},
                                                     {"global", What::global},
                                                     {"clients", What::clients}};
  if (auto const word = kWords.find(text); word != kWords.end()) return {word->second, text, 0};
  EvaluateSelection some{What::some, text, 0};
  require_input(read_number(text, some.clients) && some.clients >= 1,
                "federation.evaluate = " + text +
                    " is not possible; allowed: auto | both | global | clients | a number of "
                    "participants, at least 1");
  return some;
}

}  // namespace fedstrata
