"""What all figures share: style, colours, and what stands around their panels."""

import dataclasses

import numpy as np

from . import page
from .page import EDGE, plt, tall

# Okabe and Ito's palette: told apart with any colour vision.
BLACK, BLUE, ORANGE, GREEN = "#000000", "#0072B2", "#E69F00", "#009E73"
PURPLE, DARK, GREY, PALE = "#CC79A7", "#444444", "#7f7f7f", "#dcdcdc"
MAX_LINES = 8  # layers that can be told apart as lines of one panel
TITLE, NOTE = 10, 8  # points

plt.rcParams.update({
    "legend.frameon": False, "axes.spines.top": False, "axes.spines.right": False,
    "figure.constrained_layout.use": True, "figure.max_open_warning": 0, "savefig.dpi": 160,
    "svg.fonttype": "none", "svg.hashsalt": "fedstrata",
})
page.set_width(None)


@dataclasses.dataclass
class Chart:
    """A figure whose panels are drawn already; what stands around them needs room of its own."""

    heading: str
    figure: plt.Figure
    note: str = ""
    legend: tuple = ()  # handles and names of one legend for all panels

    def __post_init__(self):
        self.size = self.figure.get_size_inches().copy()

    def draw(self, titled=True):
        surround(self.figure, self.size, self.heading, self.note, self.legend, titled)
        return self.figure


def surround(figure, size, heading, note="", legend=(), titled=True):
    """Puts a title of two lines at most above the panels, which need `size` inches, and below them the
    legend, what the title had no room for, and the note."""
    for old in [*figure.texts, *figure.legends]:
        old.remove()
    width, height = size
    title, rest = headlines(heading, width - 2 * EDGE) if titled else ("", [])
    note = page.wrap("\n".join(filter(None, [*rest, note])), width - 2 * EDGE, page.font(NOTE))
    below, above = (tall(text, points) for text, points in ((note, NOTE), (title, TITLE)))
    keys, high = key(figure, legend, width) if legend else (None, 0)
    total = height + above + below + high
    figure.set_size_inches(width, total)
    figure.text(0.5, EDGE / total, note, ha="center", va="bottom", fontsize=page.font(NOTE), color=DARK)
    figure.text(0.5, 1 - EDGE / total, title, ha="center", va="top", fontsize=page.font(TITLE))
    if keys:
        keys.set_bbox_to_anchor((0.5, below / total), figure.transFigure)
        below += high
    figure.set_layout_engine("constrained", rect=(0, below / total, 1, height / total))
    fit(figure)


def headlines(heading, inches):
    """The title, of two lines at most, and the lines of the heading for which it has no room."""
    what, *rest = heading.split("\n")
    lines = page.wrap(what, inches, page.font(TITLE)).split("\n")
    if len(lines) > 2:
        lines[1:] = [f"{lines[1][:-1]}…"]
    if rest and len(lines) == 1 and page.measure(rest[0], page.font(TITLE)) <= inches:
        lines.append(rest.pop(0))
    return "\n".join(lines), rest


def key(figure, legend, width):
    """The legend below the panels, in rows as long as there is room for, and the inches of its height."""
    handles, names = legend
    size = plt.rcParams["legend.fontsize"]
    names = [page.wrap(name, width - 0.7, size) for name in names]
    one = 4.5 * size / 72 + max(page.measure(name, size) for name in names)  # the longest with its handle
    columns = max(1, min(len(names), int((width - 2 * EDGE) / one)))
    columns = -(-len(names) // -(-len(names) // columns))  # rows of equal length
    made = figure.legend(handles, names, loc="lower center", ncol=columns, borderaxespad=0.3)
    made.set_in_layout(False)
    return made, made.get_window_extent(figure.canvas.get_renderer()).height / figure.dpi + 0.05


def fit(figure):
    """Breaks titles and labels of panels that are longer than their panels have room for."""
    figure.draw_without_rendering()
    width, height = figure.get_size_inches()
    panels = [axis for axis in figure.axes
              if getattr(axis, "get_subplotspec", lambda: None)() is not None and axis.get_visible()]
    rooms = []
    for axis in panels:
        spec, place = axis.get_subplotspec(), axis.get_position()
        columns, middle = spec.get_gridspec().ncols, (place.x0 + place.x1) / 2
        room = 2 * width * min(middle - spec.colspan.start / columns, spec.colspan.stop / columns - middle)
        rooms.append(max(room, 0.5))
        for text, inches in ((axis.xaxis.label, room), (axis.yaxis.label, 1.1 * height * place.height)):
            text.set_text(page.two_lines(text.get_text(), max(inches, 0.5), text.get_fontsize()))
    if panels:
        texts, size = page.titles([axis.title.get_text() for axis in panels], rooms,
                                  panels[0].title.get_fontsize())
        for axis, text in zip(panels, texts):
            axis.title.set(text=text, fontsize=size)


def frame(axis, text, xlabel="round"):
    axis.set_title(text)
    axis.set_xlabel(xlabel)
    axis.grid(axis="y", color="#e8e8e8", lw=0.7)
    axis.set_axisbelow(True)
    if xlabel == "round":
        axis.xaxis.get_major_locator().set_params(integer=True)


def layer_colors(layers):
    return plt.get_cmap("viridis")(np.linspace(0, 0.88, len(layers)))


def number(value, decimals):
    """Text of a number for a cell: no minus zero, a dash for what is absent."""
    if not np.isfinite(value):
        return "–"
    text = f"{value:.{decimals}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")
