#include "common/schedule.hpp"
