"""Draws every figure that a run's contents allow, and prints the barriers.

Given several runs of one experiment (other seeds), draws their means with intervals; given runs of
several experiments, compares them, a line each; given a sweep that was collected, compares its
cells. Needs Debian's
python3-h5py and python3-matplotlib. Works while the run goes on. docs/figures.md explains the
figures.
"""

import argparse
import dataclasses
import os
import pathlib
import typing

os.environ.setdefault("HDF5_USE_FILE_LOCKING", "FALSE")  # files of a run never change once there

from .figures import combine, compare, groups, layers, metrics, page, paper, report, sweeps, topics
from .figures.analysis import Analysis
from .figures.sweep_tables import Sweep, collected_file
from .problems import Problem
from .run import open_run


def main(arguments, prog):
    parser = argparse.ArgumentParser(prog=prog, description=__doc__.splitlines()[0])
    parser.add_argument("runs", metavar="RUN_DIR", type=pathlib.Path, nargs="+",
                        help="or a file made by `fedstrata inspect --pack`, or a collected sweep; "
                             "several runs are compared, those with other seeds averaged")
    parser.add_argument("--out", metavar="DIR", type=pathlib.Path,
                        help="default: plots in RUN_DIR, or beside the file")
    parser.add_argument("--analysis", metavar="NAME", help="only this analysis (default: all)")
    parser.add_argument("--html", action="store_true",
                        help="also write report.html: figures, configuration, and tables, in one "
                             "file")
    parser.add_argument("--format", metavar="KINDS", default="png,svg",
                        help=f"some of {', '.join(paper.FORMS)} joined by commas (default: png,svg)")
    parser.add_argument("--width", metavar="INCHES",
                        help="lay figures out for a column (3.3, say) or a page of that width; no letter "
                             "is under 6 pt (default: as it suits each figure)")
    parser.add_argument("--no-title", action="store_true", help="for papers, which have captions")
    parser.add_argument("--only", metavar="NAME", action="append", default=[],
                        help="only this figure, or those that fit a pattern such as 'barriers_*'; "
                             "may be repeated")
    parser.add_argument("--hide", metavar="NAME|TYPE", action="append", default=[],
                        help="no rows for this layer, those that fit a pattern, or those of a type "
                             "(norm: all normalisation layers); may be repeated")
    arguments = parser.parse_args(arguments)
    form = paper.Form(forms(arguments.format), not arguments.no_title, tuple(arguments.only))
    page.set_width(inches(arguments.width))
    draw(arguments.runs, Wanted(arguments.out, arguments.analysis, form, html=arguments.html,
                                hide=tuple(arguments.hide)))
    return 0


def forms(text):
    found = tuple(dict.fromkeys(text.split(",")))
    if unknown := [form for form in found if form not in paper.FORMS]:
        raise Problem(f"--format {text}: '{unknown[0]}' is none of {', '.join(paper.FORMS)}.")
    return found


def inches(text):
    """The number; None of None."""
    if text is None:
        return None
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not page.LEAST <= number <= page.MOST:
        raise Problem(f"--width {text}: this must be a number of inches from {page.LEAST:g} to "
                      f"{page.MOST:g}, such as 3.3 for a column or 7 for a page.")
    return number


@dataclasses.dataclass
class Wanted:
    """What is to be drawn of runs, and where to."""
    out: typing.Optional[pathlib.Path]
    analysis: typing.Optional[str]
    form: paper.Form = dataclasses.field(default_factory=paper.Form)
    figures: bool = True
    html: bool = False
    hide: tuple = ()  # layers without rows


def draw(runs, wanted):
    if collected := collected_file(runs[0]):
        draw_sweep(runs, wanted, collected)
    elif len(runs) > 1:
        draw_several(runs, wanted)
    else:
        draw_one(runs[0], wanted)


def draw_one(path, wanted):
    run = open_run(path)
    layers.check_known([run], wanted.hide)
    shown = layers.shown(run, wanted.hide)
    names = chosen_analyses(run, wanted.analysis)
    analyses = [Analysis(run, name, shown, len(names) == 1) for name in names]
    drawn = metrics.figures(run, shown)
    for analysis in analyses:
        drawn.update(topics.figures(analysis))
    drawn = {name: figure for name, figure in drawn.items() if figure is not None}
    if not drawn:
        raise Problem(f"{path} has nothing to plot yet: no finished round and no analysis.")
    out = wanted.out or (path.parent if path.is_file() else path) / "plots"
    drawn = chosen(drawn, out, wanted)
    for analysis in analyses:
        analysis.print_summary()
    save(drawn, out, wanted)
    if not any(analysis.parts for analysis in analyses):
        print(f"{path} has no barriers (yet), so only what needs none is drawn: "
              f"{', '.join(sorted(drawn))}; `fedstrata analyze` computes barriers from stored "
              "rounds.")
    if wanted.html:
        write(out / "report.html", report.of_run(run, analyses, drawn))


