#!/usr/bin/python3
"""plot.py on a small run written with h5py as docs/file-format.md describes it."""

import pathlib
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

import h5py
import matplotlib.image
import numpy as np

PLOT = pathlib.Path(__file__).resolve().parent.parent / "experiments" / "plot.py"
LAYERS = ["fc1", "fc2", "fc3"]
CURVE = [("round", "i8"), ("split", "S8"), ("kind", "S24"), ("target", "S64"), ("a", "i8"),
         ("b", "i8"), ("round_b", "i8"), ("other_run", "S96"), ("rest", "i8"), ("draw", "i8")]


def plot(*arguments):
    return subprocess.run([sys.executable, PLOT, *arguments], capture_output=True, text=True,
                          check=False)


def write_table(file, name, columns, rows):
    file[name] = np.array([tuple(row) for row in rows], dtype=columns)


def write_run(path, analysed=(2, 4), alphas=5):
    path.mkdir()
    with h5py.File(path / "run.h5", "w") as file:
        file.attrs.update(format="fedstrata", format_version=1, model="mlp", clients=3,
                          dataset="fashion-mnist", config="[analysis]\nat = before\n")
        write_table(file, "layers", [("name", "S64"), ("offset", "i8"), ("size", "i8")],
                    [(name, 10 * k, 10) for k, name in enumerate(LAYERS)])
        file["partition/histogram"] = np.arange(30).reshape(3, 10)
        write_table(file, "metrics/rounds",
                    [("round", "i8"), ("test_accuracy", "f8"), ("test_loss", "f8"),
                     ("test_accuracy_before", "f8"), ("test_accuracy_after", "f8")],
                    [(r, 0.1 * r, 2 - 0.3 * r, np.nan if r % 2 else 0.2 * r, np.nan)
                     for r in range(5)])
        write_table(file, "metrics/layers",
                    [("round", "i8"), ("layer", "S64"), ("averaged", "i8"), ("divergence", "f8")],
                    [(r, name, r == 2 and name != "fc3", r + 1.5) for r in range(1, 5)
                     for name in LAYERS])
        file.create_group("barriers")
        if analysed:
            write_barriers(file, analysed, alphas)


def write_barriers(file, analysed, alphas):
    """Full barriers 0.5, 0.6, 1.0 for the three pairs; layer k has k/10 - 0.02 and k/10."""
    barriers, points = [], []
    paths = [("full", "all", 0)] + [("layer", name, k) for k, name in enumerate(LAYERS)]
    for r in analysed:
        for split in ("test", "train"):
            for (a, b), full in zip([(0, 1), (0, 2), (1, 2)], [0.5, 0.6, 1.0]):
                for kind, target, k in paths:
                    for rest in (-1,) if kind == "full" else (a, b):
                        mid = full if kind == "full" else k / 10 - 0.02 * (rest == a)
                        key = (r, split, kind, target, a, b, r, "", rest, 0)
                        barriers.append((*key, mid, mid / 10, 0.3, 0.4, 0.1, 0.2))
                        points += [(*key, x, 0.3 + mid * 4 * x * (1 - x), 0.1)
                                   for x in np.linspace(0, 1, alphas)]
    numbers = ["loss_mid", "error_mid", "loss_a", "loss_b", "error_a", "error_b"]
    write_table(file, "barriers/insitu/barriers", CURVE + [(n, "f8") for n in numbers], barriers)
    write_table(file, "barriers/insitu/points",
                CURVE + [(n, "f8") for n in ("alpha", "loss", "error")], points)


class PlotTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.path = pathlib.Path(scratch.name) / "run"

    def check_figures(self, directory, names):
        self.assertEqual({p.name for p in directory.iterdir()},
                         {f"{n}.{e}" for n in names for e in ("png", "svg")})
        for name in names:
            pixels = matplotlib.image.imread(directory / f"{name}.png")[..., :3]
            self.assertGreater((pixels < 0.9).any(axis=2).mean(), 0.01, f"{name}.png is blank")
            xml.etree.ElementTree.parse(directory / f"{name}.svg")

    def check_refused(self, sentence, *arguments):
        result = plot(*arguments)
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertIn(sentence, result.stderr)
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)

    def test_draws_everything_and_prints_the_medians(self):
        write_run(self.path)
        result = plot(self.path)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.check_figures(self.path / "plots",
                           ["accuracy", "divergence", "partition", "barriers_insitu_train",
                            "barriers_insitu_test", "paths_insitu_train", "paths_insitu_test"])
        rows = [line.split() for line in result.stdout.splitlines()]
        # full: median of .5 .6 1; layers: -.01, .09, .19; errors are a tenth, in percent.
        self.assertIn(["4", "0.60", "0.09", "6.0", "0.9", "0.60", "0.09", "6.0", "0.9"], rows)

    def test_numbers_of_the_heat_map(self):
        write_run(self.path, alphas=3)
        self.assertEqual(plot(self.path).returncode, 0)
        text = (self.path / "plots" / "barriers_insitu_train.svg").read_text()
        for number in ("0.60", "−0.01", "0.09", "0.19", "0.35", "15.0", "end points", "(3)"):
            self.assertIn(f"{number}", text)

    def test_run_without_analysis(self):
        write_run(self.path, analysed=())
        out = self.path.parent / "elsewhere"
        self.assertEqual(plot(self.path, "--out", out).returncode, 0)
        self.check_figures(out, ["accuracy", "divergence", "partition"])
        self.assertFalse((self.path / "plots").exists())

    def test_refuses_what_it_cannot_draw(self):
        self.check_refused("there is no run.h5", self.path)
        write_run(self.path)
        self.check_refused("no analysis called 'dense' (it has: insitu)", self.path,
                           "--analysis", "dense")
        self.check_refused("--out", self.path, "--out", self.path / "run.h5" / "plots")
        (self.path / "run.h5").write_bytes(b"not HDF5")
        self.check_refused("inspect --verify", self.path)


if __name__ == "__main__":
    unittest.main()
