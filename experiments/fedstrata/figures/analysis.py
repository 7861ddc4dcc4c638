"""The barriers of one analysis, as medians over pairs, both directions and draws."""

import configparser

import numpy as np

from .charts import number
from .heatmap import Grid, HeatMap
from .rows import Rows
from .run_tables import (INITIALISATION, MEAN, about, averaging, has_classes, median, read,
                         span, splits, tables)

MAX_COLUMNS = 30  # rounds in one heat map, so that the numbers stay readable
FULL, LAYER = "full", "layer"  # the kinds that every summary of a run shows
HALFWAY = "midpoint against the mean of the two full models; median over "
BARRIERS = {  # what the numbers are, by partner
    "": HALFWAY + "pairs of clients ({}), either one supplying the other layers",
    "mean": "what averaging meets: the clients' weighted mean (full), or each client with one "
            "layer of it, against the mean over the clients",
    "init": HALFWAY + "clients and their initialisation ({})",
    "other": HALFWAY + "pairs with another run ({})"}


class Analysis:
    """`parts`: Rows by (split, partner); partner as in BARRIERS."""

    def __init__(self, run, name, layers=None, alone=False):
        """`layers`: those that figures show, all by default; `alone`: no other analysis is drawn, so
        titles need not name it."""
        self.run, self.name, self.layers, self.alone = run, name, layers or run.layers, alone
        self.averaging = averaging(run)
        shares = has_classes(run)  # errors are shares of wrong answers
        self.error_unit = "percentage points" if shares else "the targets' unit"
        self.quantities = [("loss", "loss", 1.0, 2),  # column, text, factor, decimals
                           ("error", f"error, {self.error_unit}", *((100.0, 1) if shares else (1.0, 2)))]
        self.parts = {}
        table = self.table("barriers")
        if table is None:
            return
        partner = np.select([table["other_run"] != "", table["b"] == MEAN,
                             table["b"] == INITIALISATION], ["other", "mean", "init"], "")
        for split in splits(table):
            for kind in BARRIERS:
                rows = table[(table["split"] == split) & (partner == kind)]
                if len(rows):
                    self.parts[split, kind] = Rows(rows)

    def tables(self):
        """The names of all its tables."""
        return tables(self.run, f"barriers/{self.name}", "barriers")

    def table(self, name):
        """One of them; None when it has no such table, or no rows in it."""
        table = read(self.run, f"barriers/{self.name}/{name}")
        if table is None or not len(table):
            return None
        wanted = self.setting("split")
        if wanted.startswith("client:") and "split" in table.dtype.names:
            # The column says `client`, and not of which.
            table = table.astype([(n, f"U{len(wanted)}" if n == "split" else table.dtype[n])
                                  for n in table.dtype.names])
            table["split"] = wanted
        return table

    def figure_name(self, topic, split, partner=""):
        name = self.name if self.name != topic else ""  # said once
        return "_".join(filter(None, [topic, name, split.replace(":", ""), partner]))

    def heading(self, what, split, rounds, reference=""):
        """Says what is shown, of which model and data, when, and against what."""
        heading = f"{what}\n{about(self.run)}, {split} split, {span(rounds)}"
        if not self.alone:
            heading += f", analysis '{self.name}'"
        return f"{heading}\n{reference}" if reference else heading

    def reference(self, rows, partner):
        pairs = len(np.unique(rows.table[["a", "b", "other_run"]]))
        return BARRIERS[partner].format(pairs)

    def heatmap(self, what, split, partner, panels, max_columns=MAX_COLUMNS, across=0):
        """Medians by round. `panels`: {title: [(row name, kind, target)]}, a None sets rows apart;
        None when the part has nothing of the kind."""
        rows = self.parts[split, partner].of({entry[1] for entries in panels.values()
                                              for entry in entries if entry})
        if not len(rows):
            return None
        every = rows.rounds
        step = -(-len(every) // max_columns)
        rounds = every[::-step][::-1]  # evenly spaced, the last one included
        grids = [self._grid(f"{name}Barrier in {split} {text}", quantity, rows, partner, entries,
                            rounds)
                 for quantity in self.quantities for text in [quantity[1]]
                 for name, entries in panels.items()]
        note = []
        if any(grid.bars.any() for grid in grids):
            note.append("black bar: layer averaged at that point")
        elif self.averaged_between(rounds) is None:
            note.append("all layers averaged every round")
        if len(rounds) < len(every):
            note.append(f"{len(rounds)} of {len(every)} analysed rounds shown")
        heading = self.heading(what, split, rounds, self.reference(rows, partner))
        return HeatMap(heading, grids, "; ".join(note), across)

    def _grid(self, text, quantity, rows, partner, entries, rounds):
        column, _, unit, decimals = quantity
        named = [entry for entry in entries if entry]
        gaps = [k - n for n, k in enumerate(k for k, e in enumerate(entries) if not e)]
        between = self.averaged_between(rounds)
        bars = np.zeros((len(named), len(rounds)), bool)
        for k, (_, kind, target) in enumerate(named):
            if between is not None and kind == LAYER and target in self.layers:
                bars[k] = between[self.run.layers.index(target)]
        return Grid(text, unit * rows.medians(named, column, rounds),
                    [name for name, *_ in named], [str(r) for r in rounds], decimals,
                    gaps=tuple(gaps), scale=column, ends=unit * rows.ends(partner, column, rounds),
                    bars=bars)

    def averaged_between(self, columns):
        """[all layers, columns]: averaged after this column's models were taken, before the next's?
        None when all layers are averaged every round."""
        rounds, averaged = self.averaging
        between = np.zeros((len(self.run.layers), len(columns)), bool)
        if averaged.size and averaged.all():
            return None
        # Where models are from before averaging, a round's average shows in later columns only.
        side = "left" if self.setting("at") == "after" else "right"
        column = np.searchsorted(columns, rounds, side=side) - 1
        for r, c in enumerate(column):
            if c >= 0:
                between[:, c] |= averaged[:, r]
        between[:, -1] = False  # shows in no column
        return between

    def setting(self, key):
        """A key of [analysis], as the analysis had it; "" where that is not known."""
        group = self.run.file[f"barriers/{self.name}"]
        text = group.attrs.get("config", "") or self.run.config
        parser = configparser.ConfigParser(interpolation=None, inline_comment_prefixes="#")
        try:
            parser.read_string(text)
        except configparser.Error:
            return ""
        return parser.get("analysis", key, fallback="")

    def print_summary(self):
        partner = next((partner for _, partner in self.parts), None)
        entries = [(FULL, FULL, None), *((name, LAYER, name) for name in self.run.layers)]
        shown = [(split, column, unit, decimals) for split, other in self.parts if other == partner
                 for column, _, unit, decimals in self.quantities]
        parts = {split: self.parts[split, partner] for split, *_ in shown}
        rounds = [rows.of((FULL, LAYER)).rounds for rows in parts.values()]
        rounds = np.unique(np.concatenate(rounds)) if rounds else []
        if not len(rounds):
            return
        blocks = [unit * parts[split].medians(entries, column, rounds)
                  for split, column, unit, _ in shown]
        print(f"\nBarriers, analysis '{self.name}': all layers together (full) and the median "
              f"single layer; error in {self.error_unit}")
        print("      " + "".join(f"{split + ' ' + column:^19}" for split, column, *_ in shown))
        print("round " + "".join(f"{'full':>9}{'layer':>8}  " for _ in shown))
        for n, count in enumerate(rounds):
            cells = [f"{number(block[0, n], d):>9}{number(median(block[1:, n]), d):>8}  "
                     for block, (*_, d) in zip(blocks, shown)]
            print(f"{count:5} " + "".join(cells))
