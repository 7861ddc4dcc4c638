"""Heat maps of groups of layers, and of all layers but one."""

from ..analysis import FULL

SECTION, BY_ROUND = "Sets of layers", True


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
    entries = [(FULL, FULL, None), None, *named, *([None] if named and rest else []), *rest]
    return analysis.heatmap(f"Barriers {what}", split, partner, {"": entries})


DRAWN = {"groups": groups}
