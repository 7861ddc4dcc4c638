#!/usr/bin/env python3
"""Client updates per second of the program on some numbers of client ranks and of pfl-research.

Runs the candidates in turn and prints a Markdown table. Without --peer (a Python with pfl and torch)
the peer is left out.
"""
import argparse
import csv
import os
import statistics
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
WARM_UP = 3  # rounds that are not counted
ENVIRONMENT = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
               "OMP_NUM_THREADS": "1"}


def ours(options, model, rounds, client_ranks):
    launcher = [] if client_ranks == 1 else [
        "mpirun", "-n", str(client_ranks + 1), "--oversubscribe", "--bind-to", "none"]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        settings = [f"model.name={model}", f"federation.rounds={WARM_UP + rounds}",
                    "analysis.ranks=0", f"run.device={options.device}"]
        command = [*launcher, str(options.binary), "simulate", str(HERE / "many_clients.ini"), "--out",
                   str(out), *(word for s in settings for word in ("--set", s))]
        subprocess.run(command, check=True, env=ENVIRONMENT, stdout=subprocess.DEVNULL)
        with open(out / "progress.csv", newline="") as file:
            rows = {int(row["round"]): row for row in csv.DictReader(file)}
    counted = [rows[r] for r in sorted(rows) if r > WARM_UP]
    updates = sum(int(row["participants"]) for row in counted)
    return updates / (float(counted[-1]["seconds"]) - float(rows[WARM_UP]["seconds"]))


def peer(python, model, rounds):
    done = subprocess.run([python, str(HERE / "pfl_peer.py"), model, "--rounds", str(rounds)],
                          check=True, env=ENVIRONMENT, capture_output=True, text=True)
    return float(done.stdout.split()[-1])


def measure(options, model, rounds):
    candidates = {f"fedstrata, {ranks} client rank{'s' if ranks > 1 else ''}":
                  lambda ranks=ranks: ours(options, model, rounds, ranks)
                  for ranks in options.client_ranks}
    if options.peer:
        candidates["pfl-research, 1 process"] = lambda: peer(options.peer, model,
                                                             max(1, rounds // 3))
    results = {name: [] for name in candidates}
    for _ in range(options.repeats):
        for name, run in candidates.items():
            results[name].append(run())
    base = results.get("pfl-research, 1 process")
    for name, values in results.items():
        ratio = "-"
        if base:
            ratio = (f"{statistics.median(values) / statistics.median(base):.2f} | "
                     f"{max(values) / max(base):.2f}")
        else:
            ratio = "- | -"
        print(f"| {model} | {name} | {statistics.median(values):.0f} | {max(values):.0f} | {ratio} |",
              flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("binary", type=Path)
    parser.add_argument("--peer", help="Python interpreter that has pfl and torch")
    parser.add_argument("--client-ranks", type=int, nargs="+", default=[1, 2], metavar="N")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--mlp-rounds", type=int, default=60)
    parser.add_argument("--cnn-rounds", type=int, default=9)
    options = parser.parse_args()
    print("| model | program | updates/s (median) | updates/s (best) | against pfl (medians) "
          "| against pfl (best) |")
    print("| --- | --- | --- | --- | --- | --- |")
    measure(options, "mlp", options.mlp_rounds)
    measure(options, "cnn", options.cnn_rounds)


if __name__ == "__main__":
    main()
