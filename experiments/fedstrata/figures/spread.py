"""In how many directions the clients differ: singular values of their differences from the mean."""

import numpy as np

from . import page
from .charts import BLACK, GREY, Chart, frame, layer_colors
from .layers import name_rows

SECTION, TOPICS = "Comparisons", ("spread",)


def figures(analysis):
    table = analysis.table("spread")
    if table is None or table["index"].max(initial=0) < 2:  # two clients differ in one direction
        return {}
    return {analysis.figure_name("spread", ""): spread(analysis, table)}


def effective_dimension(values):
    """Participation ratio of the squared singular values: n for n equal ones."""
    squares = values[np.isfinite(values)] ** 2
    return squares.sum() ** 2 / (squares ** 2).sum() if squares.any() else np.nan


def spread(analysis, table):
    rounds = np.unique(table["round"])
    names = [name for name in ("all", *analysis.layers) if (table["layer"] == name).any()]
    figure, [[left, right]] = page.subplots(1, 2, (5.2, 0.8 + max(2.4, 0.2 * len(names))), least=3.2)
    last = table[table["round"] == rounds[-1]]
    colors = dict(zip(analysis.layers, layer_colors(analysis.layers)))
    for name in names:
        rows = np.sort(last[last["layer"] == name], order="index")
        values = rows["singular_value"]
        if not np.nansum(values):
            continue
        shares = values ** 2 / np.nansum(values ** 2)
        shares[shares < 1e-6] = np.nan  # rounding: differences from a mean lack one direction
        left.plot(1 + np.arange(len(values)), shares,
                  color=colors.get(name, BLACK), lw=2 if name == "all" else 1.3, marker=".", ms=5,
                  label=name)
    frame(left, f"Spectrum, round {rounds[-1]}", "direction, by singular value")
    left.set_ylim(bottom=0)
    left.set_ylabel("share of the squared distance")
    left.xaxis.get_major_locator().set_params(integer=True)
    dimensions(right, table, names, rounds)
    what = "In how many directions the clients differ: singular values of their differences"
    return Chart(analysis.heading(what, "no", rounds, "reference: the clients' mean")
                 .replace(", no split", ""), figure, legend=left.get_legend_handles_labels())


def dimensions(axis, table, names, rounds):
    """Effective dimension by layer: first and last round."""
    shown = [(rounds[0], GREY, "white")] * (len(rounds) > 1) + [(rounds[-1], BLACK, BLACK)]
    for n, edge, face in shown:
        values = [effective_dimension(table["singular_value"][(table["round"] == n) &
                                                              (table["layer"] == name)])
                  for name in names]
        axis.plot(values, range(len(names)), ls="", marker="o", ms=6, color=face,
                  markeredgecolor=edge, label=f"round {n}")
    most = 1 + table["index"].max() - table["index"].min()
    axis.set_xlim(0, most + 0.3)
    axis.set_ylim(len(names) - 0.4, -0.6)
    name_rows(axis, range(len(names)), names)
    axis.grid(color="#e8e8e8", lw=0.7)
    axis.set_axisbelow(True)
    axis.set_title("Effective dimension")
    axis.set_xlabel("participation ratio of the squared singular values")
    axis.legend(loc="best")
