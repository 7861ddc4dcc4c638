"""The figures of an analysis. To add one, for a new kind of barrier say: a file that draws it (for a
kind, in kinds/), imported and listed here.

Such a file has `SECTION`, where the report shows its figures (report.SECTIONS), and `DRAWN`: a function
by topic, which draws one split and partner of an analysis, as full_and_layer.py does; it returns None
where there is nothing to draw. `BY_ROUND = True` says that these are heat maps by round that may be
averaged over several runs. A file whose figures are not one for each split and partner has instead of
DRAWN the function `figures(analysis)`, which returns them by name, and `TOPICS`, how these names begin.

Panels come from page.subplots and rows get their names from layers.name_rows, so that --width holds;
analysis.layers are the layers that --hide leaves.
"""

from . import clients, paths, predicted, spread
from .kinds import (cumulative, full_and_layer, group, interaction, plane, random_and_subset,
                    simplex, subspace, window)

FIGURES = [full_and_layer, window, group, cumulative, paths, clients, interaction,
           random_and_subset, subspace, predicted, plane, simplex, spread]


def figures(analysis, by_round=False):
    """Figures by name; `by_round`: only those that may be averaged over runs."""
    drawn = {}
    for file in FIGURES:
        if not by_round or getattr(file, "BY_ROUND", False):
            drawn.update(figures_of(file, analysis))
    return drawn


def figures_of(file, analysis):
    if hasattr(file, "figures"):
        return file.figures(analysis)
    return {analysis.figure_name(topic, split, partner): draw(analysis, split, partner)
            for split, partner in analysis.parts for topic, draw in file.DRAWN.items()}


def topics(file):
    """How the names of a file's figures begin."""
    return getattr(file, "TOPICS", None) or sorted({name.split("_")[0] for name in file.DRAWN})
