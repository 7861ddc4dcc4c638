"""What differs between two runs, bit by bit, and what only the second of them has."""

import configparser
import contextlib
import dataclasses
import struct

import h5py
import numpy as np

# Attributes and columns that depend on time, place or machine. All others must be equal.
EXCEPTED_ATTRIBUTES = {"/": ("software_version",)}
# A run that went on may have been meant for fewer rounds, and for other ranks to write to.
EXCEPTED_IF_RESUMED = ("federation.rounds", "shard", "shards")
EXCEPTED_COLUMNS = {
    "/provenance": ("version", "build", "libraries", "cpu", "hosts", "slurm_job", "start_time",
                    "ranks"),
    # Segments hold columns of time; what they hold is compared, not how they lie in files.
    "/files": ("name", "bytes", "checksum", "run_modified"),
    "/metrics/rounds": ("seconds_train", "seconds_aggregate", "seconds_wait", "seconds_evaluate",
                        "seconds_round"),
    "/metrics/clients": ("seconds_train", "run_rank"),
    "progress.csv": ("seconds",),
}


@dataclasses.dataclass
class Found:
    """Sentences, one a table, file or attribute."""
    excepted: tuple
    differences: list = dataclasses.field(default_factory=list)
    additions: list = dataclasses.field(default_factory=list)


def compare_runs(old, new, groups=("/",), resumed=False):
    """Two run directories (or packed files), or some groups of them.

    `resumed`: the second went on from where it had been stopped.
    """
    found = Found(EXCEPTED_IF_RESUMED if resumed else ())
    with open_run(old) as left, open_run(new) as right:
        for group in groups:
            if group not in right:
                found.differences.append(f"{group} is missing")
            else:
                compare_items(group, left[group], right[group], found)
    if old.is_dir():
        compare_progress(old, new, found)
        if not resumed:
            compare_states(old / "state/resume", new / "state/resume", found)
    return found


@contextlib.contextmanager
def open_run(path):
    with h5py.File(path / "run.h5" if path.is_dir() else path, "r") as file:
        yield file


def compare_items(name, left, right, found):
    """Groups, all below them, or datasets; external links are followed."""
    compare_attributes(name, left.attrs, right.attrs, found)
    if isinstance(left, h5py.Group) != isinstance(right, h5py.Group):
        found.differences.append(f"{name} is a group in one run only")
    elif isinstance(left, h5py.Dataset):
        compare_data(name, left[()], right[()], found)
    else:
        below = name.rstrip("/")
        for key in left:
            if key in right:
                compare_items(f"{below}/{key}", left[key], right[key], found)
            else:
                found.differences.append(f"{below}/{key} is missing")
        found.additions += [f"{below}/{key}" for key in right if key not in left]


def compare_attributes(name, left, right, found):
    for key in left:
        what = f"attribute {key} of {name}"
        if key in EXCEPTED_ATTRIBUTES.get(name, ()) or key in found.excepted:
            continue
        if key not in right:
            found.differences.append(f"{what} is missing")
        elif key == "config":
            compare_configs(what, left[key], right[key], found)
        elif np.array(left[key]).dtype != np.array(right[key]).dtype:
            found.differences.append(f"{what} has another type")
        elif np.array(left[key]).tolist() != np.array(right[key]).tolist():
            found.differences.append(f"{what}: {left[key]} -> {right[key]}")
    found.additions += [f"attribute {key} of {name}" for key in right
                        if key not in left and key not in found.excepted]


def compare_configs(what, left, right, found):
    """INI texts: keys may have come to it, but none may be gone or changed."""
    left, right = settings(left), settings(right)
    different = [f"{key} ({value} -> {right.get(key, 'missing')})"
                 for key, value in left.items()
                 if right.get(key) != value and key not in found.excepted]
    if different:
        found.differences.append(f"{what}: {', '.join(different)}")
    found.additions += [f"{key} in {what}" for key in right if key not in left]


def settings(text):
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",))
    parser.read_string(text)
    return {f"{section}.{key}": value for section in parser.sections()
            for key, value in parser[section].items()}


