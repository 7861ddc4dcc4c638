"""What two layers do together beyond what each does alone: a matrix of layers, last round."""

import numpy as np

from ..heatmap import Grid, HeatMap
from ..run_tables import column_of, median, present

SECTION = "Sets of layers"


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
        every = analysis.run.layers
        values = np.full((len(every),) * 2, np.nan)
        for target in rows.targets("interaction"):
            i, j = (layer_number(name, every) for name in target.split("+"))
            mid = column_of(rows.select("interaction", target),
                            f"{column}_mid")
            values[i, j] = values[j, i] = unit * median(mid)
        shown = [every.index(layer) for layer in analysis.layers]
        grids.append(Grid(f"Interaction in {split} {text}", values[np.ix_(shown, shown)],
                          analysis.layers, analysis.layers, decimals, xlabel="layer", scale=column))
    if not grids:
        return None
    return HeatMap(
        analysis.heading("Barrier of two layers together minus the barriers of each alone", split,
                         rows.rounds, analysis.reference(rows, partner)),
        grids, "red: worse together than the sum; blue: one makes up for the other",
        across=len(grids) if len(analysis.layers) <= 12 else 1)


def layer_number(name, layers):
    return layers.index(name) if name in layers else int(name)


DRAWN = {"interaction": interaction}
