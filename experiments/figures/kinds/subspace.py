"""Averaging beside noise within and outside of what the client's own training spans."""

from figures import controls
from figures.charts import GREEN, ORANGE, PURPLE

SECTION, TOPICS = "Comparisons", ("subspace",)
CONTROLS = [
    controls.AVERAGING,
    controls.Control("noise towards the other model", "subspace-towards", "subspace-towards",
                     PURPLE, "v"),
    controls.Control("noise in the span of the client's trajectory", "subspace-span",
                     "subspace-span", GREEN, "s"),
    controls.Control("noise in its complement", "subspace-complement", "subspace-complement",
                     ORANGE, "D")]


def figures(analysis):
    return controls.figures(
        analysis, "subspace",
        "Noise within and outside the subspace of the client's own training", CONTROLS)
