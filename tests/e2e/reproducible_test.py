#!/usr/bin/python3
"""One configuration gives the same bits on any number of ranks, again, and when analysed later."""

import re
import unittest

import h5py

from program import ProgramTest, content, table

# Personal models, momentum that lives on, uneven shares, changing participants, two groups.
MIXED = {"data.clients": 5, "model.init": "different", "model.hidden": "12,8",
         "data.partition": "dirichlet", "data.alpha": 0.3, "train.momentum": 0.9,
         "federation.rounds": 6, "federation.participation": 0.5, "federation.local_epochs": 2,
         "average.body.layers": "first:2", "average.body.every": 2,
         "average.head.layers": "head", "average.head.every": 3,
         "checkpoint.every": 2, "checkpoint.after": "yes", "analysis.every": 2,
         "analysis.alphas": 4}


class ReproducibleTest(ProgramTest):
    def hash(self):
        """Of the global model, as the last run printed it."""
        return re.search(r"global model ([0-9a-f]{16})", self.output).group(1)

    def same_on(self, config, *ways):
        """Runs the configuration in several ways: pairs of ranks and further arguments."""
        expected = None
        for i, (ranks, *options) in enumerate(ways):
            directory = self.simulate(config, f"out{i}", *options, ranks=ranks)
            if expected is None:
                first, expected, expected_hash = directory, content(directory), self.hash()
            self.assertEqual(self.hash(), expected_hash, f"{ranks} ranks, {options}")
            self.assert_same(expected, content(directory), f"{ranks} ranks, {options}")
        return first

    def same_afterwards(self, run, name="later", ranks=1, options=()):
        self.succeed("analyze", run, "--name", name, *options, ranks=ranks)
        with h5py.File(run / "run.h5") as file:
            self.assertGreater(len(file["barriers/insitu/barriers"]), 0)
            for kind in ("points", "barriers", "skipped", "geometry"):
                self.assertEqual(file[f"barriers/{name}/{kind}"][:].tobytes(),
                                 file[f"barriers/insitu/{kind}"][:].tobytes(), kind)

    def test_personal_layers_on_any_number_of_ranks(self):
        run = self.same_on(self.config(MIXED), (1,), (1,), (2,), (3,), (4,),
                           (5, "--set", "analysis.ranks=2"), (3, "--set", "analysis.ranks=0"))
        self.same_afterwards(run, "one")
        self.same_afterwards(run, "three", ranks=3)
        with h5py.File(run / "run.h5") as file:
            self.assertEqual(list(file["checkpoints"]), [f"{r:06d}" for r in (0, 2, 4, 6)])

    def test_adamw_and_prox_on_any_number_of_ranks_and_in_two_parts(self):
        for policy in ("keep", "average"):
            with self.subTest(policy=policy):
                config = self.config(MIXED, {
                    "train.optimizer": "adamw", "train.momentum": 0, "train.lr": 0.003,
                    "train.correction": "prox", "train.mu": 0.1,
                    "train.momentum_at_averaging": policy}, name=f"{policy}.ini")
                runs = [self.simulate(config, f"{policy}{ranks}", ranks=ranks)
                        for ranks in (1, 2, 4)]
                whole, whole_hash = content(runs[0]), self.hash()
                for other in runs[1:]:
                    self.assert_same(whole, content(other))
                parts = self.simulate(config, f"{policy}-parts", "--set", "federation.rounds=2",
                                      "--set", "checkpoint.keep_state=yes", ranks=3)
                self.output = self.succeed("simulate", parts, "--resume", "--allow-config-change",
                                           "--set", "federation.rounds=6", ranks=2)
                self.assertEqual(self.hash(), whole_hash)
                mine = content(parts)
                for name in ("checkpoints/000006/global", "checkpoints/000006/after"):
                    self.assertEqual(mine[name], whole[name])

    def test_seed_matters(self):
        config = self.config(MIXED)
        self.simulate(config, "one")
        first = self.hash()
        self.simulate(config, "two", "--set", "run.seed=2")
        self.assertNotEqual(first, self.hash())

    def test_models_after_averaging(self):
        run = self.same_on(self.config(MIXED, {"checkpoint.before": "no", "analysis.at": "after"}),
                           (1,), (4,))
        self.same_afterwards(run)
        with h5py.File(run / "run.h5") as file:
            self.assertNotIn("before", file["checkpoints/000002"])
            self.assertIn("after", file["checkpoints/000002"])

    def test_all_clients_against_their_mean(self):
        run = self.same_on(self.config(MIXED, {"analysis.pairs": "clients"}), (1,), (3,))
        self.same_afterwards(run, ranks=2)
        self.assertEqual(set(table(run, "barriers/insitu/barriers")["b"]), {-2})

    def test_rows_for_the_analysis_alone_vanish(self):
        kept = self.simulate(self.config(MIXED), "kept", ranks=3)
        config = self.config(MIXED, {"checkpoint.every": 0}, name="passing.ini")
        run = self.same_on(config, (1,), (4,))
        with h5py.File(run / "run.h5") as file:
            self.assertEqual(list(file["checkpoints"]), [])
        self.assertEqual([p for p in run.rglob("*.h5") if p.name[:6].isdigit()
                          and p.parent.name in ("checkpoints", "pending")], [])
        self.assert_same(content(kept, ["barriers"]), content(run, ["barriers"]))

    def test_analysis_that_falls_behind_lists_what_it_skips(self):
        config = self.config(MIXED, {"analysis.backlog": "skip", "analysis.every": 1,
                                     "federation.rounds": 20, "checkpoint.every": 1})
        for ranks in (1, 4):
            run = self.simulate(config, f"out{ranks}", ranks=ranks)
            done = set(table(run, "barriers/insitu/barriers")["round"])
            skipped = set(table(run, "barriers/insitu/skipped")["round"])
            self.assertEqual(done | skipped, set(range(1, 21)), f"{ranks} ranks")
            self.assertEqual(done & skipped, set(), f"{ranks} ranks")

    def test_buffers_and_convolutions(self):
        config = self.config(MIXED, {
            "model.name": "resnet18", "model.norm": "batch", "model.hidden": None,
            "data.clients": 3, "data.train_limit": 24, "data.test_limit": 4,
            "data.min_samples": 1, "data.partition": "iid", "average.body.layers": "all,!type:norm",
            "average.head.layers": "type:norm", "train.batch_size": 4,
            "federation.local_epochs": None, "federation.local_steps": 1, "federation.rounds": 2,
            "average.head.every": 2, "analysis.samples": 2, "analysis.alphas": 3,
            "federation.participation": 1, "analysis.pairs": "0-1", "analysis.split": "test"})
        run = self.same_on(config, (1,), (4,))
        self.same_afterwards(run)


if __name__ == "__main__":
    unittest.main()
