#!/usr/bin/python3
"""The paper's findings on a small scale; T1 to T11 are those of docs/experiments.md.

Two clients train on the same 8,000 images in orders of their own and are never averaged. From two
initialisations the model half-way between theirs is ruined, though each layer alone can be
averaged; from one initialisation even the whole model can. Medians of three seeds.
"""

import os
import pathlib
import statistics
import sys
import tempfile
import unittest

import h5py
import numpy as np

from program import ProgramTest, table

LAYERS = ["fc1", "fc2", "fc3", "fc4"]
PAIR = {"model.hidden": "200,200,200", "data.dataset": "fashion-mnist", "data.clients": 2,
        "data.partition": "same", "data.train_limit": 8000, "data.test_limit": 2000,
        "train.lr": 0.05, "train.momentum": 0.9, "train.weight_decay": 5e-4,
        "train.batch_size": 64, "train.schedule": "cosine", "federation.preset": "local",
        "federation.rounds": 20, "federation.evaluate_every": 0, "checkpoint.every": 1,
        "analysis.split": "train", "analysis.samples": 2000}
CONTROLS = ("analysis.rounds=last", "analysis.align=weights",
            "analysis.kinds=full,layer,cumulative-shallow,cumulative-deep,window:2,random:3,"
            "subspace:3")
SEEDS = (1, 2, 3)


def settings(*keys):
    return [word for key in keys for word in ("--set", key)]


def rows(barriers, kind, target=None):
    """Rows of a kind (and target), those of the mean where there are draws."""
    found = barriers[barriers["kind"] == kind.encode()]
    if target is not None:
        found = found[found["target"] == target.encode()]
    return found[found["draw"] == -1] if (found["draw"] == -1).any() else found


def mid(barriers, kind, target="all"):
    """The larger of the two bases' midpoint barriers."""
    return rows(barriers, kind, target)["loss_mid"].max()


class TargetsTest(ProgramTest):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(prefix="fedstrata-targets-")
        cls.addClassCleanup(cls.scratch.cleanup)
        cls.stored = {}

    def pair(self, init, seed):
        """Directory of the trained and analysed pair; made once for all tests."""
        name = f"{init}{seed}"
        if name not in self.stored:
            config = self.config(PAIR, {"model.init": init, "run.seed": seed})
            run = self.simulate(config, pathlib.Path(self.scratch.name) / name, ranks=4)
            keys = CONTROLS if init == "different" else CONTROLS[:1]
            self.succeed("analyze", run, "--name", "controls", *settings(*keys), ranks=2)
            self.stored[name] = run
        return self.stored[name]

    def controls(self, init="different"):
        """Of each seed the table of all kinds of barriers in the last round."""
        return [table(self.pair(init, seed), "barriers/controls/barriers") for seed in SEEDS]

    def medians(self, init, **wanted):
        """NAME=(kind, target) -> median over the seeds of mid(), all of them printed."""
        tables = self.controls(init)
        found = {name: [mid(t, *at) for t in tables] for name, at in wanted.items()}
        for name, values in found.items():
            print(f"{init} initialisation, {name}: " + " ".join(f"{v:.4f}" for v in values),
                  file=sys.stderr)
        return {name: statistics.median(values) for name, values in found.items()}

    def test_full_barrier_and_layers(self):
        """T1, T2: from two initialisations there is a barrier, which no layer causes alone."""
        wanted = {"full": ("full",)} | {name: ("layer", name) for name in LAYERS}
        apart = self.medians("different", **wanted)
        self.assertGreater(apart["full"], 1.0)
        errors = [rows(t, "full")["error_mid"][0] for t in self.controls()]
        self.assertGreater(statistics.median(errors), 0.15)
        self.assertLess(apart["fc1"], 0.8)
        for name in LAYERS[1:]:
            self.assertLess(apart[name], 0.2, name)
        self.assertGreater(apart["full"], 1.5 * sum(apart[name] for name in LAYERS))
        together = self.medians("same", full=("full",))
        self.assertLess(abs(together["full"]), 0.15)
        self.assertLess(abs(together["full"]), apart["full"] / 8)

    def test_random_directions_cost_less(self):
        """T3: a random direction of the same length is no barrier."""
        found = self.medians("different", full=("full",), random=("random",),
                             **{name: ("random", name) for name in LAYERS})
        self.assertLess(found["random"], found["full"] / 5)
        for name in LAYERS:
            self.assertLess(found[name], 0.1, name)

    def test_layers_added_one_by_one(self):
        """T4: growing sets of layers lead from one layer's barrier to the full one."""
        for barriers in self.controls():
            full = rows(barriers, "full")["loss_mid"][0]
            for kind, order in (("cumulative-shallow", LAYERS), ("cumulative-deep", LAYERS[::-1])):
                steps = np.array([rows(barriers, kind, name)["loss_mid"] for name in order])
                first = rows(barriers, "layer", order[0])["loss_mid"]
                self.assertEqual(steps[0].tolist(), first.tolist(), kind)
                self.assertEqual(steps[-1].tolist(), [full, full], kind)
                # The last step may be a small one down: all layers but one against all.
                self.assertTrue((np.diff(steps, axis=0) > -0.15 * full).all(), steps)
                self.assertTrue((steps[0] < 0.5 * full).all(), steps)
                self.assertTrue((steps[1] > steps[0]).all(), steps)

    def test_windows(self):
        """Of two neighbouring layers the first ones carry most of an mlp's barrier."""
        found = self.medians("different", first=("window:2", "fc1..fc2"),
                             middle=("window:2", "fc2..fc3"), last=("window:2", "fc3..fc4"))
        self.assertGreater(found["first"], 1.2 * max(found["middle"], found["last"]))

    def test_alignment_removes_the_barrier(self):
        """T8: matching the units of the two networks; for layers too."""
        aligned = {name: ("aligned-layer", name) for name in LAYERS}
        found = self.medians("different", full=("full",), matched=("aligned-full",),
                             alone=("layer", "fc1"), **aligned)
        self.assertLess(found["matched"], found["full"] / 2)
        self.assertLess(found["fc1"], found["alone"] / 2)
        for name in LAYERS:
            self.assertLess(found[name], 0.15, name)
        run = self.pair("different", 1)
        self.succeed("analyze", run, "--name", "activations", *settings(
            "analysis.rounds=last", "analysis.align=activations", "analysis.kinds=full"))
        barriers = table(run, "barriers/activations/barriers")
        self.assertLess(mid(barriers, "aligned-full"), mid(barriers, "full") / 2)

    def test_noise_in_and_outside_of_the_trajectory(self):
        """T11: of equal length, noise in the span of a client's own trajectory is the worst, and
        outside of it is like any random direction."""
        found = self.medians("different", towards=("subspace-towards",), full=("full",),
                             span=("subspace-span",), outside=("subspace-complement",),
                             random=("random",))
        self.assertEqual(found["towards"], found["full"])
        self.assertGreater(found["span"], 5 * found["outside"])
        self.assertLess(found["outside"], found["full"] / 5)
        self.assertLess(abs(found["outside"] - found["random"]), found["random"])

    def test_trajectory_spans_more_than_its_ends(self):
        """T11: the stored models are those of their rounds, not copies of the last."""
        with h5py.File(self.pair("different", 1) / "run.h5", "r") as file:
            models = np.array([file[f"checkpoints/{r:06d}/before"][0] for r in range(21)])
        steps = np.diff(models.astype(float), axis=0)
        self.assertGreater(np.linalg.matrix_rank(steps @ steps.T, tol=1e-8), 15)


