#!/usr/bin/python3
"""Ranks that are alone, crash, or fall silent: one sentence says which, where and in what."""

import os
import signal
import subprocess
import unittest
import unittest.mock

import interruption
import program
from program import ProgramTest, run, table, wait_until

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
            left_over = self.alone(**environment | {rank: "1"})  # by a program that has ended
            self.assert_fails(left_over, 2, "started 4 processes", "left over", "unset it")
        self.assertFalse((self.path / "run").exists())

    def test_one_of_them_says_it(self):
        with unittest.mock.patch.dict(os.environ, {"OMPI_COMM_WORLD_SIZE": "3"}):
            jobs = [program.start("simulate", self.config()) for _ in range(3)]
        said = [job.communicate(timeout=30)[1] for job in jobs]
        self.assertEqual([job.returncode for job in jobs], [2, 2, 2])
        self.assertEqual(sum("started 3 processes" in text for text in said), 1, said)

    def test_what_a_batch_shell_has_is_no_sign_of_it(self):
        result = self.alone(SLURM_NTASKS="4", SLURM_NPROCS="4", SLURM_STEP_NUM_TASKS="1")
        self.assertEqual(result.returncode, 0, result.stderr)


class Ranks(ProgramTest):
    """--ranks in a shell that knows nothing of Open MPI."""

    def setUp(self):
        super().setUp()
        bare = {key: value for key, value in os.environ.items() if not key.startswith("OMPI_")}
        for patch in (unittest.mock.patch.dict(os.environ, bare, clear=True),
                      unittest.mock.patch.object(program, "LAUNCHER", {"OMP_NUM_THREADS": "1"})):
            patch.start()
            self.addCleanup(patch.stop)

    def test_the_same_run_as_on_one_rank(self):
        config = self.config({"checkpoint.every": 1})
        one, four = self.simulate(config, "one"), self.simulate(config, "four", "--ranks", "4")
        self.assert_same(program.content(one), program.content(four))
        self.succeed("analyze", four, "--ranks=2")
        self.succeed("analyze", one, "--ranks", "1")
        self.assertEqual(table(one, "barriers/posthoc/barriers").tobytes(),
                         table(four, "barriers/posthoc/barriers").tobytes())

    def test_codes_and_one_sentence_without_a_banner(self):
        config, out = self.config(), self.path / "run"
        ini = str(config)
        for arguments, code, fragment in (
                ((ini, "--ranks", "3", "--set", "train.lr=much"), 2, "train.lr"),
                ((ini, "--ranks", "0"), 2, "integer >= 1"),
                ((ini, "--ranks", "1000000"), 2, "too many for this machine"),
                ((ini, "--ranks", "3", "--set", "train.lr=1e30"), 1, "train.lr")):
            result = run("simulate", *arguments, "--out", out)
            self.assert_fails(result, code, fragment)
            self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
        for launcher, code, fragment in (("nowhere", 2, "MPIEXEC = nowhere"),
                                         ("false", 1, "ended with code 1")):
            with unittest.mock.patch.dict(os.environ, {"MPIEXEC": launcher}):
                self.assert_fails(run("simulate", config, "--ranks", "2"), code, fragment)

    def test_is_refused_under_a_launcher(self):
        for variable in ("OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK"):
            with unittest.mock.patch.dict(os.environ, {variable: "1"}):
                result = run("simulate", self.config(), "--ranks", "2")
                self.assert_fails(result, 2, f"{variable} is set", "leave out --ranks")

    def test_input_is_left_to_others(self):
        result = subprocess.run(f"{program.BINARY} simulate {self.config()} --out {self.path}/run "
                                "--ranks 2 >/dev/null; cat", shell=True, input="kept", text=True,
                                capture_output=True, check=True)
        self.assertEqual(result.stdout, "kept")

    def test_signals(self):
        config, out = self.config(LONG), self.path / "run"
        progress = out / "progress.csv"
        for number, code in ((signal.SIGINT, 3), (signal.SIGTERM, 3), (signal.SIGKILL, 1)):
            rounds = len(progress.read_text().splitlines()) if progress.exists() else 0
            process = program.start("simulate", config, "--out", out, "--resume", "--ranks", "3")
            wait_until(lambda: progress.exists()
                       and len(progress.read_text().splitlines()) > rounds + 10)
            if number == signal.SIGKILL:
                launcher, = interruption.children_of(process.pid)
                interruption.send(interruption.ranks_of(launcher)[1], number)
            else:
                interruption.send(process.pid, number)
            said, err = interruption.end_of(process, 30)
            self.assertEqual(process.returncode, code, said + err)
            self.assertIn("ended by a signal" if code == 1 else "stopped in order (interrupted)",
                          said + err)
            if code == 3:
                self.assertIn(f"simulate --resume {out} --ranks 3", said)
        self.succeed("inspect", out, "--verify")


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
