#!/usr/bin/python3
"""Ranks that are alone, crash, or fall silent: one sentence says which, where and in what."""

import os
import signal
import unittest
import unittest.mock

import interruption
import program
from program import ProgramTest, run, sentences, wait_until

LONG = {"federation.rounds": 1000000, "federation.evaluate_every": 0, "data.train_limit": 40}


class Alone(ProgramTest):
    def alone(self, **environment):
        """What a process says that a launcher started for another MPI library."""
        with unittest.mock.patch.dict(os.environ, environment):
            return run("simulate", self.config(), "--out", self.path / "run")

    def test_processes_that_do_not_know_each_other(self):
        for environment, fix in (({"SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "0"}, "--mpi=pmix"),
                                 ({"OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_RANK": "0"},
                                  "Open MPI"),
                                 ({"PMI_SIZE": "4", "PMI_RANK": "0"}, "Open MPI")):
            self.assert_fails(self.alone(**environment), 2, "started 4 processes", fix)
            rank = next(key for key in environment if key.endswith(("PROCID", "RANK")))
            other = self.alone(**environment | {rank: "1"})
            self.assertEqual((other.returncode, sentences(other)), (2, []), other.stderr)
        self.assertFalse((self.path / "run").exists())

    def test_what_a_batch_shell_has_is_no_sign_of_it(self):
        result = self.alone(SLURM_NTASKS="4", SLURM_NPROCS="4", SLURM_STEP_NUM_TASKS="1")
        self.assertEqual(result.returncode, 0, result.stderr)


class Lost(ProgramTest):
    def harmed(self, rank, number, *arguments):
        """stderr of a job of three ranks, one of which gets a signal in mid-run."""
        out = self.path / f"run{rank}{number}"
        process = program.start("simulate", self.config(LONG), "--out", out, *arguments, ranks=3)
        progress = out / "progress.csv"
        wait_until(lambda: progress.exists() and progress.read_text().count("\n") > 10)
        interruption.send(interruption.ranks_of(process.pid)[rank], number)
        _, err = interruption.end_of(process, 30)
        self.assertNotIn(process.returncode, (0, 3), err)
        self.succeed("inspect", out, "--verify")
        return [line for line in err.splitlines() if line.startswith("fedstrata")
                and "warning:" not in line]

    def test_a_crash_is_one_line(self):
        said = self.harmed(1, signal.SIGSEGV)
        self.assertEqual(len(said), 1, said)
        self.assertRegex(said[0], r"rank 1 on \S+ \(client\), \w+ round \d+\): crashed with SIGSEGV")

    def test_a_silent_rank_is_named(self):
        for rank, role in ((0, "coordinator"), (1, "client"), (2, "analysis")):
            said = self.harmed(rank, signal.SIGSTOP, "--set", "run.stall_timeout=2")
            self.assertEqual(len(said), 1, said)
            self.assertRegex(said[0], rf"rank {rank} on \S+ \({role}\) has given no sign of life for")

    def test_a_silent_rank_of_an_analysis_is_named(self):
        out = self.simulate(self.config({"data.train_limit": 20000, "checkpoint.every": 1,
                                         "run.stall_timeout": 2}), "run")
        for rank in (0, 1):
            name = f"silent{rank}"
            process = program.start("analyze", out, "--name", name,
                                    "--set", "analysis.batch_size=4", ranks=3)
            self.addCleanup(process.communicate)
            self.addCleanup(process.kill)
            journal = out / f"state/analysis-{name}.journal"
            wait_until(lambda: journal.exists() and journal.stat().st_size > 2000)
            interruption.send(interruption.ranks_of(process.pid)[rank], signal.SIGSTOP)
            _, err = interruption.end_of(process, 30)
            self.assertRegex(err, rf"rank {rank} on \S+ \(analysis\) has given no sign of life for "
                             r"\S+ s; its last was: analysing")
            self.assertNotIn(process.returncode, (0, 3), err)

    def test_a_killed_rank_ends_the_job(self):
        self.assertEqual(self.harmed(1, signal.SIGKILL), [])  # the launcher says which it was


class Crowded(ProgramTest):
    def test_more_threads_than_cores_is_a_warning_with_numbers(self):
        threads = 4 * os.cpu_count()
        result = run("simulate", self.config({"run.threads": threads}), "--dry-run", ranks=1)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stderr, rf"warning: \S+ 1 computing ranks want {threads} threads, "
                         rf"but the job has \d+ core")
        self.assertNotIn("warning", run("simulate", self.config(), "--dry-run").stderr)


if __name__ == "__main__":
    unittest.main()
