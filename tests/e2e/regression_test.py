#!/usr/bin/python3
"""A run whose task is regression on rows of numbers, from the configuration to the figures."""

import re
import subprocess
import sys
import unittest

import h5py
import numpy as np

import program
from program import ProgramTest, content, run, table

import fedstrata

REGRESSION = {"data.dataset": "synthetic-regression", "data.clients": 3,
              "data.partition": "quantity", "model.init": "different", "federation.rounds": 4,
              "average.body.layers": "first:1", "average.head.layers": "head",
              "average.head.every": 2, "checkpoint.every": 2, "analysis.every": 2,
              "analysis.alphas": 5, "data.train_limit": 400}


class RegressionTest(ProgramTest):
    def trained(self, *changes, **options):
        return self.simulate(self.config(REGRESSION, *changes), "out", **options)

    def test_same_bits_on_any_number_of_ranks_later_and_after_a_stop(self):
        config = self.config(REGRESSION)
        whole = self.simulate(config, "one")
        for ranks in (2, 3):
            other = self.simulate(config, f"on{ranks}", ranks=ranks)
            self.assert_same(content(whole), content(other), f"{ranks} ranks")
        part = self.simulate(config, "part", "--set", "federation.rounds=2",
                             "--set", "checkpoint.keep_state=yes")
        self.succeed("simulate", "--resume", part, "--set", "federation.rounds=4",
                     "--allow-config-change", ranks=2)
        self.assert_same(content(whole), content(part), "resumed")
        self.succeed("analyze", whole, "--name", "later", ranks=2)
        self.assertEqual(table(whole, "barriers/later/barriers").tobytes(),
                         table(whole, "barriers/insitu/barriers").tobytes())

    def test_tables_have_losses_and_no_accuracies(self):
        out = self.trained({"federation.rounds": 10, "train.lr": 0.1})
        rounds = table(out, "metrics/rounds")
        self.assertLess(rounds["train_loss"][-1], 0.5 * rounds["train_loss"][1])
        self.assertGreater(rounds["train_loss"][-1], 0.005)  # the noise
        self.assertLess(rounds["test_loss_after"][-1], rounds["test_loss_before"][1])
        for name in ("rounds", "clients"):
            rows = table(out, f"metrics/{name}")
            for column in rows.dtype.names:
                if "accuracy" in column:
                    self.assertTrue(np.isnan(rows[column]).all(), column)
        barriers = table(out, "barriers/insitu/barriers")
        for end in "ab":
            loss, error = barriers[f"loss_{end}"], barriers[f"error_{end}"]
            self.assertTrue((error > 0).all())
            self.assertTrue((error**2 <= loss).all(), "the mean of squares is the larger one")
        self.assertTrue((barriers["error_mid_high"] > barriers["error_mid_low"]).all())
        with h5py.File(out / "run.h5") as file:
            attributes = dict(file["dataset"].attrs)
            self.assertEqual(file["partition/histogram"].shape, (3, 0))
        self.assertEqual([attributes[name] for name in ("task", "shape", "outputs")],
                         ["regression", "16", 2])
        self.assertFalse({"channels", "classes"} & set(attributes))

    def test_what_people_see_speaks_of_losses(self):
        out = self.trained()
        shown = [self.output, self.succeed("watch", out, "--once"), self.succeed("inspect", out)]
        for text in shown:
            self.assertNotIn("accuracy", text)
        self.assertRegex(shown[0], r"round 4/4  test loss \d+\.\d{4}")
        self.assertRegex(shown[1], r"test loss \d+\.\d{4}")
        self.assertIn("error in the targets' unit", shown[1])
        self.assertIn("loss: global", shown[2])
        header, *lines = (out / "progress.csv").read_text().splitlines()
        last = dict(zip(header.split(","), lines[-1].split(",")))
        self.assertEqual((last["train_accuracy"], last["test_accuracy"]), ("", ""))
        self.assertGreater(float(last["test_loss_after"]), 0)

    def test_figures(self):
        out = self.trained()
        plot = subprocess.run([sys.executable, program.ROOT / "experiments/plot.py", out, "--html"],
                              capture_output=True, text=True, check=False)
        self.assertEqual(plot.returncode, 0, plot.stderr)
        drawn = {path.stem for path in (out / "plots").glob("*.png")}
        self.assertLessEqual({"loss", "partition", "divergence"}, drawn)
        self.assertNotIn("accuracy", drawn)
        self.assertNotIn("percentage points", plot.stdout)
        pictures = [path.read_text() for path in (out / "plots").glob("*.svg")]
        self.assertFalse(any(re.search("accuracy|percentage", text) for text in pictures))

    def test_what_does_not_fit_is_refused(self):
        for changes, *says in (
                ({"model.name": "cnn"}, "model cnn: layer conv1 (convolution) needs an image"),
                ({"model.name": "resnet18"}, "model resnet18: layer conv1 (convolution) needs an image"),
                ({"data.partition": "dirichlet"}, "data.partition = dirichlet", "labels"),
                ({"data.partition": "shards"}, "data.partition = shards", "iid"),
                ({"data.augment": "crop_flip"}, "data.augment = crop_flip needs images")):
            result = run("simulate", self.config(REGRESSION, changes), "--out", self.path / "no")
            self.assert_fails(result, 2, *says)
            self.assertFalse((self.path / "no").exists())

    def test_models_from_elsewhere_have_the_same_barriers(self):
        native = self.trained({"data.partition": "same"})
        command = [sys.executable, program.ROOT / "experiments/import_torch.py", "--program",
                   program.BINARY, "--out", self.path / "imported", "--model", "mlp", "--hidden",
                   "16", "--dataset", "synthetic-regression", "--train-limit", "400",
                   "--test-limit", "60", "--round", "4"]
        with fedstrata.Run(native) as opened:
            for client in range(3):
                file = self.path / f"{client}.npz"
                np.savez(file, **opened.state_dict(4, client=client))
                command.append(file)
        imported = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual(imported.returncode, 0, imported.stderr)
        tables = []
        for out in (native, self.path / "imported"):
            self.succeed("analyze", out, "--name", "last", "--set", "analysis.rounds=last",
                         "--set", "analysis.alphas=5")
            tables.append(program.stable_columns(table(out, "barriers/last/barriers")))
        self.assertEqual(*tables)

    def test_every_partition_that_needs_no_labels(self):
        for kind in ("iid", "same"):
            out = self.simulate(self.config(REGRESSION, {"data.partition": kind}), kind)
            offsets = h5py.File(out / "run.h5")["partition/offsets"][:]
            self.assertEqual(offsets[-1], 400 * (3 if kind == "same" else 1))


if __name__ == "__main__":
    unittest.main()
