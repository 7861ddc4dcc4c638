"""What a run is and has come to, in a few lines: `Run`'s representations."""

import configparser
import html

import numpy as np

UNREADABLE = (KeyError, OSError, ValueError, configparser.Error)  # closed, damaged, made by others


def short(run):
    """One line, also of a run that is closed or damaged."""
    try:
        return f"<fedstrata.Run {run.path}: " + "; ".join(
            f"{name.lower()}: {text}" for name, text in what(run)) + ">"
    except UNREADABLE:
        return f"<fedstrata.Run {run.path}: {'cannot be read' if run.file else 'closed'}>"


def table(run):
    """The same and the main numbers as a table of HTML."""
    try:
        rows = [*what(run), *numbers(run)]
    except UNREADABLE:
        return f"<code>{html.escape(short(run))}</code>"
    cells = "".join(f"<tr><th style='text-align:left'>{html.escape(name)}</th>"
                    f"<td style='text-align:left'>{html.escape(text)}</td></tr>"
                    for name, text in rows)
    return f"<table><caption>{html.escape(run.path)}</caption>{cells}</table>"


def what(run):
    """(name, text) of the settings that tell runs apart, and of how far this one is."""
    attributes = run.file.attrs
    yield "Model", f"{attributes['model']} on {attributes['dataset']}"
    yield "Clients", str(attributes["clients"])
    done = max(run.rounds["round"], default=0)
    yield "Rounds", f"{done}{'' if attributes['complete'] else f' of {planned(run)}'}"
    yield "Analyses", ", ".join(run.analyses) or "none"


def planned(run):
    config = configparser.ConfigParser(interpolation=None, strict=False)
    config.read_string(run.config)
    return config.get("federation", "rounds", fallback="?")


def numbers(run):
    """(name, text) of the last evaluation, and of the largest barriers of each analysis."""
    last = {}
    for column, text in (("test_accuracy_after", "Test accuracy of the clients' models"),
                         ("test_accuracy_local_after", "The same, on their own labels"),
                         ("test_loss_after", "Test loss of the clients' models"),
                         ("test_accuracy", "Test accuracy of the global model"),
                         ("test_loss", "Test loss of the global model")):
        values = column_of(run.rounds, column)
        values = values[np.isfinite(values)]
        # A global model that averages layers which nobody shares says nothing.
        if len(values) and f"{column}_after" not in last:
            last[column] = values[-1]
            yield text, f"{100 * values[-1]:.4g} %" if "accuracy" in column else f"{values[-1]:.4g}"
    for analysis in run.analyses:
        barriers = run.barriers(analysis)
        split = min(np.unique(barriers["split"]), default="", key=lambda s: (s != "train", s))
        for kind in ("full", "layer"):
            chosen = barriers[(barriers["kind"] == kind) & (barriers["split"] == split)]
            if np.isfinite(chosen["loss_mid"]).any():
                yield f"Largest {kind} barrier of loss ({analysis}, {split})", largest(chosen)


def largest(rows):
    """The largest median over pairs, with where it is."""
    rows = rows[np.isfinite(rows["loss_mid"])]
    _, target = np.unique(rows["target"], return_inverse=True)
    keys, place = np.unique(target * (rows["round"].max() + 1) + rows["round"], return_inverse=True)
    by_key = np.split(rows["loss_mid"][np.argsort(place, kind="stable")],
                      np.cumsum(np.bincount(place))[:-1])
    medians = [np.median(values) for values in by_key]
    best = int(np.argmax(medians))
    row = rows[np.flatnonzero(place == best)[0]]
    layer = "" if row["kind"] == "full" else f"{row['target']}, "
    return f"{layer}{medians[best]:.3g} (round {row['round']})"


def column_of(table, column):
    """A column of numbers; NaN where the file is older than the column."""
    return table[column] if column in table.dtype.names else np.full(len(table), np.nan)
