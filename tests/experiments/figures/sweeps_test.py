#!/usr/bin/python3
"""plot.py on collected sweeps written with h5py as docs/sweeps.md describes them."""

import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import h5py
import numpy as np

from plot_run import write_run, write_sweep

EXPERIMENTS = pathlib.Path(__file__).resolve().parents[3] / "experiments"
sys.path.insert(0, str(EXPERIMENTS))
from fedstrata.figures import compare, groups, metrics, sweeps
from fedstrata.figures.sweep_tables import Sweep, named_cells
from fedstrata.run import open_run

NAN = np.nan


def plot(*arguments):
    return subprocess.run([sys.executable, EXPERIMENTS / "plot.py", *arguments],
                          capture_output=True, text=True, check=False)


class SweepsTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.path = pathlib.Path(scratch.name) / "sweep"

    def sweep(self, *arguments):
        write_sweep(self.path, *arguments)
        return Sweep(self.path / "collected.h5")


class GlobalModel(SweepsTest):
    """What it was in round 0 is no result."""

    CLIENTS = {"test_accuracy": [0.08, NAN, NAN], "test_loss": [2.3, NAN, NAN],
               "test_accuracy_after": [NAN, 0.5, 0.6], "bytes": [0, 9, 9]}
    BOTH = CLIENTS | {"test_accuracy": [0.08, 0.4, 0.7]}
    CELLS = [("one", "", "1"), ("two", "", "2")]

    def panels(self, *tested):
        sweep = self.sweep(self.CELLS, tested, ["average.body.every"])
        (_, _, cells), = sweep.parts()
        return {title: [list(numbers) for numbers in grid.flat]
                for title, grid, *_ in sweeps.accuracies(sweep, cells)}

    def test_of_sweeps_that_evaluate_clients_alone_has_no_panel(self):
        self.assertEqual(self.panels(self.CLIENTS, self.CLIENTS),
                         {"clients after averaging: mean": [[60], [60]]})
        printed = plot(self.path)
        self.assertEqual(printed.returncode, 0, printed.stderr)
        self.assertIn("last evaluated round, clients after averaging", printed.stdout)
        self.assertNotIn("averaged (global) model",
                         (self.path / "plots/sweep_accuracy_map.svg").read_text(encoding="utf-8"))

    def test_of_cells_that_evaluate_clients_alone_has_no_point(self):
        self.assertEqual(self.panels(self.BOTH, self.CLIENTS)["averaged (global) model"], [[70], []])

    def test_of_cells_some_of_whose_layers_are_never_averaged_has_no_point(self):
        self.sweep(self.CELLS, (self.BOTH, self.BOTH), ["average.body.every"])
        (self.path / "cells").mkdir()
        for (name, *_), shared in zip(self.CELLS, (False, True)):
            write_run(self.path / "cells" / name, shared=shared)
        sweep = Sweep(self.path / "collected.h5")
        (_, _, cells), = sweep.parts()
        self.assertEqual([list(numbers) for numbers in sweeps.accuracies(sweep, cells)[0][1].flat], [[], [70]])
        for figure in ("sweep_accuracy", "sweep_accuracy_map"):
            written = "".join(text.get_text() for text in sweeps.figures(sweep)[figure].draw().texts)
            self.assertIn("no global model where some layers are never averaged", written.replace("\n", " "))

    def test_lines_are_named_in_their_order_also_where_one_has_no_global_model(self):
        cells = [(f"{every}-{layers}", "", every, layers) for layers in ("body", "all") for every in "12"]
        self.sweep(cells, [self.BOTH] * 4, ["average.all.every", "average.all.layers"])
        (self.path / "cells").mkdir()
        for name, *_, layers in cells:
            write_run(self.path / "cells" / name, shared=layers == "all")
        figure = sweeps.figures(Sweep(self.path / "collected.h5"))["sweep_accuracy"].draw()
        self.assertEqual([text.get_text() for text in figure.legends[0].get_texts()], ["body", "all"])

    def test_has_no_line_in_comparisons_and_in_the_figure_of_a_run(self):
        paths = [self.path.with_name(name) for name in ("start", "all")]
        for path, seed in zip(paths, (1, 2)):
            write_run(path, shared=True, lr=0.1 * seed, analysed=())
        with h5py.File(paths[0] / "run.h5", "a") as file:
            table = file["metrics/rounds"][:]
            table["test_accuracy"][1:] = table["test_loss"][1:] = NAN
            file["metrics/rounds"][...] = table
        members = []
        for path, drawn in zip(paths, (False, True)):
            with open_run(path) as run:
                members.append(groups.member(run))
                lines = [line.get_label() for line in
                         metrics.figures(run)["accuracy"].draw().axes[0].lines]
            self.assertEqual("averaged (global) model" in lines, drawn)
        found = groups.of_runs(members)
        panel = compare.tested(found, "accuracy")[0]
        self.assertEqual((panel.title, list(panel.curves)), ("Global model", [id(found[1])]))
        self.assertIn(f"as it is not evaluated after round 0: {found[0].label}",
                      "".join(compare.missing(found, [panel])))


