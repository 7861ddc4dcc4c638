#!/usr/bin/python3
"""What `fedstrata analyze` refuses: one sentence, exit code 2, and the run stays as it was.

FEDSTRATA_RANKS is the number of ranks that the program is started on.
"""

import pathlib
import shutil
import tempfile
import unittest

import h5py
import numpy as np

from bad_input_test import BadInputTest, RANKS, text_alone
from laboratory import setting
from program import ini, run

BASE = {"checkpoint.every": 1, "checkpoint.after": "yes", "data.train_limit": 80,
        "data.test_limit": 20}
# Networks whose rows are equally long, but not laid out alike.
WIDE, HIGH = ({"model.hidden": sizes, "federation.rounds": 1} for sizes in ("10,4,6", "10,6,4"))
RUNS = {"run": {}, "wide": WIDE, "high": HIGH,
        "other": {"model.name": "lenet5", "model.hidden": None, "federation.rounds": 1},
        "group": {"model.name": "resnet18", "model.hidden": None, "model.norm": "group",
                  "model.init": "different", "federation.rounds": 0,
                  "federation.evaluate_every": 0, "data.clients": 1, "checkpoint.after": "no"}}


class LaboratoryInput(BadInputTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        shared = tempfile.TemporaryDirectory(prefix="fedstrata-test-")
        cls.addClassCleanup(shared.cleanup)
        cls.runs = pathlib.Path(shared.name)
        for name, changes in RUNS.items():
            config = cls.runs / f"{name}.ini"
            config.write_text(ini(BASE, changes))
            result = run("simulate", config, "--out", cls.runs / name)
            assert result.returncode == 0, result.stderr

    def setUp(self):
        super().setUp()
        shutil.copytree(self.runs, self.path, dirs_exist_ok=True,
                        ignore=shutil.ignore_patterns("group"))  # large, and only one needs it

    def refuse(self, *say, options=(), run_path="{}/run", **settings):
        self.refused("analyze", run_path, *options, *setting(**settings), say=say)

    def test_kinds_that_the_model_does_not_allow(self):
        self.refuse("window:3", "wider", "2 layers", kinds="window:3")
        self.refuse("group:g", "conv*", "fc1, fc2", kinds="group:g=conv*")

    @text_alone
    def test_kinds(self):
        self.refuse("'fulll'", "did you mean full?", kinds="fulll")
        self.refuse("'xyzzyxyzzy'", "window:K", kinds="xyzzyxyzzy")
        self.refuse("group:g", "NAME=SELECTOR", kinds="group:g")
        self.refuse("'x'", "number", kinds="window:x")
        self.refuse("'0'", "number", kinds="random:0")
        self.refuse("analysis.kinds", kinds="full,full")
        self.refuse("random:2", "analysis.pairs = clients", kinds="full,random:2", pairs="clients")

    def test_planes(self):
        self.refuse("plane:0-1-99", "99", "clients", kinds="plane:0-1-99")
        self.refuse("twice", kinds="plane:0-1-1")
        self.refuse("plane", "fc9", "fc1, fc2", kinds="plane:0-1-2:fc9")
        self.refuse("one line", "0, 1 and 2", "round 1", kinds="full,plane:0-1-2", at="after")

    def test_rounds(self):
        self.refuse("analysis.rounds", "9", "1, 2", rounds="9")
        self.refuse("round:9", "not stored", "1, 2", pairs="round:9")
        self.refuse("subspace", "at least 3", "1, 2", "checkpoint.every", kinds="subspace")

    @text_alone
    def test_values(self):
        self.refuse("client:99", "0 to 3", split="client:99")
        self.refuse("analysis.split", "client:C", split="client:x")
        self.refuse("tolerance", "search", tolerance=0.1, alphas="search")
        self.refuse("analysis.batchnorm", "recompute:N", batchnorm="recompute:1")
        self.refuse("analysis.alphas", alphas="0,2")
        self.refuse("analysis.memory", "1048576", memory=1048575)
        self.refuse("same", "--against", pairs="same")
        self.refuse("2-2", "itself", pairs="0-1,2-2")

    def test_alignment_needs_a_known_structure(self):
        group = self.runs / "group"
        before = sorted(group.rglob("*"))
        self.refuse("align", "resnet18", run_path=group, align="weights", rounds="0")
        self.assertEqual(sorted(group.rglob("*")), before)

    def test_other_run(self):
        against = ["--against", "{}/other"]
        self.refuse("other", "lenet5", "mlp", options=against)
        self.refuse("high", "wide", "mlp", run_path="{}/wide", options=["--against", "{}/high"])
        self.refuse("none", "no such directory", options=["--against", "{}/none"])
        itself = ["--against", "{}/run"]
        self.refuse("mean", "--against", options=itself, pairs="mean")
        self.refuse("client 9", "0 to 3", options=itself, pairs="0-9")

    def test_going_on(self):
        self.succeed("analyze", self.path / "run", "--name", "first")
        self.refuse("no analysis 'second'", "first", options=["--name", "second", "--resume"])
        for way in (["--set", "analysis.alphas=5"], ["--against", "{}/other"],
                    ["--config", "{}/run.ini"]):
            self.refuse("--resume", way[0], options=["--name", "first", "--resume", *way])
        self.refuse("no analysis 'insitu'", options=["--missing"])

    def test_stored_values_that_are_not_finite(self):
        file = self.path / "run/checkpoints/000002.h5"
        for value in (np.nan, np.inf):
            with h5py.File(file, "r+") as opened:
                opened["before"][3, 17] = value
            for index in self.path.glob("run/run.h5*"):  # it knows what the file was
                index.unlink()
            self.succeed("inspect", self.path / "run", "--rebuild-index")
            self.refuse("client 3", "round 2", "not finite")
            self.succeed("analyze", self.path / "run", "--name", f"round1{value}",
                         *setting(rounds=1))


if __name__ == "__main__":
    assert RANKS > 0
    unittest.main()
