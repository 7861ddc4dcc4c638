"""Several runs of one experiment together: mean heat maps, and means with intervals by layer."""

import configparser
import re

import numpy as np

from . import page
from .charts import BLACK, GREY, Chart, number
from .heatmap import Grid, HeatMap
from .layers import name_rows
from .run_tables import Problem, about

# Student's t, 97.5 %, by degrees of freedom from 1; beyond the list the normal distribution's 1.96.
STUDENT = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179,
           2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064,
           2.060, 2.056, 2.052, 2.048, 2.045, 2.042]
# A config of version 0.1.0 does not say what its keys affect. Then it was this: of all others, the
# results.
OF_0_1_0 = {"machine": {"run.threads", "run.device", "run.stall_timeout", "data.dir",
                        "analysis.memory"},
            "limits": {"run.walltime", "run.grace", "analysis.ranks"},
            "storage": {f"checkpoint.{key}" for key in ("every", "before", "after", "minutes",
                                                        "keep_resume")}}


def check_same_experiment(runs, analyses):
    """Runs whose numbers may not be averaged are refused."""
    first = runs[0]
    for run in runs[1:]:
        if run.layers != first.layers or about(run) != about(first):
            raise Problem(f"{run.path} ({about(run)}) and {first.path} ({about(first)}) are not "
                          "the same experiment: model, layers or data differ.")
        compare(run, first, "the experiment", run.config, first.config)
        for name in sorted(set(run.analyses) & set(first.analyses) & set(analyses)):
            compare(run, first, f"the analysis '{name}'",
                    *(r.file[f"barriers/{name}"].attrs.get("config", "") for r in (run, first)))
    seeds = [int(run.file.attrs["seed"]) for run in runs]
    if len(set(seeds)) < len(seeds):
        raise Problem("Two of the runs have the same seed, so they are no independent samples; "
                      f"give each seed once (seeds: {', '.join(map(str, seeds))}).")


def compare(run, first, what, *configs):
    ignored = set.union({"run.seed"}, *map(may_differ, configs))
    found, expected = (settings(config, ignored) for config in configs)
    for key in sorted(found.keys() | expected.keys()):
        values = [there.get(key, "not set") for there in (found, expected)]
        if values[0] != values[1]:
            raise Problem(f"{run.path} and {first.path} differ in more than their seeds: in "
                          f"{what}, {key} is {values[0]} in the one and {values[1]} in the other.")


def may_differ(config):
    """Keys that decide about no number or, by the machine, about its last bits only."""
    found = re.findall(r"^# affects (\w+):(.*)$", config, re.M)
    affected = {effect: set(keys.split()) for effect, keys in found} or OF_0_1_0
    numbers = affected.get("results", set()) | affected.get("analysis", set())
    return set().union(*affected.values()) - numbers | affected.get("machine", set())


def of_results(config):
    """Values by key, of those that decide about what training does; not the seed."""
    found = settings(config, {"run.seed"} | may_differ(config))
    listed = re.search(r"^# affects results:(.*)$", config, re.M)
    return {key: value for key, value in found.items()
            if (key in listed[1].split() if listed else not key.startswith("analysis."))}


def settings(config, ignored):
    """Values by key, but for those ignored."""
    parser = configparser.ConfigParser(interpolation=None, inline_comment_prefixes="#")
    parser.read_string(config)
    return {f"{section}.{key}": value for section in parser.sections()
            for key, value in parser[section].items() if f"{section}.{key}" not in ignored}


def figures(runs, heatmaps):
    """Drawn figures by name, and the means: [(title, names, [names, runs])]."""
    seeds = ", ".join(str(run.file.attrs["seed"]) for run in runs)
    over = f"mean over {len(runs)} runs (seeds {seeds}) of each run's"
    drawn, means = {}, []
    for name, first in heatmaps[0].items():
        found = [maps.get(name) for maps in heatmaps]
        if any(f is None or len(f.grids) != len(first.grids) for f in found):
            continue
        grids = [common(grids) for grids in zip(*(f.grids for f in found))]
        grids = [(grid, values) for grid, values in grids if grid.rows and grid.columns]
        if not grids:
            continue
        heading = first.heading.replace("median over", f"{over} median over")
        if heading == first.heading:
            heading += f"\n{over} number"
        drawn[name] = HeatMap(heading, [grid for grid, _ in grids], first.note, first.across)
        if name.startswith("barriers_"):
            last = [(f"{grid.title}, round {grid.columns[-1]}", grid, values[:, :, -1].T)
                    for grid, values in grids]
            drawn[f"means_{name}"] = Chart(
                f"{heading}\nlines: 95 % interval over runs (Student's t)", dots(last))
            means += [(f"{text}, {name}", grid.rows, grid.decimals, values)
                      for text, grid, values in last]
    if not drawn:
        raise Problem("The runs have no barriers in common: no analysis with the same name, split "
                      "and rounds.")
    return drawn, means


def common(grids):
    """The mean over runs of what all have, and its values [runs, rows, columns]."""
    first = grids[0]
    rows = [name for name in first.rows if all(name in g.rows for g in grids)]
    columns = [name for name in first.columns if all(name in g.columns for g in grids)]
    places = [([g.rows.index(n) for n in rows], [g.columns.index(n) for n in columns])
              for g in grids]
    values = np.array([g.values[np.ix_(*place)] for g, place in zip(grids, places)])
    ends = np.mean([g.ends[place[1]] for g, place in zip(grids, places)], axis=0)
    return Grid(first.title, values.mean(axis=0), rows, columns, first.decimals, first.xlabel,
                first.ylabel, first.gaps if rows == first.rows else (), first.scale, ends,
                first.bars[np.ix_(*places[0])]), values


def interval(values):
    """Mean, and half the width of its 95 % interval, over the last axis."""
    count = values.shape[-1]
    factor = STUDENT[count - 2] if count - 2 < len(STUDENT) else 1.96
    return values.mean(axis=-1), factor * values.std(axis=-1, ddof=1) / np.sqrt(count)


def dots(panels):
    """`panels`: (title, Grid, [rows, runs])."""
    rows = len(panels[0][1].rows)
    figure, axes = page.subplots(1, len(panels), (5, 0.9 + 0.28 * rows), least=3.2)
    for axis, (text, grid, values) in zip(axes.flat, panels):
        mean, half = interval(values)
        place = np.arange(len(mean))
        axis.plot(values, place, ls="", marker="o", ms=3.5, color=GREY, alpha=0.7)
        axis.hlines(place, mean - half, mean + half, color=BLACK, lw=1.6)
        axis.plot(mean, place, ls="", marker="D", ms=5, color=BLACK)
        axis.axvline(0, color="#bbbbbb", lw=0.8, zorder=0)
        name_rows(axis, place, grid.rows)
        axis.set_ylim(len(mean) - 0.5, -0.5)
        axis.grid(axis="x", color="#e8e8e8", lw=0.7)
        axis.set_axisbelow(True)
        axis.set_title(text)
        axis.set_xlabel("grey: each run; black: mean and interval")
    return figure


def print_means(means, count):
    print(f"\nMean over {count} runs, with the 95 % interval of the mean (Student's t)")
    for text, names, decimals, values in means:
        print(f"\n{text}")
        if count == 2:
            print("  (an interval from two runs means little)")
        mean, half = interval(values)
        width = max(len(name) for name in names)
        for name, m, h in zip(names, mean, half):
            print(f"  {name:{width}}  {number(m, decimals + 1):>8}  "
                  f"{number(m - h, decimals + 1):>8} to {number(m + h, decimals + 1)}")
