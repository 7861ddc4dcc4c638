#!/usr/bin/python3
"""Draws every figure that a run's contents allow, as PNG and SVG, and prints the barriers.

Needs Debian's python3-h5py and python3-matplotlib. Works while the run goes on.
"""

import argparse
import configparser
import os
import pathlib
import sys
import warnings

os.environ.setdefault("HDF5_USE_FILE_LOCKING", "FALSE")  # files of a run never change once there
import numpy as np

import fedstrata
import figures

MAX_COLUMNS = 30  # rounds in one heat map, so that the numbers stay readable


class Problem(Exception):
    """A sentence for the user."""


def open_run(path):
    try:
        return fedstrata.Run(path)
    except FileNotFoundError as problem:
        raise Problem(f"{path} is not a run of fedstrata: there is no run.h5 in it.") from problem
    except OSError as problem:
        raise Problem(f"{path} cannot be read as HDF5; `fedstrata inspect --verify` tells which "
                      "file of the run is damaged.") from problem
    except ValueError as problem:
        raise Problem(f"{problem}.") from problem


def read(run, name):
    """A table with texts decoded; None when the run has none so called."""
    if run.file.get(name, getlink=True) is None:
        return None
    try:
        data = run.file[name][:]
    except (KeyError, OSError) as problem:
        raise Problem(f"{run.path}: {name} cannot be read: a file of the run is missing or "
                      "damaged; `fedstrata inspect --verify` tells which.") from problem
    types = [(column, kind if kind.kind != "S" else f"U{kind.itemsize}")
             for column, kind in ((n, data.dtype[n]) for n in data.dtype.names)]
    return data.astype(types)


def about(run):
    attributes = run.file.attrs
    return f"{attributes['model']} on {attributes['dataset']}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", metavar="RUN_DIR", type=pathlib.Path,
                        help="or a file made by `fedstrata inspect --pack`")
    parser.add_argument("--out", metavar="DIR", type=pathlib.Path, help="default: plots in RUN_DIR, or beside the file")
    parser.add_argument("--analysis", metavar="NAME", help="only this analysis (default: all)")
    arguments = parser.parse_args()
    try:
        beside = arguments.run.parent if arguments.run.is_file() else arguments.run
        draw(arguments.run, arguments.out or beside / "plots", arguments.analysis)
    except Problem as problem:
        print(f"plot.py: {problem}", file=sys.stderr)
        return 2
    return 0


def draw(path, out, wanted):
    run = open_run(path)
    names = run.analyses
    if wanted is not None and wanted not in names:
        raise Problem(f"{path} has no analysis called '{wanted}' (it has: "
                      f"{', '.join(names) or 'none'}).")
    drawn = run_figures(run, run.layers)
    for name in [wanted] if wanted else names:
        analysis = Analysis(run, name)
        drawn.update(analysis.figures())
        analysis.print_summary()
    drawn = {name: figure for name, figure in drawn.items() if figure is not None}
    if not drawn:
        raise Problem(f"{path} has nothing to plot yet: no finished round and no analysis.")
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, figure in drawn.items():
            figure.savefig(out / f"{name}.png")
            figure.savefig(out / f"{name}.svg", metadata={"Date": None})
    except OSError as problem:
        raise Problem(f"The figures cannot be written to {out} ({problem.strerror}); choose "
                      "another directory with --out.") from problem
    print(f"\n{len(drawn)} figures (PNG and SVG) in {out}: {', '.join(sorted(drawn))}")


def run_figures(run, layers):
    """Figures that need no analysis, by name."""
    heading = f"{about(run)}, {run.file.attrs['clients']} clients"
    drawn = {}
    rounds, averaged = averaging(run, layers)
    metrics = read(run, "metrics/rounds")
    if metrics is not None and len(metrics) > 1:
        drawn["accuracy"] = figures.accuracy_and_loss(heading, metrics,
                                                      rounds[averaged.any(axis=0)])
    if len(rounds):
        values = by_layer(read(run, "metrics/layers"), "divergence", layers, rounds)
        drawn["divergence"] = figures.divergence(
            f"How far apart the clients are when local training ends\n{heading}", layers, rounds, values,
            averaged)
    drawn["partition"] = figures.partition(f"Who holds which classes: {heading}", run.histogram)
    return drawn


