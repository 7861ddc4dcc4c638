#!/usr/bin/python3
"""Data of the user's own: `data.dataset = file:FILE.h5`, and `data.partition = natural`."""

import unittest

import h5py
import numpy as np

from program import ProgramTest, content as stored, run, start, wait_until

COUNTS = {"train": 120, "test": 40}
CLIENTS = 6


def images(shape=(1, 8, 8), classes=3):
    """Dataset or attribute -> value of a file whose images tell their labels."""
    rng = np.random.default_rng(1)
    content = {}
    for part, count in COUNTS.items():
        labels = rng.integers(0, classes, count)
        pixels = rng.integers(0, 100, (count, *shape)) + labels.reshape(-1, *[1] * len(shape)) * 50
        content[f"{part}/inputs"] = pixels.astype(np.uint8)
        content[f"{part}/targets"] = labels
    content["train/client"] = np.arange(COUNTS["train"]) % CLIENTS
    return content


def numbers(features=5, values=False):
    rng = np.random.default_rng(2)
    content = {}
    for part, count in COUNTS.items():
        x = rng.normal(size=(count, features)).astype(np.float32)
        content[f"{part}/inputs"] = x
        content[f"{part}/targets"] = x[:, :2] * 2 if values else (x.sum(axis=1) > 0).astype(np.int8)
    return content


