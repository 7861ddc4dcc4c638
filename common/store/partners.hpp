#pragma once
#include <cstdint>

namespace fedstrata {

// Ids in columns a, b and rest of the tables that stand for something else than a client.

inline constexpr std::int64_t kNobody = -1;
inline constexpr std::int64_t kMean = -2;            ///< weighted mean of the round's participants
inline constexpr std::int64_t kInitialisation = -3;  ///< what client a began with
inline constexpr std::int64_t kPartner = -4;  ///< rest: b, where it is of another round or run

}  // namespace fedstrata
