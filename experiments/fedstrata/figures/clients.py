"""Barriers between all pairs of clients: a matrix of clients, last round."""

import numpy as np

from .analysis import FULL, LAYER
from .heatmap import Grid, HeatMap
from .rows import Rows
from .run_tables import NOBODY

SECTION, TOPICS = "Barriers", ("clients",)


def figures(analysis):
    return {analysis.figure_name("clients", split): clients(analysis, split)
            for split, partner in analysis.parts if partner == ""}


def clients(analysis, split):
    """Full barrier of every pair in the last round, and the layer with the highest mean."""
    rows = analysis.parts[split, ""]
    rows = Rows(rows.table[rows.table["b"] >= 0]).of((FULL, LAYER)).last_round()
    names = np.unique([rows.table["a"], rows.table["b"]])
    if len(names) < 3:
        return None
    layer = highest_layer(rows, analysis.layers)
    grids = []
    for column, text, unit, decimals in analysis.quantities:
        for what, chosen in [("all layers (full)", rows.select(FULL)),
                             (f"{layer} alone", rows.select(LAYER, layer))]:
            if not len(chosen):
                continue
            grids.append(Grid(f"{what}: {split} {text}",
                              unit * matrix(chosen, f"{column}_mid", names),
                              [str(n) for n in names], [str(n) for n in names], decimals,
                              xlabel="client", ylabel="client",
                              scale=column))
    if not grids:
        return None
    return HeatMap(analysis.heading("Barrier between every two clients, and the layer with the "
                                    "highest mean", split, rows.rounds,
                                    "midpoint against the mean of the two full models"),
                   grids, "single layer: the client of the row supplies the other layers",
                   across=len(grids) // 2)


def highest_layer(rows, layers):
    means = []
    for layer in layers:
        values = rows.select(LAYER, layer)["loss_mid"]
        values = values[np.isfinite(values)]
        means.append(values.mean() if len(values) else -np.inf)
    return layers[int(np.argmax(means))]


def matrix(rows, column, names):
    """[clients, clients]: row = who supplies the other layers; symmetric where nobody does."""
    values = np.full((len(names),) * 2, np.nan)
    a, b = (np.searchsorted(names, rows[end]) for end in ("a", "b"))
    flip = (rows["rest"] != rows["a"]) & (rows["rest"] != NOBODY)
    values[np.where(flip, b, a), np.where(flip, a, b)] = rows[column]
    whole = rows["rest"] == NOBODY
    values[b[whole], a[whole]] = rows[column][whole]
    return values
