#!/usr/bin/python3
"""`python -m fedstrata data SRC FILE.h5`: every form comes out as the samples that went in."""

import gzip
import json
import os
import pathlib
import pickle
import struct
import subprocess
import sys
import tempfile
import unittest

import h5py
import numpy as np

EXPERIMENTS = pathlib.Path(__file__).resolve().parents[3] / "experiments"
RANDOM = np.random.default_rng(3)


def pixels(*shape):
    return RANDOM.integers(0, 256, shape, dtype=np.uint8)


def has(package):
    return subprocess.run([sys.executable, "-c", f"import {package}"], capture_output=True,
                          check=False).returncode == 0


class Data(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = pathlib.Path(directory.name)
        self.out = self.path / "out.h5"

    def convert(self, source, *options):
        return subprocess.run([sys.executable, "-m", "fedstrata", "data", source, self.out, *options],
                              cwd=EXPERIMENTS, env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}, text=True,
                              capture_output=True, check=False)

    def made(self, source, *options):
        """Name -> array and attribute -> value of the file made."""
        self.out.unlink(missing_ok=True)
        result = self.convert(source, *options)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.said = result.stdout
        with h5py.File(self.out) as file:
            found = dict(file.attrs)
            for part in ("train", "test"):
                found |= {f"{part}/{name}": values[:] for name, values in file[part].items()}
        return found

    def assert_refused(self, source, *options, says):
        result = self.convert(source, *options)
        self.assertEqual((result.returncode, len(result.stderr.splitlines())), (2, 1), result.stderr)
        self.assertIn(says, result.stderr)
        self.assertEqual([each for each in self.path.iterdir() if each.name.startswith(("out", ".out"))], [])

    def test_npz(self):
        arrays = {"x_train": pixels(30, 8, 8, 3), "y_train": RANDOM.integers(0, 4, (30, 1)),
                  "x_test": pixels(10, 8, 8, 3), "y_test": RANDOM.integers(0, 4, (10, 1)),
                  "client_train": np.array(["b", "a", "c"] * 10)}
        np.savez(self.path / "a.npz", **arrays)
        made = self.made(self.path / "a.npz")
        for part in ("train", "test"):
            np.testing.assert_array_equal(made[f"{part}/inputs"], arrays[f"x_{part}"].transpose(0, 3, 1, 2))
            np.testing.assert_array_equal(made[f"{part}/targets"], arrays[f"y_{part}"][:, 0])
        np.testing.assert_array_equal(made["train/client"], [1, 0, 2] * 10)
        np.savez(self.path / "b.npz", train_images=pixels(9, 28, 28), train_labels=np.arange(9) % 3 + 1,
                 test_images=pixels(3, 28, 28), test_labels=np.arange(3) + 1)
        made = self.made(self.path / "b.npz")
        np.testing.assert_array_equal(made["test/targets"], [0, 1, 2])
        self.assertIn("labels were 1, 2, ...", self.said)

    def test_npz_that_sets_no_test_samples_apart(self):
        x, y = RANDOM.normal(size=(50, 3)), np.arange(50) / 7
        np.savez(self.path / "a.npz", X=x, y=y)
        made = self.made(self.path / "a.npz", "--test-fraction", "0.3")
        self.assertEqual(made["test/inputs"].shape, (15, 3))
        rows = {tuple(row): target for row, target in zip(x.astype(np.float32), y.astype(np.float32))}
        for part in ("train", "test"):
            for row, target in zip(made[f"{part}/inputs"], made[f"{part}/targets"]):
                self.assertEqual(rows.pop(tuple(row)), target)
        self.assertEqual(rows, {})
        first = made["test/inputs"]
        np.testing.assert_array_equal(self.made(self.path / "a.npz", "--test-fraction", "0.3")["test/inputs"], first)

    def test_refuses_options_that_would_do_nothing(self):
        np.savez(self.path / "a.npz", x_train=np.eye(4), y_train=[0, 1, 0, 1], x_test=np.eye(4), y_test=[0, 1, 0, 1])
        self.assert_refused(self.path / "a.npz", "--seed", "2", says="--seed is not for a source that sets")
        self.assert_refused(self.path / "a.npz", "--grey", says="--grey is not for NPZ")
        self.out = self.path / "out"
        self.assert_refused(self.path / "cifar-10-python.tar.gz", "--size", "3", says="--size is not for CIFAR")
        self.assert_refused(self.path / "cifar-10-python.tar.gz", "--test-fraction", "0.1",
                            says="--test-fraction is not for CIFAR")

    def test_csv(self):
        table = self.path / "t.csv"
        rows = [(20 + i, ("x", "y", "z")[i % 3], ("no", "yes")[i % 2], f"site{i % 4}") for i in range(40)]
        table.write_text("age, town,buys,site\n" + "".join(",".join(map(str, row)) + "\n" for row in rows))
        made = self.made(table, "--target", "buys", "--client", "site")
        self.assertEqual(list(made["class_names"]), ["no", "yes"])
        everything = np.concatenate([made["train/inputs"], made["test/inputs"]])
        labels = np.concatenate([made["train/targets"], made["test/targets"]])
        self.assertEqual(everything.shape, (40, 4))
        for row, label in zip(everything, labels):
            i = int(row[0]) - 20
            self.assertEqual(list(row[1:]), [float(i % 3 == k) for k in range(3)])
            self.assertEqual(label, i % 2)
        np.testing.assert_allclose(made["mean"], made["train/inputs"].mean(axis=0), rtol=1e-6)
        np.testing.assert_array_equal(made["train/client"], (made["train/inputs"][:, 0] - 20) % 4)
        self.assertEqual(self.made(table, "--target", "age", "--values", "--drop", "site")["train/targets"].dtype,
                         np.float32)
        table.write_text("a,b\n1,2\n3,\n")
        self.out.unlink()
        self.assert_refused(table, "--target", "a", says="column b has nothing in row 3")
        self.assert_refused(table, says="--target COLUMN")
        self.assert_refused(table, "--target", "c", says="has no column c (--target)")
        self.assert_refused(table, "--target", "a", "--size", "3", says="--size is not for CSV")
        table.write_text("1,2\n3,4\n")
        self.assert_refused(table, "--target", "1", says="must name the columns")

    def test_idx(self):
        folder = self.path / "emnist"
        folder.mkdir()
        images, labels = pixels(12, 28, 28), np.arange(12, dtype=np.uint8) + 1
        for part, count in (("train", 12), ("test", 5)):
            for name, values in (("images-idx3", images[:count]), ("labels-idx1", labels[:count])):
                header = struct.pack(">4B", 0, 0, 8, values.ndim) + struct.pack(f">{values.ndim}I", *values.shape)
                (folder / f"emnist-letters-{part}-{name}-ubyte.gz").write_bytes(
                    gzip.compress(header + values.tobytes()))
        made = self.made(folder)
        np.testing.assert_array_equal(made["train/inputs"], images.transpose(0, 2, 1))
        np.testing.assert_array_equal(made["test/targets"], np.arange(5))
        (folder / "emnist-letters-test-labels-idx1-ubyte.gz").write_bytes(gzip.compress(b"\0\0\x08\1\0\0\0\x09ab"))
        self.out.unlink()
        self.assert_refused(folder, says="holds 2 bytes")

    def test_leaf(self):
        images = {user: RANDOM.integers(0, 256, (count, 784)) for user, count in (("w2", 3), ("w1", 4))}
        for part in ("train", "test"):
            (self.path / "data" / part).mkdir(parents=True)
            (self.path / "data" / part / "all.json").write_text(json.dumps({
                "users": list(images), "num_samples": [3, 4],
                "user_data": {user: {"x": (x / 255).tolist(), "y": [5] * len(x)} for user, x in images.items()}}))
        made = self.made(self.path / "data")
        np.testing.assert_array_equal(made["train/inputs"].reshape(-1, 784),
                                      np.concatenate([images["w2"], images["w1"]]))
        np.testing.assert_array_equal(made["train/client"], [0] * 3 + [1] * 4)
        (self.path / "data/train/all.json").write_text('{"users": ["a"]}')
        self.out.unlink()
        self.assert_refused(self.path / "data", says="not in LEAF's form")

    def test_cifar_pickles(self):
        folder = self.path / "cifar-100-python"
        folder.mkdir()
        images = pixels(6, 3072)
        for name in ("train", "test"):
            (folder / name).write_bytes(pickle.dumps({b"data": images, b"fine_labels": [99, 1, 2, 3, 4, 5],
                                                      b"coarse_labels": [0] * 6}, protocol=2))
        made = self.made(folder)
        np.testing.assert_array_equal(made["train/inputs"].reshape(6, -1), images)
        np.testing.assert_array_equal(made["test/targets"], [99, 1, 2, 3, 4, 5])

    def test_function_of_python(self):
        module = self.path / "my_sets.py"
        module.write_text("class Set:\n"
                          "    def __len__(self):\n        return 7\n"
                          "    def __getitem__(self, i):\n        return [float(i), i * 0.5], i % 3, i // 2\n"
                          "def make():\n    return Set(), Set()\n"
                          "def bad():\n    return [(1, 2, 3, 4)], None\n")
        made = self.made(f"{module}:make")
        np.testing.assert_array_equal(made["train/inputs"], [[i, i / 2] for i in range(7)])
        np.testing.assert_array_equal(made["train/client"], [0, 0, 1, 1, 2, 2, 3])
        self.out.unlink()
        self.assert_refused(f"{module}:bad", says="is no (input, target)")
        self.assert_refused(f"{module}:none", says="has no function none")

    @unittest.skipUnless(has("PIL.Image"), "needs Pillow (Debian: python3-pil)")
    def test_folders_of_images(self):
        from PIL import Image  # pylint: disable=import-outside-toplevel
        images = {}
        for part, count in (("train", 4), ("test", 2)):
            for label, name in enumerate(("cat", "dog")):
                (self.path / "photos" / part / name).mkdir(parents=True)
                for i in range(count):
                    images[part, label, i] = pixels(6, 5, 3)
                    Image.fromarray(images[part, label, i]).save(self.path / "photos" / part / name / f"{i}.png")
        made = self.made(self.path / "photos")
        self.assertEqual(list(made["class_names"]), ["cat", "dog"])
        np.testing.assert_array_equal(made["test/inputs"].transpose(0, 2, 3, 1),
                                      [images["test", label, i] for label in range(2) for i in range(2)])
        self.assertEqual(self.made(self.path / "photos", "--size", "4", "--grey")["train/inputs"].shape, (8, 4, 4))
        Image.fromarray(pixels(6, 6, 3)).save(self.path / "photos/train/dog/9.png")
        self.out.unlink()
        self.assert_refused(self.path / "photos", says="--size N makes all N x N")

    @unittest.skipUnless(has("datasets"), "needs the package datasets")
    def test_hugging_face(self):
        from datasets import Dataset, DatasetDict  # pylint: disable=import-outside-toplevel
        made = Dataset.from_dict({"features": [[1.0, 2.0], [3.0, 4.0]], "label": [1, 0], "who": ["b", "a"]})
        DatasetDict({"train": made, "test": made}).save_to_disk(str(self.path / "hf"))
        found = self.made(self.path / "hf", "--client", "who")
        np.testing.assert_array_equal(found["test/inputs"], [[1, 2], [3, 4]])
        np.testing.assert_array_equal(found["train/client"], [1, 0])

    def test_refuses(self):
        np.savez(self.path / "nan.npz", x=[[1.0], [np.nan], [2.0], [3.0], [4.0]], y=[0, 1, 0, 1, 0])
        self.assert_refused(self.path / "nan.npz", says="is not finite")
        np.savez(self.path / "odd.npz", weights=[1.0])
        self.assert_refused(self.path / "odd.npz", says="it has weights")
        self.assert_refused(self.path / "nowhere", says="is not there")
        (self.path / "some.txt").write_text("words")
        self.assert_refused(self.path / "some.txt", says="of no form that can be converted")
        (self.path / "cut.npz").write_bytes(b"PK\3\4")
        self.assert_refused(self.path / "cut.npz", says="cannot be read as NPZ")
        np.savez(self.path / "many.npz", x=[[1.0]] * 4, y=[0, 300, 1, 2])
        self.assert_refused(self.path / "many.npz", "--test-fraction", "0.5", says="has the label 300")


if __name__ == "__main__":
    unittest.main()
