"""Barriers beside those that the curvature at the models predicts."""

from . import controls
from .analysis import FULL, LAYER
from .charts import ORANGE

SECTION = "Comparisons"
CONTROLS = [controls.AVERAGING,
            controls.Control("predicted from curvature", FULL, LAYER, ORANGE, "s", "{}_predicted")]
DRAWN = {"predicted": controls.comparison(
    "Barriers measured, and predicted from the curvature at the models", CONTROLS)}
