#!/usr/bin/env bash
# Builds against the LibTorch inside a Python's PyTorch (of pip or conda, with CUDA or without) and
# runs the tests that touch LibTorch. Warnings are errors. The other libraries must be there
# (experiments/install_packages.sh --all-tests); neither a GPU nor a CUDA toolkit need be.
# Usage: with_pip_libtorch.sh [PYTHON]      (python3)
set -euo pipefail
cd "$(dirname "$0")/.."

python=${1:-python3}
if ! torch=$("$python" -c 'import os, torch; print(os.path.dirname(torch.__file__))'); then
  echo "with_pip_libtorch.sh: $python has no PyTorch; name a Python that has, or install it there" \
    "($python -m pip install torch)" >&2
  exit 2
fi
cmake --preset release -B build-pip -DFEDSTRATA_TESTS=ON -DCMAKE_COMPILE_WARNING_AS_ERROR=ON \
  -DCMAKE_PREFIX_PATH="$torch" </dev/null
cmake --build build-pip -j "$(nproc)" </dev/null

export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
libraries='client|data|device|federation|model|server|tasks'
ctest --test-dir build-pip -j 2 --output-on-failure --no-tests=error \
  -R "^($libraries)/|^program/(contract|guarded|regression|targets|updates)" </dev/null
