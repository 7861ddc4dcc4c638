#!/usr/bin/python3
"""The path of a GPU without one: the real program on the guarded device (docs/gpu.md), whose memory
the host cannot touch, against the CPU. What differs is the order of sums."""

import dataclasses
import os
import pathlib
import sys
import unittest
import unittest.mock

from program import ROOT, ProgramTest, content, run

sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/compare_builds")]
import compare_devices  # noqa: E402
from cases import CASES, NARROW, Analysis, Case, lacking  # noqa: E402

GUARDED = pathlib.Path(os.environ.get("FEDSTRATA_GUARDED", ROOT / "build/bin/fedstrata_guarded"))
TOLERANCE = 2e-3  # of losses and models after training; most are below 1e-5

# Of half a billion bytes a model: compared by its losses alone.
LEAN = {"vgg_whole": {"checkpoint.every": 0}}

# What the cases of compare_builds/ leave out, since builds before lack it.
MORE = [
    Case("adam", {**NARROW, "train.optimizer": "adam", "train.lr": 0.005, "train.correction": "prox",
                  "train.mu": 0.1, "train.momentum_at_averaging": "keep",
                  "average.one.layers": "fc1", "average.one.update": "momentum",
                  "average.two.layers": "fc2", "average.two.every": 2,
                  "average.two.update": "nesterov", "average.three.layers": "fc3",
                  "average.three.update": "adam", "average.three.update_lr": 0.01,
                  "average.four.layers": "fc4", "average.four.every": 2,
                  "average.four.update": "yogi", "average.four.update_lr": 0.01,
                  "federation.rounds": 4, "checkpoint.every": 1, "checkpoint.after": "yes"},
         ranks=2, stop="rounds", resume_ranks=1),
    Case("adamw", {**NARROW, "train.optimizer": "adamw", "train.lr": 0.005,
                   "train.weight_decay": 0.01, "train.momentum_at_averaging": "average",
                   "train.last_batch": "drop", "data.augment": "crop_flip",
                   "average.all.layers": "all", "average.all.update": "adagrad",
                   "average.all.update_lr": 0.01, "federation.rounds": 3, "checkpoint.every": 1}),
    Case("regression", {**NARROW, "data.dataset": "synthetic-regression",
                        "train.weight_decay": 0.01, "train.last_batch": "merge",
                        "federation.rounds": 2, "checkpoint.every": 1, "analysis.every": 1},
         analyses=(Analysis("simplex", {"kinds": "simplex:2"}),)),
]



class Agreement(unittest.TestCase):
    def assert_agree(self, cases):
        """Those that can be made here: losses, models and curves near the CPU's, and the same bits
        when stopped on the way."""
        made = [dataclasses.replace(case, settings=case.settings | LEAN.get(case.name, {}))
                for case in cases if not lacking(case)]
        for case, result in compare_devices.compare_all(made, GUARDED, "guarded", 1, again=False):
            with self.subTest(case.name):
                self.assertEqual(result.failure, "")
                self.assertLess(max(result.losses, result.rows, result.points), TOLERANCE,
                                result.cells())
                self.assertIn(result.resumed, ("-", "same bits"))


def of_mlp(case):
    return case.settings["model.name"] == "mlp"


class NetworksTest(Agreement):
    def test_every_other_network_of_the_zoo_and_a_script_agree_with_the_cpu(self):
        self.assert_agree([case for case in CASES if not of_mlp(case)])


class AlgorithmsTest(Agreement):
    def test_schedules_algorithms_updates_and_barriers_agree_with_the_cpu(self):
        self.assert_agree([case for case in [*CASES, *MORE] if of_mlp(case)])


@unittest.mock.patch("program.BINARY", str(GUARDED))
class ClientsAtOnceTest(ProgramTest):
    """Clients in one launch: the same files as one at a time, on any number of ranks and resumed."""

    SETTINGS = {"data.clients": 9, "data.partition": "dirichlet", "model.init": "different",
                "model.hidden": "50,30", "train.momentum": 0.9, "train.last_batch": "drop",
                "train.momentum_at_averaging": "keep", "train.warmup": 7,
                "federation.local_steps": 2, "federation.local_epochs": 0,
                "federation.participation": 0.8, "federation.rounds": 4,
                "average.body.layers": "body", "average.head.layers": "head",
                "average.head.every": 2, "checkpoint.every": 1, "checkpoint.after": "yes",
                "checkpoint.keep_state": "yes"}

    def test_they_have_the_bits_of_one_at_a_time(self):
        for device in ("cpu", "guarded"):
            config = self.config(self.SETTINGS, {"run.device": device})
            one = self.simulate(config, f"{device}_one", "--set", "run.clients_at_once=1")
            self.assertNotIn("clients at once", self.output)
            config = self.config(self.SETTINGS, {"run.device": device, "run.clients_at_once": 4})
            for ranks in (1, 3):
                out = self.simulate(config, f"{device}_{ranks}", ranks=ranks)
                self.assertIn("clients at once       at most 4 ", self.output)
                self.assert_same(content(one), content(out), f"{device}, {ranks} ranks")
            out = self.simulate(config, f"{device}_stopped", "--set", "federation.rounds=2")
            self.succeed("simulate", out, "--resume", "--allow-config-change", "--set",
                         "federation.rounds=4", ranks=2)
            self.assert_same(content(one), content(out), f"{device}, resumed")

    def test_what_takes_one_client_at_a_time_is_refused_once(self):
        config = self.config({"run.clients_at_once": 4, "train.clip": 1})
        self.assert_fails(run("simulate", config, "--out", self.path / "out", ranks=2), 2,
                          "run.clients_at_once = 4", "train.clip", "auto or 1")
        self.assertFalse((self.path / "out").exists())


class ProgramsTest(ProgramTest):
    def test_the_program_of_users_has_no_guarded_device(self):
        out = self.path / "out"
        result = run("simulate", self.config(), "--out", out, "--set", "run.device=guarded")
        self.assert_fails(result, 2, "run.device = guarded", "fedstrata_guarded",
                          "FEDSTRATA_TESTS=ON")
        self.assertFalse(out.exists())


if __name__ == "__main__":
    unittest.main()
