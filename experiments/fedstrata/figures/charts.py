"""What all figures share: style, colours, and the heat map."""

import dataclasses

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

# Okabe and Ito's palette: told apart with any colour vision.
BLACK, BLUE, ORANGE, GREEN = "#000000", "#0072B2", "#E69F00", "#009E73"
PURPLE, DARK, GREY, PALE = "#CC79A7", "#444444", "#7f7f7f", "#dcdcdc"
MAX_LINES = 8  # layers that can be told apart as lines of one panel
MAX_NUMBERS = 30  # columns of a heat map that leave room for numbers
MAX_BESIDE = 12  # columns of a heat map that leave room for another one beside it

plt.rcParams.update({
    "font.size": 9, "axes.titlesize": 9.5, "axes.labelsize": 9, "legend.fontsize": 8,
    "legend.frameon": False, "axes.spines.top": False, "axes.spines.right": False,
    "figure.constrained_layout.use": True, "figure.max_open_warning": 0, "savefig.dpi": 160,
    "svg.fonttype": "none", "svg.hashsalt": "fedstrata",
})


@dataclasses.dataclass
class Chart:
    """A figure that is drawn already."""

    heading: str
    figure: plt.Figure
    note: str = ""
    legend: tuple = ()  # handles and names of one legend for all panels

    def __post_init__(self):
        width, height = self.figure.get_size_inches()
        title(self.figure, self.heading)
        note = wrap(self.note, int(13 * width))
        room = 0.17 * (1 + note.count("\n")) * bool(note)  # inches below the panels
        self.figure.text(0.5, 0.03 / height, note, ha="center", fontsize=8, color=DARK)
        if self.legend:
            names = self.legend[1]
            one = 0.55 + 0.062 * max(map(len, names))  # inches of the longest name with its handle
            columns = max(1, min(len(names), int(width / one)))
            columns = -(-len(names) // -(-len(names) // columns))  # rows of equal length
            self.figure.legend(*self.legend, loc="lower center", ncol=columns,
                               bbox_to_anchor=(0.5, room / height))
            room += 0.12 + 0.18 * -(-len(names) // columns)
        self.figure.get_layout_engine().set(rect=(0, room / height, 1, 1 - room / height))

    def draw(self):
        return self.figure


@dataclasses.dataclass
class Grid:
    """One panel of a heat map."""

    title: str
    values: np.ndarray  # [rows, columns]; NaN = not computed
    rows: list  # names
    columns: list  # names
    decimals: int
    xlabel: str = "round"
    ylabel: str = ""
    gaps: tuple = ()  # rows that an empty row sets apart from the one above
    scale: str = ""  # panels of one scale have the same colours
    ends: np.ndarray = None  # [columns]: numbers below, of the end points themselves
    bars: np.ndarray = None  # [rows, columns]: a black bar between this column and the next
    signed: bool = True  # colours tell signs; else they reach from the least to the largest value

    @property
    def extreme(self):
        # Numbers that round to nothing get no colour.
        return np.nanmax(np.abs(self.values), initial=10.0 ** (1 - self.decimals))

    def places(self):
        """Where the rows lie, an empty row counted."""
        return np.arange(len(self.rows)) + [sum(g <= k for g in self.gaps)
                                            for k in range(len(self.rows))]

    def size(self):
        """Inches: room for a number in each cell, or as it comes where there are none."""
        rows = self.places()[-1] + 2
        height = 0.255 * rows if self.has_numbers else min(0.255 * rows, 5.5)
        width = 1.1 + (0.46 * len(self.columns) if self.has_numbers else 6)
        lines = self.title.split("\n")
        return (max(3.3, width, 0.6 + 0.083 * max(map(len, lines))),
                0.58 + 0.17 * len(lines) + height)

    @property
    def has_numbers(self):
        return len(self.columns) <= MAX_NUMBERS


@dataclasses.dataclass
class HeatMap:
    """Panels of numbers; blue below zero, red above."""

    heading: str
    grids: list
    note: str = ""
    across: int = 0  # panels in a line; 0 = all if they are narrow, else one

    def limits(self):
        """Colours reach from minus to plus this, by panel."""
        return [max(g.extreme for g in self.grids if g.scale == grid.scale) for grid in self.grids]

    def colors(self, grid, limit):
        """How imshow colours a grid; grids of one scale have the same colours."""
        if grid.signed:
            return dict(cmap="RdBu_r", vmin=-limit, vmax=limit)
        values = np.concatenate([g.values.ravel() for g in self.grids if g.scale == grid.scale])
        known = values[np.isfinite(values)]
        return dict(cmap="Blues", vmin=known.min(), vmax=known.max()) \
            if len(known) else dict(cmap="Blues")

    def draw(self):
        narrow = max(len(g.columns) for g in self.grids) <= MAX_BESIDE
        across = self.across or (len(self.grids) if narrow else 1)
        down = -(-len(self.grids) // across)
        width, height = np.max([g.size() for g in self.grids], axis=0)
        names = max(len(name) for g in self.grids for name in g.rows)
        size = (0.2 + 0.065 * names + width * across, 1.1 + height * down)
        figure, axes = plt.subplots(down, across, squeeze=False, figsize=size)
        for axis in axes.flat[len(self.grids):]:
            axis.set_visible(False)
        for k, (axis, grid, limit) in enumerate(zip(axes.flat, self.grids, self.limits())):
            _panel(figure, axis, grid, self.colors(grid, limit))
            if k % across and grid.rows == self.grids[k - 1].rows:
                axis.set_yticklabels([])
                axis.set_ylabel("")
        title(figure, self.heading, self.note)
        return figure


def _panel(figure, axis, grid, colors):
    places = grid.places()
    last = places[-1]
    shown = np.full((last + 1, len(grid.columns)), np.nan)
    shown[places] = grid.values
    image = axis.imshow(shown, aspect="auto", interpolation="nearest", **colors)
    if grid.has_numbers:
        _numbers(axis, grid, places, image)
    step = 1 if grid.has_numbers else -(-len(places) // MAX_NUMBERS)
    axis.set_yticks(places[::step], grid.rows[::step])
    if grid.rows[0] == "full":
        axis.get_yticklabels()[0].set_fontweight("bold")
    if grid.ends is not None:
        last += 1.4
        for column, value in enumerate(grid.ends):
            axis.text(column, last, number(value, grid.decimals), ha="center", va="center",
                      fontsize=8, color=GREY)
        axis.set_yticks([*places, last], [*grid.rows, "end points"])
        axis.get_yticklabels()[-1].set_color(GREY)
    axis.set_ylim(last + 0.6, -0.5)
    if grid.bars is not None:
        for row, column in zip(*np.nonzero(grid.bars)):
            axis.plot([column + 0.5] * 2, places[row] + np.array([-0.45, 0.45]), color=BLACK,
                      lw=2.2, clip_on=False, solid_capstyle="butt")
    _finish_panel(figure, axis, image, grid)


def _numbers(axis, grid, places, image):
    for row, line, name in zip(places, grid.values, grid.rows):
        for column, value in enumerate(line):
            red, green, blue, _ = image.to_rgba(value) if np.isfinite(value) else (1, 1, 1, 1)
            dark = 0.3 * red + 0.59 * green + 0.11 * blue < 0.5
            axis.text(column, row, number(value, grid.decimals), ha="center", va="center",
                      fontsize=8, fontweight="bold" if name == "full" else "normal",
                      color="white" if dark else "black")


def _finish_panel(figure, axis, image, grid):
    step = -(-len(grid.columns) // MAX_NUMBERS)
    long = max(map(len, grid.columns)) > 5
    axis.set_xticks(range(0, len(grid.columns), step), grid.columns[::step],
                    rotation=90 if long else 0)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    axis.set_xlabel(grid.xlabel)
    axis.set_ylabel(grid.ylabel)
    axis.set_title(grid.title)
    bar = figure.colorbar(image, ax=axis, aspect=25, pad=0.02, fraction=0.04)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=7, length=2)


def title(figure, heading, note=""):
    """Heading and note, broken into lines that the figure has room for."""
    width = int(11 * figure.get_figwidth())
    figure.suptitle(wrap(heading, width), fontsize=10)
    if note:
        figure.supxlabel(wrap(note, int(1.18 * width)), fontsize=8, color=DARK)


def wrap(text, width):
    lines = []
    for line in text.split("\n"):
        words, line = line.split(" "), ""
        for word in words:
            if line and len(line) + 1 + len(word) > width:
                lines.append(line)
                line = word
            else:
                line = f"{line} {word}" if line else word
        lines.append(line)
    return "\n".join(lines)


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
