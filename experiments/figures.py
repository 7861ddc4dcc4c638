"""Draws the figures of a run from plain arrays; plot.py reads them from the run."""

import dataclasses

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.lines import Line2D

# Okabe and Ito's palette: told apart with any colour vision.
BLACK, BLUE, ORANGE, GREY, PALE = "#000000", "#0072B2", "#E69F00", "#7f7f7f", "#dcdcdc"
MAX_LINES = 8  # layers that can be told apart as lines of one panel

plt.rcParams.update({
    "font.size": 9, "axes.titlesize": 9.5, "axes.labelsize": 9, "legend.fontsize": 8,
    "legend.frameon": False, "axes.spines.top": False, "axes.spines.right": False,
    "figure.constrained_layout.use": True, "savefig.dpi": 160,
    "svg.fonttype": "none", "svg.hashsalt": "fedstrata",
})


@dataclasses.dataclass
class BarrierPanel:
    """One quantity of a heat map."""

    title: str
    values: np.ndarray  # [1 + layers, rounds]: full, then the layers in order; NaN = not computed
    ends: np.ndarray  # [rounds]: the same quantity of the end points themselves
    decimals: int


def barrier_heatmap(heading, panels, layers, rounds, averaged, note):
    """`averaged` [layers, rounds]: was the layer averaged between this column and the next?"""
    beside = len(rounds) <= 12
    width, height = max(3.3, 1.1 + 0.46 * len(rounds)), 0.9 + 0.255 * (len(layers) + 3)
    shape = (1, len(panels)) if beside else (len(panels), 1)
    figure, axes = plt.subplots(*shape, squeeze=False,
                                figsize=(0.8 + width * shape[1], 0.9 + height * shape[0]))
    for axis, panel in zip(axes.flat, panels):
        _barrier_panel(figure, axis, panel, layers, rounds)
        for layer, column in zip(*np.nonzero(averaged)):
            axis.plot([column + 0.5] * 2, [layer + 1.55, layer + 2.45], color=BLACK, lw=2.2,
                      clip_on=False, solid_capstyle="butt")
    if beside:
        for axis in axes.flat[1:]:
            axis.set_yticklabels([])
    figure.suptitle(heading, fontsize=10)
    figure.supxlabel(note, fontsize=8, color="#444444")
    return figure


def _barrier_panel(figure, axis, panel, layers, rounds):
    # An empty row sets the full barrier apart from the layers; the end points stand below them.
    rows = [0, *range(2, len(layers) + 2)]
    grid = np.insert(panel.values, 1, np.nan, axis=0)
    # Numbers that round to nothing get no colour.
    limit = np.nanmax(np.abs(panel.values), initial=10.0 ** (1 - panel.decimals))
    image = axis.imshow(grid, cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto")
    for row, line in zip(rows, panel.values):
        for column, value in enumerate(line):
            axis.text(column, row, number(value, panel.decimals), ha="center", va="center",
                      fontsize=8, fontweight="bold" if row == 0 else "normal",
                      color="white" if abs(value) > 0.65 * limit else "black")
    last = len(layers) + 2.4
    for column, value in enumerate(panel.ends):
        axis.text(column, last, number(value, panel.decimals), ha="center", va="center",
                  fontsize=8, color=GREY)
    axis.set_ylim(last + 0.6, -0.5)
    axis.set_yticks([*rows, last], ["full", *layers, "end points"])
    axis.get_yticklabels()[0].set_fontweight("bold")
    axis.get_yticklabels()[-1].set_color(GREY)
    axis.set_xticks(range(len(rounds)), [str(r) for r in rounds])
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    axis.set_xlabel("round")
    axis.set_title(panel.title)
    bar = figure.colorbar(image, ax=axis, aspect=25, pad=0.02, fraction=0.04)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=7, length=2)


