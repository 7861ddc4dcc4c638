"""Several experiments in one picture: accuracy, loss and barrier against rounds, bytes and time, one
line for the runs that differ in their seeds alone."""

import numpy as np
from matplotlib.ticker import FormatStrFormatter, LogLocator, NullLocator

from . import page
from .charts import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, Chart, frame, number
from .combine import interval
from .groups import text
from .run_tables import after_start, column_of, span

COLORS = [BLUE, ORANGE, GREEN, BLACK, PURPLE, "#D55E00", "#56B4E9", GREY]
STYLES = ["-", "--", ":"]  # once the colours are used up
MARKERS = "os^Dv<>p"
MAX_MARKED = 12  # points of a line that are marked
MAX_TOGETHER = 8  # lines of one panel, if there is a setting by which to part them
MAX_LINES = len(COLORS) * len(STYLES)
ACROSS = {"": ("rounds", "round"), "bytes": ("bytes sent", "sent to and fro so far"),
          "time": ("time", "time of the rounds so far")}
UNITS = {"bytes": [(2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"), (1, "bytes")],
         "time": [(3600, "hours"), (60, "minutes"), (1, "seconds")]}


class Panel:
    """Lines of one quantity of one sort of models. `curves`: group -> Curve."""

    def __init__(self, title, quantity, curves):
        self.title, self.quantity = title, quantity
        self.curves = curves


class Curve:
    """Means over a group's seeds, in the rounds that all of them have."""

    def __init__(self, members, found, before=False):
        """`found`: of each member a dictionary round -> value; `before`: taken before averaging."""
        self.rounds = np.array(sorted(set.intersection(*map(set, found))), int)
        self.values = np.array([[one[r] for one in found] for r in self.rounds])  # [rounds, seeds]
        self.values = self.values.reshape(len(self.rounds), len(members))
        self.across = {"": self.rounds.astype(float)}
        for name, column in (("bytes", "bytes"), ("time", "seconds_round")):
            sums = [sum_at(one.rounds, column, self.rounds, before and name == "bytes")
                    for one in members]
            self.across[name] = np.mean(sums, axis=0)
        self.mean = self.values.mean(axis=1)
        self.sends = any((column_of(one.rounds, "bytes") > 0).any() for one in members)

    def band(self):
        """Ends of the interval of the mean; of two seeds these; None of one."""
        count = self.values.shape[1]
        if count == 1:
            return None
        if count == 2:
            return self.values.min(axis=1), self.values.max(axis=1)
        mean, half = interval(self.values)
        return mean - half, mean + half


def sum_at(table, column, rounds, before):
    """Sum of a column up to these rounds, or up to the rounds before them."""
    values = column_of(table, column)
    if not np.isfinite(values[table["round"] > 0]).any():
        return np.full(len(rounds), np.nan)
    sums = np.append(0, np.cumsum(np.nan_to_num(values)))
    return sums[np.searchsorted(table["round"], rounds, side="left" if before else "right")]


def figures(groups):
    """Drawn figures by name, and sentences about what is not drawn."""
    said = []
    panels = {"loss": tested(groups, "loss"), "barrier": barriers(groups, said)}
    if groups[0].members[0].has_classes:
        panels = {"accuracy": tested(groups, "accuracy")} | panels
    rows = parted(groups)
    if len(groups) > MAX_LINES and len(rows) == 1:
        return {}, [f"{len(groups)} different settings are too many lines for one figure: name fewer "
                    "runs."]
    drawn = {}
    for topic, found in panels.items():
        found = [panel for panel in found if panel.curves]
        for across in ACROSS if found else ():
            chart = draw(topic, across, groups, rows, found)
            if chart is not None:
                drawn["_".join(filter(None, ["compare", topic, across]))] = chart
    return drawn, said


def tested(groups, quantity):
    """Panels of the accuracy or loss on the test set: whose, by what there is."""
    column = f"test_{quantity}"
    unit = 100.0 if quantity == "accuracy" else 1.0

    def curves(name, chosen=groups):
        found = {}
        for group in chosen:
            curve = Curve(group.members, [known(one.rounds, name, unit) for one in group.members])
            if len(curve.rounds):
                found[id(group)] = curve
        return found
    common = curves(column, [group for group in groups if group.shared
                             and all(after_start(one.rounds, column) for one in group.members)])
    when, own = "after", curves(f"{column}_after")
    if not own or same(own, common, 1e-9 * unit) and len(own) == len(common):
        # After averaging all have the global model: what they make of it says more.
        when, own = "before", curves(f"{column}_before") or own
    panels = [Panel("Global model", quantity, common),
              Panel(f"Clients' own models {when} averaging: mean", quantity, own)]
    if quantity == "accuracy":
        labels = curves(f"{column}_local_{when}")
        if not same(labels, own, 0.02 * unit):
            panels.append(Panel("The same, on each client's own labels", quantity, labels))
    return panels


def known(table, name, unit):
    values = unit * column_of(table, name)
    return {int(r): value for r, value in zip(table["round"], values) if np.isfinite(value)}


def same(curves, others, tolerance):
    """Are the means equal wherever both have some?"""
    for key in curves.keys() & others.keys():
        rounds, one, other = np.intersect1d(curves[key].rounds, others[key].rounds,
                                            return_indices=True)
        if np.max(np.abs(curves[key].mean[one] - others[key].mean[other]), initial=0) > tolerance:
            return False
    return True


def barriers(groups, said):
    members = [one for group in groups for one in group.members]
    with_some = [one for one in members if one.barriers]
    for one in with_some:
        for key, value in one.analysed.items():
            if value != (expected := with_some[0].analysed[key]):
                said.append(f"compare_barrier is not drawn: the analyses '{one.analysis}' of {one.path} "
                            f"and {with_some[0].path} differ in {key} ({value or 'not set'} and "
                            f"{expected or 'not set'}).")
                return []
    if not with_some:
        return []
    before = with_some[0].analysed["at"] != "after"
    split = {"train": "training", "test": "test"}[with_some[0].analysed["split"]]
    unit = "percentage points" if members[0].has_classes else "the targets' unit"
    panels = []
    for column, quantity in (("loss", "loss"), ("error", unit)):
        curves = {}
        for group in groups:
            curve = Curve(group.members, [one.barriers.get(column, {}) for one in group.members],
                          before)
            if len(curve.rounds):
                curves[id(group)] = curve
        panels.append(Panel(f"Barrier in {split} {column}", quantity, curves))
    return panels


def parted(groups):
    """[(text, [(label, group)])]: one row of panels, or one for each value of the setting that leaves
    few lines in each."""
    if len(groups) <= MAX_TOGETHER:
        return [("", [(group.label, group) for group in groups])]
    best = None
    for key in dict.fromkeys(key for group in groups for key in group.parts if key):
        # What does not have the setting (a cell with a name of its own) is compared with all.
        values = dict.fromkeys(group.parts[key] for group in groups if key in group.parts)
        rows = [(value, [group for group in groups if group.parts.get(key, value) == value])
                for value in values]
        longest = max(len(some) for _, some in rows)
        if longest <= MAX_TOGETHER and len(rows) <= 6 and (best is None or len(rows) < len(best[1])):
            best = key, rows
    if best is None:
        return [("", [(group.label, group) for group in groups])]
    key, rows = best
    result = []
    for value, some in rows:
        lines = []
        for group in some:
            rest = {name: v for name, v in group.parts.items() if name != key and v}
            lines.append((text(rest, [name for name in group.parts if name != key]) or group.label,
                          group))
        result.append((f"{key} = {value or 'not set'}" if key != "schedule" else value, lines))
    return result


def draw(topic, across, groups, rows, panels):
    """None where there is nothing along x."""
    last = [curve.across[across] for panel in panels for curve in panel.curves.values()]
    if not np.isfinite(np.concatenate(last)).all() or not max(map(np.max, last)) > 0:
        return None
    factor, unit = scale(across, max(map(np.max, last)))
    names = list(dict.fromkeys(label for _, lines in rows for label, _ in lines))
    wide = len(panels)
    figure, axes = page.subplots(len(rows), wide, (max(4.1, 6.4 / wide), page.height(3.0)))
    for place, axis in np.ndenumerate(axes):  # one scale for what is compared; barriers have two units
        if place != (0, 0):
            axis.sharex(axes[0, 0])
        if place != (first := (0, place[1] if topic == "barrier" else 0)):
            axis.sharey(axes[first])
    handles, cut, level = {}, False, False
    for axis_row, (row, lines) in zip(axes, rows):
        for axis, panel in zip(axis_row, panels):
            for label, group in lines:
                if id(group) in panel.curves:
                    place = names.index(label)
                    steps = group.seldom and panel.title == "Global model"
                    # The wide lines lie below: where lines are the same, all stay visible.
                    width = 1.3 + 1.5 * (1 - place / max(1, len(names) - 1)) * (len(names) > 1)
                    handle, flat = line(axis, panel.curves[id(group)], across, factor, place, width,
                                        steps)
                    handles[label], level = handle, level or flat
            frame(axis, f"{panel.title}\n{row}" if row else panel.title,
                  "round" if across == "" else f"{ACROSS[across][1]}, {unit}")
            axis.set_ylabel({"accuracy": "accuracy, %", "loss": "loss"}.get(topic, ""))
    if topic != "barrier":
        page.name_outer(axes)
    for column in range(wide if topic == "barrier" else 1):
        chosen = panels[column:column + 1] if topic == "barrier" else panels
        cut |= limit(axes[0, column], chosen, topic)
        if topic == "barrier":
            for axis in axes[:, column]:
                axis.axhline(0, color="#bbbbbb", lw=0.8, zorder=0)
                axis.set_ylabel(f"barrier, {panels[column].quantity}")
    order = [name for name in names if name in handles]
    note = [seeds(groups)] + ["bands are cut at the frame"] * cut
    note += ["dashed: nothing is sent, level of the last round"] * level
    note += missing(groups, panels)
    counts = {len(group.members) for group in groups}
    shown = [f"{name}{several(name, rows, counts)}" for name in order]
    return Chart(heading(topic, across, groups, panels), figure, "; ".join(filter(None, note)),
                 ([handles[name] for name in order], shown) if len(order) > 1 else ())


def several(label, rows, counts):
    """How many seeds a line has, where lines differ in that."""
    if len(counts) == 1:
        return ""
    found = {len(group.members) for _, lines in rows for name, group in lines if name == label}
    count = " to ".join(str(n) for n in sorted({min(found), max(found)}))
    return f" ({count} seed{'s' if count != '1' else ''})"


def scale(across, largest):
    if across == "":
        return 1, ""
    return next((entry for entry in UNITS[across] if largest >= 2 * entry[0]), UNITS[across][-1])


def line(axis, curve, across, factor, place, width, steps):
    """The line's handle, and whether it is but a level, since nothing was sent."""
    color, style = COLORS[place % len(COLORS)], STYLES[place // len(COLORS) % len(STYLES)]
    x = curve.across[across] / factor
    if across == "bytes" and not curve.sends:
        return axis.axhline(curve.mean[-1], color=color, lw=1.3, ls=(0, (4, 2))), True
    few = len(x) <= MAX_MARKED
    drawstyle = "steps-post" if steps and across == "" else "default"
    handle, = axis.plot(x, curve.mean, color=color, ls=style, lw=width, drawstyle=drawstyle,
                        marker=MARKERS[place % len(MARKERS)] if few else None, ms=4)
    if (band := curve.band()) is not None:
        axis.fill_between(x, *band, color=color, alpha=0.13, lw=0,
                          step="post" if drawstyle != "default" else None)
    return handle, False


def limit(axis, panels, topic):
    """One scale for what is compared: all seeds, and the bands unless they are far wider. True when bands
    are cut."""
    curves = [curve for panel in panels for curve in panel.curves.values()]
    values = np.concatenate([curve.values.ravel() for curve in curves])
    low, high = values.min(), values.max()
    room = max(high - low, 1e-3 * max(abs(high), 1e-9))
    ends = np.concatenate([np.ravel(curve.band()) for curve in curves if curve.band() is not None]
                          or [values])
    wanted = [min(low, ends.min()), max(high, ends.max())]
    if topic == "accuracy":
        wanted = np.clip(wanted, 0, 100)
    if topic == "loss" and low > 0 and high > 10 * low:
        axis.set_yscale("log")
        axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.yaxis.set_major_formatter(FormatStrFormatter("%g"))
        axis.yaxis.set_minor_locator(NullLocator())
        axis.set_ylim(low / 1.15, high * 1.15)
        return bool(ends.min() < low / 1.15 or ends.max() > high * 1.15)
    shown = [max(wanted[0], low - 0.25 * room), min(wanted[1], high + 0.25 * room)]
    axis.set_ylim(shown[0] - 0.04 * room, shown[1] + 0.04 * room)
    return bool(wanted[0] < shown[0] - 0.04 * room or wanted[1] > shown[1] + 0.04 * room)


def seeds(groups):
    """What lines and bands are."""
    counts = sorted({len(group.members) for group in groups})
    if counts == [1]:
        return "one seed a line, so no interval"
    note = f"line: mean over {counts[0]} seeds" if len(counts) == 1 else \
        "line: mean over seeds where there are several"
    if counts[-1] > 2:
        note += "; band: 95 % interval of the mean (Student's t)"
    if 2 in counts:
        note += ("; band of two seeds: from one to the other; a 95 % interval from two would be 13 times "
                 "as wide and means little")
    return note + "; no band: one seed" * (1 in counts)


def missing(groups, panels):
    if panels[0].title != "Global model":
        return []
    said = []
    for shared, why in ((False, "some layers are never averaged"),
                        (True, "it is not evaluated after round 0")):
        without = [group.label for group in groups
                   if group.shared == shared and id(group) not in panels[0].curves]
        if without:
            names = ", ".join(without)
            names = names if len(names) < 60 else f"{len(without)} of the lines"
            said.append(f"no global model, as {why}: {names}")
    return said


def heading(topic, across, groups, panels):
    members = [one for group in groups for one in group.members]
    common = {key: value for key, value in members[0].about.items()
              if all(one.about[key] == value for one in members)}
    model = f"{common['model']} on " if "model" in common else ""
    clients = f", {common['clients']} clients" if "clients" in common else ""
    rounds = np.concatenate([curve.rounds for panel in panels for curve in panel.curves.values()])
    what = {"accuracy": "Accuracy on the test set", "loss": "Loss on the test set",
            "barrier": "Full barrier between clients (midpoint, median over pairs)"}[topic]
    details = f"{model}{common['dataset']}{clients}, {span(rounds)}"
    if topic == "barrier":
        one = next(one for one in members if one.barriers)
        when = "after" if one.analysed["at"] == "after" else "before"
        details += f", {when} averaging"
    return f"{what} against {ACROSS[across][0]}\n{details}"


def summary(groups):
    """[(title, labels, decimals, [(mean, half width or NaN)])]: of the last round of each."""
    found = []
    topics = ["accuracy", "loss"] if groups[0].members[0].has_classes else ["loss"]
    for topic in topics:
        for panel in tested(groups, topic):
            names, values = [], []
            for group in groups:
                if id(group) in panel.curves:
                    last = panel.curves[id(group)].values[-1]
                    mean, half = interval(last) if len(last) > 1 else (last[0], np.nan)
                    names.append(group.label)
                    values.append((mean, half, len(last)))
            if names:
                unit = ", %" if topic == "accuracy" else ""
                found.append((f"Test {topic}{unit}, last round: {lower(panel.title)}", names,
                              1 if topic == "accuracy" else 3, values))
    return found


def lower(title):
    return title[:1].lower() + title[1:]


def print_summary(groups):
    for title, names, decimals, values in summary(groups):
        print(f"\n{title}")
        width = max(map(len, names))
        for label, (mean, half, count) in zip(names, values):
            ends = (f"  {number(mean - half, decimals)} to {number(mean + half, decimals)}"
                    if count > 2 else "")
            print(f"  {label:{width}}  {number(mean, decimals):>7}{ends}{f'  ({count} seeds)' * (count > 1)}")
    counts = {len(group.members) for group in groups}
    if max(counts) > 2:
        print("\nRanges are 95 % intervals of the mean over seeds (Student's t).")
    if 2 in counts:
        print("\nOf two seeds no interval is given: it would mean little.")
