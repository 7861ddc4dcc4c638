"""The figures of an analysis. To add one, for a new kind of barrier say: a file that draws it (for a
kind, in kinds/), imported and listed here.

Such a file has `figures(analysis)`, which returns figures by name, None for what cannot be drawn;
`TOPICS`, how these names begin; `SECTION`, where the report shows them (report.SECTIONS); and, where
they are heat maps by round that may be averaged over several runs, `BY_ROUND`.
"""

from figures import clients, paths, predicted, spread
from figures.kinds import (cumulative, full_and_layer, group, interaction, plane, random_and_subset,
                           simplex, subspace, window)

FIGURES = [full_and_layer, window, group, cumulative, paths, clients, interaction,
           random_and_subset, subspace, predicted, plane, simplex, spread]


def figures(analysis, by_round=False):
    """Figures by name; `by_round`: only those that may be averaged over runs."""
    drawn = {}
    for file in FIGURES:
        if not by_round or getattr(file, "BY_ROUND", False):
            drawn.update(file.figures(analysis))
    return drawn
