"""A small reader of fedstrata's run directories; needs numpy and h5py (docs/file-format.md).

    with fedstrata.Run("runs/quickstart") as run:
        print(run.rounds["test_accuracy"])
        weights = run.state_dict(10, client=2)            # names and shapes as in PyTorch
        model.load_state_dict(run.state_dict(10, client=2, torch=True))
"""

import os

import h5py
import numpy as np

from . import summary, writers
from .problems import Problem, needed
from .tables import Table, decoded


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

    def __repr__(self):
        return summary.short(self)

    def _repr_html_(self):
        return summary.table(self)

    def close(self):
        self.file.close()

    @property
    def config(self):
        """The resolved configuration, INI text."""
        return self.file.attrs["config"]

    @property
    def layers(self):
        """Names of the layers, in the order of a row's elements."""
        return [str(name) for name in self.layer_table["name"]]

    @property
    def layer_table(self):
        return self.table("layers")

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
        return self.table(f"metrics/{table}")

    def barriers(self, name="insitu", table="barriers"):
        """Table barriers, points, skipped, geometry, plane, spread, permutations or unit_axes of an
        analysis as a structured array."""
        if name not in self.file["barriers"]:
            raise KeyError(f"no analysis {name!r}; there are {', '.join(self.analyses) or 'none'}")
        return self.table(f"barriers/{name}/{table}")

    def table(self, name):
        """A table by its name in run.h5, such as "metrics/rounds", as a structured array; texts
        are str."""
        found = self.file[name] if name in self.file else None
        if getattr(found, "dtype", None) is None or found.dtype.names is None:
            raise KeyError(f"no table {name!r}; there are {', '.join(self.tables)}")
        return decoded(found[:]).view(Table)

    @property
    def tables(self):
        """Names of all tables."""
        places = ["", "metrics/", *(f"barriers/{name}/" for name in self.analyses)]
        return [place + name for place in places for name, found in self.file[place or "/"].items()
                if isinstance(found, h5py.Dataset) and found.dtype.names]

    def dataframe(self, name):
        """A table by its name in run.h5 as a pandas.DataFrame; needs pandas."""
        return needed("pandas").DataFrame(self.table(name).view(np.ndarray))

    def samples(self, client):
        """Numbers of the client's training samples."""
        self._check_client(client)
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
            self._check_client(client)
            raise KeyError(f"client {client} took no part in round {round}")
        return group[at][found[0]], group[f"buffers_{at}"][found[0]]

    def _check_client(self, client):
        count = int(self.file.attrs["clients"])
        if not 0 <= client < count:
            raise KeyError(f"there is no client {client} (clients are 0 to {count - 1})" if count > 1 else
                           f"there is no client {client} (client 0 is the only one)")

    def state_dict(self, round, client=None, at=None, torch=False):
        """Name -> float32 array, as PyTorch names and shapes them (float buffers included); with
        `torch` tensors instead of arrays, which needs PyTorch."""
        result = {}
        for table, row in zip(("parameters", "buffers"), self.row(round, client, at)):
            for tensor in self.file[table][:]:
                text = tensor["shape"].decode()
                shape = [int(n) for n in text.split("x")] if text else []
                first = tensor["offset"]
                values = row[first:first + tensor["size"]]
                result[tensor["name"].decode()] = values.reshape(shape)
        return writers.torch_tensors(result) if torch else result

    def save_pt(self, path, round, client=None, at=None):
        """Writes that state dict for torch.load; needs PyTorch. Other names than .pt and .pth have
        other forms (.safetensors, .npz)."""
        writers.save(self.state_dict(round, client, at), path)

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
            tensor, units = str(row["tensor"]), order[row["group"]]
            values = result[tensor]
            # An input unit of a linear layer after a convolution has a block of pixels.
            by_units = values.reshape(*values.shape[:row["axis"]], len(units), -1)
            result[tensor] = by_units.take(units, row["axis"]).reshape(values.shape)
        return result


def open_run(path):
    """A Run; throws a Problem if there is none or it cannot be read."""
    try:
        return Run(path)
    except FileNotFoundError as problem:
        raise Problem(f"{path} is not a run of fedstrata: there is no run.h5 in it.") from problem
    except PermissionError as problem:
        raise Problem(f"{path} cannot be read ({problem.strerror}).") from problem
    except OSError as problem:
        if os.path.isfile(path) and not h5py.is_hdf5(path):
            raise Problem(f"{path} is not a run of fedstrata: it is neither a run's directory nor a file "
                          "that `fedstrata inspect --pack` made.") from problem
        raise Problem(f"{path} cannot be read as HDF5; `fedstrata inspect --verify` tells which "
                      "file of the run is damaged.") from problem
    except ValueError as problem:
        raise Problem(f"{problem}.") from problem
