"""Tables with named columns (.csv, .tsv)."""

import csv

import numpy as np

from ..problems import Problem
from .form import Found, Part

NAME = "CSV"
MOST_WORDS = 100  # different texts of a column that becomes one of zeros and ones for each


def matches(path):
    return path.suffix in (".csv", ".tsv")


def columns(path):
    """Name -> texts."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = list(csv.reader(file, delimiter="\t" if path.suffix == ".tsv" else ","))
    except (UnicodeDecodeError, csv.Error) as problem:
        raise Problem(f"{path} cannot be read as a table ({problem}); save it as UTF-8.") from problem
    rows = [row for row in rows if row]
    if len(rows) < 2:
        raise Problem(f"{path} has no rows below a line with the columns' names.")
    names = [name.strip() for name in rows[0]]
    if len(set(names)) < len(names) or "" in names:
        raise Problem(f"{path}: the first line must name each column, and no two alike.")
    if all(number(name) is not None for name in names):
        raise Problem(f"{path}: the first line holds numbers; it must name the columns.")
    for line, row in enumerate(rows[1:], 2):
        if len(row) != len(names):
            raise Problem(f"{path}: row {line} has {len(row)} values, and there are {len(names)} columns.")
    return {name: [row[i].strip() for row in rows[1:]] for i, name in enumerate(names)}


def number(text):
    try:
        return float(text)
    except ValueError:
        return None


def taken(table, name, option, path):
    if name not in table:
        raise Problem(f"{path} has no column {name} ({option}): its columns are {', '.join(table)}.")
    return table.pop(name)


def feature_columns(name, texts, path):
    """(name, numbers) of a column: itself, or one for each of its words."""
    numbers = [number(text) for text in texts]
    if None not in numbers:
        return [(name, numbers)]
    missing = next((row for row, text in enumerate(texts, 2) if text.lower() in ("", "na", "nan", "?", "null")),
                   None)
    if missing:
        raise Problem(f"{path}: column {name} has nothing in row {missing}; fill it in, or leave out the row "
                      "or the column (--drop).")
    words = sorted(set(texts))
    if len(words) > MOST_WORDS:
        raise Problem(f"{path}: column {name} holds {len(words)} different texts; leave it out (--drop {name}).")
    return [(f"{name}={word}", [float(text == word) for text in texts]) for word in words]


def targets_of(texts, values, path):
    """Labels or values, and the classes' names where they have some."""
    numbers = [number(text) for text in texts]
    if None not in numbers and (values or any(n != int(n) for n in numbers if np.isfinite(n))):
        return np.array(numbers, np.float32), None
    if values:
        raise Problem(f"{path}: --values, but the column of targets holds text.")
    if None not in numbers:
        return np.array(numbers, np.int64), None
    words = sorted(set(texts))
    return np.array([words.index(text) for text in texts], np.int64), words


def read(path, options):
    table = columns(path)
    if not options.target:
        raise Problem(f"name the column that is to be predicted, --target COLUMN: {path} has "
                      f"{', '.join(table)}.")
    targets, classes = targets_of(taken(table, options.target, "--target", path), options.values, path)
    client = np.array(taken(table, options.client, "--client", path)) if options.client else None
    for name in options.drop:
        taken(table, name, "--drop", path)
    features = [column for name, texts in table.items() for column in feature_columns(name, texts, path)]
    if not features:
        raise Problem(f"{path} has no columns left to predict from.")
    inputs = np.array([numbers for _, numbers in features], np.float64).T
    return Found(Part(inputs, targets, client), classes=classes, normalise=True,
                 notes=[f"{len(features)} features: {', '.join(name for name, _ in features[:12])}"
                        + (", ..." if len(features) > 12 else "")])
