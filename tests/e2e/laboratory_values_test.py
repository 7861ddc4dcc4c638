#!/usr/bin/python3
"""Numbers of an analysis against NumPy: partners, splits, intervals, alignment, statistics."""

import pathlib
import tempfile
import unittest

import numpy as np

import laboratory
import program
from laboratory import Data, LaboratoryTest, barriers, mixed, setting, state_dicts
from program import ini, run, sentences, table

import fedstrata

PARTNER = -4  # column rest: b, of another round or run
NORMAL_95 = 1.959963984540054
LAYERS = ("fc1", "fc2")
IMAGES = np.random.default_rng(1).random((784, 20))


def barrier(losses, mixture, a, b):
    """Of every sample, loss and error [2, samples]."""
    return losses(mixture) - (losses(a) + losses(b)) / 2


class ValuesTest(LaboratoryTest):
    """All look at two runs of three clients each, on images that NumPy reads too."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        shared = tempfile.TemporaryDirectory(prefix="fedstrata-test-")
        cls.addClassCleanup(shared.cleanup)
        directory = pathlib.Path(shared.name)
        images = program.write_idx(directory / "images", train=240, test=200, pattern=0.2)
        config = directory / "small.ini"
        config.write_text(ini({
            "data.dataset": "mnist", "data.dir": images, "data.clients": 3,
            "data.partition": "dirichlet", "data.train_limit": None, "data.test_limit": None,
            "model.init": "different", "checkpoint.every": 1, "train.lr": 0.1}))
        cls.run_path, cls.other = directory / "run", directory / "other"
        for path, seed in ((cls.run_path, 1), (cls.other, 2)):
            result = run("simulate", config, "--out", path, "--set", f"run.seed={seed}")
            assert result.returncode == 0, result.stderr
        cls.data = Data(cls.run_path, images)
        cls.mine, cls.theirs = state_dicts(cls.run_path, 2), state_dicts(cls.other, 2)

    def assert_values(self, rows, partner, indices=lambda row: None):
        """Midpoint, swapped and end-point values of full and layer curves, by NumPy."""
        for row in rows:
            a, b = self.mine[row["a"]], partner(row)
            split = "test" if row["split"] == b"test" else "train"

            def mean(state):
                return self.data.losses(state, split, indices(row)).mean(axis=1)
            layers = "all" if row["kind"] == b"full" else [row["target"].decode()]
            rest, swap = (a, 1) if row["rest"] == row["a"] else (b, 0)
            elsewhere = row["other_run"] or row["round_b"] != row["round"]
            if row["rest"] >= 0 or row["rest"] == PARTNER:
                self.assertIn(row["rest"], (row["a"], PARTNER if elsewhere else row["b"]))
            expected = {"mid": barrier(mean, mixed(a, b, layers, 0.5, rest), a, b),
                        "a": mean(a), "b": mean(b)}
            if layers != "all":
                expected["swap"] = barrier(mean, mixed(a, b, layers, swap, rest), a, b)
            for name, (loss, error) in expected.items():
                self.assertAlmostEqual(row[f"loss_{name}"], loss, delta=2e-5, msg=f"{name} {row}")
                self.assertAlmostEqual(row[f"error_{name}"], error, delta=1e-9, msg=f"{name} {row}")


class Partners(ValuesTest):
    def compared(self, name, expected, partner, *options, **settings):
        """Analyses round 2, checks which pairs there are, and their values."""
        self.analyse(self.run_path, name, *options, rounds="last", **settings)
        rows = barriers(self.run_path, name)
        self.assertEqual({(row["a"], row["b"]) for row in rows}, expected)
        self.assertEqual(len(rows), len(expected) * 2 * (1 + 2 * len(LAYERS)))
        keys = {tuple(row)[:10] for row in rows}
        self.assertEqual(len(keys), len(rows))
        self.assert_values(rows, partner)
        return rows

    def test_clients_of_another_run(self):
        everyone = {(a, b) for a in range(3) for b in range(3)}
        for name, pairs, expected in (("against", "all", everyone),
                                      ("against-same", "same", {(c, c) for c in range(3)}),
                                      ("against-one", "0-2,1-1", {(0, 2), (1, 1)})):
            rows = self.compared(name, expected, lambda row: self.theirs[row["b"]],
                                 "--against", self.other, pairs=pairs)
            self.assertEqual(set(rows["other_run"]), {str(self.other).encode()})
            self.assertEqual(set(rows["round_b"]), {2})

    def test_draws_keep_the_two_sides_apart(self):
        self.analyse(self.run_path, "draws", "--against", self.other, pairs="1-1", rounds="last",
                     kinds="random:3", split="test")
        for rest in (1, PARTNER):
            rows = barriers(self.run_path, "draws", target="all", rest=rest)
            self.assertEqual(rows["draw"].tolist(), [-1, 0, 1, 2])
            self.assertAlmostEqual(rows["loss_mid"][0], rows["loss_mid"][1:].mean(), delta=1e-12)

    def test_means_of_some_clients(self):
        """Weighted by their samples; the table of points says who they are."""
        self.analyse(self.run_path, "simplex", "--against", self.other, pairs="0-0",
                     rounds="last", kinds="simplex:2", split="test")
        points = table(self.run_path, "barriers/simplex/points")
        rows = barriers(self.run_path, "simplex")
        self.assertEqual((set(rows["round_b"]), set(rows["other_run"])), ({2}, {b""}))
        drawn = {}
        for row in rows[rows["draw"] >= 0]:
            own = points[(points["kind"] == row["kind"]) & (points["draw"] == row["draw"]) &
                         (points["target"] == b"all") & (points["alpha"] == 0)]
            clients = {client: self.mine[client] for client in own["a"].tolist()}
            mean = laboratory.weighted_mean(self.run_path, clients)
            layers = "all" if row["target"] == b"all" else [row["target"].decode()]
            before, after = ([self.data.losses(state, "test").mean(axis=1) for state in states]
                             for states in (clients.values(),
                                            [mixed(own, mean, layers, 1.0, own)
                                             for own in clients.values()]))
            before, after = np.mean(before, axis=0), np.mean(after, axis=0)
            for column, values in (("a", before), ("b", after), ("mid", after - before)):
                np.testing.assert_allclose([row[f"loss_{column}"], row[f"error_{column}"]], values,
                                           atol=2e-5, err_msg=f"{row['kind']} {row['target']}")
            drawn.setdefault(len(clients), set()).add(tuple(clients))
        self.assertEqual({size: len(found) for size, found in drawn.items()}, {1: 2, 2: 2, 3: 1})

    def test_a_run_against_itself_has_no_barrier(self):
        self.analyse(self.run_path, "itself", "--against", self.run_path, pairs="same",
                     kinds="full,layer,complement,window:2,interaction,random:2,subset:2")
        rows = barriers(self.run_path, "itself")
        self.assertEqual(set(rows["round"]), {1, 2})
        for column in ("loss_mid", "error_mid", "loss_path", "error_path", "loss_swap",
                       "error_swap"):
            self.assertEqual(set(rows[column][~np.isnan(rows[column])]), {0.0}, column)

    def test_other_rounds_initialisations_and_the_mean(self):
        first, start = state_dicts(self.run_path, 1), state_dicts(self.run_path, 0, "before")
        mean = laboratory.weighted_mean(self.run_path, self.mine)
        self.compared("mean", {(c, -2) for c in range(3)}, lambda row: mean, pairs="mean")
        self.compared("initial", {(c, -3) for c in range(3)}, lambda row: start[row["a"]],
                      pairs="initial")
        rows = self.compared("round", {(c, c) for c in range(3)}, lambda row: first[row["b"]],
                             pairs="round:1")
        self.assertEqual(set(rows["round_b"]), {1})


class Splits(ValuesTest):
    def test_samples_of_the_clients(self):
        with fedstrata.Run(self.run_path) as opened:
            own = [np.sort(opened.samples(client)) for client in range(3)]
        self.assertEqual(len({len(samples) for samples in own}), 3)
        for name, split, indices in (
                ("union", "union", lambda row: np.sort(np.concatenate([own[row["a"]], own[row["b"]]]))),
                ("client", "client:1", lambda row: own[1])):
            self.analyse(self.run_path, name, split=split, rounds="last")
            rows = barriers(self.run_path, name)
            self.assertEqual(set(rows["split"]), {name.encode()})
            self.assertEqual(rows["samples"].tolist(), [len(indices(row)) for row in rows])
            self.assert_values(rows, lambda row: self.mine[row["b"]], indices)
        self.analyse(self.run_path, "few", split="client:1", samples=7, pairs="0-2", rounds="last")
        self.assert_values(barriers(self.run_path, "few", samples=7),
                           lambda row: self.mine[row["b"]], lambda row: own[1][:7])


class Confidence(ValuesTest):
    def test_interval_is_that_of_the_paired_samples(self):
        self.analyse(self.run_path, "interval", pairs="0-1", rounds="last", split="test")
        a, b = self.mine[0], self.mine[1]
        for row in barriers(self.run_path, "interval"):
            layers = "all" if row["kind"] == b"full" else [row["target"].decode()]
            rest = self.mine[max(row["rest"], 0)]
            values = barrier(lambda state: self.data.losses(state, "test"),
                             mixed(a, b, layers, 0.5, rest), a, b)
            half = NORMAL_95 * values.std(axis=1, ddof=1) / np.sqrt(values.shape[1])
            for name, width in zip(("loss_mid", "error_mid"), half):
                low, value, high = (row[name + end] for end in ("_low", "", "_high"))
                self.assertLess(low, value)
                self.assertLess(value, high)
                self.assertAlmostEqual(high - value, width, delta=1e-5)
                self.assertAlmostEqual(value - low, width, delta=1e-5)

    def test_tolerance_stops_early(self):
        settings = dict(kinds="full,layer,complement", batch_size=5)
        self.analyse(self.run_path, "whole", **settings)
        self.analyse(self.run_path, "early", tolerance=0.3, **settings)
        whole, early = (barriers(self.run_path, name) for name in ("whole", "early"))
        sizes = np.where(whole["split"] == b"test", 200, 240)
        self.assertEqual(whole["samples"].tolist(), sizes.tolist())
        stopped = early["samples"] < sizes
        self.assertTrue(stopped.any() and not stopped.all(), early["samples"])
        width = early["loss_mid_high"] - early["loss_mid_low"]
        self.assertLess(width[stopped].max(), 0.3)
        within = (early["loss_mid_low"] <= whole["loss_mid"]) & \
            (whole["loss_mid"] <= early["loss_mid_high"])
        self.assertGreater(within[stopped].mean(), 0.8)
        self.assertTrue(within[~stopped].all())


class Alignment(LaboratoryTest):
    def assert_permuted(self, path, name, row):
        """The stored permutation gives another model of the same function, nearer to a's."""
        with fedstrata.Run(path) as opened:
            a, b = (opened.state_dict(1, client=row[end]) for end in "ab")
            moved = opened.permuted(b, name, 1, row["a"], row["b"])

        def outputs(state):
            hidden = state["fc1.weight"] @ IMAGES + state["fc1.bias"][:, None]
            return state["fc2.weight"] @ np.maximum(hidden, 0) + state["fc2.bias"][:, None]
        np.testing.assert_allclose(outputs(moved), outputs(b), rtol=1e-4, atol=1e-4)
        self.assertFalse(np.array_equal(moved["fc1.weight"], b["fc1.weight"]))
        self.assertGreater((a["fc2.weight"] * moved["fc2.weight"]).sum(),
                           (a["fc2.weight"] * b["fc2.weight"]).sum())

    def test_lowers_the_barrier_of_different_initialisations(self):
        run = self.simulate(self.config({
            "model.init": "different", "data.partition": "same", "data.clients": 2,
            "federation.rounds": 1, "federation.local_epochs": 4, "checkpoint.every": 1}), "run")
        for way in ("weights", "activations"):
            self.analyse(run, way, align=way, split="test")
            plain, aligned = (barriers(run, way, kind=kind)[0] for kind in ("full", "aligned-full"))
            self.assertLess(aligned["loss_mid"], plain["loss_mid"])
            self.assertAlmostEqual(aligned["loss_b"], plain["loss_b"], delta=1e-5)
            self.assertEqual(len(barriers(run, way, kind="aligned-layer")), 2 * len(LAYERS))
            self.assert_permuted(run, way, aligned)


