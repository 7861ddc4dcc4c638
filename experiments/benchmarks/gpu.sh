#!/usr/bin/env bash
# What only a GPU can show, measured unattended (docs/gpu.md says what each part answers).
# Usage: gpu.sh [PART...], all parts when none is named:
#   placement   which device each rank takes
#   agreement   CPU against GPU, two runs on the GPU, resume: every model and kind of barrier
#   step        a training step against the stock loop; what PyTorch reaches in other arithmetic
#   updates     client updates a second with 1, 2 and 4 client ranks on the GPU
#   at_once     the same clients trained one at a time, 10 and 64 in one launch
#   table       the layer table against loading and evaluating whole networks
#   figure      the paper's figure 1 in small; needs CIFAR-10 (CIFAR10_DIR=.../cifar-10-batches-bin)
# FEDSTRATA_BUILD (default build) is a build against a CUDA LibTorch with -DFEDSTRATA_BENCHMARKS=ON,
# FEDSTRATA_OUT (default runs/gpu) where the figure's run is kept, PYTHON a Python with torch.
set -euo pipefail
cd "$(dirname "$0")/../.."

bin=${FEDSTRATA_BUILD:-build}/bin
out=${FEDSTRATA_OUT:-runs/gpu}
python=${PYTHON:-python3}
parts=("$@")
((${#parts[@]})) || parts=(placement agreement step updates at_once table figure)
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
ranks() { mpirun -n "$1" --oversubscribe --bind-to none "${@:2}"; }

placement() {
  for n in 1 2 4; do
    echo "$n ranks:"
    ranks "$n" "$bin/fedstrata" simulate experiments/quickstart.ini --dry-run --out "$out/none" |
      grep -A99 'rank' || return 1
  done
}
agreement() { "$python" tests/compare_devices.py "$bin/fedstrata" --parallel 6; }
step() { "$bin/benchmark_training_step" --cuda && "$python" experiments/benchmarks/gpu_limits.py; }
updates() {
  "$python" experiments/benchmarks/client_updates.py "$bin/fedstrata" --device cuda \
    --client-ranks 1 2 4 --repeats 2 --mlp-rounds 20 --cnn-rounds 9
}
at_once() {
  for clients in 1 10 64; do
    echo "$clients at once:"
    rm -rf "$out/at_once_$clients"
    "$bin/fedstrata" simulate experiments/benchmarks/many_clients.ini --out "$out/at_once_$clients" \
      --set run.device=cuda --set run.clients_at_once="$clients" --set federation.rounds=20 |
      tail -n 4 || return 1
  done
}
table() { "$bin/benchmark_layer_table" --cuda; }
figure() {
  ranks 4 "$bin/fedstrata" simulate experiments/cifar10_layerwise.ini --out "$out/figure_1" \
    --set "data.dir=${CIFAR10_DIR:?names the folder of the .bin files}" \
    --set run.device=cuda --set federation.rounds=40 --set federation.evaluate_every=4 \
    --set checkpoint.every=4 --set analysis.every=4 --set analysis.samples=1000 \
    --set analysis.batch_size=500 &&
    "$python" experiments/plot.py "$out/figure_1"
}

failed=()
for part in "${parts[@]}"; do
  printf '\n### %s\n\n' "$part"
  begin=$SECONDS
  case $part in
    placement | agreement | step | updates | at_once | table | figure) "$part" || failed+=("$part") ;;
    *) echo "gpu.sh: there is no part '$part'" >&2; exit 2 ;;
  esac
  echo "($((SECONDS - begin)) s)"
done
((${#failed[@]} == 0)) || { echo "Failed: ${failed[*]}"; exit 1; }
