#!/usr/bin/python3
"""What takes minutes, started by hand: real time limits, many starts on several nodes."""

import unittest

from jobs_test import CHANGES, LAUNCHERS, JobTest
from program import BINARY, content


class Long(JobTest):
    def test_time_limits(self):
        """Slurm signals jobs of one minute by itself, as often as it takes."""
        config = self.config(CHANGES, {"data.train_limit": 2000, "federation.rounds": 6000,
                                       "checkpoint.every": 1000, "analysis.every": 1000,
                                       "run.grace": 5})
        here = self.simulate(config, "here", timeout=600)
        jobs = {launch: self.submit("simulate", config, "--out", self.path / launch.split()[0],
                                    launch=f"({launch})",
                                    slurm=("--nodes=2", "--time=1", "--signal=B:USR1@40"))
                for launch in LAUNCHERS}
        for launch, job in jobs.items():
            with self.subTest(launch=launch):
                ended, output = self.complete(job, timeout=900)
                self.assertGreaterEqual(ended.restarts, 2, output)
                self.assert_same(content(here), content(self.path / launch.split()[0]))
                print(f"{launch}: {ended.restarts} restarts")

    def test_no_start_fails(self):
        config = self.config({"data.clients": 8})
        script = self.cluster.write("starts", f"""#!/bin/bash
source slurm/job.sh
for start in {{1..50}}; do
  srun --mpi=pmix -K1 {BINARY} simulate {config} --dry-run | grep ^rank || exit
done
""")
        job = self.cluster.submit("--nodes=4", "--ntasks=8", "--time=60", script)
        _, output = self.complete(job, timeout=900)
        self.assertEqual(output.count("rank "), 50)


if __name__ == "__main__":
    unittest.main()
