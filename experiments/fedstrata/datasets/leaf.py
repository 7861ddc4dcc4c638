"""LEAF's JSON: users with their own samples (FEMNIST, synthetic), in DIR/train and DIR/test."""

import json

import numpy as np

from ..problems import Problem
from .form import Found, Part

NAME = "LEAF"


def files(path):
    return sorted(path.glob("*.json")) if path.is_dir() else []


def place(path):
    """The folder that holds train/ and test/: DIR, or DIR/data."""
    return next((each for each in (path, path / "data") if files(each / "train")), None)


def matches(path):
    return path.is_dir() and place(path) is not None


def users_of(path):
    """User -> (inputs, targets), in the files' order."""
    users = {}
    for file in files(path):
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            for user in content["users"]:
                data = content["user_data"][user]
                inputs, targets = users.setdefault(user, ([], []))
                inputs.extend(data["x"])
                targets.extend(data["y"])
        except (ValueError, KeyError, TypeError) as problem:
            raise Problem(f"{file} is not in LEAF's form ({type(problem).__name__}: {problem}).") from problem
    return users


def part_of(path):
    users = users_of(path)
    inputs = [sample for own, _ in users.values() for sample in own]
    targets = [target for _, own in users.values() for target in own]
    if any(isinstance(sample, str) for sample in inputs[:1]):
        raise Problem(f"{path} holds texts, which cannot be converted.")
    try:
        inputs = np.array(inputs, np.float32)
    except ValueError as problem:
        raise Problem(f"{path} holds samples of different lengths.") from problem
    client = np.repeat(np.arange(len(users)), [len(own) for _, own in users.values()])
    return Part(inputs, np.array(targets), client)


def square(part):
    """Rows of as many numbers as a square has, from 0 to 1, are grey images."""
    side = round(part.inputs.shape[1] ** 0.5) if part.inputs.ndim == 2 else 0
    if side >= 8 and side * side == part.inputs.shape[1] and 0 <= part.inputs.min() <= part.inputs.max() <= 1:
        part.inputs = np.round(part.inputs * 255).astype(np.uint8).reshape(-1, side, side)
        return True
    return False


def read(path, options):
    del options
    folder = place(path)
    train = part_of(folder / "train")
    test = part_of(folder / "test") if files(folder / "test") else None
    notes = []
    if square(train) and (test is None or square(test)):
        notes.append(f"inputs are grey images of {train.inputs.shape[1]} x {train.inputs.shape[1]}")
    return Found(train, test, notes=notes)
