#!/usr/bin/python3
"""`python -m fedstrata tensorboard` and `report`, on the run of 0.1.0 that lies beside the tests."""

import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "experiments"))
import fedstrata
from fedstrata import scalars, tensorboard
from fedstrata.problems import Problem

# Stands in for the package, which Debian lacks: keeps what it is told in a file.
WRITER = '''
import json, os
class SummaryWriter:
    def __init__(self, directory):
        os.makedirs(directory)
        self.file = open(os.path.join(directory, "events"), "w")
    def __enter__(self): return self
    def __exit__(self, *_): self.file.close()
    def flush(self): self.file.flush()
    def add_scalar(self, name, value, step, walltime):
        self.file.write(json.dumps([name, value, step, walltime]) + "\\n")
'''


class Scalars(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = pathlib.Path(directory.name)
        self.run = self.path / "run"
        shutil.copytree(ROOT / "tests/data/run-0.1.0", self.run)

    def command(self, *words, package=True):
        if package:
            (self.path / "tensorboardX.py").write_text(WRITER)
        return subprocess.run([sys.executable, "-m", "fedstrata", *map(str, words)], text=True,
                              env={"PYTHONPATH": f"{self.path}:{ROOT / 'experiments'}",
                                   "PYTHONDONTWRITEBYTECODE": "1"}, capture_output=True, check=False)

    def test_numbers_are_those_of_the_tables(self):
        with fedstrata.Run(self.run) as run:
            found = list(scalars.of_run(run))
            self.assertTrue(all(np.isfinite(value) for _, _, value in found))
            self.assertEqual(len({each[:2] for each in found}), len(found))
            values = {each[:2]: each[2] for each in found}
            last = run.rounds[-1]
            self.assertEqual(values["test/accuracy", last["round"]], last["test_accuracy"])
            table = run.barriers("insitu")
            full = table[(table["kind"] == "full") & (table["split"] == table["split"][0])]
            number = full["round"][-1]
            name = f"barrier_insitu_{full['split'][0]}/{full['target'][0]}"
            self.assertAlmostEqual(values[name, number],
                                   np.mean(full["loss_mid"][full["round"] == number]))
            for layer in run.layers:
                self.assertIn((f"divergence/{layer}", last["round"]), values)
            times = list(scalars.seconds(run).values())
            self.assertEqual(times, sorted(times))
            self.assertGreater(times[0], 1.7e9)  # of this century's twenties

    def test_events_hold_every_number_once(self):
        result = self.command("tensorboard", self.run, "--follow")  # a run that is done ends it
        self.assertEqual((result.returncode, result.stderr), (0, ""), result.stderr)
        events = (self.run / "plots/tensorboard/events").read_text().splitlines()
        with fedstrata.Run(self.run) as run:
            self.assertEqual(len(events), len(list(scalars.of_run(run))))
        self.assertIn(f"{len(events)} numbers", result.stdout)
        again = self.command("tensorboard", self.run)
        self.assertEqual(again.returncode, 2)
        self.assertIn("exists already", again.stderr)

    def test_a_run_that_grows_is_written_round_by_round(self):
        class Writer(list):
            def add_scalar(self, name, value, step, walltime):
                self.append((name, step))
        writer, written = Writer(), {}
        whole = scalars.of_run
        self.addCleanup(setattr, scalars, "of_run", whole)
        for rounds in (1, 2, 2, 1000):
            scalars.of_run = lambda run: (each for each in whole(run) if each[1] <= rounds)
            tensorboard.write_new(self.run, writer, written)
        with fedstrata.Run(self.run) as run:
            self.assertCountEqual(writer, [each[:2] for each in whole(run)])

    def test_what_is_missing_is_named(self):
        result = self.command("tensorboard", self.run, package=False)
        if "numbers in" not in result.stdout:  # the package may be there after all
            self.assertEqual(result.returncode, 2)
            self.assertIn("tensorboardX", result.stderr)
            self.assertEqual(len(result.stderr.splitlines()), 1)
        self.assertEqual(self.command("tensorboard", self.path / "none").returncode, 2)
        with self.assertRaises(Problem):
            tensorboard.main([str(self.path / "none")], "prog")

    def test_a_report_is_one_file(self):
        result = self.command("report", self.run, "--out", self.path / "out")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual([each.name for each in (self.path / "out").iterdir()], ["report.html"])
        self.assertTrue("data:image/svg+xml" in (self.path / "out/report.html").read_text())


if __name__ == "__main__":
    unittest.main()
