#!/usr/bin/python3
"""Installed batch scripts on a real Slurm, by an ordinary user from a directory of theirs."""

import pathlib
import re
import shutil
import subprocess
import unittest

import cluster
from program import BINARY, ProgramTest

BUILD = pathlib.Path(BINARY).resolve().parents[1]
USER = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]


class InstalledTest(ProgramTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if cluster.why_not():
            raise unittest.SkipTest(f"Slurm cannot be started here: {cluster.why_not()}")
        cls.cluster = cluster.Cluster(nodes=2)
        cls.addClassCleanup(cls.cluster.stop)

    def setUp(self):
        super().setUp()
        self.prefix, self.work = self.path / "a prefix", self.path / "work"
        subprocess.run(["cmake", "--install", BUILD, "--prefix", self.prefix], check=True,
                       stdout=subprocess.DEVNULL)
        self.path.chmod(0o755)
        self.work.mkdir()
        shutil.chown(self.work, "nobody", "nogroup")
        for directory in (self.cluster.path / "tmp").rglob("*"):
            directory.chmod(0o1777)
        (self.cluster.path / "tmp").chmod(0o1777)

    def use(self, *command):
        return self.cluster.run("env", "-C", self.work, *USER, *command).stdout

    def test_a_job_and_a_sweep(self):
        config = self.config()
        share = self.prefix / "share/fedstrata"
        job = self.use("sbatch", "--parsable", "--output=%j.log", "--ntasks=2",
                       share / "slurm/simulate.sbatch", config, "--out", "runs/a", "--set",
                       "analysis.every=1").strip()
        ended = self.cluster.wait(job)
        log = (self.work / f"{job}.log").read_text()
        self.assertEqual((ended.state, ended.code), ("COMPLETED", 0), log)
        self.assertTrue((self.work / "runs/a/DONE").exists(), log)

        sweep = self.path / "two.ini"
        sweep.write_text("[sweep]\nbase = small.ini\n[axes]\nrun.seed = 1 | 2\n")
        said = self.use(self.prefix / "bin/fedstrata", "sweep", "submit", sweep, "--out", "runs/two")
        self.cluster.wait(re.search(r"submitted: job (\d+)", said)[1])
        self.assertIn("2 cells: 2 done", self.use(self.prefix / "bin/fedstrata", "sweep", "status",
                                                  sweep, "--out", "runs/two"))


if __name__ == "__main__":
    unittest.main()
