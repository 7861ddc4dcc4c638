#!/usr/bin/python3
"""The Python of docs/reading.md, as it stands there, on a run of the program: what needs a package that is
not installed is skipped, and says so."""

import importlib.util
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import program
from program import ProgramTest

PAGE = program.ROOT / "docs/reading.md"
SETTINGS = {"model.hidden": "16,16", "federation.rounds": 10, "checkpoint.every": 5, "analysis.every": 5}
LAYERS = ("fc1", "fc2", "fc3")


def blocks(section):
    """What stands between fences below a heading."""
    text = re.search(rf"^## {section}\n(.*?)(?=^## |\Z)", PAGE.read_text(), re.M | re.S)[1]
    return re.findall(r"^```\n(.*?)^```", text, re.M | re.S)


PANDAS = blocks("Python: pandas")
XARRAY = blocks("Python: xarray")


class Reading(ProgramTest):
    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory(prefix="fedstrata-test-")
        cls.addClassCleanup(scratch.cleanup)
        cls.place = pathlib.Path(scratch.name)
        cls.run_directory = cls.place / "runs/mine"
        settings = cls.place / "mine.ini"
        settings.write_text(program.ini(SETTINGS))
        for words in (["simulate", settings, "--out", cls.run_directory],
                      ["inspect", cls.run_directory, "--pack", cls.place / "mine.h5"]):
            result = program.run(*words)
            assert result.returncode == 0, result.stderr

    def python(self, *code, needs=()):
        """What the code prints; `needs` are packages."""
        missing = [name for name in needs if importlib.util.find_spec(name) is None]
        if missing:
            self.skipTest(f"{', '.join(missing)} is not installed for this Python")
        environment = os.environ | {"PYTHONPATH": str(program.ROOT / "experiments")}
        result = subprocess.run([sys.executable, "-W", "error::DeprecationWarning", "-c", "\n".join(code)],
                                cwd=self.place, env=environment, capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def test_h5py(self):
        [code] = blocks("Python: h5py")
        printed = self.python(code)
        for fragment in ("mlp ['000000', '000005', '000010'] ['insitu']", "fc1.weight 16x784", *LAYERS):
            self.assertIn(fragment, printed)
        self.assertNotIn("nan", printed)  # the mean of no rows

    def test_the_package(self):
        [code] = blocks("Python: the package fedstrata")
        printed = self.python(code)
        self.assertIn("'fc1.weight': (16, 784)", printed)

    def test_tables_as_csv(self):
        code = next(block for block in blocks("Octave") if "import csv" in block)
        self.python(code)
        lines = (self.place / "barriers.csv").read_text().splitlines()
        self.assertEqual(lines[0].split(",")[0], "round")
        self.assertEqual(len(lines), 1 + len(program.table(self.run_directory, "barriers/insitu/barriers")))

    def test_pandas(self):
        printed = self.python(PANDAS[0], needs=["pandas"])
        for layer in LAYERS:
            self.assertRegex(printed, rf"10 +{layer} |\n +{layer} ")

    def test_pandas_with_pytables(self):
        printed = self.python("import pandas", PANDAS[1], "print(set(table.kind))",
                              needs=["pandas", "tables"])
        self.assertIn("'layer'", printed)

    def test_tables_as_xarray(self):
        self.python(PANDAS[0], XARRAY[0], "assert cube.dims == ('round', 'target')",
                    needs=["pandas", "xarray"])

    def test_models_as_xarray(self):
        self.python("import xarray", XARRAY[1], "assert models['before'].shape[0] == 4",
                    needs=["xarray", "h5netcdf"])


if __name__ == "__main__":
    unittest.main()
