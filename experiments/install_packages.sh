#!/usr/bin/env bash
# Installs the Debian packages that fedstrata needs, if any are missing.
# Usage: install_packages.sh [--no-tests | --all-tests]
# --no-tests leaves GoogleTest out; --all-tests adds Slurm, which tests/slurm starts by itself, and
# clang, which builds the fuzzers, clang-tidy, and what makes virtual environments of Python.
set -euo pipefail

packages=(
  cmake ninja-build g++                                  # build
  libtorch-dev libopenblas0-pthread                      # tensors and a fast BLAS behind them
  libopenmpi-dev openmpi-bin                             # MPI
  libhdf5-dev zlib1g-dev libxxhash-dev                   # files, gzipped data sets, checksums
  libboost-program-options-dev                           # options
  python3-h5py python3-matplotlib python3-numpy          # figures
  dataset-fashion-mnist                                  # the default data set
)
tests=(libgtest-dev libgmock-dev)
case "${1:-}" in
  "") packages+=("${tests[@]}") ;;
  --no-tests) ;;
  --all-tests)
    packages+=("${tests[@]}" munge slurmctld slurmd slurm-client iproute2 procps util-linux
               clang libclang-rt-14-dev clang-tidy python3-venv) ;;
  *) echo "install_packages.sh: unknown argument '$1' (--no-tests, --all-tests are known)" >&2; exit 2 ;;
esac

if ! command -v dpkg-query apt-get >/dev/null; then
  echo "Not a Debian system: nothing is installed, the libraries must be there (README.md lists them)."
  exit 0
fi

missing=()
for package in "${packages[@]}"; do
  state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [[ $state == installed ]] || missing+=("$package")
done

if ((${#missing[@]})); then
  as_root=()
  if ((EUID != 0)); then
    if ! command -v sudo >/dev/null; then
      echo "Packages are missing; as root, run: apt-get install ${missing[*]}" >&2
      exit 2
    fi
    as_root=(sudo)
  fi
  echo "Installing: ${missing[*]}"
  apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive
       apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0)
  log=$(mktemp)
  trap 'rm -f "$log"' EXIT
  { "${apt[@]}" update && "${apt[@]}" install -y --no-install-recommends "${missing[@]}"; } \
    </dev/null >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
fi

# LibTorch pulls in the reference BLAS, many times slower than OpenBLAS, which takes over as soon as
# it is installed unless somebody has pinned the alternative.
for library in /usr/lib/*/libblas.so.3; do
  if [[ $(readlink -f "$library") == */blas/libblas.so.3* ]]; then
    echo "Warning: $library is the slow reference BLAS; as root, run:" \
      "update-alternatives --auto libblas.so.3-$(basename "$(dirname "$library")")" >&2
  fi
done
