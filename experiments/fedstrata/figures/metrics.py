"""Figures that need no analysis: accuracy and loss (loss alone where the task has no accuracy),
divergence of the clients, traffic of the averaging groups, partition."""

import numpy as np
from matplotlib.lines import Line2D

from . import page
from .charts import (BLACK, BLUE, GREY, MAX_LINES, ORANGE, PALE, Chart, frame, layer_colors)
from .layers import name_rows
from .run_tables import (about, after_start, averaging, by_layer, has_classes, present, read,
                         span)

GLOBAL = "averaged (global) model"


def figures(run, layers=None):
    """`layers`: those that are shown; all by default."""
    shown = [run.layers.index(layer) for layer in layers or run.layers]
    heading = f"{about(run)}, {run.file.attrs['clients']} clients"
    drawn = {}
    rounds, averaged = averaging(run)
    metrics = read(run, "metrics/rounds")
    if metrics is not None and len(metrics) > 1:
        name, title = (("accuracy", "Accuracy and loss") if has_classes(run) else ("loss", "Loss"))
        drawn[name] = accuracy_and_loss(
            f"{title} by round\n{heading}, {span(metrics['round'])}", metrics,
            rounds[averaged.any(axis=0)], about_global(run.layers, rounds, averaged))
    if len(rounds):
        values = by_layer(read(run, "metrics/layers"), "divergence", run.layers, rounds)
        drawn["divergence"] = divergence(
            "How far apart the clients are when local training ends: distance to their weighted "
            f"mean\n{heading}, {span(rounds)}", layers or run.layers, rounds, values[shown],
            averaged[shown])
    sent = read(run, "metrics/averaged")
    if sent is not None and len(np.unique(sent["group"])) > 1:
        drawn["traffic"] = traffic(
            "What averaging sends to and fro, added up by round, by averaging group\n"
            f"{heading}, {span(rounds)}", rounds, sent)
    histogram = run.histogram
    if histogram.shape[1]:
        drawn["partition"] = partition(f"Who holds which classes\n{heading}, train split",
                                       histogram)
    else:
        drawn["partition"] = sizes(f"Who holds how much\n{heading}, train split",
                                   np.diff(run.file["partition/offsets"][:]))
    return drawn


def about_global(layers, rounds, averaged):
    """Why the global model says little, where some layers are averaged later than others or never: in it
    they are what they were at the start. Otherwise nothing."""
    ever = averaged.any(axis=1)
    if not ever.any():
        return ""
    first = np.where(ever, averaged.argmax(axis=1), len(rounds))
    late = [layer for layer, r in zip(layers, first) if r > first.min()]
    if not late:
        return ""
    names = " and ".join(filter(None, [", ".join(late[:-1]), late[-1]])) if len(late) <= 3 else \
        f"{len(late)} of {len(layers)} layers"
    is_, has = ("is", "has") if len(late) == 1 else ("are", "have")
    start = "the mean of the clients' initial values"
    if not ever.all():
        return (f"no client uses the {GLOBAL} as a whole: in it, {names} {has} not been averaged and {is_} "
                f"{start}")
    return (f"before round {rounds[first.max()]} no client uses the {GLOBAL} as a whole: in it, {names} {is_} "
            f"still {start}")


