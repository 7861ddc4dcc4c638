#include "common/model.hpp"
