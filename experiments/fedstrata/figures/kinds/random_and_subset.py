"""Averaging beside random changes of the same size."""

from .. import controls
from ..charts import BLUE, ORANGE

SECTION = "Comparisons"
CONTROLS = [
    controls.AVERAGING,
    controls.Control("random direction of the same norm", "random", "random", ORANGE, "s"),
    controls.Control("random subset of as many elements", "subset", "subset", BLUE, "D")]
DRAWN = {"random": controls.comparison("Averaging against random changes", CONTROLS)}
