#!/usr/bin/env bash
# Builds and runs every benchmark and prints the tables of docs/performance.md. About 15 minutes on
# 2 cores. FEDSTRATA_PEERS_VENV names the virtual environment for the peers (made when absent, about
# 5 GB; set it to `none` to leave them out).
set -euo pipefail
cd "$(dirname "$0")/../.."

build=${FEDSTRATA_BUILD:-build}
venv=${FEDSTRATA_PEERS_VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/fedstrata/peers-venv}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMP_NUM_THREADS=1

quietly() { "$@" >"$log" 2>&1 || { cat "$log" >&2; return 1; }; }

quietly cmake --preset release -B "$build" -DFEDSTRATA_BENCHMARKS=ON
quietly cmake --build "$build" -j "$(nproc)" --target fedstrata benchmark_training_step \
  benchmark_layer_table benchmark_aggregation

peers=()
if [[ $venv != none ]]; then
  if "$venv/bin/python" -c 'import jax, pfl, torch' 2>/dev/null ||
    { /usr/bin/python3 -m venv "$venv" &&
      { quietly "$venv/bin/pip" install torch --index-url https://download.pytorch.org/whl/cpu ||
        true; } &&
      quietly "$venv/bin/pip" install 'pfl[pytorch]' jax --index-url https://pypi.org/simple; }; then
    peers=(--peers "$venv/bin/python")
  else
    echo "the peers could not be installed in $venv; they are left out" >&2
  fi
fi

version() { dpkg-query -W -f '${Version}' "$1" 2>/dev/null || echo unknown; }
echo "Machine: $(nproc) cores, $(sed -n 's/^model name\s*: //p' /proc/cpuinfo | head -1)," \
  "$(free -g | awk '/^Mem/ {print $2}') GiB; load $(cut -d' ' -f1 /proc/loadavg) at the start"
echo "Versions: $(git describe --always --dirty 2>/dev/null || echo unknown)," \
  "LibTorch $(version libtorch-dev), OpenBLAS $(version libopenblas0-pthread)," \
  "Open MPI $(version libopenmpi3), $(c++ --version | head -1)"
if ((${#peers[@]})); then
  "${peers[1]}" -c 'from importlib.metadata import version
print("Peers:", ", ".join(f"{name} {version(name)}" for name in ("pfl", "torch", "jax")))'
fi

echo $'\n### Framework overhead\n'
"$build/bin/benchmark_training_step"
echo $'\n### Client updates per second\n'
experiments/benchmarks/client_updates.py "$build/bin/fedstrata" "${peers[@]}"
echo $'\n### Aggregation\n'
for ranks in 2 3; do
  mpirun -n "$ranks" --oversubscribe --bind-to none "$build/bin/benchmark_aggregation" |
    if ((ranks == 2)); then cat; else tail -n +3; fi
done
echo $'\n### Layer table\n'
"$build/bin/benchmark_layer_table"
