#include "common/run_directory.hpp"
