"""Which layers have rows in figures, and what stands beside the rows: layer1.0.conv1 and layer1.0.conv2
are conv1 and conv2 of the block layer1.0, which is named once."""

import fnmatch
import itertools

from . import page
from ..problems import Problem
from .charts import DARK
from .page import plt

GAP = 0.12  # inches between a block's name and its rows'
LONGEST = 0.45  # share of a narrow figure's width that names may take
LINE = "#bdbdbd"


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


def split(name):
    """A block, up to the first number between dots, and the rest; no block where nothing follows."""
    parts = name.split(".")
    ends = [k + 1 for k, part in enumerate(parts[:-1]) if part.isdigit()]
    return (".".join(parts[:ends[0]]), ".".join(parts[ends[0]:])) if ends else ("", name)


def blocks(names):
    """[(block, first row, row behind the last)] of several rows; none where a block's rows lie apart."""
    found, row = [], 0
    for block, rows in itertools.groupby(names, key=lambda name: split(name)[0]):
        count = len(list(rows))
        if block:
            found.append((block, row, row + count))
        row += count
    whole = len({block for block, *_ in found}) == len(found)
    return [one for one in found if one[2] - one[1] > 1] if whole else []


def short_names(names):
    """Without the block where it is named beside the rows; cut in the middle where there is no room."""
    result = list(names)
    for _, first, last in blocks(names):
        result[first:last] = [split(name)[1] for name in names[first:last]]
    room = page.width(100) * LONGEST - _blocks_width(names)
    return [page.cut(name, room, plt.rcParams["ytick.labelsize"]) for name in result]


def names_width(names):
    """Inches that the names of rows need."""
    return _blocks_width(names) + page.measure("\n".join(short_names(names)), plt.rcParams["ytick.labelsize"])


def _blocks_width(names):
    found = [block for block, *_ in blocks(names)]
    return page.measure("\n".join(found), plt.rcParams["ytick.labelsize"]) + GAP if found else 0


def name_rows(axis, places, names, named=True):
    """Names beside the rows at `places`, once for each block, and a line between blocks."""
    size = plt.rcParams["ytick.labelsize"]
    short = short_names(names)
    axis.set_yticks(places, short if named else [""] * len(names))
    axis.tick_params(axis="y", length=0)
    if named and names[0] == "full":
        axis.get_yticklabels()[0].set_fontweight("bold")
    left = -72 * (GAP + page.measure("\n".join(short), size)) - 4
    for block, first, last in blocks(names):
        rows = places[first:last]
        if named:
            axis.annotate(block, (0, (rows[0] + rows[-1]) / 2), (left, 0), axis.get_yaxis_transform(),
                          "offset points", ha="right", va="center", fontsize=size, color=DARK,
                          annotation_clip=False)
        for edge in (rows[0] - 0.5, rows[-1] + 0.5):
            axis.axhline(edge, color=LINE, lw=0.8)
