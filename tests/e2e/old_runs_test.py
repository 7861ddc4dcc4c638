#!/usr/bin/python3
"""Runs that releases before this one wrote are read, checked, analysed, gone on with and drawn.

tests/data/run-VERSION is a small run of each, run-VERSION.json what is in it: numbers that must be
read exactly, and what four rounds gave there, to which other kinds of CPU come close.
"""

import hashlib
import json
import pathlib
import shutil
import subprocess
import sys
import unittest

import h5py
import numpy as np

import program
from program import ProgramTest, table

import fedstrata

DATA = program.ROOT / "tests/data"
VERSIONS = sorted(path.stem.removeprefix("run-") for path in DATA.glob("run-*.json"))


class OldRuns(ProgramTest):
    def each(self):
        """A copy of each run, and what is expected of it."""
        self.assertIn("0.1.0", VERSIONS)
        for version in VERSIONS:
            run = shutil.copytree(DATA / f"run-{version}", self.path / version)
            yield run, json.loads((DATA / f"run-{version}.json").read_text())

    def test_inspect(self):
        for run, expected in self.each():
            said = self.succeed("inspect", run)
            for part in ("complete", "mlp, 1600 parameters", f"fedstrata {expected['version']}",
                         "insitu: 5 curves of 1 rounds"):
                self.assertIn(part, said)
            self.assertIn("as it was written", self.succeed("inspect", run, "--verify"))
            (run / "run.h5").unlink()
            self.succeed("inspect", run, "--rebuild-index")
            self.check_values(run, expected)

    def test_h5py_and_the_reader(self):
        for run, expected in self.each():
            self.check_values(run, expected)
            with fedstrata.Run(run) as opened:
                self.assertEqual((opened.checkpoints, opened.layers, opened.analyses),
                                 ([0, 2], ["fc1", "fc2"], ["insitu"]))
                weights = opened.state_dict(2, client=1)["fc1.weight"]
                self.assertEqual(weights.shape, (2, 784))
                self.assertEqual([float(v).hex() for v in weights.ravel()[:4]],
                                 expected["first_weights"])
                self.assertEqual(len(opened.barriers()), 5)

    def check_values(self, run, expected):
        with h5py.File(run / "run.h5") as file:
            for name, columns in expected["exact"].items():
                for column, values in columns.items():
                    found = [float(value).hex() for value in file[name][column]]
                    self.assertEqual(found, values, f"{name}, {column}")
            for name, checksum in expected["sha256"].items():
                self.assertEqual(hashlib.sha256(file[name][:].tobytes()).hexdigest(), checksum,
                                 name)

    def test_analysis_afterwards_gives_what_it_gave_during_the_run(self):
        for run, _ in self.each():
            self.succeed("analyze", run, "--name", "again", ranks=2)
            during, after = (table(run, f"barriers/{name}/barriers")
                             for name in ("insitu", "again"))
            keys = ["round", "split", "kind", "target", "a", "b", "rest"]
            self.assertEqual(during[keys].tolist(), after[keys].tolist())
            for column in ("loss_mid", "loss_path", "loss_swap", "loss_a", "loss_b"):
                np.testing.assert_allclose(after[column], during[column], atol=1e-4,
                                           err_msg=column)

    def test_more_rounds(self):
        for run, expected in self.each():
            before = program.content(run)
            self.succeed("simulate", run, "--resume", "--set", "federation.rounds=4",
                         "--allow-config-change", ranks=3)
            self.assertTrue((run / "DONE").exists())
            self.succeed("inspect", run, "--verify")
            self.check_earlier_rounds(before, run, expected)
            rounds = table(run, "metrics/rounds")
            self.assertEqual(rounds["round"].tolist(), [0, 1, 2, 3, 4])
            there = expected["four_rounds"]
            for column in ("train_loss", "test_loss"):
                np.testing.assert_allclose(rounds[column][3:], there[column], atol=1e-3,
                                           err_msg=column)
            # Versions before federation.evaluate evaluated all, and their runs go on so.
            accuracies = table(run, "metrics/clients")["test_accuracy_before"]
            self.assertTrue(np.isfinite(accuracies).all())
            with fedstrata.Run(run) as opened:
                self.assertEqual(opened.checkpoints, [0, 2, 4])
                np.testing.assert_allclose(opened.row(4)[0][-8:], there["global"], atol=1e-3)

    def check_earlier_rounds(self, before, run, expected):
        after = program.content(run)
        for name in before:
            if name.startswith(("checkpoints/", "partition", "layers", "parameters")):
                self.assertEqual(before[name], after[name], name)
        with h5py.File(run / "run.h5") as file:
            for name in ("metrics/rounds", "metrics/layers"):
                for column, values in expected["exact"][name].items():
                    found = [float(value).hex() for value in file[name][column]]
                    self.assertEqual(found[:len(values)], values, f"{name}, {column}")

    def test_figures(self):
        for run, _ in self.each():
            subprocess.run([sys.executable, program.ROOT / "experiments/plot.py", run, "--html"],
                           check=True, capture_output=True)
            names = {path.name for path in pathlib.Path(run / "plots").iterdir()}
            self.assertLessEqual({"accuracy.png", "accuracy.svg", "barriers_insitu_test.png",
                                  "report.html"}, names)


if __name__ == "__main__":
    unittest.main()
