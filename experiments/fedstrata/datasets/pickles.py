"""CIFAR-10 and CIFAR-100 as Python's pickles: archive or folder."""

import pathlib
import tempfile

import numpy as np

from .. import cifar
from .form import Found, Part

NAME = "CIFAR's pickles"


def matches(path):
    if path.is_dir():
        return any((place / name).is_file() for each in cifar.SETS for name in each.names
                   for place in (path, path / each.folder))
    return "".join(path.suffixes[-2:]) == ".tar.gz" or path.suffix in (".tgz", ".tar")


def read(path, options):
    del options
    with tempfile.TemporaryDirectory() as scratch:
        chosen, _ = cifar.convert(path, pathlib.Path(scratch))
        labels = len(chosen.labels)

        def part_of(names):
            data = b"".join((pathlib.Path(scratch) / f"{name}.bin").read_bytes() for name in names)
            records = np.frombuffer(data, np.uint8).reshape(-1, labels + cifar.IMAGE)
            return Part(records[:, labels:].reshape(-1, 3, 32, 32), records[:, labels - 1].astype(np.int64))
        return Found(part_of(chosen.train), part_of([chosen.test]))
