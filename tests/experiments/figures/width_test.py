#!/usr/bin/python3
"""Figures for a column or a page: laid out for the width that is asked for, not shrunk to it."""

import itertools
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import matplotlib.image
import numpy as np

from plot_run import write_run

EXPERIMENTS = pathlib.Path(__file__).resolve().parents[3] / "experiments"
sys.path.insert(0, str(EXPERIMENTS))
from fedstrata.figures import analysis, compare, groups, heatmap, layers, metrics, page, topics
from fedstrata.run import open_run


def texts(figure):
    """(text, size in points, box) of all that is written and seen."""
    renderer = figure.canvas.get_renderer()
    axes = [axis for axis in figure.findobj(lambda artist: hasattr(artist, "xaxis"))]
    hidden = {text for axis in axes for one in (axis.xaxis, axis.yaxis)
              for text in set(labels([*one.majorTicks, *one.minorTicks]))
              - set(labels(one._update_ticks()) if axis.get_visible() else [])}
    for text in figure.findobj(lambda artist: hasattr(artist, "get_fontsize") and artist.get_text().strip()):
        box = text.get_window_extent(renderer)
        seen = text.get_visible() and (text.axes is None or text.axes.get_visible()) and text not in hidden
        if seen and box.width and box.height:
            yield text.get_text(), text.get_fontsize(), box


def labels(ticks):
    """Ticks beyond the ends of an axis are there without being drawn."""
    return [label for tick in ticks for label in (tick.label1, tick.label2)]


def common(one, other):
    """Pixels that two boxes share, in the narrower direction."""
    return min(min(one.x1, other.x1) - max(one.x0, other.x0), min(one.y1, other.y1) - max(one.y0, other.y0))


