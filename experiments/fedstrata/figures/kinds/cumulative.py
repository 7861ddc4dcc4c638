"""Heat maps of growing sets of layers, as they are and aligned."""

import functools

from ..heatmap import MAX_BESIDE
from ..run_tables import column_of

SECTION, BY_ROUND = "Sets of layers", True
ORDERS = {"shallow": "from the input", "deep": "from the output", "random": "random order",
          "minimal": "minimal order"}


def in_order(rows, kind, layers):
    """Layers as they were added; from the input and the output in the order of the network."""
    if kind.endswith(("shallow", "deep")):
        return layers
    chosen = rows.select(kind)
    place = dict(zip(chosen["target"], column_of(chosen, "layers")))
    return sorted(layers, key=lambda layer: place.get(layer, 0))


def cumulative(analysis, split, partner, prefix=""):
    """Row: the last layer added; orders side by side."""
    panels = {}
    rows = analysis.parts[split, partner]
    for order, text in ORDERS.items():
        kind = f"{prefix}cumulative-{order}"
        if kind in rows.kinds:
            panels[f"{text[0].upper()}{text[1:]}\n"] = [
                (layer, kind, layer) for layer in in_order(rows, kind, analysis.layers)]
    if not panels:
        return None
    what = "Barriers of growing sets of layers" + (", aligned" if prefix else "")
    return analysis.heatmap(f"{what}; row: the last layer added", split, partner, panels,
                            MAX_BESIDE, across=len(panels))


DRAWN = {"cumulative": cumulative,
         "cumulative-permuted": functools.partial(cumulative, prefix="aligned-")}
