"""Runs of several experiments, sorted into groups that differ in their seeds alone, and what a legend
calls each group."""

import dataclasses
import os
import re

import numpy as np

from . import combine
from .analysis import FULL, Analysis
from .run_tables import Problem, averaging, has_classes, read, shares_all

MAX_LABEL = 40
BARE = ("", "schedule", "federation.preset")  # settings whose values say enough without their names
# What average.* stands for where a preset has that name (docs/configuration.md): what is averaged in
# every round. All else is never averaged.
PRESETS = {("all",): "fedavg", ("body",): "fedper", ("head",): "lg-fedavg",
           ("all,!type:norm",): "fedbn", (): "local"}
PLAIN = {"offset": "0", "from": "1", "until": "0"}
# Settings of an analysis on which the numbers of a full barrier depend.
OF_BARRIERS = ("samples", "tolerance", "at", "batchnorm", "pairs")


@dataclasses.dataclass
class Member:
    """What is drawn of one run."""

    path: str
    seed: int
    settings: dict  # that affect results
    identity: tuple  # model and layers
    about: dict  # attribute -> value
    has_classes: bool
    rounds: np.ndarray  # /metrics/rounds
    shared: bool  # is each layer averaged at some time?
    seldom: bool  # are there rounds without an average?
    analysis: str = ""
    analysed: dict = dataclasses.field(default_factory=dict)  # settings of OF_BARRIERS
    barriers: dict = dataclasses.field(default_factory=dict)  # column -> {round: median over pairs}


@dataclasses.dataclass
class Group:
    members: list
    parts: dict  # setting -> value, of those in which groups may differ
    label: str = ""

    @property
    def shared(self):
        return all(member.shared for member in self.members)

    @property
    def seldom(self):
        return any(member.seldom for member in self.members)


def member(run, analysis=None):
    """`analysis`: whose barriers; by default those of the analysis during the run."""
    rounds = read(run, "metrics/rounds")
    if rounds is None or not (rounds["round"] > 0).any():
        raise Problem(f"{run.path} has no finished round (yet), so there is nothing to compare.")
    attributes = run.file.attrs
    _, averaged = averaging(run)
    about = {name: attributes[name] for name in ("model", "dataset", "clients")}
    if "dataset" in run.file:
        about |= {name: run.file["dataset"].attrs.get(name) for name in ("task", "test_count")}
    found = Member(str(run.path), int(attributes["seed"]), combine.of_results(run.config),
                   (str(attributes["model"]), *run.layers), about, has_classes(run),
                   np.sort(rounds, order="round"), shares_all(run),
                   not averaged.any(axis=0).all())
    name = analysis or "insitu"
    if name in run.analyses:
        add_barriers(found, Analysis(run, name))
    return found


def add_barriers(found, analysis):
    """On the training split, or the test split where there is no other."""
    split = next((split for split in ("train", "test") if (split, "") in analysis.parts), None)
    if split is None or not len(full := analysis.parts[split, ""].of((FULL,))):
        return
    found.analysis = analysis.name
    found.analysed = {key: analysis.setting(key) for key in OF_BARRIERS} | {"split": split}
    for column, _, unit, _ in analysis.quantities:
        values = unit * full.medians([(FULL, FULL, None)], column, full.rounds)[0]
        found.barriers[column] = {r: v for r, v in zip(full.rounds, values) if np.isfinite(v)}


def of_runs(members):
    """Groups of runs that differ in seeds (and machine, limits, storage, analysis) alone."""
    check(members)
    found = {}
    for one in members:
        found.setdefault((one.identity, *sorted(one.settings.items())), []).append(one)
    groups = [Group(some, short(some[0].settings)) for some in found.values()]
    name(groups, drop_common=True)
    return groups


def of_cells(sweep, members):
    """Groups of a sweep's cells that differ in their seeds alone."""
    found = {}
    for cell, one in zip(sweep.cells, members):
        settings = sweep.settings(cell)
        found.setdefault(tuple(settings.items()), (settings, []))[1].append(one)
    groups = [Group(some, settings) for settings, some in found.values()]
    name(groups)
    return groups


def check(members):
    first = members[0]
    paths = [os.path.realpath(one.path) for one in members]
    for place, one in enumerate(members):
        if paths[place] in paths[:place]:
            raise Problem(f"{one.path} is given twice; name each run once.")
        for key, text in (("dataset", "data sets"), ("task", "tasks"),
                          ("test_count", "numbers of test samples")):
            values = [run.about.get(key) for run in (one, first)]
            if None not in values and values[0] != values[1]:
                raise Problem(f"{one.path} and {first.path} have different {text} ({values[0]} and "
                              f"{values[1]}), so their numbers cannot be compared.")
        if one.has_classes != first.has_classes:
            raise Problem(f"{one.path} and {first.path} have different tasks, so their numbers "
                          "cannot be compared.")