class Width(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = pathlib.Path(directory.name) / "run"

    def set_width(self, inches):
        page.set_width(inches)
        self.addCleanup(page.set_width, None)

    def write(self, **options):
        shutil.rmtree(self.path, ignore_errors=True)
        write_run(self.path, **options)

    def draw(self, inches, only="", **options):
        """All figures of a run by name, or those of one name."""
        self.write(split="train", **options)
        self.set_width(inches)
        with open_run(self.path) as run:
            drawn = metrics.figures(run) | topics.figures(analysis.Analysis(run, "insitu"))
            return {name: figure.draw() for name, figure in drawn.items()
                    if figure is not None and only in name}

    def check(self, name, figure, inches):
        figure.draw_without_rendering()
        self.assertAlmostEqual(figure.get_figwidth(), inches)
        found = list(texts(figure))
        frame = figure.bbox
        for text, size, box in found:
            self.assertGreaterEqual(size, page.SMALLEST, (name, text))
            self.assertTrue(-1 <= box.x0 <= box.x1 <= frame.x1 + 1, (name, text, box))
            self.assertTrue(-1 <= box.y0 <= box.y1 <= frame.y1 + 1, (name, text, box))
        for (one, _, here), (other, _, there) in itertools.combinations(found, 2):
            self.assertLess(common(here, there), 1, (name, one, other))
        panels = [axis for axis in figure.axes if axis.get_visible()]
        for axis in panels:
            self.assertLess(axis.title.get_text().count("\n"), 2, (name, axis.title.get_text()))
        for one, other in itertools.combinations(panels, 2):
            self.assertLess(common(one.get_window_extent(), other.get_window_extent()), 1, name)
            if not hasattr(one, "_colorbar") and not hasattr(other, "_colorbar"):
                self.assertLess(common(one.title.get_window_extent(), other.get_window_extent()), 1, name)

    def test_nothing_collides_and_all_letters_can_be_read_in_a_column(self):
        figures = self.draw(3.3, more_kinds=True, rounds=12, analysed=(2, 4, 6, 8, 10))
        self.assertGreater(len(figures), 18)
        for name, figure in figures.items():
            with self.subTest(name=name):
                self.check(name, figure, 3.3)

    def test_bars_of_one_round_in_a_column(self):
        for name, figure in self.draw(3.3, "barriers", analysed=(2,)).items():
            self.check(name, figure, 3.3)

    def test_compared_runs_in_a_column(self):
        members = []
        for name, lr in (("one", 0.05), ("other", 0.1)):
            path = self.path.with_name(name)
            write_run(path, analysed=(2, 4), lr=lr, shared=True, split="train")
            with open_run(path) as run:
                members.append(groups.member(run))
        self.set_width(3.3)
        drawn, _ = compare.figures(groups.of_runs(members))
        for name in ("compare_accuracy", "compare_barrier", "compare_loss_bytes"):
            self.check(name, drawn[name].draw(), 3.3)

    def test_panels_stand_above_each_other_in_a_column_and_beside_on_a_page(self):
        found = []
        for inches in (3.3, 7):
            figure = self.draw(inches, "paths")["paths_insitu_train"]
            places = [axis.get_position() for axis in figure.axes]
            found.append([len({round(place, 2) for place in where}) for where in
                          ([place.x0 for place in places], [place.y0 for place in places])])
        self.assertEqual(found, [[1, 2], [2, 1]])

    def test_titles_have_two_lines_however_long_names_are(self):
        model = "script:/home/someone/networks/of/last/year/wide_residual_network_with_dropout_28_10.pt"
        for inches in (3.3, None):
            for name, figure in self.draw(inches, "train", model=model, dataset="d" * 90).items():
                title = max(figure.texts, key=lambda text: text.get_window_extent().y1).get_text()
                self.assertLessEqual(title.count("\n"), 1, title)
                self.assertNotIn("…", title)
                for text in figure.texts:  # what has no room above stands below
                    box = text.get_window_extent()
                    self.assertTrue(0 <= box.x0 <= box.x1 <= figure.bbox.x1, text)
                written = "".join(text.get_text().replace("\n", "") for text in figure.texts)
                self.assertIn("dropout_28_10.pt", written, name)

    def test_long_names_of_layers_are_cut_in_titles_of_panels(self):
        name = "encoder.layers.residual_attention_block_23.feed_forward.projection"
        text = page.two_lines(f"{name} alone: test error, percentage points", 2.5, 8)
        self.assertEqual(text.count("\n"), 1)
        self.assertTrue(text.startswith("encoder.l") and text.endswith("test error, percentage points"), text)

    def test_titles_of_two_parts_have_two_lines(self):
        for inches in (3.3, None):
            for name, figure in self.draw(inches, "cumulative", more_kinds=True, analysed=(2, 4)).items():
                self.check(name, figure, inches or figure.get_figwidth())
        parts = "From the input\nBarrier in train error, percentage points"
        for inches in (2.2, 1.7):
            (one, other), size = page.titles([parts, "From the output\nLoss"], [inches, inches], 9.5)
            self.assertEqual(one.replace("\n", " "), "From the input; barrier in train error, percentage points")
            self.assertEqual(other, "From the output\nLoss")
            self.assertEqual(size < 9.5, inches == 1.7)
        (one,), size = page.titles([parts], [1], 9.5)
        self.assertEqual((one.count("\n"), one[-1], size), (1, "…", page.SMALLEST))

    def test_an_analysis_is_named_where_others_are_drawn_too(self):
        self.write(split="train", analyses=("insitu", "more"))
        for options, there in (((), True), (("--analysis", "more"), False)):
            self.plot("--format", "svg", "--only", "barriers_more_train", *options)
            text = (self.path / "plots/barriers_more_train.svg").read_text(encoding="utf-8")
            self.assertEqual("analysis 'more'" in text, there)

    def test_rows_of_deep_networks_are_legible(self):
        blocks = [f"layer{stage}.{block}" for stage in (1, 2, 3, 4) for block in range(3)]
        names = ["full", "conv1", *(f"{block}.{name}" for block in blocks
                                    for name in ("conv1", "bn1", "conv2", "bn2")), "fc1", "fc2",
                 "a_layer_whose_name_is_about_as_long_as_a_name_may_be_in_this_file"]
        for columns, inches in itertools.product((2, 40), (3.3, None)):
            self.set_width(inches)
            values = np.linspace(-1, 1, len(names) * columns).reshape(len(names), columns)
            rounds = [str(r) for r in range(columns)]
            map_ = heatmap.HeatMap("Barriers", [heatmap.Grid("loss", values, names, rounds, 2, gaps=(1,))])
            figure = map_.draw()
            self.check((columns, inches), figure, inches or figure.get_figwidth())
            written = [text for text, *_ in texts(figure)]
            for block in blocks:  # once, beside the short names of its rows
                self.assertEqual(written.count(block), 1)
            self.assertEqual([written.count(name) for name in ("conv1", "bn1", "conv2")], [13, 12, 12])
        figure = metrics.divergence("Distance", names, np.array([1, 2]), values[:, :2], values[:, :2] > 0)
        self.check("divergence", figure.draw(), 8)

    def test_blocks_are_named_only_where_their_rows_lie_together(self):
        for names, found in ((["a.0.x", "a.0.y", "a.1.x", "b"], [("a.0", 0, 2)]),
                             (["a.0.x", "a.0.y", "a.1.x", "a.0.z"], []),
                             (["features.0", "features.2", "fc"], []),
                             (["fc", "t.h.1.attn.q", "t.h.1.mlp.0"], [("t.h.1", 1, 3)])):
            self.assertEqual(layers.blocks(names), found)
        self.assertEqual(layers.short_names(["fc", "t.h.1.attn.q", "t.h.1.mlp.0"]), ["fc", "attn.q", "mlp.0"])

    def test_numbers_stand_in_cells_only_where_they_have_room(self):
        for rounds, there in ((40, False), (5, True)):
            figures = self.draw(3.3, "barriers", analysed=tuple(range(2, rounds, 2)), rounds=rounds)
            words = [text for text, *_ in texts(figures["barriers_insitu_train"])]
            for text in ("0.60", "end points"):
                self.assertEqual(text in words, there)

    def test_a_picture_is_as_wide_as_it_was_asked_for(self):
        self.write()
        result = self.plot("--width", "3.3", "--format", "png", "--only", "accuracy")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        pixels = matplotlib.image.imread(self.path / "plots/accuracy.png")
        self.assertEqual(pixels.shape[1], round(3.3 * 160))

    def test_other_widths_are_refused(self):
        self.write()
        for width in ("0", "-1", "nan", "inf", "abc", "0.5", ""):
            result = self.plot(f"--width={width}")
            self.assertEqual(result.returncode, 2)
            self.assertIn(f"--width {width}: this must be a number of inches from 2.5 to 30", result.stderr)
            self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
            self.assertFalse((self.path / "plots").exists())

    def plot(self, *options):
        return subprocess.run([sys.executable, EXPERIMENTS / "plot.py", self.path, *options],
                              capture_output=True, text=True, check=False)


if __name__ == "__main__":
    unittest.main()
