"""Contours of loss and error over the plane through three models."""

import numpy as np
from matplotlib.colors import LogNorm, Normalize
from matplotlib.ticker import FuncFormatter, MaxNLocator

from .. import page
from ..charts import Chart
from ..run_tables import INITIALISATION, MEAN, NOBODY, splits

SECTION, TOPICS = "Along paths and planes", ("plane",)
MAX_PLANES = 4  # targets in one figure
NAMES = {NOBODY: "none", MEAN: "mean", INITIALISATION: "initialisation"}


def figures(analysis):
    table = analysis.table("plane")
    if table is None:
        return {}
    return {analysis.figure_name("plane", split): planes(analysis, split, table[table["split"] == split])
            for split in splits(table)}


def planes(analysis, split, rows):
    """The last round's first three models: all layers, then single ones."""
    rows = rows[rows["round"] == rows["round"].max()]
    triples = np.unique(rows[["a", "b", "c"]])
    models = [int(n) for n in triples[0]]
    rows = rows[rows[["a", "b", "c"]] == triples[0]]
    targets = [name for name in ("all", *analysis.layers) if (rows["target"] == name).any()]
    wide = len(targets[:MAX_PLANES])
    across = page.beside(wide, 4.4, 2.8)
    inches = page.width(4.4 * across) / across - 1.2  # without labels and colours
    height = 1 + inches * min(np.ptp(rows["y"]) / max(np.ptp(rows["x"]), 1e-9), 1.6)
    figure, axes = page.subplots(len(analysis.quantities), wide, (4.4, height), least=2.8)
    for line, (column, text, unit, _) in zip(axes, analysis.quantities):
        for axis, target in zip(line, targets):
            chosen = rows[rows["target"] == target]
            image = contours(axis, chosen, unit * chosen[column], column == "loss")
            if image is not None:
                # An inset is as high as the axes are once both scales are equal.
                bar = figure.colorbar(image, cax=axis.inset_axes([1.02, 0, 0.04, 1]),
                                      format=FuncFormatter(lambda v, _: f"{v:.2g}"))
                bar.outline.set_visible(False)
            mark(axis, chosen, models)
            where = "all layers" if target == "all" else f"{target} alone"
            axis.set_title(f"{split.capitalize()} {text}: {where}")
            axis.set_xlabel("distance along the first side (L2)")
    for axis in axes.flat:
        if axis.get_subplotspec().is_first_col():
            axis.set_ylabel("distance across it (L2)")
    note = ["each panel has colours of its own"] * (len(targets) > 1)
    note += [f"{MAX_PLANES} of {len(targets)} targets shown"] * (len(targets) > MAX_PLANES) + \
        [f"the first of {len(triples)} triples of models"] * (len(triples) > 1)
    reference = "plane through three models: " + ", ".join(
        f"{letter} = {NAMES.get(n, f'client {n}')}" for letter, n in zip("ABC", models))
    return Chart(analysis.heading("Loss and error over a plane of models", split, rows["round"],
                                  reference), figure, "; ".join(note))


def contours(axis, rows, values, logarithmic):
    good = np.isfinite(values)
    x, y, values = rows["x"][good], rows["y"][good], values[good]
    if len(values) < 3 or not np.ptp(x) or not np.ptp(y):
        return None
    low, high = values.min(), values.max()
    if logarithmic and low > 0 and high > 10 * low:
        levels, norm = np.geomspace(low, 1.001 * high, 15), LogNorm(low, high)
    else:
        levels = MaxNLocator(14).tick_values(low, high if high > low else low + 1e-6)
        if levels[-1] == high:  # the highest level's own points belong to no area
            levels = np.append(levels, 2 * levels[-1] - levels[-2])
        norm = Normalize(levels[0], levels[-1])
    image = axis.tricontourf(x, y, values, levels, cmap="viridis", norm=norm)
    axis.tricontour(x, y, values, levels, colors="white", linewidths=0.4, alpha=0.7)
    axis.set_aspect("equal")
    return image


def mark(axis, rows, models):
    """The models A, B, C, and a cross at their mean."""
    u, v = rows["u"], rows["v"]
    coordinates = np.stack([rows["x"], rows["y"]], axis=1)
    # a is the origin, so the others follow from any points: (x, y) = u B + v C.
    corners = np.linalg.lstsq(np.stack([u, v], axis=1), coordinates, rcond=None)[0]
    corners = np.vstack([[0, 0], corners])
    axis.plot(*corners[[0, 1, 2, 0]].T, color="black", lw=0.8, ls="--")
    axis.plot(*corners.mean(axis=0), marker="x", ms=6, color="black")
    for letter, corner in zip("ABC", corners[:len(models)]):
        axis.plot(*corner, marker="o", ms=15, color="white", markeredgecolor="black")
        axis.text(*corner, letter, ha="center", va="center", fontsize=page.font(9), fontweight="bold")
