#!/usr/bin/env bash
# Builds the fuzzers and gives each of them RUNS inputs. An input that breaks a promise is kept in
# build-fuzz/broken/; give its path to build-fuzz/bin/TARGET to see it again.
# Usage: run.sh [RUNS [TARGET...]]      (10000 inputs, all targets; more than that: new random ones)
set -euo pipefail
cd "$(dirname "$0")/../.."
runs=${1:-10000}
shift || true

if ! command -v clang++ >/dev/null ||
   ! clang++ -fsanitize=fuzzer -x c++ - -o /dev/null 2>/dev/null \
     <<<'extern "C" int LLVMFuzzerTestOneInput(unsigned char const*, unsigned long) { return 0; }'; then
  echo "Skipped: the fuzzers need clang++ and libFuzzer (Debian: clang, libclang-rt-14-dev)."
  exit 77
fi
cmake --preset fuzz >/dev/null </dev/null
cmake --build --preset fuzz -j "${FUZZ_JOBS:-1}" </dev/null

work=build-fuzz
python3=/usr/bin/python3
[[ -x $python3 ]] || python3=python3
"$python3" tests/fuzz/seeds.py "$work/seeds"
targets=("$@")
((${#targets[@]})) || for file in tests/fuzz/*.cpp; do targets+=("$(basename "$file" .cpp)"); done

seed=1  # the same inputs every time, so that a change is what makes them fail
((runs <= 10000)) || seed=0
mkdir -p "$work/broken"
memory=/dev/shm
[[ -d $memory ]] || memory=/tmp
TMPDIR=$(mktemp -d -p "$memory" fedstrata-fuzz-XXXXXX)
export TMPDIR
export ASAN_OPTIONS=quarantine_size_mb=16:malloc_context_size=4  # faster
trap 'rm -rf "$TMPDIR"' EXIT
for target in "${targets[@]}"; do
  found=$work/found/$target
  ((seed == 0)) || rm -rf "$found"
  corpora=("$found" "$work/seeds/$target" "tests/fuzz/corpus/$target")
  mkdir -p "${corpora[@]:0:2}"
  [[ -d ${corpora[2]} ]] || corpora=("${corpora[@]:0:2}")
  options=(-max_len=4096)
  [[ $target != run_* ]] || options=(-max_len=96 -len_control=0)  # long from the first on
  SECONDS=0
  log=$work/$target.log
  if ! "$work/bin/$target" -runs="$runs" -seed="$seed" "${options[@]}" -timeout=20 \
       -rss_limit_mb=2048 -malloc_limit_mb=512 -artifact_prefix="$work/broken/$target-" \
       "${corpora[@]}" \
       >"$log" 2>&1 </dev/null; then
    grep -E 'broken promise|ERROR|SUMMARY|terminate|what\(\)|runtime error|Test unit' "$log" >&2 ||
      tail -n 30 "$log" >&2
    echo "$target: an input breaks a promise (see $log)" >&2
    exit 1
  fi
  echo "$target: $runs inputs in $SECONDS s"
done