def paths(heading, panels, layers, grid):
    """`panels`: (title, values [1 + layers, points]): full, then the layers in order."""
    figure, axes = plt.subplots(1, len(panels), figsize=(4.4 * len(panels) + 1.4, 3.9))
    colors = plt.get_cmap("viridis")(np.linspace(0, 0.88, len(layers)))
    for axis, (title, values) in zip(axes, panels):
        for k, layer in enumerate(layers):
            axis.plot(grid, values[1 + k], color=colors[k], lw=1.4, label=layer)
        axis.plot(grid, values[0], color=BLACK, lw=2, label="full")
        _frame(axis, title[0].upper() + title[1:])
        axis.xaxis.set_major_locator(plt.FixedLocator([0, 0.25, 0.5, 0.75, 1]))
        axis.set_xlabel("share of the other client's model")
        axis.set_ylim(bottom=0)
    handles, names = axis.get_legend_handles_labels()
    axis.legend(handles[-1:] + handles[:-1], names[-1:] + names[:-1], loc="center left",
                bbox_to_anchor=(1.01, 0.5), fontsize=8 if len(layers) <= 12 else 6)
    figure.suptitle(heading, fontsize=10)
    return figure


def accuracy_and_loss(heading, metrics, averaging_rounds):
    """`metrics` = /metrics/rounds; None when nothing was evaluated."""
    panels = [("Accuracy on the test set", "test_accuracy", "train_accuracy"),
              ("Loss on the test set", "test_loss", "train_loss")]
    if _own_labels_differ(metrics):
        panels.append(("Accuracy on each client's own labels", "test_accuracy_local", ""))
    panels = [p for p in panels if present(metrics, p[1]) or present(metrics, p[1] + "_before")]
    if not panels:
        return None
    seldom = 0 < len(averaging_rounds) < metrics["round"].max()
    figure = plt.figure(figsize=(4.6 * len(panels), 4.4))
    grid = figure.add_gridspec(2, len(panels), height_ratios=[1, 0.2])
    handles = {}
    for k, (title, name, train) in enumerate(panels):
        axis = figure.add_subplot(grid[0, k])
        # The wide lines lie below: where averaging changes nothing, both stay visible.
        for label, column, color, style, width in [
            ("clients after averaging: mean", name + "_after", ORANGE, "-", 3.6),
            ("clients after averaging: worst tenth", name + "_after_worst", ORANGE, ":", 3.0),
            ("clients before averaging: mean", name + "_before", BLUE, "-", 1.3),
            ("clients before averaging: worst tenth", name + "_before_worst", BLUE, ":", 1.3),
            ("averaged (global) model", name, BLACK, "-", 1.3),
            ("training data, while training", train, GREY, "--", 1.1),
        ]:
            if present(metrics, column):
                known = np.isfinite(metrics[column])
                # The global model stays as it is between two averages.
                steps = "steps-post" if seldom and column == name else "default"
                handles[label], = axis.plot(metrics["round"][known], metrics[column][known],
                                            color=color, ls=style, lw=width, drawstyle=steps,
                                            marker="." if known.sum() == 1 else None)
        if seldom:
            for r in averaging_rounds:
                axis.axvline(r, color=PALE, lw=1.2, zorder=0)
            handles["rounds with averaging"] = Line2D([], [], color=PALE, lw=1.2)
        _frame(axis, title)
        axis.set_ylim(0, 1 if "accuracy" in name else None)
    legend = figure.add_subplot(grid[1, :])
    legend.axis("off")
    legend.legend(handles.values(), handles.keys(), loc="center", ncol=min(len(panels) + 1, 3))
    figure.suptitle(heading, fontsize=10)
    return figure


def divergence(heading, layers, rounds, values, averaged):
    """`values`, `averaged` [layers, rounds]; lines for few layers, a map for many."""
    measured = np.isfinite(values).any(axis=0)  # in rounds that are evaluated
    if not measured.any():
        return None
    # Averaged before the next measurement, also in a round that is not evaluated.
    averaged = np.logical_or.reduceat(averaged, np.flatnonzero(measured), axis=1)
    rounds, values = rounds[measured], values[:, measured]
    draw = _divergence_lines if len(layers) <= MAX_LINES else _divergence_map
    figure = draw(layers, rounds, values, averaged)
    figure.suptitle(heading, fontsize=10)
    return figure


