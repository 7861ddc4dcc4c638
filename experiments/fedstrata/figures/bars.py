"""Heat maps of one column, drawn as bars: a stripe of colours would say less than their lengths."""

import numpy as np

from . import page
from .charts import BLACK, GREY, PALE, number, surround
from .layers import name_rows, names_width

BELOW, ABOVE = "#2166ac", "#b2182b"  # zero: the ends of a heat map's colours


def draw(heatmap, titled=True):
    """The figure; panels of one scale have the same length for the same number."""
    rows = max(grid.places()[-1] + 2.2 for grid in heatmap.grids)
    names = max(names_width(grid.labels()) for grid in heatmap.grids)
    wide = page.beside(heatmap.across or len(heatmap.grids), 3 + names, least := 2.2 + names)
    size = (3 + names, 0.9 + (0.17 if page.narrow() else 0.255) * rows)
    figure, axes = page.subplots(-(-len(heatmap.grids) // wide), wide, size, least)
    size = figure.get_size_inches().copy()
    for axis in axes.flat[len(heatmap.grids):]:
        axis.set_visible(False)
    for axis, grid in zip(axes.flat, heatmap.grids):
        panel(axis, grid, [g.values for g in heatmap.grids if g.scale == grid.scale])
    surround(figure, size, heatmap.heading, heatmap.notes(), titled=titled)
    return figure


def panel(axis, grid, scale):
    """`scale`: the values of all panels whose lengths are compared."""
    places, values = grid.places(), grid.values[:, 0]
    known = np.concatenate([np.ravel(some) for some in scale])
    known = np.append(known[np.isfinite(known)], [0.0, 10.0 ** -grid.decimals])
    axis.barh(places, np.nan_to_num(values), 0.7,
              color=[ABOVE if value >= 0 or not grid.signed else BELOW for value in values])
    axis.axvline(0, color=BLACK, lw=0.8)
    for place, name, value in zip(places, grid.rows, values):
        write(axis, place, np.nan_to_num(value), number(value, grid.decimals), BLACK, name == "full")
    last = places[-1]
    if grid.ends is not None:
        last += 1.4
        write(axis, last, 0, number(grid.ends[0], grid.decimals), GREY)
        places = [*places, last]
    name_rows(axis, places, grid.labels())
    axis.set_ylim(last + 0.6, -0.6)
    room = (0.4 if page.narrow() else 0.25) * np.ptp(known)  # for the numbers beside the bars
    axis.set_xlim(known.min() - room * (known.min() < 0), known.max() + room)
    axis.spines["left"].set_visible(False)
    axis.grid(axis="x", color=PALE, lw=0.6)
    axis.set_axisbelow(True)
    axis.locator_params(axis="x", nbins=4 if page.narrow() else 6)
    axis.set_title(grid.title)
    axis.set_xlabel(f"{grid.xlabel} {grid.columns[0]}")
    axis.set_ylabel(grid.ylabel)


def write(axis, row, end, text, color, bold=False):
    """A number beyond the end of a bar."""
    axis.annotate(text, (end, row), xytext=(-3 if end < 0 else 3, 0), textcoords="offset points",
                  ha="right" if end < 0 else "left", va="center", fontsize=page.font(8), color=color,
                  fontweight="bold" if bold else "normal")