def accuracy_and_loss(heading, metrics, averaging_rounds, note=""):
    """`metrics` = /metrics/rounds; `note`: of the global model, where it is drawn. None when nothing was
    evaluated."""
    panels = [("Accuracy", "test_accuracy", "train_accuracy"),
              ("Loss", "test_loss", "train_loss")]
    if _own_labels_differ(metrics):
        panels.append(("Accuracy on each client's own labels", "test_accuracy_local", ""))
    panels = [p for p in panels if present(metrics, p[1]) or present(metrics, p[1] + "_before")]
    if not panels:
        return None
    seldom = 0 < len(averaging_rounds) < metrics["round"].max()
    never = not len(averaging_rounds) and (present(metrics, "test_accuracy_before") or
                                           present(metrics, "test_loss_before"))
    figure, axes = page.subplots(1, len(panels), (4.6, page.height(3.2)))
    handles = {}
    for axis, (title, name, train) in zip(axes.flat, panels):
        # The wide lines lie below: where averaging changes nothing, both stay visible.
        for label, column, color, style, width in _lines(name, train):
            if never and (column == name or "_after" in column):
                continue  # the same as before averaging, and the initial model
            if column == name and present(metrics, f"{name}_before") and not after_start(metrics, name):
                continue  # the initial model
            if present(metrics, column):
                known = np.isfinite(metrics[column])
                # The global model stays as it is between two averages.
                steps = "steps-post" if seldom and column == name else "default"
                label = label.replace(" before averaging", "") if never else label
                handles[label], = axis.plot(metrics["round"][known], metrics[column][known],
                                            color=color, ls=style, lw=width, drawstyle=steps, label=label,
                                            marker="." if known.sum() == 1 else None)
        if seldom:
            for r in averaging_rounds:
                axis.axvline(r, color=PALE, lw=1.2, zorder=0)
            handles["rounds with averaging"] = Line2D([], [], color=PALE, lw=1.2)
        if name in ("test_accuracy", "test_loss"):
            title += ": test set; dashed: training data" if train and present(metrics, train) else \
                " on the test set"
        frame(axis, title)
        axis.set_xlim(*(metrics["round"][[0, -1]] + np.array([-0.04, 0.04]) * np.ptp(metrics["round"])))
        axis.set_ylim(0, 1 if "accuracy" in name else None)
    return Chart(heading, figure, note if GLOBAL in handles else "", (list(handles.values()), list(handles)))


def _lines(name, train):
    """(label, column, colour, style, width); `name`, `train`: columns of /metrics/rounds."""
    return [
        ("clients after averaging: mean", name + "_after", ORANGE, "-", 3.6),
        ("clients after averaging: worst tenth", name + "_after_worst", ORANGE, ":", 3.0),
        ("clients before averaging: mean", name + "_before", BLUE, "-", 1.3),
        ("clients before averaging: worst tenth", name + "_before_worst", BLUE, ":", 1.3),
        (GLOBAL, name, BLACK, "-", 1.3),
        ("training data, while training", train, GREY, "--", 1.1),
    ]


def divergence(heading, layers, rounds, values, averaged):
    """`values`, `averaged` [layers, rounds]; lines for few layers, a map for many."""
    measured = np.isfinite(values).any(axis=0)  # in rounds that are evaluated
    if not measured.any():
        return None
    # Averaged before the next measurement, also in a round that is not evaluated.
    averaged = np.logical_or.reduceat(averaged, np.flatnonzero(measured), axis=1)
    rounds, values = rounds[measured], values[:, measured]
    draw = _divergence_lines if len(layers) <= MAX_LINES else _divergence_map
    if len(rounds) == 1:
        draw = _divergence_bars
    return Chart(heading, *draw(layers, rounds, values, averaged))


def _divergence_bars(layers, rounds, values, averaged):
    """Of one round; what was averaged in it shows in none."""
    high = 0.17 if page.narrow() else 0.25
    figure, [[axis]] = page.subplots(1, 1, (6.4, 0.8 + high * len(layers)))
    axis.barh(range(len(layers)), values[:, 0], 0.7, color=BLUE)
    name_rows(axis, range(len(layers)), layers)
    axis.set_ylim(len(layers) - 0.4, -0.6)
    axis.grid(axis="x", color=PALE, lw=0.7)
    axis.set_axisbelow(True)
    axis.set_xlabel(f"distance to the clients' mean (L2), round {rounds[0]}")
    return figure, ""


def _divergence_lines(layers, rounds, values, averaged):
    figure, [[axis]] = page.subplots(1, 1, (6.4, page.height(3.3)))
    colors = layer_colors(layers)
    markers = "os^Dv<>p"
    often = averaged.mean() > 0.5
    for k, layer in enumerate(layers):
        axis.plot(rounds, values[k], color=colors[k], lw=1.5, marker=markers[k], ms=3, label=layer)
        if not often:
            due = averaged[k]
            axis.plot(rounds[due], values[k][due], ls="", marker=markers[k], ms=8, color="none",
                      markeredgecolor=BLACK, markeredgewidth=1.1)
    frame(axis, "")
    axis.set_ylim(bottom=0)
    axis.set_ylabel("distance to the clients' mean (L2)")
    handles, names = axis.get_legend_handles_labels()
    if averaged.any() and not often:
        handles.append(Line2D([], [], ls="", marker="o", ms=8, color="none", markeredgecolor=BLACK))
        names.append("averaged then")
    return figure, "", (handles, names)