def averaging(run, layers):
    """Rounds done, and [layers, rounds]: was the layer averaged at the end of the round?"""
    table = read(run, "metrics/layers")
    if table is None or not len(table):
        return np.empty(0, int), np.zeros((len(layers), 0), bool)
    rounds = np.unique(table["round"])
    rounds = rounds[rounds > 0]
    return rounds, by_layer(table, "averaged", layers, rounds) == 1


def by_layer(table, column, layers, rounds):
    """A column of /metrics/layers as [layers, rounds], NaN where there is no row."""
    values = np.full((len(layers), len(rounds)), np.nan)
    row = {layer: k for k, layer in enumerate(layers)}
    known = np.isin(table["round"], rounds)
    place = np.searchsorted(rounds, table["round"][known])
    values[[row[layer] for layer in table["layer"][known]], place] = table[column][known]
    return values


class Analysis:
    """The barriers of one analysis, as medians over pairs, both directions and draws."""

    QUANTITIES = [("loss", "loss", 1.0, 2), ("error", "error, percentage points", 100.0, 1)]
    HALFWAY = "value half-way between two models minus the mean of the two full models;\nmedian over "
    BARRIERS = {  # what the numbers are, by partner
        "": HALFWAY + "pairs of clients ({}), either one supplying the other layers",
        "mean": "what averaging meets: the clients' weighted mean (full), or each client with one "
                "layer of it,\nminus the mean over the clients",
        "init": HALFWAY + "clients and their initialisation ({})",
        "other": HALFWAY + "pairs with another run ({})"}

    def __init__(self, run, name):
        self.run, self.name, self.layers = run, name, run.layers
        table = read(run, f"barriers/{name}/barriers")
        self.table = table[np.isin(table["kind"], ("full", "layer"))]
        partner = np.select([self.table["other_run"] != "", self.table["b"] == -2,
                             self.table["b"] == -3], ["other", "mean", "init"], "")
        self.parts = {}  # (split, partner) -> rows
        for split in ("train", "test"):
            for kind in self.BARRIERS:
                rows = self.table[(self.table["split"] == split) & (partner == kind)]
                if len(rows):
                    self.parts[split, kind] = rows

    def figures(self):
        drawn = {}
        for split, partner in self.parts:
            name = "_".join(filter(None, [self.name, split, partner]))
            drawn[f"barriers_{name}"] = self.heatmap(split, partner)
        for split in ("train", "test"):
            drawn[f"paths_{self.name}_{split}"] = self.paths(split)
        return drawn

    def heatmap(self, split, partner):
        rows = self.parts[split, partner]
        every = np.unique(rows["round"])
        step = -(-len(every) // MAX_COLUMNS)
        rounds = every[::-step][::-1]  # evenly spaced, the last one included
        panels = []
        for column, title, unit, decimals in self.QUANTITIES:
            ends = rows[f"{column}_a"]  # of pairs = clients: the mean over the clients
            if partner != "mean":
                ends = (ends + rows[f"{column}_b"]) / 2
            ends = [unit * np.nanmedian(ends[rows["round"] == n]) for n in rounds]
            panels.append(figures.BarrierPanel(
                f"Barrier in {split} {title}", unit * self.medians(rows, column, rounds),
                np.array(ends), decimals))
        averaged, note = self.averaged_between(rounds)
        note = "; ".join(filter(None, ["end points: the value of the clients' own models", note]))
        if len(rounds) < len(every):
            note = f"{note}; {len(rounds)} of {len(every)} analysed rounds shown"
        return figures.barrier_heatmap(self.heading(rows, split, partner), panels, self.layers,
                                       rounds, averaged, note)

    def heading(self, rows, split, partner):
        pairs = len(np.unique(rows[["a", "b", "other_run"]]))
        return (f"{about(self.run)}, {split} split, analysis '{self.name}'\n" +
                self.BARRIERS[partner].format(pairs))

    def medians(self, rows, column, rounds):
        """[1 + layers, rounds] of COLUMN_mid: full, then the layers in order."""
        values = np.full((1 + len(self.layers), len(rounds)), np.nan)
        for k, layer in enumerate([None, *self.layers]):
            chosen = rows[rows["kind"] == "full"] if layer is None else \
                rows[(rows["kind"] == "layer") & (rows["target"] == layer)]
            for n, number in enumerate(rounds):
                found = chosen[f"{column}_mid"][chosen["round"] == number]
                found = found[np.isfinite(found)]
                if len(found):
                    values[k, n] = np.median(found)
        return values

    def paths(self, split):
        """Loss and error along the paths of the last round; None with only three points on them."""
        rows = read(self.run, f"barriers/{self.name}/points")
        rows = rows[(rows["split"] == split) & (rows["b"] >= 0) & (rows["other_run"] == "")]
        rows = rows[rows["round"] == rows["round"].max()] if len(rows) else rows
        # Seen from the client that supplies the other layers: 0 = its own layer, 1 = the other's.
        # The full path has no such client: it counts from both ends.
        back = rows[rows["kind"] == "full"]
        share = np.concatenate([
            np.where(rows["rest"] == rows["b"], 1 - rows["alpha"], rows["alpha"]),
            1 - back["alpha"]]).round(9)
        rows = np.concatenate([rows, back])
        grid = np.unique(share)
        if len(grid) <= 3:
            return None
        panels = []
        for column, title, unit, _ in self.QUANTITIES:
            values = np.full((1 + len(self.layers), len(grid)), np.nan)
            for k, layer in enumerate(["", *self.layers]):
                chosen = (rows["kind"] == "layer") & (rows["target"] == layer) if layer else \
                    rows["kind"] == "full"
                for n, x in enumerate(grid):
                    found = rows[column][chosen & (share == x)]
                    values[k, n] = np.median(found) if len(found) else np.nan
            panels.append((f"{split} {title}", unit * values))
        return figures.paths(
            f"{about(self.run)}, round {rows['round'][0]}, analysis '{self.name}': median over "
            "pairs of clients",
            panels, self.layers, grid)

    def averaged_between(self, columns):
        """[layers, columns]: averaged after this column's models were taken, before the next's?"""
        rounds, averaged = averaging(self.run, self.layers)
        between = np.zeros((len(self.layers), len(columns)), bool)
        if averaged.all():
            return between, "all layers averaged every round" if averaged.size else ""
        # Where models are from before averaging, a round's average shows in later columns only.
        side = "left" if self.rows_after() else "right"
        column = np.searchsorted(columns, rounds, side=side) - 1
        for r, c in enumerate(column):
            if c >= 0:
                between[:, c] |= averaged[:, r]
        between[:, -1] = False  # shows in no column
        return between, "black bar: layer averaged at that point" if between.any() else ""

    def rows_after(self):
        """Did the analysis take the models from after averaging?"""
        group = self.run.file[f"barriers/{self.name}"]
        text = group.attrs.get("config", "") or self.run.config
        parser = configparser.ConfigParser(interpolation=None, inline_comment_prefixes="#")
        try:
            parser.read_string(text)
        except configparser.Error:
            return False
        return parser.get("analysis", "at", fallback="before") == "after"

    def print_summary(self):
        partner = next((partner for _, partner in self.parts), None)
        shown = [(split, column, unit, decimals) for split in ("train", "test")
                 if (split, partner) in self.parts for column, _, unit, decimals in self.QUANTITIES]
        if not shown:
            return
        parts = {split: self.parts[split, partner] for split, *_ in shown}
        rounds = np.unique(np.concatenate([rows["round"] for rows in parts.values()]))
        blocks = [unit * self.medians(parts[split], column, rounds)
                  for split, column, unit, _ in shown]
        print(f"\nBarriers, analysis '{self.name}': all layers together (full) and the median "
              "single layer; error in percentage points")
        print("      " + "".join(f"{split + ' ' + column:^19}" for split, column, *_ in shown))
        print("round " + "".join(f"{'full':>9}{'layer':>8}  " for _ in shown))
        for n, number in enumerate(rounds):
            cells = [f"{figures.number(block[0, n], d):>9}"
                     f"{figures.number(nan_median(block[1:, n]), d):>8}  "
                     for block, (*_, d) in zip(blocks, shown)]
            print(f"{number:5} " + "".join(cells))


def nan_median(values):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # all absent
        return np.nanmedian(values)


if __name__ == "__main__":
    sys.exit(main())
