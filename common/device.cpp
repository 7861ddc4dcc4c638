#include "common/device.hpp"
