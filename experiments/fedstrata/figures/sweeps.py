"""Figures of a sweep: accuracy (or loss, where the task has none) and barriers against the averaging
interval, by set of layers, or by the names of cells."""

import numpy as np

from .analysis import FULL, LAYER
from . import page
from .charts import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, Chart, frame, number
from .heatmap import Grid, HeatMap
from .sweep_tables import NAME, last_of

COLORS = [BLACK, BLUE, ORANGE, GREEN, PURPLE, "#56B4E9", "#D55E00", GREY]
MARKERS = "os^Dv<>p"
MAX_NAMED = 5  # cells in a sentence
WORDS = {"every": "averaging interval, rounds", "lr": "learning rate", "local_epochs": "local epochs a round",
         "local_steps": "local steps a round", "batch_size": "batch size, samples"}  # of keys along x
NO_GLOBAL = "no global model where some layers are never averaged: no client uses it"
ACCURACIES = [("averaged (global) model", "test_accuracy"),
              ("clients before averaging: mean", "test_accuracy_before"),
              ("clients after averaging: mean", "test_accuracy_after"),
              ("clients after averaging, own labels: mean", "test_accuracy_local_after")]
BARRIERS = [("all layers", FULL, "loss", 1.0), ("highest single layer", LAYER, "loss", 1.0),
            ("all layers", FULL, "error", 100.0), ("highest single layer", LAYER, "error", 100.0)]


def figures(whole):
    """Drawn figures of a sweep by name."""
    drawn = {}
    parts = whole.parts()
    for count, (sweep, text, cells) in enumerate(parts):
        part = f"_{count + 1}" if len(parts) > 1 else ""
        counts = {len(numbers) for numbers in sweep.grid(cells, lambda cell: 1.0).flat} - {0}
        seeds = f"{max(counts)} seeds" if len(counts) == 1 else f"up to {max(counts)} seeds"
        about = ", ".join(filter(None, [
            f"{sweep.attributes['model']} on {sweep.attributes['dataset']}", text,
            f"{len(cells)} cells", seeds if max(counts) > 1 else ""]))
        tested = accuracies(sweep, cells) or losses(sweep, cells)
        topic = tested[0][3].split(",")[0] if tested else "accuracy"
        add(drawn, sweep, cells, topic, part,
            f"{topic.capitalize()} on the test set, last evaluated round\n{about}", tested,
            NO_GLOBAL * any(cell["cell"] in sweep.without_global for cell in cells))
        analysed = barrier_parts(sweep)
        several = len({analysis for analysis, _ in analysed}) > 1
        for analysis, split in analysed:
            add(drawn, sweep, cells, "barrier", f"_{analysis}_{split}{part}",
                f"Midpoint barriers on the {split} set, last analysed round, medians over pairs of "
                f"clients\n{about}" + f", analysis '{analysis}'" * several,
                barriers(sweep, cells, analysis, split))
    return drawn


def add(drawn, sweep, cells, topic, rest, heading, panels, note=""):
    if panels:
        drawn[f"sweep_{topic}{rest}"] = lines(sweep, cells, heading, panels, note)
        drawn[f"sweep_{topic}_map{rest}"] = heat_maps(sweep, cells, heading, panels, note)


def accuracies(sweep, cells):
    """[(title, [lines, across] of values by seed, decimals, quantity)], of what is there."""
    panels = []
    for title, column in ACCURACIES:
        grid = sweep.grid(cells, last_tested(sweep, column))
        if any(map(len, grid.flat)):
            panels.append((title, percent(grid), 1, "accuracy, %"))
    same = len(panels) == 4 and all(np.allclose(a, b, atol=2) for a, b in
                                    zip(panels[2][1].flat, panels[3][1].flat))
    return panels[:3] if same else panels


def losses(sweep, cells):
    """As accuracies()."""
    panels = []
    for title, column in ACCURACIES:
        if "local" in column:  # losses are of the whole test set
            continue
        column = column.replace("accuracy", "loss")
        grid = sweep.grid(cells, last_tested(sweep, column))
        if any(map(len, grid.flat)):
            panels.append((title, grid, 3, "loss"))
    return panels


