#!/usr/bin/python3
"""The batch scripts on a real Slurm: several nodes, interruptions, GPUs."""

import re
import unittest

from cluster import ClusterTest
from program import ROOT, BINARY, ProgramTest, content, table, wait_until

# Rounds of a few milliseconds, two groups of layers, models kept and analysed.
CHANGES = {"average.body.layers": "fc1", "average.body.every": 2, "average.head.layers": "head",
           "model.init": "different", "train.momentum": 0.9, "federation.rounds": 6,
           "checkpoint.every": 3, "analysis.every": 3}


class JobTest(ClusterTest, ProgramTest):
    def submit(self, script, *arguments, slurm=(), **lines):
        """Submits a script of slurm/, lines at its top changed as a user would."""
        text = (ROOT / f"slurm/{script}.sbatch").read_text()
        for name, value in lines.items():
            text, found = re.subn(rf"^{name}=.*", f"{name}={value}", text, flags=re.M)
            self.assertEqual(found, 1, name)
        path = self.path / f"{script}.sbatch"
        path.write_text(text)
        return self.cluster.submit(*slurm, path, *arguments, FEDSTRATA_BINARY=BINARY)

    def complete(self, job):
        """Waits for a job that must succeed; returns it and its output."""
        ended, output = self.cluster.wait(job), self.cluster.output(job)
        self.assertEqual((ended.state, ended.code), ("COMPLETED", 0), output)
        return ended, output


class SeveralNodes(JobTest):
    def test_same_bits_as_here_with_srun_and_mpirun(self):
        config = self.config(CHANGES)
        here = self.simulate(config, "here")
        for launch in ("srun --mpi=pmix -K1", "mpirun"):
            with self.subTest(launch=launch):
                out = self.path / launch.split()[0]
                job = self.submit("simulate", config, "--out", out, launch=f"({launch})",
                                  slurm=("--nodes=2", "--ntasks=4"))
                _, output = self.complete(job)
                hosts = re.findall(r"^\d +(node\d) ", output, re.M)
                self.assertEqual((len(hosts), len(set(hosts))), (4, 2), output)
                self.assert_same(content(here), content(out))


if __name__ == "__main__":
    unittest.main()
