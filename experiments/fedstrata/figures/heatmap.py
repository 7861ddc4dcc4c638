"""Heat maps: panels of numbers, coloured by sign and size. How much room they need decides whether cells
show their numbers and how many panels stand in a line, so sizes are worked out here, before drawing."""

import dataclasses

import numpy as np

from . import bars, page
from .charts import BLACK, GREY, number, surround
from .layers import name_rows, names_width
from .page import plt

MAX_NUMBERS = 30  # columns of a heat map that leave room for numbers
MAX_BESIDE = 12  # columns of a heat map that leave room for another one beside it
MAX_HEIGHT = 12  # inches of cells without numbers
NUMBER = 8  # points
BAR = 0.6  # inches of the scale of colours
ENDS = "end points", "end points: the value of the clients' own models"  # of a row, and of a note


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

    @property
    def has_numbers(self):
        return len(self.columns) <= MAX_NUMBERS

    def labels(self):
        """Names of the rows, with that of the numbers below."""
        return self.rows if self.ends is None else [*self.rows, ENDS[0]]

    def margins(self):
        """Inches beside the cells, of names, and above and below them."""
        size = plt.rcParams["xtick.labelsize"]
        columns = page.measure(max(self.columns, key=len), size) if self.upright else 0.2
        return (0.15 + names_width(self.labels()) + 0.2 * bool(self.ylabel),
                0.3 + columns + page.tall(self.title, plt.rcParams["axes.titlesize"]))

    def cells(self, numbers):
        """Inches of all cells: room for a number in each, or as it comes where there are none."""
        rows = self.places()[-1] + 2
        if not numbers:
            high = 0.17 if page.narrow() else 0.255
            return (6, min(max(0.15 * rows, min(high * rows, 5.5)), MAX_HEIGHT))
        if page.narrow():
            widest = max(page.measure(number(v, self.decimals), page.font(NUMBER))
                         for v in [*self.values.flat, *(() if self.ends is None else self.ends)])
            return (len(self.columns) * (widest + 0.05), 0.17 * rows)
        return (0.46 * len(self.columns), 0.255 * rows)

    @property
    def upright(self):
        """Are the columns' names too long to stand beside each other?"""
        return max(map(len, self.columns)) > 5


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

    @property
    def one_column(self):
        return all(len(grid.columns) == 1 for grid in self.grids)

    def draw(self, titled=True):
        if self.one_column:
            return bars.draw(self, titled)
        across, size, numbers = self.layout()
        figure, axes = plt.subplots(-(-len(self.grids) // across), across, squeeze=False, figsize=size)
        for axis in axes.flat[len(self.grids):]:
            axis.set_visible(False)
        for k, (axis, grid, limit) in enumerate(zip(axes.flat, self.grids, self.limits())):
            named = not k % across or grid.rows != self.grids[k - 1].rows
            _panel(figure, axis, grid, self.colors(grid, limit), numbers, named)
            _name_columns(axis, grid, size[0] / across - grid.margins()[0] - BAR)
            axis.set_ylabel(grid.ylabel if named else "")
        surround(figure, size, self.heading, self.notes(numbers), titled=titled)
        return figure

    def notes(self, numbers=True):
        ends = numbers and any(grid.ends is not None for grid in self.grids)
        return "; ".join(filter(None, [ENDS[1] * ends, self.note]))

    def layout(self):
        """Panels in a line, inches of the figure, and has each cell room for its number?"""
        numbers = all(grid.has_numbers for grid in self.grids)
        beside = max(len(grid.columns) for grid in self.grids) <= MAX_BESIDE
        across = self.across or (len(self.grids) if beside else 1)
        while across > 1 and page.width(size := self.inches(across, numbers)[0]) < size:
            across -= 1
        if page.width(size := self.inches(across, numbers)[0]) < size:
            numbers = False
        width, height = self.inches(across, numbers)
        return across, (page.width(width), height), numbers

    def inches(self, across, numbers):
        """Width and height of so many panels in a line."""
        names, high = np.max([grid.margins() for grid in self.grids], axis=0)
        cells = np.max([grid.cells(numbers) for grid in self.grids], axis=0)
        once = all(grid.rows == self.grids[0].rows for grid in self.grids)
        cells[0] = max(cells[0] + BAR, 1.3 if page.narrow() else 2.6)
        return (names * (1 if once else across) + cells[0] * across,
                (high + cells[1]) * -(-len(self.grids) // across))


def _panel(figure, axis, grid, colors, numbers, named):
    """`named`: do names stand beside the rows?"""
    places = grid.places()
    last = places[-1]
    shown = np.full((last + 1, len(grid.columns)), np.nan)
    shown[places] = grid.values
    image = axis.imshow(shown, aspect="auto", interpolation="nearest", **colors)
    names, rows = list(grid.rows), list(places)
    if numbers:
        _numbers(axis, grid, places, image)
    else:
        step = int(np.ceil(0.13 * len(places) / grid.cells(numbers)[1]))
        names, rows = names[::step], rows[::step]
    if grid.ends is not None and numbers:
        last += 1.4
        for column, value in enumerate(grid.ends):
            axis.text(column, last, number(value, grid.decimals), ha="center", va="center",
                      fontsize=page.font(NUMBER), color=GREY)
        names, rows = grid.labels(), [*places, last]
    name_rows(axis, rows, names, named)
    if len(names) > len(grid.rows):
        axis.get_yticklabels()[-1].set_color(GREY)
    axis.set_ylim(last + 0.6, -0.5)
    if grid.bars is not None:
        for row, column in zip(*np.nonzero(grid.bars)):
            axis.plot([column + 0.5] * 2, places[row] + np.array([-0.45, 0.45]), color=BLACK,
                      lw=2.2, clip_on=False, solid_capstyle="butt")
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    axis.set_xlabel(grid.xlabel)
    axis.set_title(grid.title)
    bar = figure.colorbar(image, ax=axis, aspect=25, pad=0.02, fraction=0.04)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=page.font(7), length=2)


def _numbers(axis, grid, places, image):
    for row, line, name in zip(places, grid.values, grid.rows):
        for column, value in enumerate(line):
            red, green, blue, _ = image.to_rgba(value) if np.isfinite(value) else (1, 1, 1, 1)
            dark = 0.3 * red + 0.59 * green + 0.11 * blue < 0.5
            axis.text(column, row, number(value, grid.decimals), ha="center", va="center",
                      fontsize=page.font(NUMBER), fontweight="bold" if name == "full" else "normal",
                      color="white" if dark else "black")


def _name_columns(axis, grid, inches):
    """Names below the columns, which have so many inches; every second, third, ... where they are
    narrower than a name."""
    size = plt.rcParams["xtick.labelsize"]
    one = 1.3 * size / 72 if grid.upright else 0.06 + max(page.measure(c, size) for c in grid.columns)
    step = max(-(-len(grid.columns) // MAX_NUMBERS), int(np.ceil(one * len(grid.columns) / inches)))
    axis.set_xticks(range(0, len(grid.columns), step), grid.columns[::step],
                    rotation=90 if grid.upright else 0)