class BatchNorm(LaboratoryTest):
    RESNET = {"model.name": "resnet18", "model.norm": "batch", "model.hidden": None,
              "data.clients": 2, "data.train_limit": 64, "data.test_limit": 16,
              "train.batch_size": 16, "federation.local_epochs": None, "federation.local_steps": 2,
              "federation.rounds": 1, "federation.evaluate_every": 0, "checkpoint.every": 1,
              "checkpoint.after": "yes"}

    def test_ways_to_take_statistics(self):
        stored = self.simulate(self.config(self.RESNET), "run", ranks=2)

        def full(way, **settings):
            result = run("analyze", stored, "--name", way.split(":", maxsplit=1)[0],
                         *setting(kinds="full", split="test", batchnorm=way, **settings))
            self.assertEqual((result.returncode, sentences(result)), (0, []), result.stderr)
            return barriers(stored, way.split(":", maxsplit=1)[0])[0], "warning" in result.stderr
        (plain, warned), (base, base_warned), (anew, anew_warned) = (
            full(way) for way in ("interpolate", "from-base", "recompute:32"))
        self.assertEqual((warned, base_warned, anew_warned), (True, False, False))
        values = [row["loss_mid"] for row in (plain, base, anew)]
        self.assertTrue(np.isfinite(values).all())
        self.assertEqual(len(set(values)), 3, values)
        self.assertEqual(base["loss_a"], plain["loss_a"])
        self.analyse(stored, "averaged", at="after", batchnorm="recompute:32", split="test",
                     kinds="full,group:norm=type:norm", samples=8)
        for row in barriers(stored, "averaged"):
            self.assertEqual((row["loss_mid"], row["error_mid"], row["loss_path"]), (0, 0, 0))


if __name__ == "__main__":
    unittest.main()
