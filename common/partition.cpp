#include "common/partition.hpp"
