#!/usr/bin/env python3
"""What being resumable costs: the share of a run's time that goes into resume states, and the time
from a start with --resume to the first new round, against that of a fresh start.

Runs FedAvg (only the global row is kept) and a schedule in which every client keeps its own rows, in
turn without states and with one after every round, prints seconds per state (rank 0, which also
writes here: nothing hides it), and the share of the time if states are saved every ten minutes, the
default. Needs the package dataset-fashion-mnist.
"""

import argparse
import os
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time

CASES = {"FedAvg": "[average.all]\nlayers = all\nevery = 1\n",
         "every 2 rounds": "[average.all]\nlayers = all\nevery = 2\n"}
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
DEFAULT_MINUTES = 10


def config(options, groups):
    return (f"[model]\nname = {options.model}\n[data]\nclients = {options.clients}\n"
            f"[train]\nmomentum = 0.9\nlr = 0.01\n"
            f"[federation]\nrounds = {options.rounds}\nlocal_steps = {options.steps}\n"
            f"evaluate_every = 0\n{groups}")


def run(options, *arguments):
    """Seconds of the training, and of the whole process."""
    begin = time.perf_counter()
    done = subprocess.run([options.binary, "simulate", *map(str, arguments)], check=True,
                          env=ENVIRONMENT, capture_output=True, text=True)
    value, unit = re.search(r"training took ([\d.]+) (s|min)", done.stdout).groups()
    return float(value) * (60 if unit == "min" else 1), time.perf_counter() - begin


def stop_and_resume(options, path, out):
    """Seconds from the start to the first new round: of a fresh start, and with --resume."""
    seconds = []
    for rounds in (0, 1):
        begin = time.perf_counter()
        process = subprocess.Popen([options.binary, "simulate", path, "--out", out, "--resume",
                                    "--set", "federation.rounds=1000000"], env=ENVIRONMENT,
                                   stdout=subprocess.DEVNULL)
        csv = out / "progress.csv"
        known = len(csv.read_text().splitlines()) if rounds else 2
        while not (csv.exists() and len(csv.read_text().splitlines()) > known):
            time.sleep(0.001)
        seconds.append(time.perf_counter() - begin)
        process.send_signal(signal.SIGUSR1)
        if process.wait() != 3:
            sys.exit("the run did not stop in order")
    return seconds


def measure(options, folder, name, groups):
    path = folder / "case.ini"
    path.write_text(config(options, groups))
    off, each, fresh, resumed = [], [], [], []
    for repeat in range(options.repeats):
        for states, into in (("0", off), ("1", each)):
            out = folder / f"run{repeat}{states}"
            # With a budget of a microsecond every round is late, and saves.
            arguments = ["--set", "checkpoint.minutes=" + ("1e-8" if states == "1" else "0"),
                         "--set", "checkpoint.keep_state=yes"]
            into.append(run(options, path, "--out", out, *arguments)[0])
        for value, into in zip(stop_and_resume(options, path, folder / f"stop{repeat}"),
                               (fresh, resumed)):
            into.append(value)
    per_state = (statistics.median(each) - statistics.median(off)) / options.rounds
    size = sum(file.stat().st_size for file in sorted((out / "state/resume").iterdir())[-1:])
    print(f"| {name} | {size / 2**20:.2f} | {1000 * per_state:.1f} | "
          f"{100 * per_state / (60 * DEFAULT_MINUTES):.4f} % | "
          f"{100 * (statistics.median(each) / statistics.median(off) - 1):.1f} % | "
          f"{statistics.median(fresh):.2f} | {statistics.median(resumed):.2f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", help="the program fedstrata")
    parser.add_argument("--model", default="cnn")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    print(f"{options.model}, {options.clients} clients, {options.steps} local steps, medians of "
          f"{options.repeats}\n\n"
          "| schedule | MiB a state | ms a state | share of the time, every 10 minutes | more time "
          "with one each round | s to the first round | s to the first new round, resumed |\n"
          "| --- | --- | --- | --- | --- | --- | --- |")
    for name, groups in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            measure(options, pathlib.Path(folder), name, groups)


if __name__ == "__main__":
    main()
