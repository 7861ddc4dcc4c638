"""Heat maps of windows of consecutive layers."""

SECTION, BY_ROUND = "Sets of layers", True


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


DRAWN = {"windows": windows}
