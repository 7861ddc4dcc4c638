#!/usr/bin/env python3
"""`fedstrata analyze` against the plain method: seconds, ratio, largest differences.

Trains two clients shortly for each model, then runs the plain forms (plain_barriers.py) and the
program on one rank (--ranks) and one thread in turn, and prints a Markdown table of medians. The
plain seconds are without Python's imports and reading files; so are those of "analysis", while "whole
process" has the start, the data set and the checksums in it. Needs Debian's python3-torch and the package dataset-fashion-mnist.
"""

import argparse
import importlib.util
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import fedstrata

FORMS = ("loader", "preloaded", "distinct")
MODELS = ("lenet5", "cnn", "mlp", "resnet18")
KEY = ["a", "b", "kind", "target", "rest", "alpha"]
ENVIRONMENT = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
               "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def started(command):
    """Output and seconds of a process."""
    start = time.perf_counter()
    done = subprocess.run([str(word) for word in command], check=True, env=ENVIRONMENT,
                          capture_output=True, text=True)
    return done.stdout, time.perf_counter() - start


def train(options, model, run):
    """A run with models of round 1; a deep net takes few steps."""
    steps = max(2, options.steps // 20) if model == "resnet18" else options.steps
    config = run.with_suffix(".ini")
    config.write_text(f"[model]\nname = {model}\ninit = different\n"
                      f"[data]\nclients = {options.clients}\n"
                      f"[federation]\nrounds = 1\nlocal_steps = {steps}\nevaluate_every = 0\n"
                      "[train]\nmomentum = 0.9\nlr = 0.01\n[checkpoint]\nevery = 1\n")
    started([options.binary, "simulate", config, "--out", run])


def plain(options, run, form, save):
    output, _ = started([sys.executable, HERE / "plain_barriers.py", run, "--form", form,
                         "--samples", options.samples, "--pairs", options.pairs, "--save", save])
    with np.load(save) as file:
        return float(output.split()[-1]), file["points"], int(file["samples"])


def ours(options, run, name):
    settings = {"pairs": options.pairs, "samples": options.samples, "split": "test", "alphas": 3,
                "rounds": 1}
    words = [word for key, value in settings.items() for word in ("--set", f"analysis.{key}={value}")]
    launcher = ["mpirun", "-n", options.ranks] if options.ranks > 1 else []
    output, whole = started([*launcher, options.binary, "analyze", run, "--name", name, *words])
    seconds, fewer = re.search(r"multiply-adds in ([\d.]+) s, ([\d.]+) times fewer", output).groups()
    with fedstrata.Run(run) as opened:
        return float(seconds), whole, float(fewer), opened.barriers(name, "points")


def differences(left, right, samples):
    """Largest difference in loss, and in the number of wrong answers, over all points."""
    left, right = (np.sort(table, order=KEY) for table in (left, right))
    if len(left) != len(right) or any((left[name] != right[name]).any() for name in KEY):
        raise SystemExit("the two methods computed other points")
    loss = np.abs(left["loss"] - right["loss"]).max()
    return loss, round(np.abs(left["error"] - right["error"]).max() * samples)


def measure(options, model, folder):
    run = folder / model
    train(options, model, run)
    seconds = {name: [] for name in (*options.forms, "analysis", "whole process")}
    worst = (0.0, 0)
    for repeat in range(options.repeats):
        own, whole, fewer, points = ours(options, run, f"repeat{repeat}")
        seconds["analysis"].append(own)
        seconds["whole process"].append(whole)
        for form in options.forms:
            plain_seconds, expected, samples = plain(options, run, form, folder / "points.npz")
            seconds[form].append(plain_seconds)
            worst = tuple(map(max, worst, differences(points, expected, samples)))
    own = statistics.median(seconds["analysis"])
    for name, values in seconds.items():
        median = statistics.median(values)
        print(f"| {model} | {name} | {median:.2f} | {min(values):.2f} - {max(values):.2f} | "
              f"{median / own:.2f} | {fewer:.2f} | {worst[0]:.1e} | {worst[1]} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", help="the program fedstrata")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS)
    parser.add_argument("--forms", nargs="+", choices=FORMS, default=FORMS)
    parser.add_argument("--samples", type=int, default=2000, help="of the test set; 0 = all")
    parser.add_argument("--clients", type=int, default=2)
    parser.add_argument("--pairs", default="all", help="A-B or all")
    parser.add_argument("--steps", type=int, default=200, help="local steps before the analysis")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--ranks", type=int, default=1)
    options = parser.parse_args()
    if not importlib.util.find_spec("torch"):
        print("barriers.py needs Debian's package python3-torch.", file=sys.stderr)
        return 2
    print(f"{options.clients} clients, pairs {options.pairs}, {options.samples or 'all'} test "
          f"images, {options.ranks} ranks, medians of {options.repeats}\n")
    print("| model | method | seconds | range | relative to the analysis | fewer multiply-adds | "
          "largest difference in loss | in wrong answers |\n|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for model in options.models:
            measure(options, model, pathlib.Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
