"""What the tests of `fedstrata analyze` share: its tables, and an mlp's losses by NumPy."""

import h5py
import numpy as np

import program
from program import stable_columns, table

import fedstrata

TABLES = ("points", "barriers", "skipped", "geometry", "spread", "plane", "permutations",
          "unit_axes")


def setting(**values):
    """Arguments that set keys of [analysis]."""
    return [part for key, value in values.items() for part in ("--set", f"analysis.{key}={value}")]


def tables(run, name, rounds=None):
    """Table -> its columns, bit for bit; of some rounds."""
    found = {}
    for kind in TABLES:
        rows = table(run, f"barriers/{name}/{kind}")
        if rounds is not None:
            rows = rows[np.isin(rows["round"], list(rounds))]
        found[kind] = stable_columns(rows)
    return found


def barriers(run, name, **where):
    """Rows of a table of barriers in which columns have these values."""
    rows = table(run, f"barriers/{name}/barriers")
    for column, value in where.items():
        rows = rows[rows[column] == (value.encode() if isinstance(value, str) else value)]
    return rows


class Data:
    """The images of a run on a data set of MNIST's form, as its models see them."""

    def __init__(self, run, directory):
        with h5py.File(run / "run.h5", "r") as file:
            mean, std = (file["dataset"].attrs[name][0] for name in ("mean", "std"))
        self.parts = {}
        for split, prefix in (("train", "train"), ("test", "t10k")):
            raw = np.fromfile(directory / f"{prefix}-images-idx3-ubyte", np.uint8)[16:]
            labels = np.fromfile(directory / f"{prefix}-labels-idx1-ubyte", np.uint8)[8:]
            self.parts[split] = ((raw.reshape(-1, 784) / 255 - mean) / std, labels)

    def losses(self, state, split, indices=None):
        """Cross-entropy and error (0 or 1) of every sample [2, samples], in double precision."""
        values, labels = self.parts[split]
        if indices is not None:
            values, labels = values[indices], labels[indices]
        depth = sum(name.endswith(".weight") for name in state)
        for layer in range(1, depth + 1):
            values = values @ state[f"fc{layer}.weight"].astype(float).T + state[f"fc{layer}.bias"]
            if layer < depth:
                values = np.maximum(values, 0)
        shifted = values - values.max(axis=1, keepdims=True)
        entropy = np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(labels)), labels]
        return np.stack([entropy, values.argmax(axis=1) != labels])


def mixed(a, b, layers, alpha, rest=None):
    """State dict between a and b in the layers ("all" or a list), elsewhere that of `rest`."""
    return {name: (1 - alpha) * a[name] + alpha * b[name]
            if layers == "all" or name.rsplit(".", 1)[0] in layers else rest[name] for name in a}


def state_dicts(run, round_number, at=None):
    """Client -> state dict."""
    with fedstrata.Run(run) as opened:
        clients = opened.file[f"checkpoints/{round_number:06d}/clients"][:]
        return {int(c): opened.state_dict(round_number, client=int(c), at=at) for c in clients}


def weighted_mean(run, states):
    """Of the clients' models, by their numbers of samples."""
    with fedstrata.Run(run) as opened:
        counts = {client: len(opened.samples(client)) for client in states}
    total = sum(counts.values())
    return {name: sum(counts[c] / total * state[name].astype(float) for c, state in states.items())
            for name in next(iter(states.values()))}


class LaboratoryTest(program.ProgramTest):
    def analyse(self, run, name, *options, ranks=1, **settings):
        """An analysis that must succeed; returns what it said."""
        return self.succeed("analyze", run, "--name", name, *setting(**settings), *options,
                            ranks=ranks)
