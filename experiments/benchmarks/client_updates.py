#!/usr/bin/env python3
"""Client updates per second of the program on some numbers of client ranks, and of its peers.

Runs the candidates in turn and prints a Markdown table. Peers (peers/*.py) do the same rounds with the
same network, data and steps on one thread; without --peers (a Python with pfl, torch and jax) they are
left out.
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
PEERS = {  # name: program and arguments, models
    "JAX, a round compiled (lax.map)": (["jax_rounds.py"], ["mlp"]),
    "JAX, clients together (vmap)": (["jax_rounds.py", "--clients", "vmap"], ["mlp"]),
    "PyTorch, 5 clients in a product": (["pytorch_batched.py"], ["mlp"]),
    "PyTorch, plain loop": (["pytorch_loop.py"], ["mlp", "cnn"]),
    "pfl-research": (["pfl_research.py"], ["mlp", "cnn"]),
}
ENVIRONMENT = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
               "OMP_NUM_THREADS": "1"}


def ours(options, model, rounds, client_ranks):
    """Updates per second, and the accuracy after one round more, in which alone it is evaluated."""
    launcher = [] if client_ranks == 1 else [
        "mpirun", "-n", str(client_ranks + 1), "--oversubscribe", "--bind-to", "none"]
    last = WARM_UP + rounds
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        settings = [f"model.name={model}", f"federation.rounds={last + 1}",
                    f"federation.evaluate_every={last + 1}", "federation.evaluate=global",
                    "analysis.ranks=0", f"run.device={options.device}"]
        command = [*launcher, str(options.binary), "simulate", str(HERE / "many_clients.ini"), "--out",
                   str(out), *(word for s in settings for word in ("--set", s))]
        subprocess.run(command, check=True, env=ENVIRONMENT, stdout=subprocess.DEVNULL)
        with open(out / "progress.csv", newline="") as file:
            rows = {int(row["round"]): row for row in csv.DictReader(file)}
    updates = sum(int(rows[r]["participants"]) for r in range(WARM_UP + 1, last + 1))
    seconds = float(rows[last]["seconds"]) - float(rows[WARM_UP]["seconds"])
    return updates / seconds, float(rows[last + 1]["test_accuracy"])


def peer(python, words, model, rounds):
    program, *arguments = words
    done = subprocess.run([python, str(HERE / "peers" / program), model, "--rounds", str(rounds),
                           *arguments], check=True, env=ENVIRONMENT, capture_output=True, text=True)
    speed, *accuracy = done.stdout.splitlines()[-1].split()
    return float(speed), float(accuracy[0]) if accuracy else None


def measure(options, model, rounds):
    candidates = {f"fedstrata, {ranks} client rank{'s' if ranks > 1 else ''}":
                  lambda ranks=ranks: ours(options, model, rounds, ranks)
                  for ranks in options.client_ranks}
    for name, (words, models) in PEERS.items():
        if options.peers and model in models:
            candidates[name] = lambda words=words: peer(options.peers, words, model, rounds)
    results = {name: [] for name in candidates}
    for _ in range(options.repeats):
        for name, run in candidates.items():
            results[name].append(run())
    first = None
    for name, values in results.items():
        speeds = [speed for speed, _ in values]
        median, best = statistics.median(speeds), max(speeds)
        first = first or (median, best)
        accuracy = values[0][1]
        print(f"| {model} | {name} | {median:.0f} | {best:.0f} | {median / first[0]:.2f} | "
              f"{best / first[1]:.2f} | {'' if accuracy is None else f'{100 * accuracy:.1f} %'} |",
              flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("binary", type=Path)
    parser.add_argument("--peers", metavar="PYTHON", help="interpreter that has pfl, torch and jax")
    parser.add_argument("--client-ranks", type=int, nargs="+", default=[1, 2], metavar="N")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--mlp-rounds", type=int, default=60)
    parser.add_argument("--cnn-rounds", type=int, default=3)
    options = parser.parse_args()
    print("| model | program | updates/s (median) | updates/s (best) | against the first (medians) "
          "| against the first (best) | accuracy |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for model, rounds in (("mlp", options.mlp_rounds), ("cnn", options.cnn_rounds)):
        if rounds > 0:
            measure(options, model, rounds)


if __name__ == "__main__":
    main()
