"""A small reader of fedstrata's run directories; needs numpy and h5py (docs/file-format.md).

    with fedstrata.Run("runs/quickstart") as run:
        print(run.rounds["test_accuracy"])
        weights = run.state_dict(10, client=2)            # names and shapes as in PyTorch
        model.load_state_dict({k: torch.tensor(v) for k, v in weights.items()}, strict=False)
"""

import os

import h5py
import numpy as np


class Run:
    """A run directory, or the single file that `fedstrata inspect RUN --pack FILE` makes.

    A run may grow while it is read: open it anew to see what came since.
    """

    def __init__(self, path):
        self.path = os.fspath(path)
        index = os.path.join(self.path, "run.h5") if os.path.isdir(self.path) else self.path
        self.file = h5py.File(index, "r")
        if self.file.attrs.get("format") != "fedstrata":
            raise ValueError(f"{self.path} is not a run of fedstrata")
        if self.file.attrs["format_version"] > 1:
            raise ValueError(f"{self.path} has a newer format version than this reader")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.file.close()

    @property
    def config(self):
        """The resolved configuration, INI text."""
        return self.file.attrs["config"]

    @property
    def layers(self):
        """Names of the layers, in the order of a row's elements."""
        return [name.decode() for name in self.file["layers"]["name"]]

    @property
    def layer_table(self):
        return self.file["layers"][:]

    @property
    def checkpoints(self):
        """Rounds that have a checkpoint."""
        return sorted(int(name) for name in self.file["checkpoints"])

    @property
    def analyses(self):
        return sorted(self.file["barriers"])

    @property
    def rounds(self):
        return self.metrics("rounds")

    @property
    def histogram(self):
        """[clients, classes] training samples per label."""
        return self.file["partition/histogram"][:]

    def metrics(self, table="rounds"):
        """Table rounds, clients, layers or averaged as a structured array."""
        return self.file["metrics"][table][:]

    def barriers(self, name="insitu", table="barriers"):
        """Table barriers, points, skipped, geometry, plane, spread, permutations or unit_axes of an
        analysis as a structured array."""
        if name not in self.file["barriers"]:
            raise KeyError(f"no analysis {name!r}; there are {', '.join(self.analyses) or 'none'}")
        return self.file["barriers"][name][table][:]

    def samples(self, client):
        """Numbers of the client's training samples."""
        offsets = self.file["partition/offsets"]
        return self.file["partition/indices"][offsets[client]:offsets[client + 1]]

    def row(self, round, client=None, at=None):
        """Parameters [P] and buffers [Q] of one model. `at`: before or after averaging, or global
        (the default without a client)."""
        at = at or ("global" if client is None else "before")
        name = f"{round:06d}"
        if name not in self.file["checkpoints"]:
            raise KeyError(f"no checkpoint of round {round}; there are {self.checkpoints}")
        group = self.file["checkpoints"][name]
        if at not in group:
            raise KeyError(f"checkpoint {round} has no models {at!r}")
        if at == "global":
            return group["global"][:], group["buffers_global"][:]
        found = np.flatnonzero(group["clients"][:] == client)
        if not len(found):
            raise KeyError(f"client {client} took no part in round {round}")
        return group[at][found[0]], group[f"buffers_{at}"][found[0]]

    def state_dict(self, round, client=None, at=None):
        """Name -> float32 array, as PyTorch names and shapes them (float buffers included)."""
        result = {}
        for table, row in zip(("parameters", "buffers"), self.row(round, client, at)):
            for tensor in self.file[table][:]:
                text = tensor["shape"].decode()
                shape = [int(n) for n in text.split("x")] if text else []
                first = tensor["offset"]
                values = row[first:first + tensor["size"]]
                result[tensor["name"].decode()] = values.reshape(shape)
        return result

    def permuted(self, state, name, round, a, b):
        """A state dict of client b with its units in the order that analysis `name` (with
        `analysis.align`) found to match client a's: another model of the same function."""
        table = self.barriers(name, "permutations")
        table = table[(table["round"] == round) & (table["a"] == a) & (table["b"] == b)]
        if not len(table):
            raise KeyError(f"analysis {name!r} did not align client {b} to {a} in round {round}")
        order = {group: table["unit"][table["group"] == group] for group in set(table["group"])}
        result = dict(state)
        axes = self.barriers(name, "unit_axes")
        for row in axes[axes["round"] == round]:
            tensor, units = row["tensor"].decode(), order[row["group"]]
            values = result[tensor]
            # An input unit of a linear layer after a convolution has a block of pixels.
            by_units = values.reshape(*values.shape[:row["axis"]], len(units), -1)
            result[tensor] = by_units.take(units, row["axis"]).reshape(values.shape)
        return result
