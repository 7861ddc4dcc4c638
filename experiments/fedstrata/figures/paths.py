"""Loss along the paths of the last round: all together, and one by one with chord and reference."""

import numpy as np

from .analysis import FULL, LAYER
from . import page
from .charts import BLACK, BLUE, DARK, GREY, ORANGE, Chart, frame, layer_colors, number
from .rows import Rows
from .run_tables import NOBODY, column_of, median, splits

SECTION, TOPICS = "Along paths and planes", ("paths", "curves")
MAX_PANELS = 6  # full and the layers with the highest barriers
SHARE = "share of the other client's model"


def figures(analysis):
    table = analysis.table("points")
    drawn = {}
    for split in splits(table) if table is not None else ():
        rows, share = points(table, split)
        if len(np.unique(share)) > 3:
            drawn[analysis.figure_name("paths", split)] = paths(analysis, split, rows, share)
            drawn[analysis.figure_name("curves", split)] = curves(analysis, split, rows, share)
    return drawn


def points(rows, split):
    """The last round's points between two clients, and for each the share of the other's model.

    Seen from the client that supplies the other layers: 0 = its own layer, 1 = the other's. The
    full path has no such client: it counts from both ends.
    """
    rows = rows[(rows["split"] == split) & (rows["b"] >= 0) & (rows["other_run"] == "") &
                np.isin(rows["kind"], (FULL, LAYER))]
    if len(rows):
        rows = rows[rows["round"] == rows["round"].max()]
    back = rows[rows["kind"] == FULL]
    flip = (rows["rest"] != rows["a"]) & (rows["rest"] != NOBODY)
    share = np.concatenate([np.where(flip, 1 - rows["alpha"], rows["alpha"]),
                            1 - back["alpha"]]).round(9)
    return np.concatenate([rows, back]), share


def curve(rows, share, layer, column, grid):
    """[points] medians; layer "" is the full path."""
    chosen = (rows["kind"] == LAYER) & (rows["target"] == layer) if layer else \
        rows["kind"] == FULL
    return np.array([median(rows[column][chosen & (share == x)]) for x in grid])


def paths(analysis, split, rows, share):
    layers, grid = analysis.layers, np.unique(share)
    figure, axes = page.subplots(1, 2, (5.1, page.height(3.2)))
    for axis, (column, text, unit, _) in zip(axes.flat, analysis.quantities):
        for layer, color in zip(layers, layer_colors(layers)):
            axis.plot(grid, unit * curve(rows, share, layer, column, grid), color=color, lw=1.4,
                      label=layer)
        axis.plot(grid, unit * curve(rows, share, "", column, grid), color=BLACK, lw=2,
                  label=FULL)
        frame(axis, f"{split.capitalize()} {text}", SHARE)
        axis.set_xticks([0, 0.25, 0.5, 0.75, 1])
        axis.set_ylim(bottom=0)
    handles, names = axis.get_legend_handles_labels()
    return Chart(analysis.heading("Along the paths from one client's model to another's", split,
                                  rows["round"], "median over pairs of clients"), figure,
                 legend=(handles[-1:] + handles[:-1], names[-1:] + names[:-1]))


def curves(analysis, split, rows, share):
    """Each path in a panel of its own, with what its barriers are measured against."""
    barriers = analysis.parts[split, ""]
    barriers = Rows(barriers.table[(barriers.table["round"] == rows["round"][0]) &
                                   (barriers.table["b"] >= 0)])
    reference = barriers.ends("", "loss", barriers.rounds)[0]
    mids = {layer: mid_of(barriers, layer, "loss_mid") for layer in analysis.layers}
    highest = sorted(analysis.layers, key=lambda name: -np.nan_to_num(mids[name], nan=-np.inf))
    chosen = [name for name in analysis.layers if name in highest[:MAX_PANELS - 1]]
    across = page.beside({1: 1, 2: 2, 4: 2}.get(1 + len(chosen), 3), 3.4, 2.2)
    down = -(-(1 + len(chosen)) // across)
    figure, axes = page.subplots(down, across, (3.4, page.height(2.5)), least=2.2)
    for axis in axes.flat[1 + len(chosen):]:
        axis.set_visible(False)
    grid = np.unique(share)
    for axis, layer in zip(axes.flat, ["", *chosen]):
        values = curve(rows, share, layer, "loss", grid)
        curve_panel(axis, layer or FULL, grid, values, reference)
        axis.text(0.02, 0.97, describe(barriers, layer), transform=axis.transAxes, va="top",
                  fontsize=page.font(7), color=DARK)
    handles, names = axes[0, 0].get_legend_handles_labels()
    what = "Loss along the paths, full and the layers with the highest barriers" \
        if len(chosen) < len(analysis.layers) else "Loss along the paths, full and each layer"
    return Chart(analysis.heading(what, split, rows["round"],
                                  "midpoint against the mean of the two full models, path against "
                                  "the chord between its own ends; median over pairs of clients"),
                 figure, "each panel has a scale of its own" * (len(chosen) > 0), (handles, names))


def curve_panel(axis, name, grid, values, reference):
    axis.plot(grid, values, color=BLUE, lw=1.8, marker=".", ms=4, label="loss")
    axis.plot(grid, np.interp(grid, grid[[0, -1]], values[[0, -1]]), color=ORANGE, lw=1.3, ls="--",
              label="chord between the path's own ends")
    axis.axhline(reference, color=GREY, lw=1.1, ls=":", label="mean of the two full models")
    middle = np.flatnonzero(grid == 0.5)
    if len(middle):
        axis.plot([0.5, 0.5], [reference, values[middle[0]]], color=BLACK, lw=0.9)
    frame(axis, name, SHARE)
    axis.set_xticks([0, 0.5, 1])
    low, high = axis.get_ylim()
    axis.set_ylim(low, high + 0.3 * (high - low))  # room for the numbers


def mid_of(rows, layer, column):
    return median(column_of(rows.select(LAYER, layer) if layer else rows.select(FULL), column))


def describe(rows, layer):
    parts = [(text, mid_of(rows, layer, column)) for text, column in
             [("midpoint", "loss_mid"), ("path", "loss_path"), ("supremum", "loss_sup"),
              ("from curvature", "loss_predicted")]]
    return "\n".join(f"{text} {number(value, 3)}" for text, value in parts if np.isfinite(value))
