#!/usr/bin/python3
"""The notebook of the documents runs from its first cell to its last, on the run of 0.1.0."""

import contextlib
import io
import json
import os
import pathlib
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "experiments"))
os.environ["MPLBACKEND"] = "Agg"  # there is no window
import matplotlib.pyplot as plt
import numpy as np

NOTEBOOK = ROOT / "docs/reading_a_run.ipynb"


class Notebook(unittest.TestCase):
    def test_its_cells_run_in_order(self):
        cells = json.loads(NOTEBOOK.read_text())["cells"]
        code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        self.assertEqual(code[0].count('"runs/quickstart"'), 1)
        code[0] = code[0].replace("runs/quickstart", str(ROOT / "tests/data/run-0.1.0"))
        names, printed = {}, io.StringIO()
        with contextlib.redirect_stdout(printed):
            for cell in code:
                exec(compile(cell, NOTEBOOK.name, "exec"), names)
        self.assertTrue(np.isfinite(names["table"]).all())
        self.assertIn("fc1.weight", printed.getvalue())
        self.assertGreater(len(plt.gcf().axes), 0)
        plt.close("all")

    def test_nothing_that_it_printed_is_kept_in_it(self):
        for cell in json.loads(NOTEBOOK.read_text())["cells"]:
            self.assertEqual(cell.get("outputs", []), [])


if __name__ == "__main__":
    unittest.main()
