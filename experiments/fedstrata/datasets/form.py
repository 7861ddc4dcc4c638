"""The file that `data.dataset = file:FILE.h5` names (docs/data.md), and what is written into it."""

import dataclasses
import os

os.environ.setdefault("HDF5_USE_FILE_LOCKING", "FALSE")  # as fedstrata does
import h5py
import numpy as np

from ..problems import Problem
from ..whole_file import whole_file

MOST_CLASSES = 256


@dataclasses.dataclass
class Part:
    """Samples: inputs [N, ...], targets [N] or [N, K], and whose they are, [N], where that is known."""
    inputs: np.ndarray
    targets: np.ndarray
    client: "np.ndarray | None" = None

    def __len__(self):
        return len(self.inputs)

    def at(self, rows):
        return Part(self.inputs[rows], self.targets[rows],
                    None if self.client is None else self.client[rows])


@dataclasses.dataclass
class Found:
    """What a form found: test is None where the source does not set any apart."""
    train: Part
    test: "Part | None" = None
    classes: "list[str] | None" = None  # their names
    notes: "list[str]" = dataclasses.field(default_factory=list)  # what was decided, for the user
    normalise: bool = False  # numbers of different units: each feature by its own mean and deviation


def parted(part, fraction, seed):
    """Training and test samples, drawn at random."""
    count = round(len(part) * fraction)
    if not 0 < count < len(part):
        raise Problem(f"--test-fraction {fraction:g} of {len(part)} samples leaves none for training or "
                      "none for testing.")
    order = np.random.default_rng(seed).permutation(len(part))
    return part.at(np.sort(order[count:])), part.at(np.sort(order[:count]))


def as_inputs(array, where):
    """Bytes as images [N, C, H, W], all else as float32."""
    array = np.asarray(array)
    if array.dtype == bool:
        array = array.astype(np.float32)
    if array.dtype.kind not in "uif":
        raise Problem(f"{where}: the inputs are {array.dtype}, not numbers.")
    if array.ndim >= 3 and array.dtype.kind in "ui" and array.size and 0 <= array.min() <= array.max() <= 255:
        array = array.astype(np.uint8)
    if array.dtype != np.uint8 or array.ndim not in (3, 4):
        with np.errstate(over="ignore"):  # what float32 cannot hold is reported
            array = array.astype(np.float32)
        if array.ndim == 1:
            array = array[:, None]
        bad = np.flatnonzero(~np.isfinite(array.reshape(len(array), -1)).all(axis=1))
        if len(bad):
            raise Problem(f"{where}: the input of sample {bad[0]} is not finite (as float32); fill in or "
                          "leave out what is missing.")
        return array
    if array.ndim == 4 and array.shape[3] <= 4 < array.shape[1]:
        array = array.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(array)


def as_targets(array, where):
    """Labels int64 [N], or values float32."""
    array = np.asarray(array)
    if array.dtype.kind in "uib" and array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.dtype.kind in "uib" and array.ndim == 1:
        return array.astype(np.int64)
    if array.dtype.kind != "f" or array.ndim not in (1, 2):
        raise Problem(f"{where}: targets are labels (integers [N]) or values (floats [N] or [N, K]), not "
                      f"{array.dtype} of shape {list(array.shape)}.")
    array = array.astype(np.float32)
    if not np.isfinite(array).all():
        raise Problem(f"{where}: a target is not finite.")
    return array


def checked(found, source):
    """The same with arrays as they are written; throws a Problem where they do not fit together."""
    parts = {}
    for name, part in (("train", found.train), ("test", found.test)):
        where = f"{source} ({name})"
        made = Part(as_inputs(part.inputs, where), as_targets(part.targets, where),
                    None if part.client is None else numbered(part.client))
        if len(made.inputs) != len(made.targets) or not len(made.inputs):
            raise Problem(f"{where} has {len(made.inputs)} inputs and {len(made.targets)} targets.")
        parts[name] = made
    train, test = parts["train"], parts["test"]
    if train.inputs.shape[1:] != test.inputs.shape[1:] or train.inputs.dtype != test.inputs.dtype:
        raise Problem(f"{source}: training inputs are {train.inputs.dtype} {list(train.inputs.shape[1:])}, "
                      f"test inputs {test.inputs.dtype} {list(test.inputs.shape[1:])}.")
    if train.targets.dtype != test.targets.dtype or train.targets.shape[1:] != test.targets.shape[1:]:
        raise Problem(f"{source}: training and test targets are not of one kind.")
    notes = list(found.notes)
    if train.targets.dtype == np.int64:
        labels = np.union1d(train.targets, test.targets)
        if len(labels) > 1 and found.classes is None and np.array_equal(labels, np.arange(len(labels)) + 1):
            train.targets, test.targets = train.targets - 1, test.targets - 1
            labels -= 1
            notes.append("labels were 1, 2, ... and begin at 0 now")
        least, most = labels[0], labels[-1]
        if least < 0 or most >= MOST_CLASSES:
            raise Problem(f"{source} has the label {least if least < 0 else most}: labels are from 0 to "
                          f"{MOST_CLASSES - 1}.")
    return dataclasses.replace(found, train=train, test=test, notes=notes)


def write(path, found):
    """Writes what was checked() to a file: all or nothing."""
    with whole_file(path) as part:
        path.parent.mkdir(parents=True, exist_ok=True)
        with h5py.File(part, "w") as file:
            fill(file, found)


def fill(file, found):
    if found.train.targets.dtype == np.int64:
        largest = max(found.train.targets.max(), found.test.targets.max())
        file.attrs["classes"] = np.int64(max(len(found.classes or ()), largest + 1, 2))
        if found.classes:
            file.attrs["class_names"] = found.classes
    if found.normalise and found.train.inputs.dtype == np.float32:
        columns = found.train.inputs.astype(np.float64)
        columns = columns.reshape(*columns.shape[:2], -1)
        deviation = columns.std(axis=(0, 2))
        file.attrs["mean"] = columns.mean(axis=(0, 2))
        file.attrs["std"] = np.where(deviation > 0, deviation, 1.0)
    for name, part in (("train", found.train), ("test", found.test)):
        file[f"{name}/inputs"] = part.inputs
        file[f"{name}/targets"] = part.targets
    if found.train.client is not None:
        file["train/client"] = found.train.client


def numbered(client):
    """Clients as 0, 1, 2, ..., in the order of their names."""
    return np.unique(np.asarray(client), return_inverse=True)[1].reshape(-1).astype(np.int64)
