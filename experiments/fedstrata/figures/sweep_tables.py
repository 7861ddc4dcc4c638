"""Reads a collected sweep for plot.py: values of its cells by interval, layer set and seed, or by the names
that cells have in [cells], where the axes don't tell these apart in a way that could be drawn."""

import copy
import functools
import itertools
import re

import h5py
import numpy as np

from ..problems import Problem
from ..run import open_run
from ..tables import decoded
from .groups import text
from .run_tables import shares_all

FORMAT = "fedstrata-sweep"
SEED = "run.seed"
NAME = "[cells]"  # an axis, and a column of Sweep.cells: what a cell is called
BASE = "base config"  # the name of cells without one, where these differ in their seeds alone


def collected_file(path):
    """The file that `fedstrata sweep collect` makes, for a sweep's directory or the file itself;
    None for other things."""
    if path.is_dir():
        if not (path / "sweep.ini").exists():
            return None
        if not (path / "collected.h5").exists():
            raise Problem(f"{path} is a sweep that was not collected: run `fedstrata sweep "
                          "collect` first.")
        return path / "collected.h5"
    try:
        with h5py.File(path, "r") as file:
            return path if file.attrs.get("format") == FORMAT else None
    except OSError:
        return None


class Sweep:
    """The cells that are done, and which axes are drawn.

    `across`: the axis along x, the interval of averages where there is one; `lines`: the other one,
    the set of layers where there is one, or None; `others`: the rest but for the seed; `by_name`: are there
    cells with names, and no others that axes tell apart?"""

    def __init__(self, path):
        self.path = path
        try:
            with h5py.File(path, "r") as file:
                self.attributes = dict(file.attrs)
                self.cells, self.rounds, self.barriers = (
                    decoded(file[name][:]) for name in ("cells", "rounds", "barriers"))
        except (KeyError, OSError) as problem:
            raise Problem(f"{path} cannot be read; run `fedstrata sweep collect` again.") \
                from problem
        if self.attributes["format_version"] > 1:
            raise Problem(f"{path} has a newer format version than this reader.")
        self.named = named_cells(self.attributes["sweep"])
        self.axes = [axis for axis in self.attributes["axes"].split(",") if axis and axis != SEED]
        self.varying = self.vary()
        self.by_name = len(self.varying) > 1 and not self.varying.get("")
        self.total = len(self.cells)
        self.cells = self.cells[self.cells["stage"] == "done"]
        if not len(self.cells):
            raise Problem(f"{path} has no cell that is done yet: nothing to plot.")
        self.cells = with_column(self.cells, NAME, [self.called(cell) for cell in self.cells])
        self.across = chosen(self.axes, ".every")
        self.lines = chosen([a for a in self.axes if a != self.across], ".layers")
        self.others = [a for a in self.axes if a not in (self.across, self.lines)]

    def runs(self):
        """Directories of the cells that are done."""
        return [self.path.parent / "cells" / str(name) for name in self.cells["name"]]

    @functools.cached_property
    def without_global(self):
        """Numbers of the cells some of whose layers are never averaged, as far as their runs are there: no
        client uses their global model."""
        found = set()
        for cell, path in zip(self.cells, self.runs()):
            if path.exists():
                with open_run(path) as run:
                    if not shares_all(run):
                        found.add(cell["cell"])
        return found

    def label(self, cell):
        """A cell's name in [cells]; empty where it has none."""
        return str(cell["label"]) if "label" in cell.dtype.names else label_in(
            str(cell["name"]), self.named)

    def vary(self):
        """Name in [cells] -> axes that vary among the cells of that name."""
        labels = np.array([self.label(cell) for cell in self.cells])
        return {str(label): [axis for axis in self.axes
                             if len(np.unique(self.cells[axis][labels == label])) > 1]
                for label in dict.fromkeys(labels)}

    def settings(self, cell):
        """What tells a cell from others than those of other seeds: its name (under ""), which says what it
        sets, and what varies under that name; of a cell without a name all that it sets."""
        label = self.label(cell) or (BASE if self.by_name else "")
        said = {"": label} if label else {}
        axes = self.varying[self.label(cell)] if label else self.axes
        return said | {axis: str(cell[axis]) for axis in axes}

    def called(self, cell):
        return text(self.settings(cell), ["", *self.axes])

    def parts(self):
        """[(sweep, text, cells)] of what has something to compare. The sweep is this one, for each
        combination of the other axes; or it has names along x, of named cells that would be left out."""
        found = [] if self.by_name else [(self, *part) for part in self.of_axes()]
        drawn = {cell["cell"] for *_, cells in found for cell in cells}
        named = self.cells if self.by_name else \
            self.cells[[bool(self.label(cell)) for cell in self.cells]]
        if not drawn.issuperset(named["cell"]) and len(self.values(named, NAME)) > 1:
            view = copy.copy(self)
            view.across, view.lines = NAME, None
            found.append((view, "cells with names" if drawn else "", named))
        return found

    def left_out(self):
        """Names of the cells that are in none of the parts."""
        drawn = {cell["cell"] for *_, cells in self.parts() for cell in cells}
        return [str(cell["name"]) for cell in self.cells if cell["cell"] not in drawn]

    def of_axes(self):
        """(text, cells) for each combination of the other axes that has something to compare."""
        values = [np.unique(self.cells[axis]) for axis in self.others]
        for combination in itertools.product(*values):
            cells = self.cells
            for axis, value in zip(self.others, combination):
                cells = cells[cells[axis] == value]
            what = ", ".join(f"{axis} = {value}" if str(value) else f"{axis} not set"
                             for axis, value in zip(self.others, combination))
            if len(self.values(cells, self.across)) > 1 or len(self.values(cells, self.lines)) > 1:
                yield what, cells

    def values(self, cells, axis):
        """Values of an axis in these cells: numbers ascending, 0 (never) last; texts in the order
        of the sweep file."""
        if axis is None:
            return [""]
        found, first = np.unique(cells[axis], return_index=True)
        if found.dtype.kind == "U":
            return list(found[np.argsort(first)])
        return sorted(found, key=lambda v: (axis.endswith(".every") and v == 0, v))

    def grid(self, cells, of_cell):
        """[lines, across] of arrays, one number a seed; `of_cell`: number of a cell -> value."""
        found = {}
        for cell in cells:
            key = tuple(cell[a] if a else "" for a in (self.lines, self.across))
            found.setdefault(key, []).append(of_cell(cell["cell"]))
        grid = np.empty((len(self.values(cells, self.lines)),
                         len(self.values(cells, self.across))), object)
        for row, line in enumerate(self.values(cells, self.lines)):
            for column, value in enumerate(self.values(cells, self.across)):
                numbers = np.array(found.get((line, value), []), float)
                grid[row, column] = numbers[np.isfinite(numbers)]
        return grid


def with_column(table, name, texts):
    """A structured array with one more column."""
    result = np.empty(len(table), [*table.dtype.descr, (name, np.array(texts).dtype)])
    for column in table.dtype.names:
        result[column] = table[column]
    result[name] = texts
    return result


def named_cells(sweep):
    """Names of the cells in [cells] of a sweep file's text."""
    section = re.search(r"^\s*\[cells\]\s*$(.*?)(^\s*\[|\Z)", sweep, re.M | re.S)
    return re.findall(r"^\s*([^\s#;=]+)\s*=", section[1], re.M) if section else []


def label_in(name, labels):
    """The name in [cells] with which the name of a cell begins; version 0.1 stored no more."""
    found = [one for one in labels if re.match(rf"{re.escape(one)}(_|-[0-9a-f]+$)", name)]
    return max(found, key=len, default="")


def chosen(axes, ending):
    """The axis that ends so, otherwise the first; None when there is none."""
    return next((a for a in axes if a.endswith(ending)), axes[0] if axes else None)


def last_of(table, column):
    """Number of a cell -> a column's last value that is there, rows being in order of rounds."""
    known = table[np.isfinite(table[column])]
    last = dict(zip(known["cell"], known[column]))
    return lambda cell: last.get(cell, np.nan)
