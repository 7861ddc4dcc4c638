"""Figures of a sweep: accuracy and barriers against the averaging interval, by set of layers."""

import numpy as np

from figures import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, Chart, Grid, HeatMap, frame, number, plt
from sweep_tables import last_of

COLORS = [BLACK, BLUE, ORANGE, GREEN, PURPLE, "#56B4E9", "#D55E00", GREY]
MARKERS = "os^Dv<>p"
ACCURACIES = [("averaged (global) model", "test_accuracy"),
              ("clients before averaging: mean", "test_accuracy_before"),
              ("clients after averaging: mean", "test_accuracy_after"),
              ("clients after averaging, own labels: mean", "test_accuracy_local_after")]
BARRIERS = [("all layers, loss", "full", "loss_mid", 1.0),
            ("highest single layer, loss", "layer", "loss_mid", 1.0),
            ("all layers, error, percentage points", "full", "error_mid", 100.0),
            ("highest single layer, error, percentage points", "layer", "error_mid", 100.0)]


def figures(sweep):
    drawn = {}
    parts = list(sweep.parts())
    for count, (text, cells) in enumerate(parts):
        part = f"_{count + 1}" if len(parts) > 1 else ""
        seeds = max(len(numbers) for numbers in sweep.grid(cells, lambda cell: 1.0).flat)
        about = ", ".join(filter(None, [
            f"{sweep.attributes['model']} on {sweep.attributes['dataset']}", text,
            f"{len(cells)} cells, up to {seeds} seeds" if seeds > 1 else f"{len(cells)} cells"]))
        add(drawn, sweep, cells, "accuracy", part, f"Accuracy on the test set, last round: {about}",
            accuracies(sweep, cells))
        for analysis, split in barrier_parts(sweep):
            add(drawn, sweep, cells, "barrier", f"_{analysis}_{split}{part}",
                f"Midpoint barriers on the {split} set, last analysed round, medians over pairs of "
                f"clients: {about}, analysis '{analysis}'",
                barriers(sweep, cells, analysis, split))
    return drawn


def add(drawn, sweep, cells, topic, rest, heading, panels):
    if panels:
        drawn[f"sweep_{topic}{rest}"] = lines(sweep, cells, heading, panels)
        drawn[f"sweep_{topic}_map{rest}"] = heat_maps(sweep, cells, heading, panels)


def accuracies(sweep, cells):
    """[(title, [lines, across] of values by seed, decimals, signed)], of what is there."""
    panels = []
    for title, column in ACCURACIES:
        grid = sweep.grid(cells, last_of(sweep.rounds, column))
        if any(map(len, grid.flat)):
            panels.append((title, percent(grid), 1, False))
    same = len(panels) == 4 and all(np.allclose(a, b, atol=2) for a, b in
                                    zip(panels[2][1].flat, panels[3][1].flat))
    return panels[:3] if same else panels


def percent(grid):
    scaled = np.empty_like(grid)
    for place, numbers in np.ndenumerate(grid):
        scaled[place] = 100 * numbers
    return scaled


def barrier_parts(sweep):
    """(analysis, split) of barriers between clients."""
    between = sweep.barriers[sweep.barriers["partner"] == "clients"]
    return sorted({(str(r["analysis"]), str(r["split"])) for r in between},
                  key=lambda part: (part[0], part[1] != "train"))


def barriers(sweep, cells, analysis, split):
    """As accuracies()."""
    table = sweep.barriers
    table = table[(table["analysis"] == analysis) & (table["split"] == split)
                  & (table["partner"] == "clients")]
    panels = []
    for title, kind, column, unit in BARRIERS:
        of_kind = table[table["kind"] == kind]
        last = {}
        for row in of_kind:  # in order of rounds; of several layers the highest
            before = last.get(row["cell"])
            value = unit * row[column]
            if before and before[0] == row["round"]:
                value = np.fmax(before[1], value)
            last[row["cell"]] = (row["round"], value)
        grid = sweep.grid(cells, lambda cell, last=last: last.get(cell, (0, np.nan))[1])
        if any(map(len, grid.flat)):
            panels.append((title, grid, 2 if unit == 1.0 else 1, True))
    return panels