def compare_data(name, left, right, found):
    left, right = np.atleast_1d(left), np.atleast_1d(right)
    if not left.dtype.names:
        if left.dtype != right.dtype:
            found.differences.append(f"{name} has type {right.dtype}, not {left.dtype}")
        elif difference := first_difference(left, right):
            found.differences.append(f"{name}: {difference}")
        return
    excepted = EXCEPTED_COLUMNS.get(name, ())
    for column in left.dtype.names:
        what = f"{name}, column {column}"
        if column not in (right.dtype.names or ()):
            found.differences.append(f"{what} is missing")
        elif left.dtype[column] != right.dtype[column]:
            found.differences.append(f"{what} has type {right.dtype[column]}, "
                                     f"not {left.dtype[column]}")
        elif column not in excepted and (
                difference := first_difference(left[column], right[column], left)):
            found.differences.append(f"{what}: {difference}")
            break  # where rows are lost or moved, all columns differ
    found.additions += [f"column {column} of {name}" for column in right.dtype.names or ()
                        if column not in left.dtype.names]


def first_difference(left, right, rows=None):
    """A text, or "" where all bits are equal. `rows`: the table, to name the row by its keys."""
    if left.ndim > 1 and left.shape != right.shape:
        return f"shape {left.shape} -> {right.shape}"
    shared = min(len(left), len(right))
    different = np.flatnonzero(bits(left[:shared]) != bits(right[:shared]))
    if len(different):
        item = left.dtype.itemsize * left[:1].size
        row = different[0] // item
        at = np.unravel_index(different[0] // left.dtype.itemsize, left.shape)
        where = "row " + ", ".join(map(str, at)) + keys(rows, row)
        return f"{where}: {left[at]!r} -> {right[at]!r}"
    return "" if len(left) == len(right) else f"{len(left)} rows -> {len(right)}"


def bits(values):
    return np.ascontiguousarray(values).view(np.uint8).ravel()


def keys(rows, row):
    if rows is None:
        return ""
    names = [name for name in rows.dtype.names if rows.dtype[name].kind in "iS"]
    texts = [value.decode() if isinstance(value, bytes) else str(value)
             for value in rows[names][row].tolist()]
    return " (" + ", ".join(f"{name} {text}" for name, text in zip(names, texts) if text) + ")"


def compare_progress(old, new, found):
    left, right = ([line.split(",") for line in (run / "progress.csv").read_text().splitlines()]
                   for run in (old, new))
    for place, column in enumerate(left[0]):
        if column not in right[0]:
            found.differences.append(f"progress.csv, column {column} is missing")
        elif column not in EXCEPTED_COLUMNS["progress.csv"]:
            one, other = ([line[at] for line in lines] for lines, at in
                          ((left, place), (right, right[0].index(column))))
            if one != other:
                found.differences.append(f"progress.csv, column {column} differs")
    found.additions += [f"column {column} of progress.csv" for column in right[0]
                        if column not in left[0]]


def compare_states(old, new, found):
    left, right = ({path.name: path for path in folder.glob("*.state")} for folder in (old, new))
    for name in sorted(left):
        what = f"state/resume/{name}"
        if name not in right:
            if name == max(left):  # older ones need not stay
                found.differences.append(f"{what} is missing")
            continue
        one, other = (path.read_bytes() for path in (left[name], right[name]))
        if one[:8] != other[:8]:  # another version of the format: what it holds
            one, other = rows_of_state(one), rows_of_state(other)
            found.differences += [f"{what}: {field} differs" for field in one
                                  if one[field] != other.get(field)]
            found.additions += [f"{field} of {what}" for field in other if field not in one]
        elif difference := first_difference(*(np.frombuffer(state, np.uint8)
                                              for state in (one, other))):
            found.differences.append(f"{what}: byte in {difference}")
    found.additions += [f"state/resume/{name}" for name in right if name not in left]


def rows_of_state(state):
    """Bytes by name of what a resume state holds (docs/file-format.md)."""
    version = state[7:8]
    head = struct.unpack_from("<7q", state)
    at = 7 * 8
    clients = head[4]
    if version == b"1":
        fields = [("global", head[5], 1), ("own", head[6], clients)]
    else:
        at, fields = 6 * 8, []
        for _ in range(head[5]):
            length, width, of_clients = struct.unpack_from("<3q", state, at)
            at += 3 * 8 + length
            fields.append((state[at - length:at].decode(), width, clients if of_clients else 1))
    found = {"place": head[1:4], "clients": state[at:at + 8 * clients]}
    at += 8 * clients
    for name, width, rows in fields:
        size = 4 * width * rows
        if size > 0:
            found[name] = state[at:at + size]
        at += size
    return found | {"end": at + 8 == len(state)}
