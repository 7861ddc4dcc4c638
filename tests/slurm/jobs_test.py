#!/usr/bin/python3
"""The batch scripts on a real Slurm: several nodes, interruptions, GPUs."""

import re
import shutil
import unittest

from cluster import ClusterTest
from program import ROOT, BINARY, ProgramTest, content, table, wait_until

# Rounds of a few milliseconds, two groups of layers, models kept and analysed.
CHANGES = {"average.body.layers": "fc1", "average.body.every": 2, "average.head.layers": "head",
           "model.init": "different", "train.momentum": 0.9, "federation.rounds": 6,
           "checkpoint.every": 3, "analysis.every": 3}
LAUNCHERS = ("srun --mpi=pmix -K1", "mpirun")


class JobTest(ClusterTest, ProgramTest):
    def submit(self, script, *arguments, slurm=("--nodes=2",), **lines):
        """Submits a copy of a script of slurm/, lines at its top changed as a user would."""
        text = (ROOT / f"slurm/{script}.sbatch").read_text()
        for name, value in lines.items():
            text, found = re.subn(rf"^{name}=.*", f"{name}={value}", text, flags=re.M)
            self.assertEqual(found, 1, name)
        path = self.path / f"{script}.sbatch"
        path.write_text(text)
        shutil.copy(ROOT / "slurm/job.sh", self.path)
        return self.cluster.submit(*slurm, path, *arguments, FEDSTRATA_BINARY=BINARY)

    def complete(self, job, timeout=120):
        """Waits for a job that must succeed; returns it and its output."""
        ended, output = self.cluster.wait(job, timeout), self.cluster.output(job)
        self.assertEqual((ended.state, ended.code), ("COMPLETED", 0), output)
        return ended, output


class SeveralNodes(JobTest):
    def test_same_bits_as_here_with_srun_and_mpirun(self):
        config = self.config(CHANGES)
        here = self.simulate(config, "here")
        for launch in LAUNCHERS:
            with self.subTest(launch=launch):
                out = self.path / launch.split()[0]
                job = self.submit("simulate", config, "--out", out, launch=f"({launch})",
                                  slurm=("--nodes=2", "--gpus-per-node=2"))
                _, output = self.complete(job)
                placement = re.findall(r"^(\d) +(node\d) +(\w+) +(-|cpu)", output, re.M)
                self.assertEqual(placement, [("0", "node1", "coordinator", "-"),
                                             ("1", "node1", "client", "cpu"),
                                             ("2", "node2", "client", "cpu"),
                                             ("3", "node2", "analysis", "cpu")], output)
                self.assert_same(content(here), content(out))

    def test_ranks_share_the_gpus_of_their_node(self):
        seen = 'echo "$SLURMD_NODENAME ${OMPI_COMM_WORLD_LOCAL_RANK:-$SLURM_LOCALID} ' \
               '$CUDA_VISIBLE_DEVICES"'
        expected = [f"node{node} {rank} 0,1" for node in (1, 2) for rank in (0, 1)]
        for launch in ("srun", "mpirun"):
            with self.subTest(launch=launch):
                job = self.cluster.submit("--nodes=2", "--ntasks=4", "--gpus-per-node=2",
                                          "--wrap", f"{launch} sh -c '{seen}'")
                _, output = self.complete(job)
                self.assertEqual(sorted(output.splitlines()), expected)

    def test_success_is_what_the_mark_says(self):
        job = self.submit("simulate", "small.ini", "--out", self.path / "out", launch="()",
                          program="true")
        ended = self.cluster.wait(job)
        self.assertEqual((ended.state, ended.code), ("FAILED", 1))
        self.assertIn(f"There is no {self.path}/out/DONE", self.cluster.output(job))


