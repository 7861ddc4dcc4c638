#!/usr/bin/python3
"""The HDF5 files as docs/file-format.md promises them to plain h5py, during a run and after."""

import os
import pathlib
import shutil
import tempfile
import unittest

import h5py
import numpy as np

import program
from program import ProgramTest

import fedstrata

INT, REAL = np.dtype("<i8"), np.dtype("<f8")
KEY = [("round", INT), ("split", "S"), ("kind", "S"), ("target", "S"), ("a", INT), ("b", INT),
       ("round_b", INT), ("other_run", "S"), ("rest", INT), ("draw", INT)]
TABLES = {
    "provenance": [("version", "S"), ("build", "S"), ("libraries", "S"), ("cpu", "S"),
                   ("hosts", "S"), ("slurm_job", "S"), ("start_time", "S")],
    "layers": [("name", "S"), ("offset", INT), ("size", INT), ("stage", INT)],
    "parameters": [("name", "S"), ("layer", "S"), ("offset", INT), ("size", INT), ("shape", "S")],
    "buffers": [("name", "S"), ("layer", "S"), ("offset", INT), ("size", INT), ("shape", "S")],
    "metrics/rounds": [("round", INT), ("lr", REAL), ("train_loss", REAL),
                       ("train_accuracy", REAL), ("test_loss", REAL), ("test_accuracy", REAL),
                       ("participants", INT), ("bytes", INT), ("seconds_train", REAL),
                       ("seconds_aggregate", REAL), ("seconds_wait", REAL)],
    "metrics/clients": [("round", INT), ("client", INT), ("samples", INT), ("train_loss", REAL),
                        ("train_accuracy", REAL), ("distance", REAL)] +
                       [(f"{name}_{when}", REAL) for name in
                        ("test_loss", "test_accuracy", "test_accuracy_local")
                        for when in ("before", "after")],
    "metrics/layers": [("round", INT), ("layer", "S"), ("averaged", INT), ("divergence", REAL),
                       ("cosine", REAL)],
    "metrics/averaged": [("round", INT), ("group", "S"), ("layer", "S"), ("elements", INT),
                         ("bytes", INT)],
    "barriers/insitu/points": KEY + [("alpha", REAL), ("loss", REAL), ("error", REAL)],
    "barriers/insitu/barriers": KEY + [(name, REAL) for name in (
        "loss_mid", "loss_path", "alpha_path", "loss_swap", "error_mid", "error_path",
        "error_swap", "loss_a", "loss_b", "error_a", "error_b")] + [("samples", INT)],
    "barriers/insitu/skipped": [("round", INT), ("a", INT), ("b", INT), ("reason", "S")],
}
# Rows are sorted by these columns.
ORDER = {"metrics/rounds": 1, "metrics/clients": 2, "metrics/averaged": 3, "barriers/insitu/points": 11,
         "barriers/insitu/barriers": 10, "barriers/insitu/skipped": 3}
CONFIG = {"model.init": "different", "data.clients": 3, "federation.rounds": 4,
          "federation.participation": 0.7, "federation.evaluate": "both", "checkpoint.every": 2, "checkpoint.after": "yes",
          "analysis.every": 2, "analysis.pairs": "0-1,0-2,1-2", "average.all.layers": "all",
          "average.all.every": 3}


