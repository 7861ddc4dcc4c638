#!/usr/bin/python3
"""A sweep on a real Slurm: arrays within MaxArraySize, a cell that fails, its resubmission."""

import fcntl
import os
import pathlib
import re
import subprocess
import tempfile
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


class BatchScript(unittest.TestCase):
    """The script of a cell, without Slurm: with programs that answer in place of its own."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = pathlib.Path(directory.name)
        for folder in ("bin", "logs", "cells/one"):
            (self.path / folder).mkdir(parents=True)
        (self.path / "list").write_text("one\n")
        self.log, self.exit = self.path / "logs/one.log", self.path / "logs/one.exit"
        self.script = ROOT / "slurm/sweep.sbatch"
        self.tool("scontrol", f"echo JobId=1 Command={self.script} {self.path} {self.path}/list WorkDir=/")
        self.tool("srun", 'while [[ $1 == -* ]]; do shift; done; "$@"')
        self.tool("program", f"echo it runs; touch {self.path}/cells/one/DONE")

    def tool(self, name, text):
        path = self.path / "bin" / name
        path.write_text(f"#!/bin/bash\n{text}\n")
        path.chmod(0o755)

    def start(self):
        return subprocess.run(
            ["bash", self.script, self.path, self.path / "list"], capture_output=True, text=True, check=False,
            env=os.environ | {"PATH": f"{self.path}/bin:{os.environ['PATH']}", "SLURM_JOB_ID": "1",
                              "SLURM_ARRAY_TASK_ID": "0", "FEDSTRATA_BINARY": f"{self.path}/bin/program"})

    def test_a_second_start_leaves_the_log_of_a_running_cell_alone(self):
        self.log.write_text("round 1\n")
        with open(self.log, "a", encoding="ascii") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            second = self.start()
        self.assertEqual((second.returncode, second.stdout), (0, "one is running already and left alone\n"),
                         second.stderr)
        self.assertEqual(self.log.read_text(), "round 1\n")
        self.assertFalse(self.exit.exists())
        self.assertEqual(self.start().returncode, 0)
        self.assertEqual((self.log.read_text(), self.exit.read_text()), ("it runs\n", "0\n"))

    def test_the_log_is_locked_while_the_cell_runs(self):
        self.tool("program", f"flock --nonblock {self.log} true || echo locked\n"
                             f"touch {self.path}/cells/one/DONE")
        self.assertEqual(self.start().returncode, 0)
        self.assertEqual(self.log.read_text(), "locked\n")

    def test_where_files_cannot_be_locked_cells_run_all_the_same(self):
        self.tool("flock", "echo flock: 9: No locks available >&2; exit 71")
        self.assertEqual(self.start().returncode, 0)
        self.assertEqual(self.log.read_text(), "it runs\n")


if __name__ == "__main__":
    unittest.main()
