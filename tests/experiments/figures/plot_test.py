#!/usr/bin/python3
"""plot.py on small runs written with h5py as docs/file-format.md describes them."""

import html.parser
import pathlib
import re
import subprocess
import sys
import tempfile
import types
import unittest
import xml.etree.ElementTree

import h5py
import matplotlib.image
import numpy as np

from plot_run import write_run

EXPERIMENTS = pathlib.Path(__file__).resolve().parents[3] / "experiments"
sys.path.insert(0, str(EXPERIMENTS))
from fedstrata.figures import (analysis, combine, compare, controls, groups, metrics, run_tables, sweeps,
                               topics)
from fedstrata.figures.kinds import random_and_subset, simplex
from fedstrata.run import open_run
PLAIN = ["accuracy", "divergence", "partition"]



def few(*splits):
    return PLAIN + [f"{topic}_insitu_{split}" for split in splits
                    for topic in ("barriers", "paths", "curves", "clients")]


def everything(*splits):
    return few(*splits) + ["traffic", "spread_insitu"] + [
        f"{topic}_insitu_{split}" for split in splits
        for topic in ("alignment", "windows", "groups", "cumulative", "interaction", "random",
                      "subspace", "predicted", "plane", "simplex")]


FEW, ALL = few("train", "test"), everything("train", "test")


def plot(*arguments):
    return subprocess.run([sys.executable, EXPERIMENTS / "plot.py", *arguments],
                          capture_output=True, text=True, check=False)


def words(file):
    """What is written in an SVG, its lines joined."""
    return " ".join(re.sub("<[^>]+>", " ", file.read_text(encoding="utf-8")).split())


class Page(html.parser.HTMLParser):
    """Checks that elements nest, and collects what tests ask for."""

    VOID = {"meta", "img", "br"}

    def __init__(self, text):
        super().__init__()
        self.open, self.figures, self.links, self.headers, self.tips = [], {}, [], [], []
        self.feed(text)
        self.close()
        assert not self.open, f"not closed: {self.open}"

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "figure":
            self.figures[found["id"]] = set()
        elif "figure" in self.open and tag in ("img", "table"):
            list(self.figures.values())[-1].add(tag)
        self.links += [found[name] for name in ("src", "href", "data", "action") if name in found]
        self.tips += [found["data-tip"]] if "data-tip" in found else []

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> within {self.open}"
        self.open.pop()

    def handle_data(self, data):
        if self.open and self.open[-1] == "th":
            self.headers.append(data)


class PlotTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.path = pathlib.Path(scratch.name) / "run"

    def check_figures(self, directory, names):
        files = {p.name for p in directory.iterdir()} - {"report.html"}
        self.assertEqual(files, {f"{n}.{e}" for n in names for e in ("png", "svg")})
        for name in names:
            pixels = matplotlib.image.imread(directory / f"{name}.png")[..., :3]
            self.assertGreater((pixels < 0.9).any(axis=2).mean(), 0.01, f"{name}.png is blank")
            self.assertGreater(pixels.var(), 0.003, f"{name}.png is blank")
            xml.etree.ElementTree.parse(directory / f"{name}.svg")

    def check_drawn(self, *arguments):
        result = plot(*arguments)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stderr, "")
        return result.stdout

    def check_refused(self, sentence, *arguments):
        result = plot(*arguments)
        self.assertEqual((result.returncode, result.stdout), (2, ""), result.stderr)
        self.assertIn(sentence, result.stderr)
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)

    def check_page(self, file, names):
        """Complete, well-formed, and without anything from outside."""
        text = file.read_text(encoding="utf-8")
        page = Page(text)
        self.assertEqual(set(page.figures), {f"figure-{name}" for name in names})
        self.assertTrue(all(page.figures.values()), page.figures)
        for link in page.links:
            self.assertRegex(link, "^(#|data:image/svg)")
        for outside in ("http:", "https:", "url(", "@import", "fetch(", "XMLHttpRequest"):
            self.assertNotIn(outside, text)
        self.assertIn('header.addEventListener("click", () => sortBy(header))', text)
        return page, text

    def test_draws_everything_and_prints_the_medians(self):
        write_run(self.path)
        rows = [line.split() for line in self.check_drawn(self.path).splitlines()]
        self.check_figures(self.path / "plots", FEW)
        # full: median of .5 .6 1; layers: -.01, .09, .19; errors are a tenth, in percent.
        self.assertIn(["4", "0.60", "0.09", "6.0", "0.9", "0.60", "0.09", "6.0", "0.9"], rows)

    def test_numbers_of_the_heat_map(self):
        write_run(self.path, alphas=3)
        self.check_drawn(self.path)
        text = (self.path / "plots" / "barriers_insitu_train.svg").read_text()
        for number in ("0.60", "−0.01", "0.09", "0.19", "0.35", "15.0", "end points", "(3)"):
            self.assertIn(f"{number}", text)

    def test_one_round_is_drawn_as_bars(self):
        write_run(self.path, analysed=(1,), split="train", rounds=2, more_kinds=True)
        with open_run(self.path) as run:
            drawn = metrics.figures(run) | topics.figures(analysis.Analysis(run, "insitu"))
        for name in ("barriers", "windows", "groups", "cumulative", "alignment"):
            figure = drawn[f"{name}_insitu_train"].draw()
            self.assertFalse(any(axis.images for axis in figure.axes), name)
        loss, error = drawn["barriers_insitu_train"].draw().axes
        for axis, factor in ((loss, 1), (error, 10)):  # full, and the layers' medians over both directions
            lengths = [patch.get_width() / factor for patch in axis.patches]
            np.testing.assert_allclose(lengths, [0.6, -0.01, 0.09, 0.19])
        widths = [patch.get_width() for patch in drawn["divergence"].draw().axes[0].patches]
        self.assertEqual(widths, [2.5, 2.5, 2.5])
        as_they_are, aligned = drawn["alignment_insitu_train"].draw().axes[:2]
        self.assertEqual(as_they_are.get_xlim(), aligned.get_xlim())

    def test_the_report_has_a_picture_of_bars_and_a_table_of_rounds(self):
        for rounds, tag in (((2,), "img"), ((2, 4), "table")):
            path = self.path.with_name(f"run{len(rounds)}")
            write_run(path, analysed=rounds, split="train")
            self.check_drawn(path, "--html", "--format", "svg")
            page = Page((path / "plots/report.html").read_text(encoding="utf-8"))
            self.assertEqual(page.figures["figure-barriers_insitu_train"], {tag})

    def test_lines_pass_through_rounds_without_evaluation(self):
        write_run(self.path, analysed=(), rounds=11, evaluate_every=3, shared=True)
        with open_run(self.path) as run:
            drawn = metrics.figures(run)
            compared, _ = compare.figures(groups.of_runs([groups.member(run)]))
        for name, label, axis, rounds in (("accuracy", "averaged (global) model", 0, [0, 3, 6, 9]),
                                          ("accuracy", "clients before averaging: mean", 0, [0, 6]),
                                          ("divergence", "fc2", 0, [3, 6, 9])):
            line, = (line for line in drawn[name].draw().axes[axis].lines if line.get_label() == label)
            self.check_connected(line, rounds)
        line, *_ = compared["compare_accuracy"].draw().axes[0].lines
        self.check_connected(line, [0, 3, 6, 9])
        np.testing.assert_allclose(line.get_ydata(), [0, 30, 60, 90])

    def check_connected(self, line, rounds):
        self.assertEqual(list(line.get_xdata()), rounds)
        self.assertTrue(np.isfinite(line.get_ydata()).all())
        self.assertNotIn(line.get_linestyle(), ("None", "", " "))

    def test_says_why_the_global_model_is_bad_where_layers_are_averaged_late_or_never(self):
        rounds, layers = np.arange(1, 7), ["fc1", "fc2", "fc3"]
        def said(*first):
            return metrics.about_global(layers, rounds, np.array([rounds >= (r or 9) for r in first]))
        self.assertEqual(said(1, 1, 1), "")  # the usual case, also where all are averaged seldom
        self.assertEqual(said(3, 3, 3), "")
        self.assertEqual(said(None, None, None), "")
        self.assertIn("before round 6 no client uses", said(2, 4, 6))
        self.assertIn("in it, fc2 and fc3 are still the mean of the clients' initial", said(2, 4, 6))
        self.assertIn("in it, fc3 has not been averaged and is the mean", said(1, 1, None))
        for shared in (False, True):  # fc3 is never averaged, or all are
            path = self.path.with_name(f"run{shared}")
            write_run(path, analysed=(), shared=shared)
            with open_run(path) as run:
                note = metrics.figures(run)["accuracy"].note
            self.assertEqual("no client uses" in note, not shared)

    def test_training_accuracy_is_not_called_that_of_the_test_set(self):
        write_run(self.path, analysed=(), shared=True)
        self.check_drawn(self.path)
        text = (self.path / "plots" / "accuracy.svg").read_text()
        self.assertIn("Accuracy: test set; dashed: training data", text)
        self.assertIn("Loss on the test set", text)

    def test_draws_every_kind_and_puts_it_into_the_report(self):
        write_run(self.path, more_kinds=True)
        self.assertIn("report.html", self.check_drawn(self.path, "--html"))
        plots = self.path / "plots"
        self.check_figures(plots, ALL)
        for name, shown in {
                "clients_insitu_test": ["all layers (full): test loss", "fc3 alone", "1.00"],
                "interaction_insitu_test": ["0.05", "−0.13"],
                "cumulative_insitu_test": ["From the input", "From the output", "0.40"],
                "windows_insitu_test": ["fc1 .. fc2", "0.15"],
                "alignment_insitu_test": ["As they are", "Aligned", "0.06"],
                "groups_insitu_test": ["body", "all but fc2", "0.37"],
                "random_insitu_test": ["random direction of the same norm", "95 % interval"],
                "simplex_insitu_test": ["models averaged", "all layers", "draws of the models"],
                "curves_insitu_test": ["chord between", "mean of the two full", "supremum 0.660"],
        }.items():
            text = (plots / f"{name}.svg").read_text()
            for part in [*shown, "mlp on fashion-mnist, test split", "round", "against"]:
                self.assertIn(part, text, name)
        page, text = self.check_page(plots / "report.html", ALL)
        self.assertIn("fc2, round 4: 0.09", page.tips)
        for column in ("test_accuracy", "loss_mid_low", "divergence", "singular_value", "elements",
                       "u", "alpha"):
            self.assertIn(column, page.headers)
        self.assertIn("lr = 0.05", text)
        self.assertIn("0.1.0&lt;&amp;&gt;", text)

    def test_names_of_figures_say_a_word_once_and_differ(self):
        names = ("insitu", "cumulative", "windows", "aligned")
        write_run(self.path, more_kinds=True, analyses=names)
        with h5py.File(self.path / "run.h5", "a") as file:
            table = file["barriers/aligned/barriers"][:]
            more = table[np.char.startswith(table["kind"], b"cumulative")]
            more["kind"] = np.char.add(b"aligned-", more["kind"])
            del file["barriers/aligned/barriers"]
            file["barriers/aligned/barriers"] = np.concatenate([table, more])
        with open_run(self.path) as run:
            drawn = [name for each in names for name, figure
                     in topics.figures(analysis.Analysis(run, each)).items() if figure is not None]
        self.assertEqual(len(drawn), len(set(drawn)))
        for name in drawn:
            words = re.split("[_-]", name)
            self.assertEqual(len(words), len(set(words)), name)
        self.assertLessEqual({"cumulative_train", "windows_test", "windows_insitu_test",
                              "cumulative_aligned_train", "cumulative-permuted_aligned_train"}, set(drawn))

    def test_draws_the_samples_of_some_clients_and_says_whose(self):
        for split, name in (("union", "union"), ("client:2", "client2")):
            with self.subTest(split):
                path = self.path.with_name(name)
                write_run(path, more_kinds=True, split=split)
                printed = self.check_drawn(path)
                self.assertIn(f"{split} loss", printed)
                self.check_figures(path / "plots", everything(name))
                for topic in ("barriers", "curves", "plane", "simplex", "random", "clients"):
                    text = (path / "plots" / f"{topic}_insitu_{name}.svg").read_text()
                    self.assertIn(f"mlp on fashion-mnist, {split} split", text)

    def test_random_changes_are_drawn_by_the_mean_over_draws(self):
        write_run(self.path, more_kinds=True)
        with open_run(self.path) as run:
            rows = analysis.Analysis(run, "insitu").parts["test", ""]
        random = random_and_subset.CONTROLS[1]
        values = controls.values(rows, ["full", "fc1"], random, "loss")
        for value, expected in zip(values.ravel(), [0.01, -0.02, 0.04] * 2):
            self.assertAlmostEqual(value, expected)

    def test_the_loss_of_a_mean_is_that_over_the_draws(self):
        write_run(self.path, more_kinds=True)
        with open_run(self.path) as run:
            chart = simplex.figures(analysis.Analysis(run, "insitu"))["simplex_insitu_train"]
        whole = chart.figure.axes[0].containers[0]
        self.assertEqual(whole.get_label(), "all layers")
        line, _, (bars,) = whole.lines
        # Bars of two lines do not lie on each other.
        places = [container.lines[0].get_xdata()[1] for container in chart.figure.axes[0].containers]
        self.assertEqual(len(places), len(set(places)))
        self.assertLess(max(places) / min(places), 1.2)
        # Draws of 1 model: .3; of 2: .32 and .34; of 3, once: .36.
        for value, expected in zip(line.get_ydata(), (0.3, 0.33, 0.36)):
            self.assertAlmostEqual(value, expected)
        half = [(high - low) / 2 for (_, low), (_, high) in bars.get_segments()]
        for value, expected in zip(half, (0, 12.706 * 0.01, 0)):
            self.assertAlmostEqual(value, expected)

    def test_long_tables_are_cut_and_say_so(self):
        write_run(self.path, analysed=range(1, 26))
        self.check_drawn(self.path, "--html")
        page, text = self.check_page(self.path / "plots" / "report.html", FEW)
        self.assertIn("The last 200 of 1050 rows", text)
        self.assertLess(len(re.findall("<tr", text)), 2500)

    def test_several_runs(self):
        runs = [self.path.parent / f"run{seed}" for seed in (1, 2, 6)]
        for run, seed in zip(runs, (1, 2, 6)):
            write_run(run, seed=seed, more_kinds=seed != 6)
        out = self.path.parent / "together"
        printed = self.check_drawn(*runs, "--out", out, "--html")
        names = [f"{topic}barriers_insitu_{split}" for topic in ("", "means_")
                 for split in ("train", "test")]
        names += [f"compare_{topic}{across}" for topic in ("accuracy", "barrier")
                  for across in ("", "_bytes", "_time")]
        self.check_figures(out, names)
        # Barriers are 0.60, 0.61, 0.65: mean 0.62, deviation 0.0265, times 4.303 / sqrt(3).
        self.assertRegex(printed, r"full +0\.620 +0\.554 to 0\.686")
        means = (out / "means_barriers_insitu_test.svg").read_text()
        self.assertIn("3 runs (seeds 1, 2, 6)", means)
        self.assertIn("0.62", (out / "barriers_insitu_test.svg").read_text())
        self.check_page(out / "report.html", names)

    def write_runs(self, **runs):
        """Runs by name, and their paths."""
        for name, settings in runs.items():
            write_run(self.path.parent / name, **settings)
        return [self.path.parent / name for name in runs]

    def test_refuses_runs_that_do_not_belong_together(self):
        one, mnist, copy, other = self.write_runs(one={}, mnist={"dataset": "mnist"}, copy={},
                                                  other={"seed": 2, "rounds": 1})
        self.write_runs(two={"seed": 2})
        out = ("--out", self.path.parent / "out")
        self.check_refused("--out", one, mnist)
        self.check_refused("different data sets (mnist and fashion-mnist)", one, mnist, *out)
        self.check_refused("is given twice", one, copy, one, *out)
        self.check_refused("the same seed (1) and settings", one, copy, *out)
        self.check_refused("other has no finished round", one, other, *out)
        self.check_refused("no analysis called 'dense' (it has: insitu)", one, mnist, *out,
                           "--analysis", "dense")
        with h5py.File(copy / "run.h5", "a") as file:
            file["dataset"] = 0
            file["dataset"].attrs["task"] = "regression"
        self.check_refused("different tasks", one, copy, *out)
        self.check_refused("--only nothing: there is no such figure", one, mnist.parent / "two", *out,
                           "--only", "nothing")

    def test_what_cannot_be_averaged_is_said_and_the_rest_is_drawn(self):
        out = self.path.parent / "out"
        one, fourth, third = self.write_runs(one={}, fourth={"seed": 4},
                                             third={"seed": 3, "analysed": ()})
        self.assertIn("no barriers in common", self.check_drawn(one, third, "--out", out))
        names = ["compare_accuracy", "compare_accuracy_bytes", "compare_accuracy_time"]
        self.check_figures(out, names)
        for run, samples in ((one, 50), (fourth, 100)):
            with h5py.File(run / "run.h5", "a") as file:
                file["barriers/insitu"].attrs["config"] = (f"[analysis]\nsamples = {samples}\n"
                                                           "at = before\n")
        printed = self.check_drawn(one, fourth, "--out", out)
        self.assertIn("the analysis 'insitu', analysis.samples is 100 in the one", printed)
        self.assertIn("compare_barrier is not drawn", printed)
        self.assertIn("differ in samples (100 and 50)", printed)

    def test_compares_experiments(self):
        runs = self.write_runs(**{f"{lr}_{seed}": {"lr": lr, "seed": seed, "shared": lr < 1}
                                  for lr in (0.05, 0.1, 1) for seed in (1, 2, 6)})
        out = self.path.parent / "out"
        printed = self.check_drawn(*runs, "--out", out, "--html")
        names = [f"compare_{topic}{across}" for topic in ("accuracy", "loss", "barrier")
                 for across in ("", "_bytes", "_time")]
        self.check_figures(out, names)
        # In round 4: .4, .41, .45: mean .42, deviation .0265, times 4.303 / sqrt(3).
        self.assertRegex(printed, r"lr 0.05 +42\.0 +35\.4 to 48\.6 +\(3 seeds\)")
        text = words(out / "compare_accuracy.svg")
        for part in ("lr 0.05", "lr 0.1", "Global model", "own models before averaging",
                     "mean over 3 seeds; band: 95 % interval of the mean (Student",
                     "some layers are never averaged: lr 1", "mlp on fashion-mnist, 3 clients"):
            self.assertIn(part, text)
        self.assertIn("MiB", words(out / "compare_loss_bytes.svg"))
        self.assertIn("before averaging", words(out / "compare_barrier.svg"))
        page, _ = self.check_page(out / "report.html", names)
        self.assertIn("seeds", page.headers)

    def test_says_what_few_seeds_are_worth(self):
        runs = self.write_runs(**{f"{lr}_{seed}": {"lr": lr, "seed": seed, "shared": True}
                                  for lr in (0.05, 0.1) for seed in (1, 2)})
        out = self.path.parent / "out"
        self.assertIn("it would mean little", self.check_drawn(*runs, "--out", out))
        self.assertIn("13 times as wide and means little",
                      words(out / "compare_accuracy.svg"))
        printed = self.check_drawn(*runs[::2], "--out", out)
        text = words(out / "compare_accuracy.svg")
        for wrong in ("mean over", "interval of", "seeds"):
            self.assertNotIn(wrong, text + printed)

    def test_numbers_of_a_comparison(self):
        members = []
        for path in self.write_runs(**{f"run{seed}": {"seed": seed, "shared": True}
                                       for seed in (1, 2, 6)}):
            with open_run(path) as run:
                members.append(groups.member(run))
        group, = groups.of_runs(members)
        panel, *_ = compare.tested([group], "accuracy")
        curve, = panel.curves.values()
        self.assertAlmostEqual(curve.mean[4], 42)
        low, high = curve.band()
        self.assertAlmostEqual(high[4] - 42, 4.303 * 7 ** 0.5 / 3 ** 0.5, places=3)
        self.assertAlmostEqual(low[4] + high[4], 84)
        self.assertEqual(list(curve.across["bytes"]), [k << 20 for k in (0, 1, 3, 6, 10)])
        self.assertEqual(list(curve.across["time"]), [0, 1, 3, 6, 10])
        loss, error = compare.barriers([group], [])
        curve, = loss.curves.values()
        self.assertEqual(list(curve.rounds), [2, 4])
        self.assertAlmostEqual(curve.mean[1], 0.62)
        # Barriers are taken before the averaging of their round.
        self.assertEqual(list(curve.across["bytes"]), [1 << 20, 6 << 20])
        self.assertEqual(list(curve.across["time"]), [3, 10])

    def labels(self, *settings, paths=None):
        return [group.label for group in groups.of_runs([
            groups.Member(path, 1, found, (), {}, True, [], True, False) for path, found in
            zip(paths or "abcdefghijkl", settings)])]

    def sweep_of(self, axis, values):
        return types.SimpleNamespace(across=axis, lines=None,
                                     values=lambda _, name: values if name == axis else [""])

    def test_lines_join_only_values_that_ascend(self):
        for axis, values, joined in (("train.lr", [0.01, 0.1, 1.0], True), ("average.a.every", [1, 4, 0], True),
                                     ("model.hidden", ["16", "8", "32"], False),
                                     ("model.hidden", ["8", "16", "32"], True),
                                     ("data.partition", ["iid", "shards", "classes"], False)):
            grid = np.empty((1, 3), object)
            grid[0] = [np.array([1.0 + k]) for k in range(3)]
            chart = sweeps.lines(self.sweep_of(axis, values), [], "Sweep", [("loss", grid, 2, "loss")])
            line = chart.draw().axes[0].lines[0]
            self.assertEqual(line.get_linestyle() == "-", joined, values)
            self.assertEqual(len(line.get_xdata()), 2 if axis.endswith("every") else 3)

    def test_panels_of_one_quantity_have_one_scale(self):
        panels = []
        for k, (title, quantity) in enumerate([("all", "barrier, loss"), ("one", "barrier, loss"),
                                               ("all", "barrier, error"), ("one", "barrier, error")]):
            grid = np.empty((1, 2), object)
            grid[0] = [np.array([10.0 ** k]), np.array([-(5.0 ** k)])]
            panels.append((title, grid, 2, quantity))
        axes = sweeps.lines(self.sweep_of("train.lr", [0.1, 1.0]), [], "Sweep", panels).draw().axes
        self.assertEqual(axes[0].get_ylim(), axes[1].get_ylim())
        self.assertEqual(axes[2].get_ylim(), axes[3].get_ylim())
        self.assertNotEqual(axes[0].get_ylim(), axes[2].get_ylim())
        write_run(self.path, split="train")
        with open_run(self.path) as run:
            pairs = topics.figures(analysis.Analysis(run, "insitu"))["clients_insitu_train"]
            accuracy = metrics.figures(run)["accuracy"].draw().axes
        full_loss, layer_loss, full_error, layer_error = pairs.limits()
        self.assertEqual((full_loss, full_error), (layer_loss, layer_error))
        self.assertEqual(*(axis.get_xlim() for axis in accuracy[:2]))

    def test_lines_are_called_after_what_differs(self):
        fedavg = {"average.all.layers": "all", "average.all.every": "1", "average.all.update": "mean"}
        fedper = {"average.body.layers": "body", "average.head.layers": "head",
                  "average.body.every": "1", "average.head.every": "0"}
        prox = {"train.correction": "prox", "train.mu": "0.1"}
        none = {"train.correction": "none", "train.mu": "0"}
        self.assertEqual(self.labels(fedavg | none, fedper | none, fedavg | prox,
                                     {"average.all.every": "0"} | none,
                                     fedavg | {"average.all.every": "4"} | none),
                         ["fedavg", "fedper", "fedavg, correction prox, mu 0.1", "local", "all every 4"])
        self.assertEqual(self.labels(fedavg, fedavg | {"average.all.update": "adam",
                                                       "average.all.update_lr": "0.1"}),
                         ["fedavg", "update adam, update_lr 0.1"])
        self.assertEqual(self.labels(none, prox), ["correction none, mu 0", "correction prox, mu 0.1"])
        self.assertEqual(self.labels({"a.x": "1", "b.x": "1"}, {"a.x": "2", "b.x": "1"},
                                     {"a.x": "3", "b.x": "2"}),
                         ["a.x 1", "a.x 2", "a.x 3, b.x 2"])
        long = {"model.name": "x" * 50}
        self.assertEqual(self.labels(none, long, paths=["/runs/mine", "/runs/other"]),
                         ["mine", "other"])
        self.assertEqual(self.labels(none, long, paths=["/a/run", "/b/" + "r" * 60]),
                         ["run", "r" * 35 + "… 2"])

    def test_what_may_differ_between_runs_follows_from_what_their_keys_affect(self):
        def differ(*lines, said=""):
            one, other = (types.SimpleNamespace(path=name) for name in "ab")
            try:
                combine.compare(one, other, "it", *("[analysis]\n" + said + text for text in lines))
            except run_tables.Problem as problem:
                return str(problem)
            return ""
        self.assertIn("analysis.samples is 5 in the one and not set", differ("samples = 5", ""))
        self.assertEqual(differ("memory = 5", ""), "")  # as in version 0.1.0
        said = ("# affects analysis: analysis.samples analysis.memory\n"
                "# affects machine: analysis.memory\n# affects limits: analysis.news\n")
        self.assertIn("analysis.samples is 5 in the one", differ("samples = 5", "", said=said))
        self.assertEqual(differ("memory = 5", "memory = 6\nnews = 7", said=said), "")
        self.assertIn("analysis.other", differ("other = 5", "", said=said))

    def test_run_without_analysis(self):
        write_run(self.path, analysed=())
        out = self.path.parent / "elsewhere"
        printed = self.check_drawn(self.path, "--out", out, "--html")
        self.check_figures(out, PLAIN)
        self.check_page(out / "report.html", PLAIN)
        self.assertIn("no barriers", printed)
        self.assertFalse((self.path / "plots").exists())

    def test_refuses_what_it_cannot_draw(self):
        self.check_refused("there is no run.h5", self.path)
        write_run(self.path)
        self.check_refused("no analysis called 'dense' (it has: insitu)", self.path,
                           "--analysis", "dense")
        self.check_refused("--out", self.path, "--out", self.path / "run.h5" / "plots")
        (self.path / "run.h5").write_bytes(b"not HDF5")
        self.check_refused("inspect --verify", self.path)


if __name__ == "__main__":
    unittest.main()