class ContractTest(ProgramTest):
    """All look at one run."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        shared = tempfile.TemporaryDirectory(prefix="fedstrata-test-")
        cls.addClassCleanup(shared.cleanup)
        config = pathlib.Path(shared.name) / "small.ini"
        config.write_text(program.ini(CONFIG))
        cls.run_path = config.with_name("run")
        result = program.run("simulate", config, "--out", cls.run_path, ranks=3)
        assert result.returncode == 0, result.stderr
        cls.file = h5py.File(cls.run_path / "run.h5", "r")
        cls.addClassCleanup(cls.file.close)

    def test_root_attributes(self):
        attributes = self.file.attrs
        expected = dict(format="fedstrata", format_version=1, seed=1, model="mlp",
                        dataset="synthetic", clients=3, parameters=784 * 16 + 16 + 160 + 10)
        for name, value in expected.items():
            self.assertEqual(attributes[name], value, name)
            if isinstance(value, int):
                self.assertEqual(attributes[name].dtype, INT, name)
        self.assertIn(attributes["software_version"], self.succeed("--version"))
        stored = self.path / "stored.ini"
        stored.write_text(attributes["config"])
        again = self.succeed("simulate", stored, "--print-config")
        self.assertEqual(again, attributes["config"])

    def test_tables(self):
        for name, columns in TABLES.items():
            table = self.file[name]
            with self.subTest(name):
                self.assertEqual(table.ndim, 1)
                self.assertEqual([c for c, _ in columns],
                                 [c for c in table.dtype.names if c in dict(columns)])
                for column in table.dtype.names:
                    kind = dict(columns).get(column)
                    if kind == "S":
                        text = h5py.check_string_dtype(table.dtype[column])
                        self.assertEqual((table.dtype[column].kind, text.encoding),
                                         ("S", "ascii"), column)
                        stored = table.id.get_type().get_member_type(
                            table.dtype.names.index(column))
                        self.assertEqual(stored.get_strpad(), h5py.h5t.STR_NULLPAD, column)
                    elif kind is not None:
                        self.assertEqual(table.dtype[column], kind, column)
        for name, count in ORDER.items():
            keys = list(self.file[name].dtype.names[:count])
            rows = self.file[name][:][keys].tolist()
            self.assertEqual(rows, sorted(rows), name)

    def test_pairs_of_which_one_took_no_part_are_skipped(self):
        skipped = self.file["barriers/insitu/skipped"][:]
        for round_ in (2, 4):
            there = self.file[f"checkpoints/{round_:06d}/clients"][:].tolist()
            pairs = skipped[skipped["round"] == round_][["a", "b"]].tolist()
            self.assertEqual(pairs, [p for p in [(0, 1), (0, 2), (1, 2)] if list(p) != there])
        self.assertTrue(all(skipped["reason"]))

    def test_rows_of_the_tables(self):
        rounds = self.file["metrics/rounds"][:]
        self.assertEqual(rounds["round"].tolist(), [0, 1, 2, 3, 4])
        elements = self.file.attrs["parameters"]
        self.assertEqual(rounds["participants"].tolist()[1:], [2] * 4)
        self.assertEqual(rounds["bytes"].tolist()[1:], [0, 0, 2 * 2 * elements * 4, 0])
        clients = self.file["metrics/clients"][:]
        self.assertEqual(sorted(set(clients["round"].tolist())), [1, 2, 3, 4])
        for name in ("test_accuracy_before", "test_accuracy_local_after", "distance"):
            self.assertTrue(np.isfinite(clients[name]).all(), name)
        layers = self.file["metrics/layers"][:]
        self.assertEqual([(r, l.decode()) for r, l in layers[["round", "layer"]].tolist()
                          if r == 3], [(3, "fc1"), (3, "fc2")])
        self.assertEqual(layers[layers["averaged"] == 1]["round"].tolist(), [3, 3])
        averaged = self.file["metrics/averaged"][:]
        self.assertEqual(averaged[["round", "group", "layer"]].tolist(),
                         [(3, b"all", b"fc1"), (3, b"all", b"fc2")])
        self.assertEqual(averaged["elements"].sum(), elements)
        self.assertEqual(averaged["bytes"].sum(), rounds["bytes"][3])

    def test_data_and_partition(self):
        data = self.file["dataset"].attrs
        self.assertEqual((data["name"], data["train_count"], data["test_count"]),
                         ("synthetic", 200, 60))
        self.assertEqual((data["mean"].shape, data["std"].dtype), ((1,), REAL))
        offsets, indices, histogram = (self.file[f"partition/{name}"] for name in
                                       ("offsets", "indices", "histogram"))
        self.assertEqual((offsets.dtype, indices.dtype, histogram.dtype), (INT, INT, INT))
        self.assertEqual((offsets.shape, histogram.shape), ((4,), (3, 10)))
        self.assertEqual(sorted(indices[:]), list(range(200)))
        self.assertEqual(histogram[:].sum(axis=1).tolist(), np.diff(offsets[:]).tolist())

    def test_checkpoints(self):
        elements = self.file.attrs["parameters"]
        self.assertEqual(list(self.file["checkpoints"]), ["000000", "000002", "000004"])
        for name, group in self.file["checkpoints"].items():
            ids = group["clients"][:]
            self.assertEqual((ids.dtype, ids.tolist()), (INT, sorted(ids.tolist())))
            self.assertEqual(len(ids), 3 if name == "000000" else 2)
            for dataset in ("global", "before", "after")[:2 if name == "000000" else 3]:
                shape = (elements,) if dataset == "global" else (len(ids), elements)
                self.assertEqual((group[dataset].shape, group[dataset].dtype),
                                 (shape, np.float32))
                self.assertEqual(group[f"buffers_{dataset}"].shape, (*shape[:-1], 0))
        self.assertNotIn("after", self.file["checkpoints/000000"])

    def test_barriers_follow_from_the_points(self):
        points = self.file["barriers/insitu/points"][:]
        for curve in self.file["barriers/insitu/barriers"][:]:
            mine = points[[all(p[n] == curve[n] for n, _ in KEY) for p in points]]
            self.assertEqual(mine["alpha"].tolist(), [0, 0.5, 1])
            mean = (curve["loss_a"] + curve["loss_b"]) / 2
            self.assertEqual(curve["loss_mid"], mine["loss"][1] - mean)
            self.assertEqual(curve["loss_path"],
                             mine["loss"][1] - (0.5 * mine["loss"][0] + 0.5 * mine["loss"][2]))
            self.assertEqual(np.isnan(curve["loss_swap"]), curve["kind"] == b"full")

    def test_reads_after_the_directory_was_moved(self):
        before = program.content(self.run_path)
        moved = shutil.copytree(self.run_path, self.path / "moved")
        here = os.getcwd()
        self.addCleanup(os.chdir, here)
        os.chdir("/")
        self.assert_same(before, program.content(moved))

    def test_state_dict_in_numpy_has_the_accuracy_of_the_metrics(self):
        """The models, evaluated here, are as good as the program says."""
        out = self.simulate(self.config({"data.dataset": "fashion-mnist", "data.train_limit": 600,
                                         "data.test_limit": 300, "checkpoint.every": 1,
                                         "federation.evaluate": "both"}), "fashion")
        pixels, labels = fashion_test_images(300)
        with fedstrata.Run(out) as run:
            data = run.file["dataset"].attrs
            images = (pixels / 255 - data["mean"][0]) / data["std"][0]
            clients = run.metrics("clients")
            for round_ in (1, 2):
                self.assertAlmostEqual(accuracy(run.state_dict(round_), images, labels),
                                       run.rounds["test_accuracy"][round_], delta=1 / 300)
                for row in clients[clients["round"] == round_]:
                    mine = accuracy(run.state_dict(round_, row["client"]), images, labels)
                    self.assertAlmostEqual(mine, row["test_accuracy_before"], delta=1 / 300)


class OpenAtAnyMoment(ProgramTest):
    def test_reads_while_the_run_goes_on(self):
        config = self.config(CONFIG, {"federation.rounds": 40, "checkpoint.every": 1,
                                      "analysis.every": 4})
        process = program.start("simulate", config, "--out", self.path / "run", ranks=2)
        index = self.path / "run/run.h5"
        program.wait_until(index.exists)
        reads, seen = 0, 0
        while process.poll() is None:
            with h5py.File(index, "r") as file:
                rounds = sorted(file["checkpoints"])
                self.assertGreaterEqual(len(rounds), seen)
                seen = len(rounds)
                metrics = file["metrics/rounds"]["round"].tolist()
                self.assertEqual(metrics, list(range(len(metrics))))
                for name in rounds[-1:]:
                    self.assertTrue(np.isfinite(file["checkpoints"][name]["global"][:]).all())
                for name in ("points", "barriers") if "insitu" in file["barriers"] else ():
                    self.assertTrue((file[f"barriers/insitu/{name}"]["round"] % 4 == 0).all())
            reads += 1
        out, err = process.communicate()
        self.assertEqual(process.returncode, 0, out + err)
        self.assertGreater(reads, 10)
        with h5py.File(index, "r") as file:
            self.assertEqual(len(file["checkpoints"]), 41)


def fashion_test_images(count):
    import gzip
    folder = "/usr/share/datasets/fashion-mnist/t10k-"
    with gzip.open(folder + "images-idx3-ubyte.gz") as images:
        pixels = np.frombuffer(images.read()[16:], np.uint8).reshape(-1, 784)
    with gzip.open(folder + "labels-idx1-ubyte.gz") as labels:
        return pixels[:count], np.frombuffer(labels.read()[8:], np.uint8)[:count]


def accuracy(state, images, labels):
    """Of a network of two linear layers with a ReLU in between."""
    hidden = np.maximum(images @ state["fc1.weight"].T + state["fc1.bias"], 0)
    logits = hidden @ state["fc2.weight"].T + state["fc2.bias"]
    return (logits.argmax(axis=1) == labels).mean()


if __name__ == "__main__":
    unittest.main()
