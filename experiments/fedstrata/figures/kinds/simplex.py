"""How many models can be averaged: the loss of their mean against how many they are."""

import numpy as np

from .. import page
from ..charts import BLACK, Chart, frame, layer_colors
from ..combine import interval

SECTION, TOPICS = "Barriers", ("simplex",)
KIND = "simplex-"  # and the number of models
DODGE = 0.09  # share of a doubling by which the outermost lines are moved, so that bars stay apart


def figures(analysis):
    return {analysis.figure_name("simplex", split): means(analysis, split)
            for split, partner in analysis.parts if partner == "mean"}


def means(analysis, split):
    """The last round with such rows; None when there are none."""
    rows = analysis.parts[split, "mean"].table
    rows = rows[np.char.startswith(rows["kind"], KIND) & (rows["draw"] >= 0)]
    if not len(rows):
        return None
    rows = rows[rows["round"] == rows["round"].max()]
    sizes = np.array([int(kind.removeprefix(KIND)) for kind in rows["kind"]])
    lines = [("all layers", "all", BLACK, 2.2), *(
        (layer, layer, color, 1.3) for layer, color in
        zip(analysis.layers, layer_colors(analysis.layers)) if (rows["target"] == layer).any())]
    figure, axes = page.subplots(1, 2, (5.1, page.height(3.2)))
    for axis, (column, text, unit, _) in zip(axes.flat, analysis.quantities):
        for (name, target, color, width), dodge in zip(lines, dodges(len(lines))):
            chosen = rows["target"] == target
            line(axis, sizes[chosen], unit * rows[f"{column}_b"][chosen], dodge, name, color, width)
        frame(axis, f"{split.capitalize()} {text}", "models averaged")
        axis.set_xscale("log", base=2)
        axis.set_xticks(np.unique(sizes), [str(size) for size in np.unique(sizes)])
        axis.minorticks_off()
        axis.set_xlim(0.9, 1.1 * sizes.max())
    return Chart(analysis.heading(
        "Loss of the mean of some models, against how many they are", split, rows["round"],
        "all layers: their weighted mean; a layer: each of them with that layer of the mean, on "
        "average"), figure, "mean over draws of the models; bars: its 95 % interval (Student's t)",
        axes[0, 0].get_legend_handles_labels())


def dodges(count):
    """Factors by which each of so many lines is moved to the side."""
    return 2 ** np.linspace(-DODGE, DODGE, count) if count > 1 else [1]


def line(axis, sizes, values, dodge, name, color, width):
    """Means over draws by size, with their intervals where there are several draws."""
    known = np.unique(sizes)
    mean = np.array([values[sizes == size].mean() for size in known])
    half = np.array([interval(values[sizes == size])[1] if (sizes == size).sum() > 1 else np.nan
                     for size in known])
    axis.errorbar(known * dodge, mean, np.nan_to_num(half), color=color, lw=width, marker="o", ms=3.5,
                  elinewidth=0.6 * width, capsize=2, label=name)
