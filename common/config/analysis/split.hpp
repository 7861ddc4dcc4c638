#pragma once
#include <cstdint>
#include <string>

namespace fedstrata {

/// The part of the data on which models are evaluated (`analysis.split`).
struct SplitSelection {
  enum class Kind {
    train,  ///< the training set
    test,   ///< the test set
    both,
    both_shares,  ///< training samples of the two clients that are compared
    share         ///< training samples of one client
  } kind = Kind::both;
  std::string text = "both";  ///< as given
  std::int64_t client = 0;    ///< share
};

/// Reads train | test | both | union | client:C. Throws InputError.
SplitSelection parse_split(std::string const& text);

}  // namespace fedstrata
