"""One self-contained HTML page about a run: figures, configuration, provenance and tables."""

import base64
import html
import io
import pathlib

import numpy as np
from matplotlib import cm, colors

from .. import summary
from . import charts, combine, compare, topics
from .charts import number
from .heatmap import HeatMap
from .run_tables import about, present, read, span, tables

MAX_ROWS = 200  # of one table
HERE = pathlib.Path(__file__).resolve().parent
SECTIONS = {  # topics of the figures that belong to no analysis; the others name their section
    "Training": ["compare", "accuracy", "loss", "divergence", "traffic", "partition"], "Barriers": ["means"],
    "Sets of layers": [], "Along paths and planes": [], "Comparisons": []}
for file in topics.FIGURES:
    SECTIONS[file.SECTION].extend(topics.topics(file))


def of_run(run, analyses, drawn):
    """The text of the page; `drawn`: figures by name."""
    done = "complete" if run.file.attrs.get("complete") else "not complete (yet)"
    rounds = read(run, "metrics/rounds")
    when = span(rounds["round"]) if rounds is not None else "no round yet"
    shown = [(name.capitalize(), read(run, f"metrics/{name}"))
             for name in tables(run, "metrics", "rounds")]
    for analysis in analyses:
        shown += [(f"Analysis '{analysis.name}': {name}", analysis.table(name))
                  for name in analysis.tables()]
    name = pathlib.Path(run.path).resolve().name
    return page(name, f"{about(run)}, {run.file.attrs['clients']} clients, {when}, {done}", drawn,
                shown, [run], headline(run))


def headline(run):
    """The numbers that one looks for first."""
    return '<dl class="headline">' + "".join(
        f"<div><dt>{html.escape(name)}</dt><dd>{html.escape(text)}</dd></div>"
        for name, text in summary.numbers(run)) + "</dl>"


def of_runs(runs, drawn, means, groups):
    shown = [("What the lines are", np.array(
        [(group.label, ", ".join(str(one.seed) for one in group.members),
          ", ".join(one.path for one in group.members)) for group in groups],
        [("line", "U99"), ("seeds", "U999"), ("runs", "U9999")]))] if len(groups) > 1 else []
    for text, names, _, values in compare.summary(groups):
        rows = np.array([(name, count, mean, mean - half, mean + half)
                         for name, (mean, half, count) in zip(names, values)],
                        [("line", "U99"), ("seeds", "i8"), *((n, "f8") for n in ("mean", "low", "high"))])
        shown.append((f"{text}: mean over seeds and its 95 % interval" if (rows["seeds"] > 1).any()
                      else text, rows))
    for text, names, _, values in means:
        mean, half = combine.interval(values)
        rows = np.array(list(zip(names, mean, mean - half, mean + half)),
                        [("layer", "U64"), ("mean", "f8"), ("low", "f8"), ("high", "f8")])
        shown.append((f"{text}: mean over {len(runs)} runs and its 95 % interval", rows))
    if len(groups) == 1:
        return page(about(runs[0]), f"{len(runs)} runs of one experiment with different seeds", drawn,
                    shown, runs)
    title = about(runs[0]) if len({about(run) for run in runs}) == 1 else \
        f"Several models on {runs[0].file.attrs['dataset']}"
    return page(title, f"{len(runs)} runs with {len(groups)} different settings", drawn, shown, runs)


def page(title, subtitle, drawn, shown, runs, first=""):
    sections = [(topic, "".join(figure(name, drawn[name]) for name in drawn
                                if name.split("_")[0] in names))
                for topic, names in SECTIONS.items()]
    sections += [("Tables", "".join(table(text, rows) for text, rows in shown)),
                 ("Configuration", configuration(runs)),
                 ("Provenance", "".join(table(run.path, read(run, "provenance")) for run in runs))]
    sections = [(topic, text) for topic, text in sections if text]
    links = "".join(f'<a href="#{anchor(topic)}">{topic}</a>' for topic, _ in sections)
    body = "".join(f'<section id="{anchor(topic)}"><h2>{topic}</h2>{text}</section>'
                   for topic, text in sections)
    return ('<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width">'
            f"<title>{html.escape(title)}</title>"
            f"<style>{(HERE / 'report.css').read_text()}</style></head>"
            f'<body><h1>{html.escape(title)}</h1><p class="sub">{html.escape(subtitle)}</p>'
            f'{first}<nav>{links}</nav>{body}<div id="tip"></div>'
            f"<script>{(HERE / 'report.js').read_text()}</script></body></html>\n")


def anchor(topic):
    return topic.lower().replace(" ", "-")


def configuration(runs):
    of = f'<p class="sub">of {html.escape(runs[0].path)}</p>' if len(runs) > 1 else ""
    return f"{of}<pre>{html.escape(runs[0].config)}</pre>"


