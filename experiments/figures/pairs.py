"""Matrices of one round: barriers between all pairs of clients, interactions of pairs of layers."""

import numpy as np

from figures.charts import Grid, HeatMap
from figures.rows import Rows
from figures.run_tables import column_of, median, present


def figures(analysis):
    drawn = {}
    for split, partner in analysis.parts:
        if partner == "":
            drawn[analysis.figure_name("clients", split)] = clients(analysis, split)
        drawn[analysis.figure_name("interaction", split, partner)] = \
            interaction(analysis, split, partner)
    return drawn


def clients(analysis, split):
    """Full barrier of every pair in the last round, and the layer with the highest mean."""
    rows = analysis.parts[split, ""]
    rows = Rows(rows.table[rows.table["b"] >= 0]).of(("full", "layer")).last_round()
    names = np.unique([rows.table["a"], rows.table["b"]])
    if len(names) < 3:
        return None
    layer = highest_layer(rows, analysis.layers)
    grids = []
    for column, text, unit, decimals in analysis.quantities:
        for what, chosen in [("all layers (full)", rows.select("full")),
                             (f"{layer} alone", rows.select("layer", layer))]:
            if not len(chosen):
                continue
            grids.append(Grid(f"{what}: {split} {text}",
                              unit * matrix(chosen, f"{column}_mid", names),
                              [str(n) for n in names], [str(n) for n in names], decimals,
                              xlabel="client", ylabel="client",
                              scale=f"{column} {what}"))
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
        values = rows.select("layer", layer)["loss_mid"]
        values = values[np.isfinite(values)]
        means.append(values.mean() if len(values) else -np.inf)
    return layers[int(np.argmax(means))]


def matrix(rows, column, names):
    """[clients, clients]: row = who supplies the other layers; symmetric where nobody does."""
    values = np.full((len(names),) * 2, np.nan)
    a, b = (np.searchsorted(names, rows[end]) for end in ("a", "b"))
    flip = (rows["rest"] != rows["a"]) & (rows["rest"] != -1)
    values[np.where(flip, b, a), np.where(flip, a, b)] = rows[column]
    whole = rows["rest"] == -1
    values[b[whole], a[whole]] = rows[column][whole]
    return values


def interaction(analysis, split, partner):
    """B(i,j) - B(i) - B(j) in the last round."""
    rows = analysis.parts[split, partner]
    rows = rows.of(["interaction"]).last_round()
    if not len(rows):
        return None
    grids = []
    for column, text, unit, decimals in analysis.quantities:
        if not present(rows.table, f"{column}_mid"):
            continue
        values = np.full((len(analysis.layers),) * 2, np.nan)
        for target in rows.targets("interaction"):
            i, j = (layer_number(name, analysis.layers) for name in target.split("+"))
            mid = column_of(rows.select("interaction", target),
                            f"{column}_mid")
            values[i, j] = values[j, i] = unit * median(mid)
        grids.append(Grid(f"Interaction in {split} {text}", values, analysis.layers,
                          analysis.layers, decimals, xlabel="layer", scale=column))
    if not grids:
        return None
    return HeatMap(
        analysis.heading("Barrier of two layers together minus the barriers of each alone", split,
                         rows.rounds, analysis.reference(rows, partner)),
        grids, "red: worse together than the sum; blue: one makes up for the other",
        across=len(grids) if len(analysis.layers) <= 12 else 1)


def layer_number(name, layers):
    return layers.index(name) if name in layers else int(name)
