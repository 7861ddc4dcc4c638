#!/usr/bin/python3
"""`python -m fedstrata data` makes CIFAR's binary files out of Python's pickles."""

import gzip
import pathlib
import pickle
import struct
import subprocess
import sys
import tarfile
import tempfile
import unittest

import numpy

EXPERIMENTS = pathlib.Path(__file__).resolve().parents[3] / "experiments"
COUNT = 5
TEN = [*(f"data_batch_{batch}" for batch in range(1, 6)), "test_batch"]


def images(seed):
    return numpy.random.default_rng(seed).integers(0, 256, (COUNT, 3072), dtype=numpy.uint8)


def python2(entries):
    """A pickle as Python 2 and the NumPy of its time wrote it, with texts for bytes: as published."""
    def text(data):
        data = data.encode() if isinstance(data, str) else data
        return b"T" + struct.pack("<i", len(data)) + data

    def value(item):
        if isinstance(item, list):
            return b"](" + b"".join(b"M" + struct.pack("<H", number) for number in item) + b"e"
        shape = b"".join(b"M" + struct.pack("<H", size) for size in item.shape)
        kind = (b"cnumpy\ndtype\n" + text("u1") + b"K\0K\1\x87R(K\3" + text("|") + b"NNN"
                + b"J\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb")
        return (b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85" + text("b") + b"\x87R"
                + b"(K\1" + shape + b"\x86" + kind + b"\x89" + text(item.tobytes()) + b"tb")
    return b"\x80\2}(" + b"".join(text(key) + value(item) for key, item in entries.items()) + b"u."


class Data(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = pathlib.Path(directory.name)
        self.out = self.path / "out"

    def convert(self, source):
        return subprocess.run([sys.executable, "-S", "-m", "fedstrata", "data", source, self.out],
                              cwd=EXPERIMENTS, env={"PYTHONDONTWRITEBYTECODE": "1"}, text=True,
                              capture_output=True, check=False)

    def assert_refused(self, source, *says):
        before = set(self.path.iterdir())
        result = self.convert(source)
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
        for text in says:
            self.assertIn(text, result.stderr)
        self.assertEqual(set(self.path.iterdir()), before)

    def ten(self, write=python2):
        """A folder of CIFAR-10's pickles."""
        folder = self.path / "root" / "cifar-10-batches-py"
        folder.mkdir(parents=True, exist_ok=True)
        for seed, name in enumerate(TEN):
            (folder / name).write_bytes(write({"data": images(seed), "labels": [9, 0, 1, 2, seed]}))
        return folder

    def assert_ten(self, source):
        result = self.convert(source)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn(f"{5 * COUNT} training and {COUNT} test images", result.stdout)
        self.assertEqual(sorted(path.name for path in self.out.iterdir()), [f"{n}.bin" for n in TEN])
        for seed, name in enumerate(TEN):
            made = numpy.fromfile(self.out / f"{name}.bin", numpy.uint8).reshape(COUNT, 3073)
            self.assertEqual(made[:, 0].tolist(), [9, 0, 1, 2, seed])
            numpy.testing.assert_array_equal(made[:, 1:], images(seed))
            (self.out / f"{name}.bin").unlink()
        self.out.rmdir()

    def test_folders_and_archives_of_every_age(self):
        self.assert_ten(self.ten())
        for protocol in (2, 4):
            self.ten(lambda entries, protocol=protocol: pickle.dumps(entries, protocol))
            self.assert_ten(self.path / "root")
        folder = self.ten(lambda entries: gzip.compress(python2(entries)))
        self.assert_ten(folder)
        self.ten()
        for mode in ("w:gz", "w"):
            with tarfile.open(self.path / "archive", mode) as archive:
                archive.add(folder, "cifar-10-batches-py")
            self.assert_ten(self.path / "archive")

    def test_cifar100_has_both_labels(self):
        for seed, name in enumerate(("train", "test")):
            (self.path / name).write_bytes(python2(
                {"data": images(seed), "fine_labels": [99, 0, 1, 2, 3], "coarse_labels": [19, 1, 2, 3, 4]}))
        result = self.convert(self.path)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("data.dataset = cifar100", result.stdout)
        made = numpy.fromfile(self.out / "test.bin", numpy.uint8).reshape(COUNT, 3074)
        self.assertEqual(made[:, :2].tolist(), [[19, 99], [1, 0], [2, 1], [3, 2], [4, 3]])
        numpy.testing.assert_array_equal(made[:, 2:], images(1))

    def test_what_is_wrong_is_said_in_one_sentence(self):
        folder = self.ten()
        self.out.mkdir()
        self.assert_refused(folder, "exists already")
        self.out.rmdir()
        whole = (folder / "data_batch_3").read_bytes()
        for data, *says in [(whole[:-9], "data_batch_3", "no pickle of CIFAR-10"), (b"", "is empty"),
                            (b"<html>", "web page"), (b"version https://git-lfs", "git lfs pull"),
                            (pickle.dumps(print), "no pickle of CIFAR-10"),
                            (python2({"data": images(0), "labels": [10] * COUNT}), "below 10"),
                            (python2({"data": images(0), "labels": [1]}), "3072 pixels")]:
            (folder / "data_batch_3").write_bytes(data)
            self.assert_refused(folder, "data_batch_3", *says)
        (folder / "data_batch_3").unlink()
        self.assert_refused(folder, "lacks data_batch_3")
        self.assert_refused(self.path, "no pickles", "data_batch_1")
        self.assert_refused(self.path / "none", f"{self.path / 'none'} is not there: SRC is the archive")
        (self.path / "page").write_text("<!DOCTYPE html>")
        self.assert_refused(self.path / "page", "web page")
        (self.path / "cut.tar.gz").write_bytes(gzip.compress(bytes(range(256)) * 99)[:200])
        self.assert_refused(self.path / "cut.tar.gz", "no whole tar archive")
        (self.path / "text").write_text("no archive")
        self.assert_refused(self.path / "text", "no whole tar archive")
        (folder / "data_batch_1.bin").touch()
        self.assert_refused(folder, "binary version already")

    def test_of_two_sets_one_is_to_be_named(self):
        self.ten()
        other = self.path / "root" / "cifar-100-python"
        other.mkdir()
        (other / "train").touch()
        self.assert_refused(self.path / "root", "cifar-10-batches-py, ", "cifar-100-python")


if __name__ == "__main__":
    unittest.main()