def last_tested(sweep, column):
    """As last_of(), without the global model that no client uses, and that which a cell started from: all
    there is where it never averages, or where only the clients' models are evaluated later."""
    rounds = sweep.rounds
    if column in ("test_accuracy", "test_loss"):
        sent = np.unique(rounds["cell"][rounds["bytes"] > 0])
        used = np.isin(rounds["cell"], sent) & ~np.isin(rounds["cell"], list(sweep.without_global))
        rounds = rounds[used & (rounds["round"] > 0)]
    return last_of(rounds, column)


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
    shares = not losses(sweep, cells) or accuracies(sweep, cells)  # of wrong answers
    table = table[(table["analysis"] == analysis) & (table["split"] == split)
                  & (table["partner"] == "clients")]
    panels = []
    for title, kind, column, unit in BARRIERS:
        quantity = column
        if column == "error":
            quantity, unit = ("error, percentage points", unit) if shares else \
                ("error, the targets' unit", 1.0)
        of_kind = table[table["kind"] == kind]
        last = {}
        for row in of_kind:  # in order of rounds; of several layers the highest
            before = last.get(row["cell"])
            value = unit * row[f"{column}_mid"]
            if before and before[0] == row["round"]:
                value = np.fmax(before[1], value)
            last[row["cell"]] = (row["round"], value)
        grid = sweep.grid(cells, lambda cell, last=last: last.get(cell, (0, np.nan))[1])
        if any(map(len, grid.flat)):
            panels.append((f"{title}, {quantity}", grid, 2 if unit == 1.0 else 1, f"barrier in {quantity}"))
    return panels


def axis_name(sweep):
    if sweep.across in (None, NAME):
        return ""
    word = sweep.across.rpartition(".")[2]
    return WORDS.get(word, word.replace("_", " ")) + f" ({sweep.across})" * (word != "every")


def labels(sweep, cells, axis):
    if axis is None:
        return ["all cells"]
    interval = axis.endswith(".every")
    return ["never" if interval and str(value) == "0" else str(value) or "not set"
            for value in sweep.values(cells, axis)]


