"""Reads the tables of a run for plot.py, and says in a sentence what cannot be read."""

import numpy as np

from ..problems import Problem
from ..tables import decoded

NOBODY, MEAN, INITIALISATION = -1, -2, -3  # in columns a, b and rest, where there is no client
OVER_DRAWS = -1  # in column draw: the mean over the draws


def read(run, name):
    """A table with texts decoded; None when the run has none so called."""
    if run.file.get(name, getlink=True) is None:
        return None
    try:
        data = run.file[name][:]
    except (KeyError, OSError) as problem:
        raise Problem(f"{run.path}: {name} cannot be read: a file of the run is missing or "
                      "damaged; `fedstrata inspect --verify` tells which.") from problem
    return decoded(data)


def tables(run, group, first):
    """Names of all tables in a group of the run, `first` first."""
    if run.file.get(group) is None:
        return []
    return sorted(run.file[group], key=lambda name: (name != first, name))


def about(run):
    attributes = run.file.attrs
    return f"{attributes['model']} on {attributes['dataset']}"


def has_classes(run):
    """Are answers right or wrong? If not there are no accuracies, and errors have the targets' unit."""
    return "dataset" not in run.file or "classes" in run.file["dataset"].attrs


def span(rounds):
    """Text of the rounds that a figure shows."""
    rounds = np.unique(rounds)
    if not len(rounds):
        return "no round"
    return f"round {rounds[0]}" if len(rounds) == 1 else f"rounds {rounds[0]} to {rounds[-1]}"


def splits(table):
    """Texts of the data that a table's numbers are over, in a fixed order."""
    order = {"train": 0, "test": 1}
    return sorted(map(str, np.unique(table["split"])), key=lambda text: (order.get(text, 2), text))


def present(table, column):
    """Has the table such a column, with at least one value?"""
    return column in table.dtype.names and bool(np.isfinite(table[column]).any())


def after_start(table, column):
    """Has the column a value of a later round than 0? Of a global model the one of round 0 is nobody's
    average."""
    return present(table[table["round"] > 0], column)


def column_of(table, column):
    """A column of numbers; NaN where the file is older than the column."""
    if column in table.dtype.names:
        return table[column].astype(float)
    return np.full(len(table), np.nan)


def median(values):
    """Median of what is there; NaN when nothing is."""
    values = values[np.isfinite(values)]
    return np.median(values) if len(values) else np.nan


def averaging(run):
    """Rounds done, and [layers, rounds]: was the layer averaged at the end of the round?"""
    table = read(run, "metrics/layers")
    if table is None or not len(table):
        return np.empty(0, int), np.zeros((len(run.layers), 0), bool)
    rounds = np.unique(table["round"])
    rounds = rounds[rounds > 0]
    return rounds, by_layer(table, "averaged", run.layers, rounds) == 1


def shares_all(run):
    """Is each layer averaged at some time? Otherwise no client uses the global model as a whole."""
    return bool(averaging(run)[1].any(axis=1).all())


def by_layer(table, column, layers, rounds):
    """A column of /metrics/layers as [layers, rounds], NaN where there is no row."""
    values = np.full((len(layers), len(rounds)), np.nan)
    row = {layer: k for k, layer in enumerate(layers)}
    known = np.isin(table["round"], rounds)
    place = np.searchsorted(rounds, table["round"][known])
    values[[row[layer] for layer in table["layer"][known]], place] = table[column][known]
    return values
