# Sourced by the batch scripts, which set launch, program and max_restarts: runs the program, hands
# on the signal that comes before the time limit, and queues the job again when it was interrupted.
# shellcheck shell=bash disable=SC2154

# The program that is installed with these scripts, or was built in the source tree that they lie in,
# or the one in PATH.
if [[ -z $program ]]; then
  here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
  for program in "$here/../../../bin/fedstrata" "$here/../build/bin/fedstrata" fedstrata; do
    if command -v "$program" >/dev/null; then break; fi
  done
fi

# With Slurm's default exchange a few per cent of the starts on four nodes crashed in MPI_Init.
export SLURM_PMIX_FENCE=ring
# srun does not take this over from sbatch.
export SRUN_CPUS_PER_TASK=${SLURM_CPUS_PER_TASK:-1}
# Slurm places the ranks; waiting ranks give their core to working ones.
export OMPI_MCA_hwloc_base_binding_policy=none OMPI_MCA_mpi_yield_when_idle=1

launcher=
signals=0
hand_on() {
  if [[ -n $launcher ]]; then kill -USR1 "$launcher" 2>/dev/null || true; fi
}
trap 'signals=$((signals + 1)); hand_on' USR1

# option NAME DEFAULT ARGUMENT...: prints the value of --NAME among the arguments.
option() {
  local -r name=--$1
  local value=$2
  shift 2
  while (($#)); do
    case $1 in
      "$name") value=${2-} ;;
      "$name="*) value=${1#*=} ;;
    esac
    shift
  done
  printf '%s' "$value"
}

# has_option NAME ARGUMENT...: is --NAME among the arguments?
has_option() { [[ " ${*:2} " == *" --$1 "* ]]; }

# run_job MARK ARGUMENT...: runs `fedstrata ARGUMENT...` and ends the job. The file MARK, where
# there is one, says that the work is complete: srun ends with 0 also when its step was cancelled.
run_job() {
  local -r mark=$1 last_round=$(last_round_of "$1")
  local code before
  shift
  "${launch[@]}" "$program" "$@" &
  launcher=$!
  if ((signals)); then hand_on; fi  # one came before there was anybody to hand it to
  while true; do
    before=$signals code=0
    wait "$launcher" || code=$?
    if ((signals == before)); then break; fi  # else a signal interrupted the wait alone
  done
  launcher=

  # A signal that meets a rank before it listens ends it; the work goes on later all the same.
  if ((code == 3 || (signals && code > 128))); then
    if [[ -e $mark ]]; then exit 0; fi
    if [[ -n $last_round && $last_round == "$(last_round_of "$mark")" ]]; then
      echo "Interrupted before it finished a round, as the last time: not queued again. A round," \
        "run.grace and the time of --signal must fit into --time." >&2
      exit 3
    fi
    queue_again
  fi
  if [[ -n $mark && ! -e $mark && $code == 0 ]]; then
    echo "There is no $mark: the run is not complete. Submit it again to go on." >&2
    exit 1
  fi
  exit "$code"
}

# The last round in the progress.csv beside MARK, if there is one yet.
last_round_of() { tail -n 1 "${1%DONE}progress.csv" 2>/dev/null | cut -d , -f 1 || true; }

queue_again() {
  local -r restarts=${SLURM_RESTART_COUNT:-0}
  if ((restarts >= max_restarts)); then
    echo "Interrupted, and not queued again after $restarts restarts (max_restarts)." >&2
    exit 3
  fi
  echo "Interrupted: queueing this job again, restart $((restarts + 1)) of at most $max_restarts."
  scontrol requeue "$SLURM_JOB_ID" || true  # where it is not allowed, scontrol says so
  exit 3
}
