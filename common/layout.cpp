#include "common/layout.hpp"