class Names(SweepsTest):
    """Cells of [cells] whose axes don't tell them apart in a way that could be drawn."""

    AXES = ["federation.preset", "run.seed", "average.all.update", "average.all.update_beta1"]
    NAMED = [(f"{label}-{seed}", label, preset, str(seed), update, beta)
             for label, preset, update, beta in (("fedavg", "fedavg", "mean", "0.9"),
                                                 ("fedper", "fedper", "", ""), ("local", "local", "", ""),
                                                 ("fedavgm", "", "momentum", "0.9")) for seed in (1, 2)]
    GRID = [(f"lr-{lr}_mu-{mu}", "", lr, mu) for lr in "12" for mu in "34"]

    def results(self, cells):
        return [{"test_accuracy": [0.1, 0.5 + k / 100], "bytes": [0, 9]} for k in range(len(cells))]

    def plot(self):
        """What plot.py prints, and the figures that it makes."""
        result = plot(self.path, "--format", "svg")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return result.stdout, sorted(path.stem for path in (self.path / "plots").glob("*.svg"))

    def test_are_all_drawn_by_their_names(self):
        sweep = self.sweep(self.NAMED, self.results(self.NAMED), self.AXES)
        (view, text, cells), = sweep.parts()
        self.assertEqual((text, len(cells)), ("", 8))
        names = ["fedavg", "fedper", "local", "fedavgm"]
        drawn = sweeps.figures(sweep)
        bars, = drawn["sweep_accuracy_map"].grids
        self.assertEqual(bars.rows, names)
        np.testing.assert_allclose(bars.values, [[50.5], [52.5], [54.5], [56.5]])
        axis, *_ = drawn["sweep_accuracy"].draw().axes
        self.assertEqual([label.get_text() for label in axis.get_xticklabels()], names)
        line, = axis.lines
        self.assertEqual(line.get_linestyle(), "None")
        self.assertEqual(len(drawn["sweep_barrier_insitu_train"].draw().axes[0].lines[0].get_xdata()), 4)
        printed, _ = self.plot()
        self.assertRegex(printed, r"fedavg +50\.5\nfedper +52\.5\nlocal +54\.5\nfedavgm +56\.5\n")
        self.assertIn("8 of 8 cells are done and drawn.", printed)

    def test_long_names_stand_aslant(self):
        cells = [(f"{k}", f"name_number_{k}_of_many", str(k)) for k in range(9)]
        sweep = self.sweep(cells, self.results(cells), ["train.lr"])
        axis, *_ = sweeps.figures(sweep)["sweep_accuracy"].draw().axes
        boxes = [label.get_window_extent() for label in axis.get_xticklabels()]
        self.assertEqual({label.get_rotation() for label in axis.get_xticklabels()}, {35})
        self.assertGreater(min(box.x0 for box in boxes), 0)
        self.assertGreater(min(box.y0 for box in boxes), 0)

    def test_one_called_never_is_drawn_as_the_others(self):
        cells = [("a", "never", "1"), ("b", "often", "2")]
        sweep = self.sweep(cells, self.results(cells), ["train.lr"])
        self.assertEqual(sweeps.figures(sweep)["sweep_accuracy_map"].grids[0].rows, ["never", "often"])

    def test_cells_without_a_name_beside_them_have_the_base_config(self):
        cells = [("seed-1", "", "", "1", "mean", "0.9"), *self.NAMED]
        sweep = self.sweep(cells, self.results(cells), self.AXES)
        self.assertEqual([view.values(found, view.across)[:2] for view, _, found in sweep.parts()],
                         [["base config", "fedavg"]])

    def test_beside_a_grid_they_have_figures_of_their_own(self):
        cells = [*self.GRID, ("one", "one", "7", "8"), ("other", "other", "9", "8.5")]
        cells = [(*cell, kind) for cell, kind in zip(cells, ["none"] * 4 + ["prox", "scaffold"])]
        sweep = self.sweep(cells, self.results(cells), ["train.lr", "train.mu", "train.correction"])
        self.assertEqual([(text, list(found["cell"])) for _, text, found in sweep.parts()],
                         [("train.correction = none", [0, 1, 2, 3]), ("cells with names", [4, 5])])
        printed, drawn = self.plot()
        self.assertIn("6 of 6 cells are done and drawn.", printed)
        self.assertLessEqual({"sweep_accuracy_1", "sweep_accuracy_2"}, set(drawn))

    def test_what_is_left_out_is_counted(self):
        cells = [(*cell, "none") for cell in self.GRID] + [("alone-1", "alone", "7", "8", "prox")]
        self.sweep(cells, self.results(cells), ["train.lr", "train.mu", "train.correction"])
        self.assertIn("5 of 5 cells are done, of which the figures sweep_... leave out 1, for which there is "
                      "no other that differs in train.lr or train.mu alone: alone-1.", self.plot()[0])

    def test_named_cells_that_fit_a_grid_stay_in_it(self):
        cells = [*self.GRID, ("one", "one", "1", "5"), ("other", "other", "2", "5")]
        sweep = self.sweep(cells, self.results(cells), ["train.lr", "train.mu"])
        self.assertEqual([(text, len(found)) for _, text, found in sweep.parts()], [("", 6)])

    def test_lines_of_comparisons_are_called_after_names_and_axes(self):
        axes = ["run.seed", "train.lr", "train.mu"]
        named = [("rates_lr-1", "rates", "1", "1", "1"), ("rates_lr-2", "rates", "1", "2", "1"),
                 ("rate_mu-3_seed-1", "rate", "1", "1", "3"), ("rate_mu-3_seed-2", "rate", "2", "1", "3"),
                 ("plain-0123456789", "plain", "1", "1", "1")]
        grid = [("lr-7_mu-1-0123456789", "", "1", "7", "1"), ("lr-8_mu-1-0123456789", "", "1", "8", "1")]
        sweep = self.sweep(named + grid, self.results(named + grid), axes)
        expected = ["rates, lr 1", "rates, lr 2", "rate", "plain", "lr 7, mu 1", "lr 8, mu 1"]
        found = groups.of_cells(sweep, list(range(len(sweep.cells))))
        self.assertEqual([group.label for group in found], expected)
        # Version 0.1 had no column of labels: they are the beginnings of names.
        text = "[axes]\nx = 1\n[cells]\nrates = a = 1\n# no = 1\nrate = b=1\nplain=c=1\n[set]\nlr = 1\n"
        self.assertEqual(named_cells(text), ["rates", "rate", "plain"])
        with h5py.File(self.path / "collected.h5", "a") as file:
            file.attrs["sweep"] = text
            table = file["cells"][:]
            del file["cells"]
            file["cells"] = table[[name for name in table.dtype.names if name != "label"]]
        found = groups.of_cells(Sweep(self.path / "collected.h5"), list(range(len(sweep.cells))))
        self.assertEqual([group.label for group in found], expected)


