#!/usr/bin/env bash
# Builds against the LibTorch inside pip's PyTorch, warnings as errors, and runs the tests that depend on
# LibTorch. Usage: with_pip_libtorch.sh [VENV], a virtual environment that has torch, or is made with it
# (5 GB; the default is build-pip/venv). Pip's usual PyTorch is for CUDA: CMake then wants the CUDA toolkit
# of the same major version, but no GPU. About 20 minutes on two cores.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=${1:-build-pip/venv}
if ! "$venv/bin/python" -c 'import torch' 2>/dev/null; then
  /usr/bin/python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet torch numpy
fi
torch=$("$venv/bin/python" -c 'import os, torch; print(os.path.dirname(torch.__file__))')
echo "LibTorch $("$venv/bin/python" -c 'import torch; print(torch.__version__)')"

cmake --preset release -B build-pip -DFEDSTRATA_TESTS=ON -DCMAKE_COMPILE_WARNING_AS_ERROR=ON \
  -DCMAKE_PREFIX_PATH="$torch;$torch/share/cmake" </dev/null
cmake --build build-pip -j "$(nproc)" </dev/null
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
ctest --test-dir build-pip --output-on-failure -j "$(nproc)" -R \
  '^(client|data|device|federation|model|server|tasks)/|^program/(contract|guarded|regression|targets|updates)' \
  </dev/null
