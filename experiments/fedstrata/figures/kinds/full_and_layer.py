"""Heat maps of barriers by round: all layers together and each alone, as they are and aligned."""

from ..analysis import FULL, LAYER
from ..heatmap import MAX_BESIDE

SECTION, BY_ROUND = "Barriers", True


def barriers(analysis, split, partner):
    return analysis.heatmap("Barriers of all layers (full) and of each layer alone", split, partner,
                            {"": full_and_layers(analysis)})


def full_and_layers(analysis, prefix=""):
    return [(FULL, f"{prefix}{FULL}", None), None,
            *((layer, f"{prefix}{LAYER}", layer) for layer in analysis.layers)]


def alignment(analysis, split, partner):
    if not analysis.parts[split, partner].kinds & {f"aligned-{FULL}", f"aligned-{LAYER}"}:
        return None
    return analysis.heatmap(
        "Barriers before and after permuting the units of one model to match the other",
        split, partner,
        {"As they are\n": full_and_layers(analysis),
         "Aligned\n": full_and_layers(analysis, "aligned-")}, MAX_BESIDE, across=2)


DRAWN = {"barriers": barriers, "alignment": alignment}
