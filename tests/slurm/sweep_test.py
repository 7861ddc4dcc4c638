#!/usr/bin/python3
"""A sweep on a real Slurm: arrays within MaxArraySize, a cell that fails, its resubmission."""

import re
import unittest

import cluster
from program import BINARY, ROOT, ProgramTest, content, ini

SWEEP = """
[sweep]
base  = small.ini
ranks = 2
[axes]
average.all.every = 1 | 2 | 3
run.seed          = 1 | 2
"""


class SweepTest(ProgramTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if cluster.why_not():
            raise unittest.SkipTest(f"Slurm cannot be started here: {cluster.why_not()}")
        cls.cluster = cluster.Cluster(nodes=3, array=4)
        cls.addClassCleanup(cls.cluster.stop)

    def sweep(self, action, *options):
        """The program as on a login node; returns what it says."""
        return self.cluster.run("env", "-C", ROOT, BINARY, "sweep", action, self.file, "--out",
                                self.out, *options).stdout

    def submit(self, *arguments):
        """Waits for the submitted jobs; returns their numbers."""
        said = self.sweep(*arguments)
        jobs = re.findall(r"\d+", re.search(r"submitted: jobs? ([\d, ]+)", said)[1])
        status = self.sweep("status")
        self.assertRegex(status.splitlines()[0], "queued|running|done", status)
        for job in jobs:
            self.cluster.wait(job)
        return jobs

    def test_a_cell_fails_and_is_submitted_again(self):
        self.file, self.out = self.path / "grid.ini", self.path / "grid"
        self.config({"analysis.every": 1})
        self.file.write_text(SWEEP)
        names = re.findall(r"^  (\S+) +not started", self.sweep("plan"), re.M)
        self.assertEqual(len(names), 6)
        broken = self.out / "cells" / names[3]
        broken.parent.mkdir(parents=True)
        broken.write_text("a file where a directory should be")

        self.assertEqual(len(self.submit("submit", "--throttle", 3)), 2)  # MaxArraySize is 4
        status = self.sweep("status")
        self.assertIn("6 cells: 5 done, 1 failed", status)
        failed, = re.findall(r"^failed +(\S+)  (.+)", status, re.M)
        self.assertEqual(failed[0], names[3])
        self.assertIn(str(broken), failed[1])
        self.assertIn("resubmit --failed", self.sweep("submit"))

        broken.unlink()
        self.assertEqual(len(self.submit("resubmit", "--failed")), 1)
        self.assertIn("6 cells: 6 done", self.sweep("status"))
        self.assertIn("nothing to submit", self.sweep("resubmit", "--failed", "--missing"))

        here = self.path / "here"
        self.succeed("sweep", "run", self.file, "--out", here)
        for name in names:
            self.assert_same(content(here / "cells" / name), content(self.out / "cells" / name))


if __name__ == "__main__":
    unittest.main()