def axis_name(sweep):
    if sweep.across is None:
        return ""
    return "averaging interval, rounds" if sweep.across.endswith(".every") else sweep.across


def labels(sweep, cells, axis):
    never = axis is not None and axis.endswith(".every")
    return ["never" if never and value == 0 else str(value) or "all cells"
            for value in sweep.values(cells, axis)]


def lines(sweep, cells, heading, panels):
    """One line a set of layers: means, with bars from the least to the largest seed."""
    across = labels(sweep, cells, sweep.across)
    names = labels(sweep, cells, sweep.lines)
    down = -(-len(panels) // 2) if len(panels) > 3 else 1
    wide = -(-len(panels) // down)
    figure, axes = plt.subplots(down, wide, squeeze=False, figsize=(4.3 * wide, 0.8 + 3.1 * down))
    for axis in axes.flat[len(panels):]:
        axis.set_visible(False)
    several = any(len(numbers) > 1 for _, grid, *_ in panels for numbers in grid.flat)
    for axis, (title, grid, _, signed) in zip(axes.flat, panels):
        for row in range(len(names)):
            # Side by side, so that bars do not hide each other.
            shift = 0.4 * ((row + 0.5) / len(names) - 0.5)
            place = np.array([k for k, numbers in enumerate(grid[row]) if len(numbers)])
            if not len(place):
                continue
            means, low, high = (np.array([f(grid[row, k]) for k in place])
                                for f in (np.mean, np.min, np.max))
            style = dict(color=COLORS[row % len(COLORS)], marker=MARKERS[row % len(MARKERS)])
            axis.plot(place + shift, means, ms=4.5, lw=1.2, label=names[row], **style)
            axis.vlines(place + shift, low, high, color=style["color"], lw=1.2, alpha=0.6)
        if signed:
            axis.axhline(0, color="#bbbbbb", lw=0.8, zorder=0)
        frame(axis, title, axis_name(sweep))
        axis.set_xticks(range(len(across)), across)
        axis.set_xlim(-0.5, len(across) - 0.5)
    axes[0, 0].set_ylabel("accuracy, %" if not panels[0][3] else "barrier")
    note = "mean over seeds; bars from the least to the largest" if several else ""
    legend = axes[0, 0].get_legend_handles_labels() if sweep.lines else ()
    return Chart(heading, figure, note, legend)


def heat_maps(sweep, cells, heading, panels):
    grids = [Grid(title + (", %" if not signed else ""),
                  np.array([[mean(numbers) for numbers in row] for row in grid]),
                  labels(sweep, cells, sweep.lines), labels(sweep, cells, sweep.across), decimals,
                  axis_name(sweep), scale=title, signed=signed)
             for title, grid, decimals, signed in panels]
    return HeatMap(heading, grids, "means over seeds", across=2)


def mean(numbers):
    return np.mean(numbers) if len(numbers) else np.nan


def print_summary(sweep):
    """Mean accuracy of the clients after averaging, or else of the global model."""
    for text, cells in sweep.parts():
        panels = accuracies(sweep, cells)
        title, grid, *_ = next((p for p in panels if "after" in p[0]), panels[0]) \
            if panels else (None, None)
        if title is None:
            continue
        print(f"\nTest accuracy, %, last round, {title}{': ' + text if text else ''}")
        names = labels(sweep, cells, sweep.lines)
        width = max(map(len, names)) + 2
        print(" " * width + "".join(f"{name:>9}" for name in labels(sweep, cells, sweep.across)))
        for name, row in zip(names, grid):
            print(f"{name:{width}}" + "".join(f"{number(mean(n), 1):>9}" for n in row))
