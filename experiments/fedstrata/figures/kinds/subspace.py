"""Averaging beside noise within and outside of what the client's own training spans."""

from .. import controls
from ..charts import GREEN, ORANGE, PURPLE

SECTION = "Comparisons"
CONTROLS = [
    controls.AVERAGING,
    controls.Control("noise towards the other model", "subspace-towards", "subspace-towards",
                     PURPLE, "v"),
    controls.Control("noise in the span of the client's trajectory", "subspace-span",
                     "subspace-span", GREEN, "s"),
    controls.Control("noise in its complement", "subspace-complement", "subspace-complement",
                     ORANGE, "D")]
DRAWN = {"subspace": controls.comparison(
    "Noise within and outside the subspace of the client's own training", CONTROLS)}