def check_seeds(groups):
    for group in groups:
        seeds = [one.seed for one in group.members]
        for place, seed in enumerate(seeds):
            if seed in seeds[:place]:
                raise Problem(f"{group.members[seeds.index(seed)].path} and "
                              f"{group.members[place].path} have the same seed ({seed}) and "
                              "settings, so they are no independent samples; name one of them.")


def short(settings):
    """With what average.* and federation.preset say in one text, `schedule`."""
    rest = {key: value for key, value in settings.items()
            if not key.startswith("average.") and key != "federation.preset"}
    averages = {}
    for key, value in settings.items():
        if key.startswith("average."):
            group, _, entry = key[len("average."):].rpartition(".")
            averages.setdefault(group, {})[entry] = value
    if not averages:
        return rest | ({"schedule": preset} if (preset := settings.get("federation.preset")) else {})
    averages = [group for group in averages.values() if group.get("every", "1") != "0"]
    rest["schedule"] = schedule(averages)
    updates = [{key: value for key, value in group.items() if key.startswith("update")}
               for group in averages if group.get("update", "mean") != "mean"]
    for update in updates:
        rest |= update
    return rest


def schedule(averages):
    """`averages`: keys of the averaging groups that average at some time."""
    plain = all(group.get("every", "1") == "1" and
                all(group.get(key, value) == value for key, value in PLAIN.items())
                for group in averages)
    layers = tuple(sorted(group.get("layers", "all") for group in averages))
    if plain and layers in PRESETS:
        return PRESETS[layers]
    texts = []
    for group in averages:
        texts.append(f"{group.get('layers', 'all')} every {group.get('every', '1')}")
        texts[-1] += "".join(f" {key} {group[key]}" for key, value in PLAIN.items()
                             if group.get(key, value) != value)
    return " + ".join(texts)


def name(groups, drop_common=False):
    """Labels by the settings in which the groups differ. `drop_common`: a value that more than half of
    them have is left unsaid in those."""
    keys = [key for key in dict.fromkeys(key for group in groups for key in group.parts)
            if len({group.parts.get(key) for group in groups}) > 1]
    keys.sort(key=lambda key: key not in BARE)
    if len(groups) == 1:
        groups[0].parts, groups[0].label = {}, "all runs"
        return
    schedules = [group.parts.get("schedule", "") for group in groups]
    for group in groups:
        group.parts = {key: group.parts[key] for key in keys if key in group.parts}
    usual = {key: value for key in keys for value in [commonest(groups, key)]
             if drop_common and value is not None}
    for group, otherwise in zip(groups, schedules):
        said = {key: value for key, value in group.parts.items() if usual.get(key) != value}
        group.label = text(said, keys) or text(group.parts, keys) or otherwise
    labels = [group.label for group in groups]
    if len(set(labels)) < len(labels) or not all(labels) or max(map(len, labels)) > MAX_LABEL:
        by_directories(groups)


def commonest(groups, key):
    values = [group.parts.get(key) for group in groups]
    return next((value for value in values if values.count(value) > max(1, len(values) / 2)), None)


def text(parts, keys):
    """`every 4, layers body`: names as short as they can be told apart."""
    said = []
    for key, value in parts.items():
        last = key.rpartition(".")[2]
        unique = sum(other.rpartition(".")[2] == last for other in keys) == 1
        if key.endswith(".every") and value == "0":
            said.append("never averaged")
        elif value != "":
            said.append(value if key in BARE else f"{last if unique else key} {value}")
    return ", ".join(said)


def by_directories(groups):
    names = []
    for group in groups:
        paths = [os.path.basename(os.path.realpath(one.path)) for one in group.members]
        start = os.path.commonprefix(paths)
        if len(paths) > 1:
            start = re.sub(r"[-_. ]*(seed|s)?[-_.= ]*\d*[-_. ]*$", "", start)
        names.append(start or paths[0])
    for place, (group, found) in enumerate(zip(groups, names)):
        if names.count(found) > 1:
            found = os.path.basename(os.path.realpath(group.members[0].path))
        if len(found) > MAX_LABEL:
            found = f"{found[:MAX_LABEL - 5]}… {place + 1}"
        group.label = found
