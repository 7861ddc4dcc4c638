#pragma once
#include <string>

#include "common/base/error.hpp"

namespace fedstrata {

/// The sentence with which `call` refuses what it is given (InputError).
template <class Call>
std::string refusal_of(Call const& call) {
  try {
    call();
  } catch (InputError const& error) {
    return error.what();
  }
  return "nothing was refused";
}

}  // namespace fedstrata
