#!/usr/bin/python3
"""Models trained elsewhere become a run that is analysed like any other (experiments/import_torch.py)."""

import importlib.util
import os
import subprocess
import sys
import unittest
import unittest.mock

import h5py
import numpy as np

import program
from program import ProgramTest

import fedstrata

sys.path.insert(0, str(program.ROOT / "tests/experiments/fedstrata"))
import torch_writer

IMPORT = program.ROOT / "experiments" / "import_torch.py"
PLOT = program.ROOT / "experiments" / "plot.py"
DATA = ("--dataset", "synthetic", "--train-limit", "200", "--test-limit", "60")
MLP = ("--model", "mlp", "--hidden", "16")
SETTINGS = ("--set", "analysis.alphas=5", "--name", "dense")


def loss(state, images, labels):
    """Mean cross-entropy of the mlp with these tensors, in double precision."""
    state = {name: value.astype(float) for name, value in state.items()}
    hidden = np.maximum(images @ state["fc1.weight"].T + state["fc1.bias"], 0)
    logits = hidden @ state["fc2.weight"].T + state["fc2.bias"]
    logits -= logits.max(axis=1, keepdims=True)
    return np.mean(np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(labels)), labels])


class ImportTest(ProgramTest):
    def imported(self, *arguments, out="imported"):
        command = [sys.executable, IMPORT, "--program", program.BINARY, "--out", self.path / out,
                   *arguments]
        return subprocess.run([str(part) for part in command], capture_output=True, text=True,
                              check=False)

    def succeed_import(self, *arguments, out="imported"):
        result = self.imported(*arguments, out=out)
        self.assertEqual(result.returncode, 0, result.stderr)
        return self.path / out

    def assert_refused(self, *arguments, says):
        before = set(self.path.iterdir())
        result = self.imported(*arguments)
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
        for text in says:
            self.assertIn(text, result.stderr)
        self.assertEqual(set(self.path.iterdir()), before)

    def native_run(self, *changes):
        """A run of three clients with models of rounds 1 and 2, and its state dicts."""
        config = self.config({"data.clients": 3, "data.partition": "same", "model.init": "different",
                              "checkpoint.every": 1}, *changes)
        run = self.simulate(config, "native")
        with fedstrata.Run(run) as opened:
            states = {(r, c): opened.state_dict(r, client=c) for r in (1, 2) for c in range(3)}
        return run, states

    def save(self, state, name="model.npz"):
        np.savez(self.path / name, **state)
        return self.path / name

    def one_state(self, seed=1):
        random = np.random.default_rng(seed)
        return {"fc1.weight": random.normal(0, 0.03, (16, 784)).astype(np.float32),
                "fc1.bias": np.zeros(16, np.float32),
                "fc2.weight": random.normal(0, 0.2, (10, 16)).astype(np.float32),
                "fc2.bias": np.zeros(10, np.float32)}

    def test_same_barriers_as_the_run_the_models_came_from(self):
        run, states = self.native_run()
        files = {key: self.save(state, f"{key[0]}-{key[1]}.npz") for key, state in states.items()}
        rounds = [part for r in (1, 2) for part in ("--round", r, *(files[r, c] for c in range(3)))]
        imported = self.succeed_import(*MLP, *DATA, *rounds)
        for directory in (run, imported):
            self.succeed("analyze", directory, *SETTINGS)
        for name in ("barriers", "points"):
            left, right = (program.table(d, f"barriers/dense/{name}") for d in (run, imported))
            self.assertGreater(len(left), 0)
            self.assertEqual(program.stable_columns(left), program.stable_columns(right))
        self.succeed("inspect", imported, "--verify")
        self.assertIn("dense", self.succeed("inspect", imported))
        drawn = subprocess.run([sys.executable, PLOT, imported], capture_output=True, text=True,
                               check=False)
        self.assertEqual(drawn.returncode, 0, drawn.stderr)
        self.assertTrue(list((imported / "plots").glob("*.png")))

    def test_barriers_of_an_mlp_computed_with_numpy(self):
        data = program.write_idx(self.path / "data")
        states = [self.one_state(seed) for seed in (1, 2)]
        files = [self.save(state, f"{k}.npz") for k, state in enumerate(states)]
        imported = self.succeed_import(*MLP, "--dataset", "mnist", "--data-dir", data, *files)
        self.succeed("analyze", imported, "--set", "analysis.split=test")
        images, labels = self.images_of(imported, data)

        def barrier(mixed):
            ends = [loss(state, images, labels) for state in states]
            return loss(mixed, images, labels) - np.mean(ends)
        table = program.table(imported, "barriers/posthoc/barriers")
        self.assertEqual(len(table), 1 + 2 * 2)
        for row in table:
            target, rest = row["target"].decode(), row["rest"]
            between = {name: (states[0][name] + states[1][name]) / 2
                       if target in ("all", name.split(".")[0]) else states[rest][name]
                       for name in states[0]}
            self.assertAlmostEqual(row["loss_mid"], barrier(between), delta=1e-5)

    def images_of(self, run, data):
        raw = np.fromfile(data / "t10k-images-idx3-ubyte", np.uint8)[16:].reshape(-1, 784)
        labels = np.fromfile(data / "t10k-labels-idx1-ubyte", np.uint8)[8:]
        with h5py.File(run / "run.h5", "r") as file:
            mean, std = (file["dataset"].attrs[name][0] for name in ("mean", "std"))
        return (raw / 255 - mean) / std, labels

    def test_batch_statistics_and_counters(self):
        config = self.config({"model.name": "resnet18", "model.norm": "batch",
                              "model.hidden": None, "federation.rounds": 0,
                              "federation.evaluate_every": 0, "checkpoint.every": 1})
        with fedstrata.Run(self.simulate(config, "native")) as opened:
            state = opened.state_dict(0)
        state["bn1.running_mean"] += 0.25
        wrapped = {f"module.{name}": value for name, value in state.items()}
        wrapped["module.bn1.num_batches_tracked"] = np.int64(7)
        file = self.save(wrapped)
        resnet = ("--model", "resnet18", *DATA)
        imported = self.succeed_import(*resnet, "--norm", "batch", "--round", 2, file)
        with fedstrata.Run(imported) as opened:
            again = opened.state_dict(2, client=0)
        self.assertEqual(list(again), list(state))
        for name, value in state.items():
            np.testing.assert_array_equal(again[name], value, name)
        imported.rename(self.path / "first")
        self.assert_refused(*resnet, file, says=["bn1.weight", "--norm"])

    def test_what_is_wrong_is_said_in_one_sentence(self):
        good = self.one_state()

        def refused(says, *options, **changes):
            state = {k: v for k, v in {**good, **changes}.items() if v is not None}
            self.assert_refused(*MLP, *DATA, *options, self.save(good, "good.npz"),
                                self.save(state, "bad.npz"), says=["bad.npz", *says])
        self.save(good, "good.npz"), self.save(good, "bad.npz")
        refused(["lacks fc2.bias", "--hidden"], **{"fc2.bias": None})
        refused(["fc3.weight", "mlp"], **{"fc3.weight": good["fc2.weight"]})
        refused(["16x784"], **{"fc1.weight": good["fc1.weight"].T})
        refused(["int64", "fc1.bias"], **{"fc1.bias": np.zeros(16, np.int64)})
        refused(["NaN", "fc1.bias"], **{"fc1.bias": np.full(16, np.nan)})
        refused(["float32"], **{"fc1.bias": np.full(16, 1e300)})
        file = self.path / "good.npz"
        self.assert_refused(*MLP, *DATA, self.path / "none.npz", says=["none.npz"])
        self.assert_refused(*MLP, *DATA, "--round", "x", file, says=["--round x"])
        self.assert_refused(*MLP, *DATA, file, "--round", "1", file, says=["twice"])
        self.assert_refused("--model", "mpl", *DATA, file, says=["mpl"])
        self.assert_refused(*MLP, *DATA, says=["no files"])
        self.assert_refused("--program", "/bin/false", file, says=["/bin/false", "without a word"])
        (self.path / "imported").mkdir()
        self.assert_refused(*MLP, *DATA, file, says=["exists already"])

    def test_checkpoints_are_read_without_torch_in_any_locale(self):
        good = self.one_state()
        path = self.path / "größe.pth.tar"
        saved = {name: torch_writer.Tensor(value) for name, value in good.items()}
        other = {name: torch_writer.Tensor(value + 1) for name, value in good.items()}
        torch_writer.save({"epoch": 3, "model_state_dict": {f"module.{n}": t for n, t in saved.items()},
                           "ema": other, "optimizer": torch_writer.Made(), "loss": 0.3}, path)
        self.assert_refused(*MLP, *DATA, path, says=["model_state_dict.module, ema", "--under"])
        for number, locale in enumerate(("C", "C.UTF-8")):
            environment = {"LC_ALL": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
            with unittest.mock.patch.dict(os.environ, environment):
                imported = self.succeed_import(*MLP, *DATA, "--under", "model_state_dict", path,
                                               out=f"größe-{number}")
                self.assert_refused(*MLP, *DATA, "--under", "loß", path, says=["has nothing", "ema"])
            with fedstrata.Run(imported) as opened:
                state = opened.state_dict(1, client=0)
            for name, value in good.items():
                np.testing.assert_array_equal(state[name], value)

    @unittest.skipUnless(importlib.util.find_spec("torch"), "PyTorch for Python is not installed")
    def test_files_of_torch(self):
        import torch  # pylint: disable=import-outside-toplevel
        good = self.one_state()
        state = {f"module.{name}": torch.tensor(value) for name, value in good.items()}
        torch.save(state, self.path / "plain.pt")
        half = {name: value.bfloat16() for name, value in state.items()}
        torch.save({"epoch": 3, "state_dict": half}, self.path / "wrapped.pth")
        imported = self.succeed_import(*MLP, *DATA, self.path / "plain.pt",
                                       self.path / "wrapped.pth")
        with fedstrata.Run(imported) as opened:
            plain, wrapped = (opened.state_dict(1, client=c) for c in (0, 1))
        for name, value in good.items():
            np.testing.assert_array_equal(plain[name], value)
            np.testing.assert_allclose(wrapped[name], value, rtol=1e-2)
        imported.rename(self.path / "first")
        torch.save(torch.nn.Linear(2, 2), self.path / "module.pt")
        self.assert_refused(*MLP, *DATA, self.path / "module.pt", says=["lacks fc1.weight", "weight"])

    def test_index_is_rebuilt_from_the_files(self):
        imported = self.succeed_import(*MLP, *DATA, self.save(self.one_state()))
        with h5py.File(imported / "run.h5", "r") as file:
            before = [row["name"] for row in file["files"]]
        (imported / "run.h5").unlink()
        self.assert_fails(program.run("inspect", imported), 2, "run.h5")
        self.succeed("inspect", imported, "--rebuild-index")
        self.succeed("inspect", imported, "--verify")
        with h5py.File(imported / "run.h5", "r") as file:
            self.assertEqual([row["name"] for row in file["files"]], before)
        self.assert_fails(program.run("inspect", self.path, "--rebuild-index"), 2, "header.h5")


if __name__ == "__main__":
    unittest.main()
