#pragma once
#include <string>

namespace fedstrata {

/// "3.14 MiB": with two decimals below 10, in units of 1024.
std::string bytes_text(double bytes);

/// "14:03:59", local time now.
std::string time_of_day();

}  // namespace fedstrata
