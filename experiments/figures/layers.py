"""Heat maps of barriers by round: full and each layer, aligned, cumulative, windows, groups."""

from figures.charts import MAX_BESIDE
from figures.run_tables import column_of

CUMULATIVE = {"shallow": "from the input", "deep": "from the output", "random": "random order",
              "minimal": "minimal order"}


def figures(analysis):
    drawn = {}
    for split, partner in analysis.parts:
        for topic, draw in [("barriers", barriers), ("alignment", alignment), ("windows", windows),
                            ("groups", groups), ("cumulative", cumulative),
                            ("cumulative_aligned", cumulative_aligned)]:
            drawn[analysis.figure_name(topic, split, partner)] = draw(analysis, split, partner)
    return drawn


def barriers(analysis, split, partner):
    return analysis.heatmap("Barriers of all layers (full) and of each layer alone", split, partner,
                            {"": full_and_layers(analysis)})


def full_and_layers(analysis, prefix=""):
    return [("full", f"{prefix}full", None), None,
            *((layer, f"{prefix}layer", layer) for layer in analysis.layers)]


def alignment(analysis, split, partner):
    if not analysis.parts[split, partner].kinds & {"aligned-full", "aligned-layer"}:
        return None
    return analysis.heatmap(
        "Barriers before and after permuting the units of one model to match the other",
        split, partner,
        {"As they are\n": full_and_layers(analysis),
         "Aligned\n": full_and_layers(analysis, "aligned-")}, MAX_BESIDE, across=2)


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
    for order, text in CUMULATIVE.items():
        kind = f"{prefix}cumulative-{order}"
        if kind in rows.kinds:
            panels[f"{text[0].upper()}{text[1:]}\n"] = [
                (layer, kind, layer) for layer in in_order(rows, kind, analysis.layers)]
    if not panels:
        return None
    what = "Barriers of growing sets of layers" + (", aligned" if prefix else "")
    return analysis.heatmap(f"{what}; row: the last layer added", split, partner, panels,
                            MAX_BESIDE, across=len(panels))


def cumulative_aligned(analysis, split, partner):
    return cumulative(analysis, split, partner, "aligned-")


def windows(analysis, split, partner):
    rows = analysis.parts[split, partner]
    place = {layer: k for k, layer in enumerate(analysis.layers)}
    found = sorted((int(kind.split(":")[1]), place.get(target.split("..")[0], 0), kind, target)
                   for kind in rows.kinds if kind.startswith("window:")
                   for target in rows.targets(kind))
    entries = []
    for k, (size, _, kind, target) in enumerate(found):
        if k and size != found[k - 1][0]:
            entries.append(None)
        entries.append((target.replace("..", " .. "), kind, target))
    return analysis.heatmap("Barriers of windows of consecutive layers", split, partner,
                            {"": entries})


def groups(analysis, split, partner):
    """Groups of layers, and everything but one layer, under the full barrier."""
    rows = analysis.parts[split, partner]
    named = [(name, "group", name) for name in rows.targets("group")]
    rest = [(f"all but {layer}", "complement", layer) for layer in analysis.layers
            if layer in rows.targets("complement")]
    if not named and not rest:
        return None
    what = " and ".join(filter(None, ["of groups of layers" if named else "",
                                      "of all layers but one" if rest else ""]))
    entries = [("full", "full", None), None, *named, *([None] if named and rest else []), *rest]
    return analysis.heatmap(f"Barriers {what}", split, partner, {"": entries})
