"""Which layers have rows in figures."""

import fnmatch

from ..problems import Problem


def shown(run, hide=()):
    """Names of the layers but for those that `hide` names: by name or pattern, or by type."""
    hidden = {layer for word in hide for layer in called(run, word)}
    left = [layer for layer in run.layers if layer not in hidden]
    if not left:
        raise Problem(f"--hide {' --hide '.join(hide)}: this hides every layer of {run.path}.")
    return left


def called(run, word):
    """Layers with this name, or one that fits the pattern, or of this type."""
    named = fnmatch.filter(run.layers, word)
    return named + [layer for layer, kind in zip(run.layers, types(run)) if kind == word]


def types(run):
    """Of each layer; empty where the file does not say them."""
    table = run.layer_table
    return [str(kind) for kind in table["type"]] if "type" in table.dtype.names else []


def check_known(runs, hide):
    """Throws a Problem where a word names a layer or type of none of the runs."""
    for word in hide:
        if not any(called(run, word) for run in runs):
            layers = dict.fromkeys(layer for run in runs for layer in run.layers)
            kinds = sorted({kind for run in runs for kind in types(run)})
            raise Problem(f"--hide {word}: there is no such layer (there are: {', '.join(layers)})"
                          + f" or type (there are: {', '.join(kinds)})" * bool(kinds) + ".")