class AveragingTest(ProgramTest):
    """T10: barriers between averages. A small set, so that training comes to an end in seconds."""

    def barriers(self, name, **keys):
        """Round -> full barrier after the round, averaged or not."""
        small = {"model.name": "lenet5", "model.hidden": None, "data.train_limit": 1000,
                 "federation.preset": None, "federation.rounds": 23, "train.horizon": 24,
                 "checkpoint.every": 0, "analysis.every": 1, "analysis.at": "after",
                 "analysis.samples": 0, "analysis.kinds": "full"}
        changes = {key.replace("__", "."): value for key, value in keys.items()}
        run = self.simulate(self.config(PAIR, small, changes), name, ranks=4)
        found = {int(row["round"]): float(row["loss_mid"])
                 for row in table(run, "barriers/insitu/barriers")}
        print(f"{name}: " + " ".join(f"{b:.3f}" for b in found.values()), file=sys.stderr)
        return found

    def test_barrier_grows_between_averages(self):
        rare = self.barriers("rare", average__all__every=40, average__all__offset=2)
        often = self.barriers("often", average__all__every=4)
        self.assertEqual(rare[2], 0.0)
        for round in (4, 8, 12, 16, 20):
            self.assertEqual(often[round], 0.0)
            self.assertNotEqual(often[round + 1], 0.0)
        # While the rate is high, averaging takes noise away: the barrier first sinks below zero.
        self.assertGreater(rare[23], 0.04)
        self.assertGreater(rare[23], 1.5 * rare[9])
        self.assertLess(abs(often[23]), rare[23] / 4)

    def test_skewed_labels_make_barriers_negative(self):
        """On the data of both, each client alone is bad, and their mean is better."""
        skewed = self.barriers("skewed", data__partition="shards", data__classes_per_client=5,
                               average__all__every=0, federation__rounds=6)
        self.assertLess(skewed[6], -0.5)


CIFAR10 = pathlib.Path(os.environ.get("FEDSTRATA_TEST_DATA", "")) / "cifar10-mini"


@unittest.skipUnless((CIFAR10 / "data_batch_1.bin").exists(),
                     "set FEDSTRATA_TEST_DATA to a directory with cifar10-mini")
class ConvolutionTest(ProgramTest):
    """T5, T6: convolutions without normalisation on CIFAR-10, from one initialisation."""

    def barriers(self, lr):
        changes = {"model.name": "lenet5", "model.hidden": None, "data.dataset": "cifar10",
                   "data.dir": CIFAR10, "data.train_limit": 2000, "data.test_limit": 1000,
                   "train.lr": lr, "train.warmup": 100, "checkpoint.every": 0,
                   "federation.rounds": 24, "analysis.every": 6, "analysis.kinds": "full"}
        run = self.simulate(self.config(PAIR, changes), f"lr{lr}", ranks=4)
        found = {int(row["round"]): float(row["loss_mid"])
                 for row in table(run, "barriers/insitu/barriers")}
        print(f"lenet5, lr {lr}: {found}", file=sys.stderr)
        return found

    def test_barrier_grows_with_training_and_rate(self):
        fast = self.barriers(0.03)
        slow = self.barriers(0.003)
        self.assertLess(fast[6] + 0.05, fast[18])
        self.assertGreater(fast[24], 0.1)
        self.assertLess(abs(slow[24]), fast[24] / 3)


if __name__ == "__main__":
    unittest.main()
