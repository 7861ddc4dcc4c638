#include "common/random.hpp"
