#!/usr/bin/python3
"""`pip install ./experiments` into a new virtual environment, and its use from another directory.

Skipped where there is no venv, or no package index to take numpy and its like from.
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
UNREACHABLE = ("No matching distribution found", "Could not fetch", "connection", "timed out")


class Pip(unittest.TestCase):
    def test_the_package_works_from_anywhere(self):
        with tempfile.TemporaryDirectory() as place:
            place = pathlib.Path(place)
            made = subprocess.run([sys.executable, "-m", "venv", place / "venv"], text=True,
                                  capture_output=True, check=False)
            if made.returncode != 0:
                self.skipTest("needs venv (Debian: python3-venv)")
            shutil.copytree(ROOT / "experiments", place / "experiments",
                            ignore=shutil.ignore_patterns("*.pyc", "build", "*.egg-info"))
            shutil.copytree(ROOT / "tests/data/run-0.1.0", place / "run")

            def python(*words):
                return subprocess.run([place / "venv/bin/python", *map(str, words)], text=True,
                                      cwd=place, env={"PYTHONDONTWRITEBYTECODE": "1"},
                                      stdin=subprocess.DEVNULL, capture_output=True, check=False)
            pip = python("-m", "pip", "--disable-pip-version-check", "install", "--quiet",
                         "--retries", 1, "--timeout", 20, "./experiments[tensorboard]")
            if pip.returncode != 0 and any(text in pip.stderr for text in UNREACHABLE):
                self.skipTest("needs a package index")
            self.assertEqual(pip.returncode, 0, pip.stderr)
            for words, made in {("--help",): "run", ("plot", "run", "--html"): "run/plots/report.html",
                                ("report", "run", "--out", "alone"): "alone/report.html",
                                ("tensorboard", "run", "--out", "events"): "events",
                                ("export", "run", "--out", "model.npz"): "model.npz"}.items():
                with self.subTest(words):
                    result = python("-m", "fedstrata", *words)
                    self.assertEqual((result.returncode, result.stderr), (0, ""), result.stderr)
                    self.assertTrue((place / made).exists())


if __name__ == "__main__":
    unittest.main()
