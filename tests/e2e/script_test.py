#!/usr/bin/python3
"""A network of one's own, scripted in Python: trained, analysed, imported. Needs python3-torch."""

import importlib.util
import shutil
import subprocess
import sys
import unittest
import zipfile

import program
from program import ProgramTest

SETTINGS = {"model.hidden": None, "data.train_limit": 60, "data.test_limit": 20,
            "train.momentum": 0.9, "checkpoint.every": 1, "analysis.every": 1,
            "average.all.layers": "all", "average.all.every": 2}


def save_net(path):
    import torch  # pylint: disable=import-outside-toplevel
    from torch import nn  # pylint: disable=import-outside-toplevel

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.features = nn.Sequential(
                nn.Conv2d(1, 4, 5, stride=3), nn.BatchNorm2d(4), nn.ReLU(inplace=True),
                nn.MaxPool2d(3), nn.Dropout(0.3))
            self.head = nn.Linear(4 * 2 * 2, 10)
            self.scale = nn.Parameter(torch.ones(()))

        def forward(self, x):
            return self.scale * self.head(self.features(x).flatten(1))

    torch.manual_seed(1)
    torch.jit.script(Net()).save(path)
    for name in ("a.pt", "b.pt"):
        torch.save(Net().state_dict(), path.with_name(name))


@unittest.skipUnless(importlib.util.find_spec("torch"), "PyTorch for Python is not installed")
class ScriptTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.net = self.path / "net.pt"
        save_net(self.net)
        self.settings = self.config(SETTINGS, {"model.name": f"script:{self.net}"})

    def test_same_bits_on_any_number_of_ranks(self):
        one = self.simulate(self.settings, "one")
        three = self.simulate(self.settings, "three", ranks=3)
        self.assert_same(program.content(one), program.content(three))
        layers = [(row["name"], row["type"]) for row in program.table(one, "layers")]
        self.assertEqual(layers, [(b"root", b"other"), (b"features.0", b"conv"),
                                  (b"features.1", b"norm"), (b"head", b"linear")])
        self.net.unlink()
        self.succeed("analyze", three, ranks=2)
        for name in ("barriers", "points", "geometry"):
            during, after = (program.stable_columns(program.table(three, f"barriers/{kind}/{name}"))
                             for kind in ("insitu", "posthoc"))
            self.assertEqual(during, after)

    def test_a_packed_run_has_its_network(self):
        out = self.simulate(self.settings, "run")
        self.succeed("inspect", out, "--pack", self.path / "packed.h5")
        self.net.unlink()
        self.succeed("analyze", out)
        during = program.content(out)
        shutil.rmtree(out)
        self.succeed("analyze", self.path / "packed.h5", "--out", self.path / "beside", ranks=2)
        self.assert_same(during, program.content(self.path / "beside"))

    def test_models_from_elsewhere(self):
        run = self.path / "imported"
        subprocess.run([sys.executable, program.ROOT / "experiments" / "import_torch.py",
                        "--program", program.BINARY, "--model", f"script:{self.net}", "--dataset",
                        "synthetic", "--train-limit", "20", "--test-limit", "20", "--out", run,
                        self.path / "a.pt", self.path / "b.pt"], check=True, capture_output=True)
        self.succeed("analyze", run)
        self.assertEqual(len(program.table(run, "barriers/posthoc/barriers")), 2 * (1 + 2 * 4))

    def test_file_of_a_newer_pytorch(self):
        newer = self.path / "newer.pt"
        with zipfile.ZipFile(self.net) as old, zipfile.ZipFile(newer, "w") as new:
            for name in old.namelist():
                new.writestr(name, b"99\n" if name.endswith("/version") else old.read(name))
        self.assert_fails(program.run("simulate", self.config(
            SETTINGS, {"model.name": f"script:{newer}"}), "--out", self.path / "none"), 2,
                          "version 99", "LibTorch", "or older")
        self.assertFalse((self.path / "none").exists())


if __name__ == "__main__":
    unittest.main()
