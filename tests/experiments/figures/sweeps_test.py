#!/usr/bin/python3
"""plot.py on collected sweeps written with h5py as docs/sweeps.md describes them."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

import h5py
import numpy as np

from plot_run import write_run, write_sweep

EXPERIMENTS = pathlib.Path(__file__).resolve().parents[3] / "experiments"
sys.path.insert(0, str(EXPERIMENTS))
from fedstrata.figures import compare, groups, metrics, sweeps
from fedstrata.figures.sweep_tables import Sweep
from fedstrata.run import open_run

NAN = np.nan


def plot(*arguments):
    return subprocess.run([sys.executable, EXPERIMENTS / "plot.py", *arguments],
                          capture_output=True, text=True, check=False)


class SweepsTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.path = pathlib.Path(scratch.name) / "sweep"

    def sweep(self, *arguments, **options):
        write_sweep(self.path, *arguments, **options)
        return Sweep(self.path / "collected.h5")


class GlobalModel(SweepsTest):
    """What it was in round 0 is no result."""

    CLIENTS = {"test_accuracy": [0.08, NAN, NAN], "test_loss": [2.3, NAN, NAN],
               "test_accuracy_after": [NAN, 0.5, 0.6], "bytes": [0, 9, 9]}
    BOTH = CLIENTS | {"test_accuracy": [0.08, 0.4, 0.7]}
    CELLS = [("one", "", "1"), ("two", "", "2")]

    def panels(self, *tested):
        sweep = self.sweep(self.CELLS, tested, ["average.body.every"])
        (_, cells), = sweep.parts()
        return {title: [list(numbers) for numbers in grid.flat]
                for title, grid, *_ in sweeps.accuracies(sweep, cells)}

    def test_of_sweeps_that_evaluate_clients_alone_has_no_panel(self):
        self.assertEqual(self.panels(self.CLIENTS, self.CLIENTS),
                         {"clients after averaging: mean": [[60], [60]]})
        printed = plot(self.path)
        self.assertEqual(printed.returncode, 0, printed.stderr)
        self.assertIn("last evaluated round, clients after averaging", printed.stdout)
        self.assertNotIn("averaged (global) model",
                         (self.path / "plots/sweep_accuracy_map.svg").read_text(encoding="utf-8"))

    def test_of_cells_that_evaluate_clients_alone_has_no_point(self):
        self.assertEqual(self.panels(self.BOTH, self.CLIENTS)["averaged (global) model"], [[70], []])

    def test_has_no_line_in_comparisons_and_in_the_figure_of_a_run(self):
        paths = [self.path.with_name(name) for name in ("start", "all")]
        for path, seed in zip(paths, (1, 2)):
            write_run(path, shared=True, lr=0.1 * seed, analysed=())
        with h5py.File(paths[0] / "run.h5", "a") as file:
            table = file["metrics/rounds"][:]
            table["test_accuracy"][1:] = table["test_loss"][1:] = NAN
            file["metrics/rounds"][...] = table
        members = []
        for path, drawn in zip(paths, (False, True)):
            with open_run(path) as run:
                members.append(groups.member(run))
                lines = [line.get_label() for line in
                         metrics.figures(run)["accuracy"].draw().axes[0].lines]
            self.assertEqual("averaged (global) model" in lines, drawn)
        found = groups.of_runs(members)
        panel = compare.tested(found, "accuracy")[0]
        self.assertEqual((panel.title, list(panel.curves)), ("Global model", [id(found[1])]))
        self.assertIn(f"as it is not evaluated after round 0: {found[0].label}",
                      "".join(compare.missing(found, [panel])))


if __name__ == "__main__":
    unittest.main()
