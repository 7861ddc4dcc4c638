#!/usr/bin/python3
"""`python -m fedstrata`: its commands, and what it says where something is missing."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import h5py
import numpy

ROOT = pathlib.Path(__file__).resolve().parents[3]
EXPERIMENTS = ROOT / "experiments"
sys.path.insert(0, str(EXPERIMENTS))
import fedstrata
from fedstrata import commands

MODULE = ("-m", "fedstrata")


def python(*arguments, without=(), packages=None):
    """Python in experiments/; `without`: -S takes all packages away, but for those in `packages`."""
    environment = {"PYTHONPATH": str(packages)} if packages else {}
    return subprocess.run([sys.executable, *without, *map(str, arguments)], cwd=EXPERIMENTS,
                          env=environment | {"PYTHONDONTWRITEBYTECODE": "1"}, text=True,
                          capture_output=True, check=False)


class Commands(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = pathlib.Path(directory.name)

    def assert_refused(self, result, *says):
        self.assertEqual(result.returncode, 2, result.stdout + result.stderr)
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
        self.assertEqual(result.stdout, "")
        for text in says:
            self.assertIn(text, result.stderr)

    def test_help_names_every_command(self):
        result = python(*MODULE, "--help")
        self.assertEqual(result.returncode, 0, result.stderr)
        for word, (_, what) in commands.COMMANDS.items():
            self.assertRegex(result.stdout, rf"(?m)^  {word} +\w")
            self.assertRegex((ROOT / "docs/commands.md").read_text(), rf"(?m)^\| `{word} .*\| {what}")

    def test_every_command_has_help_of_its_own(self):
        for word in commands.COMMANDS:
            with self.subTest(word):
                result = python(*MODULE, word, "--help")
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertIn(f"usage: python -m fedstrata {word}", result.stdout)

    def test_a_reader_who_has_enough_ends_them_quietly(self):
        plot, importing = EXPERIMENTS / "plot.py", EXPERIMENTS / "import_torch.py"
        for words in ([*MODULE, "--help"], *([*MODULE, word, "--help"] for word in commands.COMMANDS),
                      [plot, "--help"], [importing, "--help"]):
            with self.subTest(words):
                read, write = os.pipe()
                os.close(read)
                result = subprocess.run([sys.executable, *words], cwd=EXPERIMENTS, stdout=write,
                                        stderr=subprocess.PIPE, text=True, check=False)
                os.close(write)
                self.assertEqual((result.returncode, result.stderr), (141, ""))

    def test_words_that_are_no_command_are_refused(self):
        self.assert_refused(python(*MODULE, "plto"), "'plto'", "plot")
        self.assert_refused(python(*MODULE), "no command", "plot")

    def test_missing_packages_are_named_at_once(self):
        for command in ([*MODULE, "plot"], [*MODULE, "import"], ["plot.py"], ["import_torch.py"]):
            with self.subTest(command):
                self.assert_refused(python(*command, "none", without=["-S"]), sys.executable,
                                    "numpy, h5py, matplotlib", "pip install", "python3-h5py")
        result = python(*MODULE, "--help", without=["-S"])
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_deep_cnn_names_pytorch(self):
        result = python("deep_cnn.py", self.path / "net.pt", without=["-S"])
        self.assert_refused(result, f"deep_cnn.py: {sys.executable} lacks the package torch",
                            "pip install torch", "apt install python3-torch")
        self.assertEqual(list(self.path.iterdir()), [])

    def test_only_what_is_missing_is_named(self):
        for package in (h5py, numpy):
            place = pathlib.Path(package.__file__).parent
            (self.path / place.name).symlink_to(place)
        result = python("plot.py", "none", without=["-S"], packages=self.path)
        self.assert_refused(result, "lacks the package matplotlib", "python3-matplotlib")
        self.assertNotIn("h5py", result.stderr)

    def test_a_package_that_does_not_load_is_named(self):
        (self.path / "h5py.py").write_text("raise ValueError('numpy.dtype size changed')\n")
        result = python("plot.py", "none", packages=self.path)
        self.assert_refused(result, "h5py", "numpy.dtype size changed", "does not load")

    def test_reader_says_what_it_needs(self):
        result = python("-c", "import fedstrata; fedstrata.Run", without=["-S"])
        self.assertRegex(result.stderr.splitlines()[-1], "^fedstrata.problems.Missing: .*h5py")

    def test_errors_in_our_own_code_are_not_called_missing_packages(self):
        result = python("-c", "import sys; from fedstrata import commands; "
                        "sys.exit(commands.start('none', 'none'))")
        self.assertIn("No module named 'fedstrata.none'", result.stderr.splitlines()[-1])

    def test_what_may_happen_to_any_command_is_no_traceback(self):
        for error, code, says in (("MemoryError", 2, "plot: there is too little memory for this.\n"),
                                  ("KeyboardInterrupt", 130, "")):
            script = "from fedstrata import commands; import sys, types\n" \
                f"def main(*_): raise {error}\n" \
                "commands.needed = lambda _: types.SimpleNamespace(main=main)\n" \
                "sys.exit(commands.start('plot', 'plot'))"
            result = python("-c", script)
            self.assertEqual((result.returncode, result.stderr), (code, says))

    def test_a_reader_that_has_enough_is_no_error(self):
        script = "from fedstrata import commands, problems; import types\n" \
            "def main(*_): print('x' * 100000, flush=True)\n" \
            "commands.needed = lambda _: types.SimpleNamespace(main=main)\n" \
            "commands.start('plot', 'plot')"
        process = subprocess.Popen([sys.executable, "-c", script], cwd=EXPERIMENTS, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdout.read(1)
        process.stdout.close()
        self.assertEqual(process.stderr.read(), "")
        process.stderr.close()
        process.wait()

    def test_version_is_that_of_the_program(self):
        project = (ROOT / "CMakeLists.txt").read_text()
        version = re.search(r"project\(fedstrata VERSION ([\d.]+)", project)[1]
        self.assertEqual(fedstrata.__version__, version)


if __name__ == "__main__":
    unittest.main()
