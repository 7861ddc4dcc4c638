#include "common/mpi.hpp"
