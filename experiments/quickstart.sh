#!/usr/bin/env bash
# From a bare Debian 12 to a layer-wise barrier heat map: installs the packages, builds, trains four
# clients over MPI, analyses, draws. Takes no arguments; settings are in experiments/quickstart.ini.
set -euo pipefail
exec </dev/null
cd "$(dirname "$0")/.."
if (($#)); then
  echo "quickstart.sh takes no arguments; for your own settings see README.md, 'Your own experiment'." >&2
  exit 2
fi

step() { printf '\n== %s\n' "$*"; }

run=runs/quickstart
for ((n = 2; ; ++n)); do
  [[ -e $run ]] || break
  run=runs/quickstart-$n
done

step "Packages"
experiments/install_packages.sh --no-tests

step "Build"
configure=(cmake --preset release --log-level=NOTICE)
# The tests need GoogleTest; an existing build directory keeps what it was configured for.
[[ -f build/CMakeCache.txt ]] || configure+=(-DFEDSTRATA_TESTS=OFF)
"${configure[@]}"
cmake --build --preset release --target fedstrata -j "$(nproc)"

step "Train (rank 0 coordinates, ranks 1 and 2 train two clients each, rank 3 analyses)"
build/bin/fedstrata simulate experiments/quickstart.ini --ranks 4 --out "$run"

step "Analyse round 10 once more, after the run: eleven points on each path"
build/bin/fedstrata analyze "$run" --ranks 2 --name paths \
  --set analysis.rounds=10 --set analysis.alphas=11 --set analysis.split=test

step "Draw"
/usr/bin/python3 experiments/plot.py "$run" --html

cat <<END

== Done in $SECONDS s
Run        $PWD/$run/run.h5          (HDF5: models, metrics, barriers; docs/file-format.md)
Report     $PWD/$run/plots/report.html
Figures    $PWD/$run/plots           (PNG and SVG)
Progress   $PWD/$run/progress.csv
Look into  build/bin/fedstrata inspect $run
END
