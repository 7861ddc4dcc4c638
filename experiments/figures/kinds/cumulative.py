"""Heat maps of growing sets of layers, as they are and aligned."""

from figures.charts import MAX_BESIDE
from figures.run_tables import column_of

SECTION, TOPICS = "Sets of layers", ("cumulative",)
BY_ROUND = True
ORDERS = {"shallow": "from the input", "deep": "from the output", "random": "random order",
          "minimal": "minimal order"}


def figures(analysis):
    drawn = {}
    for split, partner in analysis.parts:
        for topic, prefix in (("cumulative", ""), ("cumulative_aligned", "aligned-")):
            drawn[analysis.figure_name(topic, split, partner)] = \
                cumulative(analysis, split, partner, prefix)
    return drawn


def in_order(rows, kind, layers):
    """Layers as they were added; from the input and the output in the order of the network."""
    if kind.endswith(("shallow", "deep")):
        return layers
    chosen = rows.select(kind)
    place = dict(zip(chosen["target"], column_of(chosen, "layers")))
    return sorted(layers, key=lambda layer: place.get(layer, 0))


def cumulative(analysis, split, partner, prefix):
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