def _divergence_map(layers, rounds, values, averaged):
    figure, [[axis]] = page.subplots(1, 1, (8, 0.7 + (0.15 if page.narrow() else 0.2) * len(layers)))
    image = axis.imshow(values, cmap="cividis", aspect="auto", vmin=0,
                        extent=(-0.5, len(rounds) - 0.5, len(layers) - 0.5, -0.5))
    name_rows(axis, range(len(layers)), layers)
    if averaged.any() and averaged.mean() <= 0.5:
        for layer, column in zip(*np.nonzero(averaged)):
            axis.plot([column + 0.5] * 2, [layer - 0.45, layer + 0.45], color="white", lw=1.6)
        axis.set_xlabel("round (white bar: layer averaged at its end)")
    else:
        axis.set_xlabel("round")
    step = -(-len(rounds) // (8 if page.narrow() else 15))
    axis.set_xticks(range(0, len(rounds), step), [str(r) for r in rounds[::step]])
    axis.spines[:].set_visible(False)
    bar = figure.colorbar(image, ax=axis, aspect=30, pad=0.01)
    bar.outline.set_visible(False)
    bar.set_label("distance to the clients' mean (L2)")
    return figure, ""


def traffic(heading, rounds, sent):
    """`sent` = /metrics/averaged; a line a group, and the sum of all."""
    figure, [[axis]] = page.subplots(1, 1, (6.4, page.height(3.3)))
    groups = np.unique(sent["group"])
    sums = [[sent["bytes"][(sent["group"] == group) & (sent["round"] == r)].sum() for r in rounds]
            for group in groups]
    lines = np.cumsum(sums, axis=1) / 2**20
    one = "o" if len(rounds) == 1 else None  # a line of one point is none
    for group, line, color in zip(groups, lines, layer_colors(groups)):
        axis.plot(rounds, line, color=color, lw=1.5, drawstyle="steps-post", label=group, marker=one)
    axis.plot(rounds, lines.sum(axis=0), color=BLACK, lw=1.3, ls="--", drawstyle="steps-post",
              label="all", marker=one)
    frame(axis, "")
    axis.set_ylim(bottom=0)
    axis.set_ylabel("MiB sent so far")
    return Chart(heading, figure, legend=axis.get_legend_handles_labels())


def partition(heading, histogram):
    """`histogram` [clients, classes]: samples per label."""
    clients, classes = histogram.shape
    height = 0.7 + min((0.2 if page.narrow() else 0.26) * clients, 7.0)
    figure, [[axis]] = page.subplots(1, 1, (1.6 + min(0.5 * classes, 9), height))
    top = max(histogram.max(), 1)
    widest = page.measure(str(top), page.font(8)) + 0.04
    numbers = clients <= 30 and classes * widest <= min(10, figure.get_figwidth() - 1.3)
    image = axis.imshow(histogram, cmap="Blues", vmin=0, vmax=top, aspect="auto",
                        interpolation="nearest")
    if numbers:
        for (client, label), count in np.ndenumerate(histogram):
            axis.text(label, client, str(count), ha="center", va="center", fontsize=page.font(8),
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
    return Chart(heading, figure)


def sizes(heading, samples):
    """`samples` [clients]."""
    figure, [[axis]] = page.subplots(1, 1, (6.4, 0.7 + min(0.26 * len(samples), 7.0)))
    axis.barh(range(len(samples)), samples, color=BLUE)
    axis.invert_yaxis()
    if len(samples) <= 30:
        axis.set_yticks(range(len(samples)))
    frame(axis, "", "training samples")
    axis.set_ylabel("client")
    return Chart(heading, figure)


def _own_labels_differ(metrics):
    """Would accuracy on the clients' own labels say anything that plain accuracy does not?"""
    own, plain = "test_accuracy_local_before", "test_accuracy_before"
    if not present(metrics, own):
        return False
    return not present(metrics, plain) or np.nanmax(np.abs(metrics[own] - metrics[plain])) > 0.02
