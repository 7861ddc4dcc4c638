"""How wide figures are, and what follows from it: sizes of letters, ends of lines, panels in a line."""

import functools

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.font_manager import FontProperties

LEAST, MOST = 2.5, 30.0  # inches that a figure may be wide
SMALLEST = 6.0  # points of a letter
NARROW = 5.0  # inches; letters of a narrower figure are smaller
EDGE = 0.06  # inches between a text and the figure's edge
SPACING = 1.3 / 72  # inches of a line by a point of its letters
SHORTEST = 8  # letters before and behind a cut
DOTS = 720  # an inch: text is measured without the rounding of a screen
STYLE = {"font.size": 9, "axes.titlesize": 9.5, "axes.labelsize": 9, "legend.fontsize": 8,
         "xtick.labelsize": 9, "ytick.labelsize": 9}

_width = None


def set_width(inches):
    """Of all figures drawn from now on, as with matplotlib's own settings; None = as it suits each."""
    global _width
    _width = inches
    plt.rcParams.update({name: font(size) for name, size in STYLE.items()})


def width(natural):
    """Inches of a figure that would be so wide of itself."""
    return natural if _width is None else _width


def narrow():
    return _width is not None and _width < NARROW


def font(size):
    """Points of a text that has `size` where there is room."""
    return max(SMALLEST, 0.8 * size) if narrow() else size


def beside(count, natural, least):
    """How many of `count` panels have room in a line: all of them where each is as wide as it suits."""
    if _width is None:
        return count
    most = min(count, max(1, int(_width / min(natural, least))))
    return -(-count // -(-count // most))  # lines of equal length


def subplots(lines, wide, size, least=2.4, **options):
    """A figure, and its axes [lines, wide]. `size`: inches of a panel with its labels; where the page has
    no room for as many of `least` inches, columns go below the others, with all their lines."""
    across = beside(wide, size[0], least)
    blocks = -(-wide // across)
    if "height_ratios" in options:
        options["height_ratios"] = options["height_ratios"] * blocks
    figure, axes = plt.subplots(lines * blocks, across, squeeze=False,
                                figsize=(width(size[0] * wide), size[1] * lines * blocks), **options)
    axes = axes.reshape(blocks, lines, across).swapaxes(0, 1).reshape(lines, blocks * across)
    for axis in axes[:, wide:].flat:
        axis.set_visible(False)
    return figure, axes[:, :wide]


def name_outer(axes):
    """Numbers and names of axes that have the same scales: below the lowest panel of each column, and
    beside the first of each line."""
    places = [(axis, axis.get_subplotspec()) for axis in axes.flat]
    columns_below = {(place.colspan.start, place.rowspan.start) for _, place in places}
    for axis, place in places:
        if (place.colspan.start, place.rowspan.stop) in columns_below:
            axis.tick_params(labelbottom=False)
            axis.set_xlabel("")
        if not place.is_first_col():
            axis.tick_params(labelleft=False)
            axis.set_ylabel("")


def height(natural, least=1.9):
    """Inches of a panel that may be lower where it is narrower."""
    return max(least, 0.75 * natural) if narrow() else natural


@functools.lru_cache(None)
def _renderer():
    return RendererAgg(1, 1, DOTS)


def measure(text, size):
    """Inches of the longest line of a text in letters of `size` points."""
    find = _renderer().get_text_width_height_descent
    return max(find(line, FontProperties(size=size), False)[0] / DOTS for line in text.split("\n"))


def tall(text, points):
    """Inches of a text with its distance to the edge; of none 0."""
    return (1 + text.count("\n")) * font(points) * SPACING + EDGE if text else 0


def wrap(text, inches, size):
    """The text in lines that are no longer than `inches`; words that are longer are broken."""
    lines = []
    for line in text.split("\n"):
        words, line = line.split(" "), ""
        while words:
            word = words.pop(0)
            longer = f"{line} {word}" if line else word
            if measure(longer, size) <= inches or len(longer) == 1:
                line = longer
            elif line:
                lines.append(line)
                line, words = "", [word, *words]
            else:
                fits = next(n for n in range(len(word) - 1, 0, -1)
                            if n == 1 or measure(word[:n], size) <= inches)
                lines.append(word[:fits])
                words.insert(0, word[fits:])
        lines.append(line)
    return "\n".join(lines)


def cut(text, inches, size):
    """The text, without some of its middle where it is longer than `inches`."""
    kept, half = text, len(text) // 2
    while measure(kept, size) > inches and half > 1:
        half -= 1
        kept = f"{text[:half]}…{text[-half:]}"
    return kept


def two_lines(text, inches, size):
    """The text in two lines at most where that is done by cutting long words, such as names, in their
    middle."""
    while (wrapped := wrap(text, inches, size)).count("\n") > 1:
        longest = max(text.split(), key=len)
        half = (len(longest) - 2) // 2
        if half < SHORTEST:
            break
        text = text.replace(longest, f"{longest[:half]}…{longest[-half:]}", 1)
    return wrapped


def joined(text):
    """In one part: `First part\\nSecond part` as `First part; second part`."""
    first, *rest = text.split("\n")
    return "; ".join([first, *(part if part[1:2].isupper() else part[:1].lower() + part[1:] for part in rest)])


def titles(texts, rooms, size):
    """Each text in two lines at most within its inches, and the points of the letters, which are those of
    all: parts are joined and long words cut before letters get smaller."""
    while True:
        found = [next((form for form in (wrap(text, inches, size), two_lines(joined(text), inches, size))
                       if form.count("\n") < 2), None) for text, inches in zip(texts, rooms)]
        if None not in found:
            return found, size
        if size <= SMALLEST:
            return [form or shortened(text, inches, size)
                    for form, text, inches in zip(found, texts, rooms)], size
        size = max(SMALLEST, size - 0.5)


def shortened(text, inches, size):
    """The first two lines of the text, and a sign that there is more."""
    first, second, *_ = two_lines(joined(text), inches, size).split("\n")
    return f"{first}\n{second[:-1]}…"