def lines(sweep, cells, heading, panels, note=""):
    """One line a set of layers: means, with bars from the least to the largest seed."""
    across, shown, apart = shared(sweep, cells)
    names = labels(sweep, cells, sweep.lines)
    if sweep.lines and not sweep.lines.endswith(".layers"):
        names = [f"{sweep.lines.rpartition('.')[2]} {name}" for name in names]
    wide = page.beside(len(panels) if len(panels) <= 3 else 2, 4.3, 2.4)
    figure, axes = page.subplots(-(-len(panels) // wide), wide, (4.3, page.height(3.1)))
    joined = ordered(sweep, cells)
    for axis in axes.flat[len(panels):]:
        axis.set_visible(False)
    scales = {}
    for axis, (title, grid, _, quantity) in zip(axes.flat, panels):
        if scales.setdefault(quantity, axis) is not axis:  # one scale for what is compared
            axis.sharey(scales[quantity])
        for row, name in enumerate(names):
            # Side by side, so that bars do not hide each other.
            shift = 0.4 * ((row + 0.5) / len(names) - 0.5)
            _line(axis, grid[row, shown], shift, row, name, joined)
        if len(apart(grid)):
            axis.axhline(mean(apart(grid)), color=GREY, lw=1.2, ls="--", label="never averaged")
        if quantity.startswith("barrier"):
            axis.axhline(0, color="#bbbbbb", lw=0.8, zorder=0)
        frame(axis, title, axis_name(sweep))
        name_places(axis, across, figure.get_figwidth() / wide - 0.8)
        axis.set_xlim(-0.5, len(across) - 0.5)
        if axis.get_subplotspec().is_first_col() or scales[quantity] is axis:
            axis.set_ylabel(quantity)
    about = "mean over seeds; bars from the least to the largest" if several_seeds(panels) else ""
    note = "; ".join(filter(None, [about, note]))
    handles = {name: handle for axis in axes.flat
               for handle, name in zip(*axis.get_legend_handles_labels())}
    order = sorted(handles, key=lambda name: names.index(name) if name in names else len(names))
    legend = ([handles[name] for name in order], order) if len(handles) > 1 else ()
    return Chart(heading, figure, note, legend)


def name_places(axis, names, inches):
    """Names along x, aslant where they have no room beside each other."""
    size = page.plt.rcParams["xtick.labelsize"]
    aslant = len(names) * (0.06 + max(page.measure(name, size) for name in names)) > inches
    axis.set_xticks(range(len(names)), [page.cut(name, 1.5, size) for name in names] if aslant else names,
                    **dict(rotation=35, ha="right", rotation_mode="anchor") if aslant else {})


def several_seeds(panels):
    return any(len(numbers) > 1 for _, grid, *_ in panels for numbers in grid.flat)


def ordered(sweep, cells):
    """Do values along x ascend? Lines between others would say what is not so."""
    if sweep.across == NAME:
        return False
    try:
        numbers = [float(value) for value in sweep.values(cells, sweep.across)]
    except ValueError:
        return False
    if sweep.across and sweep.across.endswith(".every"):  # 0 = never stands last
        numbers = [number or np.inf for number in numbers]
    return numbers == sorted(numbers)


def _line(axis, cells, shift, number_of_line, name, joined):
    """`cells`: values by seed, along x; `joined`: by a line."""
    place = np.array([k for k, numbers in enumerate(cells) if len(numbers)])
    if not len(place):
        return
    means, low, high = (np.array([f(cells[k]) for k in place]) for f in (np.mean, np.min, np.max))
    style = dict(color=COLORS[number_of_line % len(COLORS)],
                 marker=MARKERS[number_of_line % len(MARKERS)])
    axis.plot(place + shift, means, ms=4.5, lw=1.2, ls="-" if joined else "", label=name, **style)
    axis.vlines(place + shift, low, high, color=style["color"], lw=1.2, alpha=0.6)


def heat_maps(sweep, cells, heading, panels, note=""):
    across, shown, apart = shared(sweep, cells)
    grids = []
    for title, grid, decimals, quantity in panels:
        title += ", %" if "%" in quantity else ""
        if len(apart(grid)):
            title += f"\nnever averaged: {number(mean(apart(grid)), decimals)}"
        values = np.array([[mean(numbers) for numbers in row] for row in grid[:, shown]])
        rows, columns = labels(sweep, cells, sweep.lines), across
        if sweep.across == NAME:  # names have room beside rows
            values, rows, columns = values.T, across, [""]
        grids.append(Grid(title, values, rows, columns, decimals, axis_name(sweep), scale=quantity,
                          signed=quantity.startswith("barrier")))
    note = "; ".join(filter(None, ["means over seeds" if several_seeds(panels) else "", note]))
    return HeatMap(heading, grids, note, across=2)


def shared(sweep, cells):
    """Names along x, their columns, and a function: grid -> values of the cells that never average.
    Those are all the same, whatever their layers, so they are a level to compare with."""
    names = labels(sweep, cells, sweep.across)
    shown = [k for k, name in enumerate(names) if name != "never" or sweep.across == NAME]
    if not shown:
        return names, list(range(len(names))), lambda grid: np.empty(0)
    rest = [k for k in range(len(names)) if k not in shown]
    return [names[k] for k in shown], shown, lambda grid: np.concatenate(
        [*grid[:, rest].flat, np.empty(0)])


def mean(numbers):
    return np.mean(numbers) if len(numbers) else np.nan


def print_summary(whole):
    """Mean accuracy of the clients after averaging, or else of the global model."""
    for sweep, text, cells in whole.parts():
        panels = accuracies(sweep, cells)
        title, grid, *_ = next((p for p in panels if "after" in p[0]), panels[0]) \
            if panels else (None, None)
        if title is None:
            continue
        print(f"\nTest accuracy, %, last evaluated round, {title}{': ' + text if text else ''}")
        names, columns = (labels(sweep, cells, axis) for axis in (sweep.lines, sweep.across))
        if sweep.across == NAME:
            names, columns, grid = columns, [], grid.T
        width = max(map(len, names)) + 2
        if columns:
            print(" " * width + "".join(f"{name:>9}" for name in columns))
        for name, row in zip(names, grid):
            print(f"{name:{width}}" + "".join(f"{number(mean(n), 1):>9}" for n in row))


def left_out(sweep):
    """What the figures of a sweep leave out, to follow upon how many cells are done."""
    names = sweep.left_out()
    if not names:
        return " and drawn"
    if sweep.across is None:
        return "; they differ in their seeds alone, so there are no figures sweep_..."
    some = ", ".join(names[:MAX_NAMED]) + f" and {len(names) - MAX_NAMED} more" * (len(names) > MAX_NAMED)
    axes = " or ".join(filter(None, [sweep.across, sweep.lines]))
    return (f", of which the figures sweep_... leave out {len(names)}, for which there is no other that "
            f"differs in {axes} alone: {some}")