class OwnData(ProgramTest):
    def file(self, parts, name="my.h5"):
        with h5py.File(self.path / name, "w") as file:
            for key, value in parts.items():
                if "/" in key:
                    file.create_dataset(key, data=value, compression="gzip" if np.ndim(value) > 1 else None)
                else:
                    file.attrs[key] = value
        return self.path / name

    def config(self, *changes, name="my.ini"):
        return super().config({"data.dataset": f"file:{self.path}/my.h5", "data.train_limit": 0,
                               "data.test_limit": 0}, *changes, name=name)

    def trained(self, name, *changes, ranks=1):
        return self.simulate(self.config(*changes), name, ranks=ranks)

    def refused(self, parts, *says, changes=None):
        self.file(parts)
        result = run("simulate", self.config(changes or {}), "--out", self.path / "refused")
        self.assert_fails(result, 2, *says)
        self.assertFalse((self.path / "refused").exists())

    def test_images(self):
        content = images((3, 8, 8))
        self.file(content)
        directory = self.trained("run", {"federation.rounds": 3, "train.lr": 0.1, "analysis.every": 3})
        with h5py.File(directory / "run.h5") as file:
            about = dict(file["dataset"].attrs)
            accuracy = file["metrics/rounds"]["test_accuracy"][-1]
        scaled = content["train/inputs"].transpose(1, 0, 2, 3).reshape(3, -1) / 255
        np.testing.assert_allclose(about["mean"], scaled.mean(axis=1), rtol=1e-12)
        np.testing.assert_allclose(about["std"], scaled.std(axis=1), rtol=1e-9)
        self.assertEqual((about["shape"], about["classes"]), ("3x8x8", 3))
        self.assertGreater(accuracy, 0.6)  # a third by chance

    def test_natural_partition(self):
        self.file(images())
        changes = {"data.partition": "natural", "data.clients": 4, "checkpoint.every": 1}
        one = self.trained("one", changes)
        with h5py.File(one / "run.h5") as file:
            offsets, indices = file["partition/offsets"][:], file["partition/indices"][:]
        for client in range(4):
            np.testing.assert_array_equal(indices[offsets[client]:offsets[client + 1]],
                                          np.arange(client, COUNTS["train"], CLIENTS))
        for ranks in (2, 3):
            self.assert_same(stored(one), stored(self.trained(f"on{ranks}", changes, ranks=ranks)))

    def test_goes_on_and_is_analysed_elsewhere(self):
        self.file(images())
        changes = {"data.dataset": "file:my.h5", "data.dir": self.path, "federation.rounds": 8,
                   "federation.local_steps": 300, "data.partition": "natural",
                   "data.clients": CLIENTS, "checkpoint.every": 2}
        whole = self.trained("whole", changes)
        part = self.path / "part"
        process = start("simulate", self.config(changes), "--out", part)
        wait_until((part / "checkpoints/000002.h5").exists)
        process.terminate()
        process.communicate()
        self.assertFalse((part / "DONE").exists())
        moved = self.path / "elsewhere"
        moved.mkdir()
        (self.path / "my.h5").rename(moved / "my.h5")
        self.assert_fails(run("simulate", "--resume", part), 2, "there is no file")
        self.succeed("simulate", "--resume", part, "--set", f"data.dir={moved}")
        self.assert_same(stored(whole), stored(part))
        self.succeed("analyze", part, "--name", "later", "--set", "analysis.rounds=2", "--set",
                     f"data.dir={moved}")
        self.file(images() | {"train/targets": np.zeros(COUNTS["train"], int)}, "elsewhere/my.h5")
        result = run("analyze", part, "--name", "other", "--set", f"data.dir={moved}")
        self.assertEqual(result.returncode, 2, result.stderr)

    def test_numbers(self):
        content = numbers() | {"mean": np.full(5, 0.1), "std": np.full(5, 0.5)}
        self.file(content)
        one = self.trained("labels", {"federation.rounds": 4, "train.lr": 0.2})
        with h5py.File(one / "run.h5") as file:
            self.assertGreater(file["metrics/rounds"]["test_accuracy"][-1], 0.8)
        # Normalised before, the same numbers are the same inputs.
        for part in COUNTS:
            content[f"{part}/inputs"] = ((content[f"{part}/inputs"] - 0.1) / 0.5).astype(np.float32)
        del content["mean"], content["std"]
        self.file(content)
        other = self.trained("normalised", {"federation.rounds": 4, "train.lr": 0.2})
        with h5py.File(one / "run.h5") as a, h5py.File(other / "run.h5") as b:
            np.testing.assert_allclose(a["metrics/rounds"]["test_loss"], b["metrics/rounds"]["test_loss"], rtol=1e-4)
        self.file(numbers(values=True))
        values = self.trained("values", {"federation.rounds": 8, "train.lr": 0.1})
        with h5py.File(values / "run.h5") as file:
            loss = file["metrics/rounds"]["test_loss"]
            self.assertEqual(file["dataset"].attrs["task"], "regression")
        self.assertLess(loss[-1], loss[0] / 4)

    def test_floats_of_the_shape_of_images(self):
        content = images((1, 28, 28))
        for part in COUNTS:
            content[f"{part}/inputs"] = (content[f"{part}/inputs"] / 255).astype(np.float64)
        content |= {"mean": [0.4], "std": [0.2]}
        self.file(content)
        self.trained("run", {"model.name": "cnn", "federation.rounds": 1})

    def test_bad_files(self):
        good, rows = images(), numbers()

        def without(name):
            return {key: value for key, value in good.items() if key != name}

        def changed(array, value, where=7):
            array = np.array(array)
            array[where] = value
            return array
        channels_last = {f"{part}/inputs": np.zeros((count, 8, 8, 3), np.uint8) for part, count in COUNTS.items()}
        cases = [
            (without("test/targets"), "has no dataset test/targets"),
            (good | {"test/inputs": np.zeros((40, 1, 8, 9), np.uint8)}, "[N, 1, 8, 8] for training", "[N, 1, 8, 9]"),
            (good | channels_last, "channels came last"),
            (good | {"train/targets": good["train/targets"][:-1]}, "120 inputs and 119 targets in train"),
            (good | {"train/targets": changed(good["train/targets"], -1)}, "label -1 of sample 7 in train/targets"),
            (good | {"classes": 2, "test/targets": changed(good["test/targets"], 1)}, "the label 2 of sample"),
            (good | {"train/targets": changed(good["train/targets"], 300)}, "the label 300", "256"),
            (good | {"mean": [0.1, 0.2], "std": [1.0, 1.0]}, "2 numbers in the attribute mean", "1 channels"),
            (good | {"mean": [0.1]}, "only one of the attributes"),
            (good | {"mean": [0.1], "std": [0.0]}, "attribute std"),
            (good | {"train/weight": np.ones(120)}, "train/weight", "not supported"),
            (rows | {"train/inputs": changed(rows["train/inputs"], np.nan)}, "not finite, of sample 7"),
            (rows | {f"{part}/inputs": rows[f"{part}/inputs"].astype(int) for part in COUNTS}, "float32"),
            (rows | {"train/inputs": np.zeros((0, 5), np.float32)}, "no samples in train/inputs"),
            (rows | {"train/targets": rows["train/targets"].astype(np.float32)}, "one shape or type"),
        ]
        for content, *says in cases:
            with self.subTest(says[0]):
                self.refused(content, *says)
        natural = {"data.partition": "natural", "data.clients": 4}
        for content, *says in (
                (without("train/client"), "natural needs to know whose"),
                (good | {"train/client": good["train/client"] * 2}, "no training sample is of client 1", "gaps"),
                (good | {"train/client": good["train/client"] - 1}, "client -1 of sample 0"),
                (good | {"train/client": np.arange(12)}, "train/client of another length")):
            with self.subTest(says[0]):
                self.refused(content, *says, changes=natural)
        self.refused(good, "data.clients = 7", "set it to 6 or less", changes=natural | {"data.clients": 7})
        self.file(good)
        with h5py.File(self.path / "my.h5", "a") as file:
            del file["train/inputs"]
            file.create_dataset("train/inputs", (1 << 40, 1, 8, 8), np.uint8, chunks=(1, 1, 8, 8))
        self.assert_fails(run("simulate", self.config()), 2, "holds less than its shape says")
        (self.path / "my.h5").write_text("no HDF5\n")
        self.assert_fails(run("simulate", self.config()), 2, "is no whole HDF5 file")


if __name__ == "__main__":
    unittest.main()