class Interrupted(JobTest):
    # Some seconds of work.
    LONG = {"data.train_limit": 2000, "federation.rounds": 200, "federation.evaluate": "both",
            "checkpoint.every": 50, "analysis.every": 50}

    def rounds(self, run):
        """How many a run has finished so far."""
        progress = run / "progress.csv"
        return len(progress.read_text().splitlines()) - 1 if progress.exists() else 0

    def interrupt(self, job, run, rounds):
        """Signals a job as soon as its run has so many rounds."""
        wait_until(lambda: self.rounds(run) >= rounds)
        self.cluster.interrupt(job)

    def test_simulations_queue_themselves_again_and_end_with_the_same_bits(self):
        config = self.config(CHANGES, self.LONG)
        here = self.simulate(config, "here")
        jobs = {launch: self.submit("simulate", config, "--out", self.path / launch.split()[0],
                                    launch=f"({launch})")
                for launch in LAUNCHERS}
        for restarts in (1, 2):
            for launch, job in jobs.items():
                self.interrupt(job, self.path / launch.split()[0], 60 * restarts)
            for job in jobs.values():
                self.cluster.wait_for(job, lambda job: job.restarts == restarts)
        for launch, job in jobs.items():
            with self.subTest(launch=launch):
                ended, output = self.complete(job)
                self.assertEqual(ended.restarts, 2, output)
                self.assert_same(content(here), content(self.path / launch.split()[0]))

    def test_restarts_are_capped_and_the_same_command_goes_on(self):
        config = self.config(CHANGES, self.LONG)
        out = self.path / "out"
        here = self.simulate(config, "here")
        job = self.submit("simulate", config, "--out", out, max_restarts=0)
        self.interrupt(job, out, 20)
        ended = self.cluster.wait(job)
        self.assertEqual((ended.state, ended.code, ended.restarts), ("FAILED", 3, 0))
        self.assertIn("not queued again after 0 restarts", self.cluster.output(job))
        self.assertFalse((out / "DONE").exists())
        self.complete(self.submit("simulate", config, "--out", out))
        self.assert_same(content(here), content(out))

    def test_a_job_that_does_not_get_on_is_not_queued_for_ever(self):
        config = self.config({"federation.local_steps": 10 ** 8, "run.grace": 0.5})
        job = self.submit("simulate", config, "--out", self.path / "out")
        for restarts in (0, 1):
            self.cluster.wait_for(job, lambda job: job.restarts == restarts)
            wait_until(lambda: self.cluster.output(job).count("round 0/") > restarts)
            self.cluster.interrupt(job)
        ended = self.cluster.wait(job)
        self.assertEqual((ended.state, ended.code, ended.restarts), ("FAILED", 3, 1))
        self.assertIn("before it finished a round, as the last time", self.cluster.output(job))

    def test_a_lost_node(self):
        """Its ranks leave nothing in order; the job starts again on other nodes."""
        config = self.config(CHANGES, self.LONG, {"federation.local_epochs": 50, "train.lr": 1e-3,
                                                  "federation.rounds": 16, "checkpoint.every": 4})
        out = self.path / "out"
        here = self.simulate(config, "here")
        job = self.submit("simulate", config, "--out", out)
        wait_until(lambda: self.rounds(out) >= 6)
        node = "nodename=" + self.cluster.run("squeue", "-hj", job, "-o", "%B").stdout.strip()
        self.addCleanup(self.cluster.run, "scontrol", "update", node, "state=resume")
        for state in ("down", "drain"):  # without the second it would be back at once
            self.cluster.run("scontrol", "update", node, f"state={state}", "reason=test")
        self.cluster.run("pkill", "-KILL", "-f", f"^{BINARY} simulate")  # inside, of this cluster
        ended, output = self.complete(job)
        self.assertEqual(ended.restarts, 1, output)
        self.assertNotIn("stopped in order", output)
        self.assertEqual(len(set(re.findall(r"^0 +(node\d) ", output, re.M))), 2, output)
        self.assert_same(content(here), content(out))

    def test_an_analysis_queues_itself_again_and_goes_on(self):
        config = self.config(CHANGES, {"data.test_limit": 600, "data.train_limit": 600})
        run = self.simulate(config, "run")
        settings = ["--set", "analysis.kinds=full,layer,complement,random:8,subset:8",
                    "--set", "analysis.batch_size=2"]
        self.succeed("analyze", run, "--name", "whole", *settings)
        job = self.submit("analyze", run, "--name", "halves", *settings,
                          slurm=("--nodes=2", "--ntasks=2"))
        journal = run / "state/analysis-halves.journal"
        wait_until(lambda: journal.exists() and journal.stat().st_size > 0)
        self.cluster.interrupt(job)
        ended, output = self.complete(job)
        self.assertEqual(ended.restarts, 1, output)
        for name in ("points", "barriers", "geometry"):
            self.assertEqual(table(run, f"barriers/whole/{name}").tobytes(),
                             table(run, f"barriers/halves/{name}").tobytes(), name)


if __name__ == "__main__":
    unittest.main()