def draw_several(paths, wanted):
    """A line for each setting; of runs that differ in their seeds alone also all that is averaged."""
    for path in paths:
        if collected_file(path):
            raise Problem(f"{path} is a sweep, which is drawn alone, without other runs.")
    if wanted.out is None:
        raise Problem("Several runs are drawn together: say with --out where to.")
    runs = [open_run(path) for path in paths]
    layers.check_known(runs, wanted.hide)
    if wanted.analysis and not any(wanted.analysis in run.analyses for run in runs):
        chosen_analyses(runs[0], wanted.analysis)
    found = groups.of_runs([groups.member(run, wanted.analysis) for run in runs])
    groups.check_seeds(found)
    drawn, said = compare.figures(found)
    averaged, means = average(wanted, runs, said) if len(found) == 1 else ({}, [])
    drawn.update(averaged)
    if not drawn:
        raise Problem(" ".join(said) or "The runs have nothing in common that could be drawn: no "
                      "evaluated round and no barriers.")
    drawn = chosen(drawn, wanted.out, wanted)
    compare.print_summary(found)
    if means:
        combine.print_means(means, len(runs))
    for sentence in said:
        print(f"\n{sentence}")
    save(drawn, wanted.out, wanted)
    if wanted.html:
        write(wanted.out / "report.html", report.of_runs(runs, drawn, means, found))


def average(wanted, runs, said):
    """Heat maps and means of runs with different seeds; `said`: why there are none."""
    heatmaps = [{} for _ in runs]
    try:
        combine.check_same_experiment(runs, chosen_analyses(runs[0], wanted.analysis))
        for run, found in zip(runs, heatmaps):
            shown = layers.shown(run, wanted.hide)
            names = chosen_analyses(run, wanted.analysis)
            for name in names:
                one = Analysis(run, name, shown, len(names) == 1)
                found.update(topics.figures(one, by_round=True))
        return combine.figures(runs, heatmaps)
    except Problem as problem:
        said.append(f"Barriers are not averaged: {problem}")
        return {}, []


def draw_sweep(paths, wanted, collected):
    if len(paths) > 1:
        raise Problem(f"{paths[0]} is a sweep, which is drawn alone, without other runs.")
    if wanted.html:
        raise Problem(f"{paths[0]} is a sweep, of which there is no report; plot draws its figures without "
                      "--html.")
    given = {"--analysis": wanted.analysis, "--hide": wanted.hide}
    if unfit := [option for option, value in given.items() if value]:
        raise Problem(f"{paths[0]} is a sweep, which is drawn without {' and '.join(unfit)}.")
    sweep = Sweep(collected)
    drawn = sweeps.figures(sweep)
    found, said = cells_of(sweep)
    if found:
        compared, more = compare.figures(found)
        drawn.update(compared)
        said += more
    if not drawn:
        raise Problem(" ".join(said) or f"{collected} has nothing to compare: one cell is done.")
    out = wanted.out or collected.parent / "plots"
    drawn = chosen(drawn, out, wanted)
    sweeps.print_summary(sweep)
    if found:
        compare.print_summary(found)
    for sentence in said:
        print(f"\n{sentence}")
    print(f"\n{len(sweep.cells)} of {sweep.total} cells are done{sweeps.left_out(sweep)}.")
    save(drawn, out, wanted)


def cells_of(sweep):
    """The cells' runs in groups; none, and why, where there are less than two runs."""
    if len(sweep.cells) < 2:
        return [], []
    missing = [str(path) for path in sweep.runs() if not path.exists()]
    if missing:
        return [], [f"Rounds are not compared: {missing[0]} is not there, and the cells' runs are read "
                    "beside the collected file."]
    members = []
    for path in sweep.runs():
        with open_run(path) as run:
            members.append(groups.member(run))
    try:
        groups.check(members)
    except Problem as problem:
        return [], [f"Rounds are not compared: {problem}"]
    return groups.of_cells(sweep, members), []


def chosen_analyses(run, wanted):
    if wanted is not None and wanted not in run.analyses:
        raise Problem(f"{run.path} has no analysis called '{wanted}' (it has: "
                      f"{', '.join(run.analyses) or 'none'}).")
    return [wanted] if wanted else run.analyses


def chosen(drawn, out, wanted):
    """The figures that are wanted, for which there is a directory then: called before anything is printed."""
    drawn = paper.chosen(drawn, wanted.form)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise cannot_write(out, problem) from problem
    return drawn


def save(drawn, out, wanted):
    """Writes the figures, where files of them are wanted."""
    if not wanted.figures:
        return
    try:
        for name, figure in drawn.items():
            paper.save(figure.draw(wanted.form.title), out / name, wanted.form)
    except OSError as problem:
        raise cannot_write(out, problem) from problem
    kinds = " and ".join(", ".join(wanted.form.forms).upper().rsplit(", ", 1))
    print(f"\n{len(drawn)} figure{'s' * (len(drawn) != 1)} ({kinds}) in {out}: "
          f"{', '.join(sorted(drawn))}")


def write(path, text):
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise cannot_write(path.parent, problem) from problem
    print(f"Report: {path}")


def cannot_write(out, problem):
    return Problem(f"The figures cannot be written to {out} ({problem.strerror}); choose another "
                   "directory with --out.")
