#!/usr/bin/python3
"""Figures for papers: their forms, without titles, and only those that are asked for; a report's top."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

from plot_run import write_run

EXPERIMENTS = pathlib.Path(__file__).resolve().parents[3] / "experiments"


class Paper(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = pathlib.Path(directory.name) / "run"
        write_run(self.path)

    def plot(self, *options, out="plots"):
        return subprocess.run([sys.executable, EXPERIMENTS / "plot.py", self.path, "--out",
                               self.path / out, *options],
                              capture_output=True, text=True, check=False)

    def draw(self, *options, out="plots"):
        result = self.plot(*options, out=out)
        self.assertEqual((result.returncode, result.stderr), (0, ""), result.stderr)
        return {file.name: file.read_bytes() for file in (self.path / out).iterdir()}

    def test_forms_that_are_asked_for_and_no_other(self):
        files = self.draw("--format", "pdf,svg", "--only", "accuracy")
        self.assertEqual(sorted(files), ["accuracy.pdf", "accuracy.svg"])
        self.assertTrue(files["accuracy.pdf"].startswith(b"%PDF"))
        self.assertIn(b"/FontFile2", files["accuracy.pdf"])  # embedded TrueType, text as text
        self.assertEqual(files, self.draw("--format", "pdf,svg", "--only", "accuracy", out="again"))

    def test_titles_are_left_out(self):
        title = b"Accuracy and loss by round"
        form = ("--format", "svg", "--only", "accuracy")
        self.assertIn(title, self.draw(*form)["accuracy.svg"])
        self.assertNotIn(title, self.draw(*form, "--no-title", out="bare")["accuracy.svg"])

    def test_only_takes_names_and_patterns(self):
        files = self.draw("--format", "png", "--only", "barriers_*", "--only", "partition", "--html")
        self.assertEqual(sorted(files), ["barriers_insitu_test.png", "barriers_insitu_train.png",
                                         "partition.png", "report.html"])
        self.assertNotIn(b'id="figure-accuracy"', files["report.html"])
        self.assertIn(b'id="figure-partition"', files["report.html"])

    def test_hidden_layers_have_no_rows(self):
        write_run(self.path.with_name("more"), more_kinds=True, types=("linear", "norm", "linear"))
        self.path = self.path.with_name("more")
        for k, (hide, hidden) in enumerate(((["norm"], {"fc2"}), (["fc1", "fc3"], {"fc1", "fc3"}),
                                            (["fc[12]"], {"fc1", "fc2"}))):
            options = [option for word in hide for option in ("--hide", word)]
            for name in ("barriers_*_train", "divergence", "interaction_*_train", "cumulative_insitu_train",
                         "random_*_train", "simplex_*_train"):
                options += ["--only", name]
            files = self.draw("--format", "svg", *options, out=f"plots{k}")
            self.assertEqual(len(files), 6)
            for name, text in files.items():
                there = {layer for layer in ("fc1", "fc2", "fc3") if f">{layer}<".encode() in text}
                self.assertEqual(there, {"fc1", "fc2", "fc3"} - hidden, name)

    def test_hidden_layers_change_no_printed_number(self):
        few = ("--only", "divergence", "--format", "svg")
        self.assertEqual(self.plot("--hide", "fc1", *few).stdout, self.plot(*few).stdout)

    def test_a_report_begins_with_the_runs_name_and_its_main_numbers(self):
        text = self.draw("--format", "svg", "--only", "accuracy", "--html")["report.html"].decode()
        top = text[text.index("<body>"):text.index("<nav>")]
        self.assertIn(f"<h1>{self.path.name}</h1>", top)
        for name in ("accuracy", "Largest full barrier", "Largest layer barrier"):
            self.assertIn(name, top)
        for medium in ("screen and (prefers-color-scheme: dark)", "@media print"):
            self.assertIn(medium, text)

    def test_what_is_not_there_is_refused_in_one_sentence(self):
        for options, text in ((("--only", "nothing"), "there are: accuracy"),
                              (("--format", "png,gif"), "'gif' is none of png, svg, pdf"),
                              (("--format", ""), "is none of"),
                              (("--hide", "fc4"), "(there are: fc1, fc2, fc3) or type (there are: linear)"),
                              (("--hide", "linear"), "hides every layer")):
            result = self.plot(*options)
            self.assertEqual((result.returncode, result.stdout), (2, ""))
            self.assertIn(text, result.stderr)
            self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
            self.assertFalse((self.path / "plots").exists())


if __name__ == "__main__":
    unittest.main()