def figure(name, drawn):
    """Heat maps become tables, whose cells show their value; bars and other figures a picture."""
    what, *details = drawn.heading.split("\n")
    caption = html.escape(what) + f"<span>\n{html.escape(chr(10).join(details))}</span>"
    if isinstance(drawn, HeatMap) and not drawn.one_column:
        panels = [heat_table(*panel) for panel in zip(drawn.grids, drawn.limits())]
        across = drawn.across or len(panels)
        content = "".join(f'<div class="panels">{"".join(panels[k:k + across])}</div>'
                          for k in range(0, len(panels), across))
        if note := drawn.notes():
            content += f'<p class="sub">{html.escape(note)}</p>'
    else:
        content = picture(what, drawn.draw(titled=False))
    return (f'<figure id="figure-{html.escape(name)}"><figcaption>{caption}</figcaption>'
            f"{content}</figure>")


def picture(what, drawn):
    """An SVG within the page, without the title that the caption repeats."""
    # Letters as outlines: the page looks the same where our font is missing.
    with charts.plt.rc_context({"svg.fonttype": "path"}):
        buffer = io.BytesIO()
        drawn.savefig(buffer, format="svg", metadata={"Date": None}, bbox_inches="tight")
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<img alt="{html.escape(what)}" src="data:image/svg+xml;base64,{data}">'


def heat_table(grid, limit):
    head = "".join(f"<th>{html.escape(c)}</th>" for c in grid.columns)
    rows = "".join(heat_row(grid, k, limit) for k in range(len(grid.rows)))
    foot = ""
    if grid.ends is not None:
        foot = "<tfoot><tr><th>end points</th>" + "".join(
            f"<td>{number(v, grid.decimals)}</td>" for v in grid.ends) + "</tr></tfoot>"
    dense = "" if grid.has_numbers else " dense"
    gradient = ", ".join(color(x, 1)[0] for x in np.linspace(-1, 1, 9))
    edge = number(limit, grid.decimals)
    corner = grid.ylabel + " \\ " if grid.ylabel else ""
    return (f'<div><h4>{html.escape(grid.title)}</h4><table class="heat{dense}"><thead><tr>'
            f"<th>{html.escape(corner + grid.xlabel)}</th>{head}</tr></thead><tbody>{rows}</tbody>"
            f'{foot}</table><div class="key">−{edge}<i style="background:linear-gradient(90deg, '
            f'{gradient})"></i>{edge}</div></div>')


def heat_row(grid, k, limit):
    name = grid.rows[k]
    style = " ".join(["gap"] * (k in grid.gaps) + ["full"] * (name == "full"))
    cells = []
    for n, value in enumerate(grid.values[k]):
        background, text = color(value, limit)
        exact = f"{value:.6g}" if np.isfinite(value) else "not computed"
        tip = html.escape(f"{name}, {grid.xlabel} {grid.columns[n]}: {exact}")
        bar = ' class="bar"' if grid.bars is not None and grid.bars[k, n] else ""
        cells.append(f'<td{bar} style="background:{background};color:{text}" data-tip="{tip}">'
                     f"{number(value, grid.decimals)}</td>")
    return f'<tr class="{style}"><th>{html.escape(name)}</th>{"".join(cells)}</tr>'


def color(value, limit):
    """Background and text of a cell; white is zero."""
    if not np.isfinite(value):
        return "#ffffff", "#888888"
    background = cm.RdBu_r(colors.Normalize(-limit, limit, clip=True)(value))
    return colors.to_hex(background), "#ffffff" if abs(value) > 0.65 * limit else "#000000"


def table(text, rows):
    """A table that sorts by a click on a header; columns without a value are left out."""
    if rows is None or not len(rows):
        return ""
    total = len(rows)
    note = ""
    if total > MAX_ROWS:
        rows = rows[-MAX_ROWS:]
        note = f'<p class="sub">The last {MAX_ROWS} of {total} rows; the rest is in run.h5.</p>'
    names = [n for n in rows.dtype.names if rows.dtype[n].kind != "f" or present(rows, n)]
    head = "".join(f'<th{number_class(rows, n)}>{html.escape(n)}</th>' for n in names)
    columns = [[f"<td{number_class(rows, n)}>{cell(v)}</td>" for v in rows[n]] for n in names]
    body = "".join(f"<tr>{''.join(line)}</tr>" for line in zip(*columns))
    return (f'<h3>{html.escape(text)}</h3>{note}<div class="scroll"><table><thead><tr>{head}</tr>'
            f"</thead><tbody>{body}</tbody></table></div>")


def number_class(rows, name):
    return "" if rows.dtype[name].kind == "U" else ' class="number"'


def cell(value):
    if isinstance(value, np.floating):
        return f"{value:.6g}" if np.isfinite(value) else ""
    return html.escape(str(value))
