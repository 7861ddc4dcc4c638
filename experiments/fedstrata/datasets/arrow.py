"""Data sets of Hugging Face, as save_to_disk leaves them."""

import numpy as np

from ..problems import Problem, needed
from .form import Found, Part

NAME = "Hugging Face data set"
INPUTS = ("image", "img", "pixel_values", "features", "x", "input")
TARGETS = ("label", "labels", "fine_label", "target", "y")


def matches(path):
    return (path / "dataset_dict.json").is_file() or (path / "state.json").is_file()


def chosen(columns, given, usual, option, path):
    if given and given not in columns:
        raise Problem(f"{path} has no column {given} ({option}): its columns are {', '.join(columns)}.")
    name = given or next((each for each in usual if each in columns), None)
    if name is None:
        raise Problem(f"name a column of {path} with {option}: {', '.join(columns)}.")
    return name


def part_of(samples, options, path):
    columns = samples.column_names
    names = (chosen(columns, options.input, INPUTS, "--input", path),
             chosen(columns, options.target, TARGETS, "--target", path))
    try:
        inputs, targets = (np.stack([np.asarray(value) for value in samples[name]]) for name in names)
    except ValueError as problem:
        raise Problem(f"{path}: samples are of different shapes ({problem}).") from problem
    client = None
    if options.client:
        client = np.array(samples[chosen(columns, options.client, (), "--client", path)])
    return Part(inputs, targets, client)


def read(path, options):
    loaded = needed("datasets").load_from_disk(str(path))
    if not hasattr(loaded, "column_names") or isinstance(loaded.column_names, list):
        return Found(part_of(loaded, options, path))
    if "train" not in loaded:
        raise Problem(f"{path} has no split train: it has {', '.join(loaded)}.")
    test = next((loaded[name] for name in ("test", "validation") if name in loaded), None)
    return Found(part_of(loaded["train"], options, path),
                 None if test is None else part_of(test, options, path))
