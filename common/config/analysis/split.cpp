#include "common/config/analysis/split.hpp"

#include <map>

#include "common/base/error.hpp"
#include "common/base/text.hpp"

namespace fedstrata {

SplitSelection parse_split(std::string const& text) {
  using Split = SplitSelection::Kind;
  static std::map<std::string, Split> const kPlain = {{"train", Split::train},
                                                      {"test", Split::test},
                                                      {"both", Split::both},
                                                      {"union", Split::both_shares}};
  if (auto const plain = kPlain.find(text); plain != kPlain.end()) return {plain->second, text, 0};
  SplitSelection share{Split::share, text, 0};
  bool const read = text.starts_with("client:") && read_number(text.substr(7), share.client);
  require_input(read && share.client >= 0, "analysis.split = " + text +
                                               " is not possible; allowed: train | test | both | "
                                               "union | client:C");
  return share;
}

}  // namespace fedstrata