def _divergence_lines(layers, rounds, values, averaged):
    figure, axis = plt.subplots(figsize=(6.4, 3.9))
    colors = plt.get_cmap("viridis")(np.linspace(0, 0.88, len(layers)))
    markers = "os^Dv<>p"
    often = averaged.mean() > 0.5
    for k, layer in enumerate(layers):
        axis.plot(rounds, values[k], color=colors[k], lw=1.5, marker=markers[k], ms=3, label=layer)
        if not often:
            due = averaged[k]
            axis.plot(rounds[due], values[k][due], ls="", marker=markers[k], ms=8, color="none",
                      markeredgecolor=BLACK, markeredgewidth=1.1)
    _frame(axis, "")
    axis.set_ylim(bottom=0)
    axis.set_ylabel("distance to the clients' mean (L2)")
    handles, names = axis.get_legend_handles_labels()
    if averaged.any() and not often:
        handles.append(Line2D([], [], ls="", marker="o", ms=8, color="none", markeredgecolor=BLACK))
        names.append("averaged then")
    axis.legend(handles, names, loc="center left", bbox_to_anchor=(1.01, 0.5))
    return figure


def _divergence_map(layers, rounds, values, averaged):
    figure, axis = plt.subplots(figsize=(8, 1.2 + 0.2 * len(layers)))
    image = axis.imshow(values, cmap="cividis", aspect="auto", vmin=0,
                        extent=(-0.5, len(rounds) - 0.5, len(layers) - 0.5, -0.5))
    axis.set_yticks(range(len(layers)), layers)
    if averaged.any() and averaged.mean() <= 0.5:
        for layer, column in zip(*np.nonzero(averaged)):
            axis.plot([column + 0.5] * 2, [layer - 0.45, layer + 0.45], color="white", lw=1.6)
        axis.set_xlabel("round (white bar: layer averaged at its end)")
    else:
        axis.set_xlabel("round")
    step = -(-len(rounds) // 15)
    axis.set_xticks(range(0, len(rounds), step), [str(r) for r in rounds[::step]])
    axis.spines[:].set_visible(False)
    bar = figure.colorbar(image, ax=axis, aspect=30, pad=0.01)
    bar.outline.set_visible(False)
    bar.set_label("distance to the clients' mean (L2)")
    return figure


def partition(heading, histogram):
    """`histogram` [clients, classes]: samples per label."""
    clients, classes = histogram.shape
    numbers = clients <= 30 and classes <= 20
    height = 1.3 + min(0.26 * clients, 7.0)
    figure, axis = plt.subplots(figsize=(1.6 + min(0.5 * classes, 9), height))
    top = max(histogram.max(), 1)
    image = axis.imshow(histogram, cmap="Blues", vmin=0, vmax=top, aspect="auto",
                        interpolation="nearest")
    if numbers:
        for (client, label), count in np.ndenumerate(histogram):
            axis.text(label, client, str(count), ha="center", va="center", fontsize=8,
                      color="white" if count > 0.6 * top else "black")
        axis.set_yticks(range(clients))
    if classes <= 20:
        axis.set_xticks(range(classes))
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0)
    axis.set_xlabel("class")
    axis.set_ylabel("client")
    bar = figure.colorbar(image, ax=axis, aspect=max(10, 5 * height), pad=0.02)
    bar.outline.set_visible(False)
    bar.set_label("training samples")
    figure.suptitle(heading, fontsize=10)
    return figure


def _own_labels_differ(metrics):
    """Would accuracy on the clients' own labels say anything that plain accuracy does not?"""
    own, plain = "test_accuracy_local_before", "test_accuracy_before"
    if not present(metrics, own):
        return False
    return not present(metrics, plain) or np.nanmax(np.abs(metrics[own] - metrics[plain])) > 0.02


def _frame(axis, title):
    axis.set_title(title)
    axis.set_xlabel("round")
    axis.grid(axis="y", color="#e8e8e8", lw=0.7)
    axis.set_axisbelow(True)
    axis.xaxis.get_major_locator().set_params(integer=True)


def present(table, column):
    """Has the table such a column, with at least one value?"""
    return column in table.dtype.names and bool(np.isfinite(table[column]).any())


def number(value, decimals):
    """Text of a number for a cell: no minus zero, a dash for what is absent."""
    if not np.isfinite(value):
        return "–"
    text = f"{value:.{decimals}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")
