#!/usr/bin/python3
"""What the coordinator makes of means, and keeps, has the same bits on any number of ranks and resumed."""

import re
import unittest

from program import ProgramTest, content, run

UPDATES = {"data.clients": 5, "model.init": "different", "model.hidden": "12,8", "train.momentum": 0.9,
           "federation.rounds": 6, "federation.participation": 0.5,
           "average.body.layers": "body", "average.body.update": "momentum", "average.body.update_lr": 0.8,
           "average.head.layers": "head", "average.head.every": 2, "average.head.update": "adam",
           "average.head.update_lr": 0.02, "checkpoint.every": 1, "checkpoint.after": "yes",
           "checkpoint.keep_state": "yes"}


# What clients, or the coordinator, keep from round to round, and what is asked of clients anew.
METHODS = {
    "scaffold": {"train.correction": "scaffold", "train.clip": 1},
    "feddyn": {"train.correction": "feddyn", "train.dyn_alpha": 0.1, "federation.weighting": "uniform"},
    "nova": {"average.body.update": "nova", "average.head.update": "nova", "train.momentum": 0.5},
    "lws": {"average.body.update": "lws", "average.head.update": "lws", "federation.evaluate_every": 0},
    "sam": {"train.sam_rho": 0.1, "train.label_smoothing": 0.1, "train.momentum": 0.5,
            "train.momentum_at_averaging": "keep"}}
GROUPS = {"data.clients": 5, "data.partition": "quantity", "model.hidden": "12,8", "federation.rounds": 6,
          "federation.participation": 0.5, "average.body.layers": "body", "average.head.layers": "head",
          "average.head.every": 2, "checkpoint.every": 1, "checkpoint.after": "yes",
          "checkpoint.keep_state": "yes"}


class MethodsTest(ProgramTest):
    def test_any_number_of_ranks_and_any_interruption_give_the_same_bits(self):
        for name, settings in METHODS.items():
            with self.subTest(name):
                config = self.config(GROUPS, settings)
                whole = content(self.simulate(config, f"whole_{name}", ranks=2))
                out = self.simulate(config, f"run_{name}", "--set", "federation.rounds=3")
                for ranks, rounds in ((4, 5), (3, 6)):
                    self.succeed("simulate", out, "--resume", "--allow-config-change", "--set",
                                 f"federation.rounds={rounds}", ranks=ranks)
                self.assert_same(whole, content(out))

    def test_labels_of_numbers_cannot_be_smoothed(self):
        config = self.config({"data.dataset": "synthetic-regression", "train.label_smoothing": 0.1})
        self.assert_fails(run("simulate", config, "--out", self.path / "out"), 2,
                          "train.label_smoothing = 0.1 needs labels", "leave it out")

    def test_the_rows_that_a_method_needs_are_in_the_forecast(self):
        def memory(*options):
            text = self.succeed("simulate", self.config(GROUPS), "--dry-run", *options)
            return re.search(r"memory per rank[^\n]*", text)[0]
        for settings in ("train.correction=scaffold", "train.sam_rho=0.1", "train.clip=1"):
            self.assertNotEqual(memory("--set", "model.hidden=2000"),
                                memory("--set", "model.hidden=2000", "--set", settings), settings)


class UpdatesTest(ProgramTest):
    def test_a_run_that_goes_on_has_the_bits_of_one_that_was_never_stopped(self):
        config = self.config(UPDATES)
        whole = content(self.simulate(config, "whole", ranks=2))
        out = self.simulate(config, "run", "--set", "federation.rounds=3")
        for ranks, rounds in ((4, 5), (3, 6)):
            self.succeed("simulate", out, "--resume", "--allow-config-change", "--set",
                         f"federation.rounds={rounds}", ranks=ranks)
        self.assert_same(whole, content(out))

    def test_a_run_keeps_its_update(self):
        out = self.simulate(self.config(UPDATES), "run", "--set", "federation.rounds=3")
        self.assert_fails(run("simulate", out, "--resume", "--allow-config-change", "--set",
                              "federation.rounds=4", "--set", "average.body.update_lr=1"), 2,
                          "average.body.update_lr was 0.8 and is 1")

    def test_a_run_that_diverges_is_told_of_the_updates_learning_rate(self):
        config = self.config({"federation.rounds": 3, "average.all.layers": "all",
                              "average.all.update": "momentum", "average.all.update_lr": 1e30})
        for settings in ((), ("--set", "federation.on_divergence=exclude")):
            result = run("simulate", config, "--out", self.path / f"out{len(settings)}", *settings)
            self.assert_fails(result, 1, "diverged", "round 2", "average.all.update_lr")

    def test_the_coordinators_memory_is_told(self):
        def memory(*options):
            text = self.succeed("simulate", self.config(UPDATES), "--dry-run", *options)
            return re.search(r"coordinator (\S+ \S+),", text)[1]
        plain = [word for group in ("body", "head") for key, value in (("update", "mean"), ("update_lr", "1"))
                 for word in ("--set", f"average.{group}.{key}={value}")]
        self.assertNotEqual(memory(), memory(*plain))


if __name__ == "__main__":
    unittest.main()
