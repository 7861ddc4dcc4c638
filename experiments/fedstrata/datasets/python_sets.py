"""Whatever Python can index or iterate: FILE.py:NAME, a function that gives (training, test) sets.

A set is a sequence of (input, target) or (input, target, client): a data set of torch or torchvision, of
Hugging Face with two columns, or a list. Inputs may be arrays, tensors, images of Pillow or numbers.
"""

import runpy

import numpy as np

from ..problems import Problem
from .form import Found, Part

NAME = "FILE.py:FUNCTION"


def matches(path):
    return ".py:" in path.name


def part_of(samples, where):
    columns = []
    for number in range(len(samples)):
        sample = samples[number]
        sample = tuple(sample.values()) if isinstance(sample, dict) else sample
        if not isinstance(sample, (tuple, list)) or len(sample) not in (2, 3):
            raise Problem(f"{where}: sample {number} is no (input, target) or (input, target, client).")
        columns.append([np.asarray(value) for value in sample])
    try:
        arrays = [np.stack(column) for column in zip(*columns)]
    except ValueError as problem:
        raise Problem(f"{where}: samples are of different shapes ({problem}).") from problem
    if not arrays:
        raise Problem(f"{where} has no samples.")
    return Part(*arrays)


def read(path, options):
    del options
    file, _, name = str(path).rpartition(":")
    try:
        found = runpy.run_path(file)
    except FileNotFoundError as problem:
        raise Problem(f"{file} is not there.") from problem
    if not callable(found.get(name)):
        raise Problem(f"{file} has no function {name}.")
    sets = found[name]()
    if not isinstance(sets, (tuple, list)) or len(sets) != 2:
        raise Problem(f"{path} must give a pair, the training and the test set (None: part of the first).")
    train, test = sets
    return Found(part_of(train, f"{path} (train)"), None if test is None else part_of(test, f"{path} (test)"))
