#!/usr/bin/env bash
# Installs what is missing, builds and runs every test. Works on a bare Debian 12, as root or not.
set -euo pipefail
cd "$(dirname "$0")/.."

experiments/install_packages.sh --all-tests
cmake --preset release -DFEDSTRATA_TESTS=ON </dev/null
cmake --build --preset release -j "$(nproc)" </dev/null

export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
ctest --preset release </dev/null
