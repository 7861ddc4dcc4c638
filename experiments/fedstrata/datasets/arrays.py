"""Arrays of NumPy by name (.npz): x_train and its relatives."""

import zipfile

import numpy as np

from ..problems import Problem
from .form import Found, Part

NAME = "NPZ"
INPUTS = ("x", "inputs", "input", "images", "data", "features")
TARGETS = ("y", "targets", "target", "labels", "label")
CLIENTS = ("client", "clients", "user", "users")


def matches(path):
    return path.suffix == ".npz"


def named(names, what, part):
    """The array of `names` that is called so: x_train, train_x, train/x, X_train; x where there is no part."""
    for word in what:
        for form in ((f"{word}_{part}", f"{part}_{word}", f"{part}/{word}") if part else (word,)):
            for name in names:
                if name.lower() == form:
                    return name
    return None


def part_of(arrays, part, path):
    inputs, targets, client = (named(arrays, what, part) for what in (INPUTS, TARGETS, CLIENTS))
    if inputs is None and targets is None:
        return None
    if inputs is None or targets is None:
        raise Problem(f"{path} has {'no inputs' if inputs is None else 'no targets'}"
                      f"{f' for {part}' if part else ''}: its arrays are {', '.join(arrays)}.")
    return Part(arrays[inputs], arrays[targets], arrays[client] if client else None)


def read(path, options):
    del options
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as problem:
        raise Problem(f"{path} cannot be read as NPZ ({str(problem).partition(chr(10))[0]}); save plain "
                      "arrays with numpy.savez.") from problem
    parts = {name: part_of(arrays, name, path) for name in ("train", "test")}
    if parts["train"] is None:
        parts = {"train": part_of(arrays, "", path), "test": None}
    if parts["train"] is None:
        raise Problem(f"{path} has no arrays x_train and y_train (or train_images and train_labels, x and "
                      f"y, ...): it has {', '.join(arrays) or 'none'}.")
    return Found(parts["train"], parts["test"])