class Axes(SweepsTest):
    def test_have_words_and_units(self):
        cells = [("one", "", "1"), ("two", "", "2")]
        tested = [{"test_accuracy": [0.1, 0.5], "bytes": [0, 9]}] * 2
        for key, words in (("average.all.every", "averaging interval, rounds"),
                           ("train.lr", "learning rate (train.lr)"),
                           ("data.classes_per_client", "classes per client (data.classes_per_client)")):
            drawn = sweeps.figures(self.sweep(cells, tested, [key]))
            axes = drawn["sweep_barrier_insitu_train"].draw().axes
            self.assertEqual({axis.get_xlabel().replace("\n", " ") for axis in axes}, {words})
            self.assertEqual([axis.get_ylabel().replace("\n", " ") for axis in axes],
                             ["barrier in loss", "", "barrier in error, percentage points", ""])
            self.assertEqual([grid.title for grid in drawn["sweep_barrier_map_insitu_train"].grids][2:],
                             ["all layers, error, percentage points",
                              "highest single layer, error, percentage points"])
            self.assertEqual(drawn["sweep_accuracy"].draw().axes[0].get_ylabel(), "accuracy, %")
            shutil.rmtree(self.path)



class Options(SweepsTest):
    def test_what_a_sweep_is_not_drawn_with_is_named_alone(self):
        self.sweep([("one", "", "1")], [{"bytes": [0]}], ["train.lr"])
        begin = f"plot.py: {self.path} is a sweep, "
        for options, says in ((["--html"], "of which there is no report; plot draws its figures without "
                               "--html."),
                              (["--analysis", "x"], "which is drawn without --analysis."),
                              (["--hide", "fc1"], "which is drawn without --hide."),
                              (["--hide", "fc1", "--analysis", "x"],
                               "which is drawn without --analysis and --hide."),
                              ([self.path], "which is drawn alone, without other runs.")):
            with self.subTest(options):
                result = plot(self.path, *options)
                self.assertEqual((result.returncode, result.stdout, result.stderr),
                                 (2, "", f"{begin}{says}\n"))

    def test_a_figure_that_is_not_there_is_told_before_anything_else(self):
        cells = [("one", "", "1"), ("two", "", "2")]
        self.sweep(cells, [{"test_accuracy": [0.1, 0.5], "bytes": [0, 9]}] * 2, ["train.lr"])
        result = plot(self.path, "--only", "sweep_x")
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertRegex(result.stderr, "^plot.py: --only sweep_x: there is no such figure .*sweep_accuracy")
        self.assertFalse((self.path / "plots").exists())


if __name__ == "__main__":
    unittest.main()
