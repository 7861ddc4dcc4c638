#include "common/records.hpp"
