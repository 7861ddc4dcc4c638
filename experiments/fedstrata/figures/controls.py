"""Barriers of averaging beside those of equally large other changes, with intervals."""

import dataclasses
import functools

import numpy as np
from matplotlib.ticker import MaxNLocator, NullLocator

from .analysis import FULL, LAYER
from . import page
from .charts import BLACK, Chart
from .layers import name_rows
from .rows import Rows
from .run_tables import column_of, median


@dataclasses.dataclass
class Control:
    """What is drawn in one colour: the kinds for all layers and for one layer, and a column."""

    name: str
    full: str
    layer: str
    color: str
    marker: str
    column: str = "{}_mid"


AVERAGING = Control("averaging two models", FULL, LAYER, BLACK, "o")


def comparison(what, controls):
    """Draws a kind beside averaging (topics.py); `controls` begin with AVERAGING."""
    return functools.partial(compare, what, controls)


def compare(what, controls, analysis, split, partner):
    """The last round with such rows; None when there are none."""
    rows = analysis.parts[split, partner]
    if "predicted" in controls[-1].column:
        wanted = rows.table[np.isfinite(column_of(rows.table, "loss_predicted"))]
    else:
        wanted = rows.of([c.layer for c in controls[1:]]).table
    if not len(wanted):
        return None
    rows = Rows(rows.table[rows.table["round"] == wanted["round"].max()])
    names = [FULL, *analysis.layers]
    panels = []
    for column, text, unit, _ in analysis.quantities:
        series = [(control, unit * values(rows, names, control, column)) for control in controls]
        series = [(control, numbers) for control, numbers in series
                  if np.isfinite(numbers[..., 0]).any()]
        if len(series) > 1:
            panels.append((f"{split} {text}, above the mean of the full models", series))
    if not panels:
        return None
    figure, legend = dots(panels, names)
    heading = analysis.heading(what, split, rows.rounds, analysis.reference(rows, partner))
    note = "lines: 95 % interval, over samples for averaging, over draws for what is random"
    if len(np.unique(rows.table[["a", "b"]])) > 1:
        note += "; of several pairs, the median of their ends"
    if any(axis.get_xscale() == "symlog" for axis in figure.axes):
        note += "\nscales with powers of ten are linear up to the first of them"
    return Chart(heading, figure, "" if "predicted" in controls[-1].column else note, legend)


def values(rows, names, control, column):
    """[names, 3]: medians of the number and of its interval's ends."""
    result = np.full((len(names), 3), np.nan)
    column = control.column.format(column)
    for k, name in enumerate(names):
        chosen = rows.select(control.layer, name) if k else rows.select(control.full, "all")
        for n, end in enumerate(("", "_low", "_high")):
            result[k, n] = median(column_of(chosen, column + end))
    return result


def dots(panels, names):
    """The figure and its legend. `panels`: (xlabel, [(Control, [names, 3])]); full stands above,
    with a scale of its own."""
    full = any(np.isfinite(numbers[0, 0]) for _, series in panels for _, numbers in series)
    single = any(np.isfinite(numbers[1:, 0]).any() for _, series in panels
                 for _, numbers in series)
    heights = [1.5] * full + [len(names) - 1 + 0.5] * single
    each = 0.14 + 0.11 * max(len(series) for _, series in panels)
    figure, axes = page.subplots(len(heights), len(panels),
                                 (4.9, (1.1 + each * sum(heights)) / len(heights)), least=3.2,
                                 height_ratios=heights)
    for k, (xlabel, series) in enumerate(panels):
        named = axes[0, k].get_subplotspec().is_first_col()
        if full:
            dots_panel(axes[0, k], names[:1], [(c, numbers[:1]) for c, numbers in series], named)
        if single:
            dots_panel(axes[-1, k], names[1:], [(c, numbers[1:]) for c, numbers in series], named)
        axes[-1, k].set_xlabel(xlabel)
    handles = {text: handle for axis in axes.flat
               for handle, text in zip(*axis.get_legend_handles_labels())}
    return figure, (list(handles.values()), list(handles))


def linear_part(series):
    """Where one number would hide all others: the power of ten up to which the scale is linear."""
    sizes = np.abs(np.concatenate([numbers[:, 0] for _, numbers in series]))
    sizes = sizes[np.isfinite(sizes) & (sizes > 0)]
    if not len(sizes) or sizes.max() < 50 * np.median(sizes):
        return None
    return 10.0 ** np.floor(np.log10(np.median(sizes)))


def dots_panel(axis, names, series, named):
    for n, (control, numbers) in enumerate(series):
        place = np.arange(len(names)) + 0.2 * (n - (len(series) - 1) / 2)
        known = np.isfinite(numbers).all(axis=1)
        axis.hlines(place[known], *numbers[known, 1:].T, color=control.color, lw=1.6)
        axis.plot(numbers[:, 0], place, ls="", marker=control.marker, ms=5, color=control.color,
                  label=control.name)
    axis.axvline(0, color="#bbbbbb", lw=0.8, zorder=0)
    for k in range(len(names) - 1):
        axis.axhline(k + 0.5, color="#eeeeee", lw=0.7, zorder=0)
    name_rows(axis, range(len(names)), names, named)
    axis.set_ylim(len(names) - 0.5, -0.5)
    linear = linear_part(series)
    if linear:
        axis.set_xscale("symlog", linthresh=linear, linscale=0.5)
        axis.xaxis.set_minor_locator(NullLocator())
    else:
        axis.xaxis.set_major_locator(MaxNLocator(6))
    axis.margins(x=0.08)
