#!/usr/bin/python3
"""A run that is stopped or killed goes on as if nothing had happened."""

import os
import random
import shutil
import signal
import time
import unittest

import h5py
import numpy as np

import interruption
import program
from program import ProgramTest, content, run, table, wait_until

KILLS = 20


class Kills(ProgramTest):
    def test_random_kills_leave_no_trace(self):
        random.seed(20)
        config = self.config(interruption.CONFIG)
        reference = content(self.simulate(config, "reference"))
        interruption.trials(config, reference, self.path, KILLS)


class Stops(ProgramTest):
    LONG = {"federation.rounds": 100000, "checkpoint.every": 5000, "data.train_limit": 40,
            "federation.evaluate_every": 0, "checkpoint.minutes": 0}

    def stopped(self, config, *arguments, ranks=1, number=signal.SIGUSR1, after=0):
        """Exit code and output of a job that gets a signal once it has trained some rounds."""
        process = program.start("simulate", config, "--out", self.path / "run", *arguments,
                                ranks=ranks)
        progress = self.path / "run/progress.csv"
        wait_until(lambda: process.poll() is not None or progress.exists()
                   and len(progress.read_text().splitlines()) > after + 10)
        process.send_signal(number)
        out, err = interruption.end_of(process)
        return process.returncode, out, err

    def test_a_signal_ends_a_round_saves_and_exits_with_3(self):
        config = self.config(self.LONG)
        done = 0
        for ranks, number in ((1, signal.SIGUSR1), (3, signal.SIGUSR1), (1, signal.SIGTERM),
                              (1, signal.SIGINT)):
            with self.subTest(ranks=ranks, signal=number):
                code, out, err = self.stopped(config, "--resume", ranks=ranks, number=number,
                                              after=done)
                self.assertEqual(code, 3, out + err)
                self.assertIn(f"stopped in order ({number.name}) after round", out)
                self.assertFalse((self.path / "run/DONE").exists())
                rounds = table(self.path / "run", "metrics/rounds")["round"]
                self.assertEqual(rounds.tolist(), list(range(len(rounds))))
                self.assertIn(f"after round {rounds[-1]} of", out)
                self.assertGreater(rounds[-1], done)
                done = int(rounds[-1])
                states = sorted((self.path / "run/state/resume").iterdir())
                self.assertLessEqual(len(states), 2)
                self.assertTrue(states[-1].name.startswith(f"{done:06d}"))
                lines = (self.path / "run/progress.csv").read_text().splitlines()
                self.assertEqual([int(line.split(",")[0]) for line in lines[1:]],
                                 list(range(done + 1)))

    def test_a_long_round_is_given_up(self):
        config = self.config({"data.train_limit": 2000, "federation.local_epochs": None,
                              "federation.local_steps": 10 ** 8, "run.grace": 0.5})
        for ranks in (1, 3):
            process = program.start("simulate", config, "--out", self.path / f"run{ranks}",
                                    ranks=ranks)
            wait_until(lambda: (self.path / f"run{ranks}/progress.csv").exists())
            time.sleep(0.5)
            process.send_signal(signal.SIGUSR1)
            out, err = interruption.end_of(process, 20)
            self.assertEqual(process.returncode, 3, out + err)
            self.assertIn("after round 0 of", out)
            self.succeed("inspect", self.path / f"run{ranks}", "--verify")

    def test_a_time_limit_of_its_own(self):
        config = self.config(self.LONG, {"run.walltime": 0.05, "run.grace": 0.5})
        begin = time.monotonic()
        result = run("simulate", config, "--out", self.path / "run", ranks=2)
        self.assertEqual(result.returncode, 3, result.stderr)
        self.assertIn("end of the time allowed", result.stdout)
        self.assertLess(time.monotonic() - begin, 20)

    def test_the_analysis_that_is_left_is_done_later(self):
        many = {"data.clients": 6, "data.train_limit": 300, "federation.rounds": 2,
                "analysis.every": 1, "analysis.alphas": 401}
        config = self.config(many)
        whole = content(self.simulate(config, "whole"))
        process = program.start("simulate", config, "--out", self.path / "run", ranks=3)
        wait_until(lambda: (self.path / "run/state/resume/000002.state").exists())
        process.send_signal(signal.SIGUSR1)
        out, err = interruption.end_of(process)
        self.assertEqual(process.returncode, 3, out + err)
        self.assertIn("after round 2 of 2", out)
        self.succeed("simulate", "--resume", self.path / "run")
        self.assert_same(whole, content(self.path / "run"))


class Signals(ProgramTest):
    """What the user of a terminal sees of Ctrl-C."""

    SLOW = {"data.train_limit": 20000, "federation.local_epochs": None,
            "federation.local_steps": 10 ** 6, "run.grace": 10 ** 5}

    def keep_waiting(self, pipe):
        """Waits for a reader of the pipe, who then waits for what is never written."""
        def opened():
            try:
                self.addCleanup(os.close, os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
            except OSError:
                return False
            return True

        wait_until(opened)

    def begun(self, *arguments, ranks=1, there="progress.csv"):
        """A run in its first round."""
        out = self.path / f"run{len(list(self.path.glob('run*')))}"
        process = program.start("simulate", self.config(self.SLOW), "--out", out, *arguments,
                                ranks=ranks)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        wait_until(lambda: (out / there).exists())
        time.sleep(0.3)
        return process, out

    def test_the_first_says_what_comes_and_the_second_ends_it(self):
        for arguments, ranks in (((), 1), (("--ranks", "3"), 1), ((), 3)):
            with self.subTest(arguments=arguments, ranks=ranks):
                process, out = self.begun(*arguments, ranks=ranks)
                # mpirun itself takes SIGINT for an order to end its ranks.
                process.send_signal(signal.SIGUSR1 if ranks > 1 else signal.SIGINT)
                began = time.monotonic()
                line = next(line for line in process.stderr if "fedstrata:" in line)
                self.assertLess(time.monotonic() - began, 1)
                self.assertRegex(line, r"stopping: finishing the round, then saving; "
                                 r"at most some 100000 s.*; again: at once")
                self.assertIsNone(process.poll())
                time.sleep(0.5)
                began = time.monotonic()
                process.send_signal(signal.SIGINT)
                _, err = interruption.end_of(process, 20)
                self.assertLess(time.monotonic() - began, 2)
                self.assertNotIn(process.returncode, (0, 2, 3), err)
                if ranks == 1:
                    self.assertEqual(process.returncode, 128 + signal.SIGINT, err)
                self.succeed("inspect", out, "--verify")

    def test_one_that_comes_twice_at_once_is_one(self):
        process, _ = self.begun("--set", "run.grace=1")
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = interruption.end_of(process, 20)
        self.assertEqual(process.returncode, 3, out + err)

    def test_set_up_ends_at_once(self):
        pipe = self.path / "slow.ini"
        os.mkfifo(pipe)  # the program waits for its config
        process = program.start("simulate", pipe, "--out", self.path / "run")
        self.keep_waiting(pipe)
        process.send_signal(signal.SIGINT)
        _, err = interruption.end_of(process, 2)
        self.assertEqual((process.returncode, err),
                         (3, "fedstrata: stopped before anything was done\n"))
        self.assertFalse((self.path / "run").exists())


class Resume(ProgramTest):
    def test_a_finished_run_and_one_that_never_began(self):
        config = self.config()
        out = self.path / "run"
        self.simulate(config, "run", "--resume")
        before = program.snapshot(out)
        for arguments in ((out,), (config, "--out", out)):
            self.assertIn("is complete", self.succeed("simulate", *arguments, "--resume"))
        self.assertEqual(program.snapshot(out), before)

    def test_other_settings_are_refused(self):
        config = self.config()
        out = self.simulate(config, "run")
        before = program.snapshot(out)

        def refused(*arguments):
            return run("simulate", out, "--resume", *arguments)
        self.assert_fails(refused("--set", "train.lr=0.1", "--set", "average.all.every=2"), 2,
                          "train.lr was 0.05 and is 0.1", "average.all.every was 1 and is 2",
                          "another --out")
        self.assert_fails(refused("--set", "federation.rounds=4"), 2, "federation.rounds was 2",
                          "--allow-config-change")
        self.assert_fails(refused("--set", "federation.rounds=1", "--allow-config-change"), 2,
                          "has 2 already")
        self.assert_fails(refused("--set", "train.schedule=cosine"), 2, "train.schedule was")
        self.assert_fails(refused("--out", self.path / "other"), 2, "leave out --out")
        self.assert_fails(run("simulate", self.path / "nothing", "--resume"), 2, "nothing")
        self.assertEqual(program.snapshot(out), before)

    def test_a_longer_run_and_another_analysis(self):
        config = self.config({"checkpoint.every": 1, "analysis.every": 1,
                              "checkpoint.keep_state": "yes"})
        out = self.simulate(config, "run")
        for ranks, settings in ((3, ("federation.rounds=4", "analysis.alphas=5")),
                                (1, ("federation.rounds=5", "checkpoint.every=5"))):
            words = [word for value in settings for word in ("--set", value)]
            self.succeed("simulate", out, "--resume", "--allow-config-change", *words, ranks=ranks)
        longer = self.simulate(config, "longer", "--set", "federation.rounds=5",
                               "--set", "analysis.alphas=5")
        mine, other = content(out), content(longer)
        for name in ("metrics/rounds", "metrics/clients", "metrics/layers",
                     "checkpoints/000005/global"):
            self.assertEqual(mine[name], other[name], name)
        again = table(out, "barriers/insitu-2/barriers")
        expected = table(longer, "barriers/insitu/barriers")
        self.assertEqual(again.tobytes(), expected.tobytes())  # of the rounds before, too
        with h5py.File(out / "run.h5") as file:
            self.assertEqual(len(file["provenance"]), 3)
            self.assertIn("rounds = 5", file.attrs["config"])

    def test_a_damaged_state_falls_back_to_the_one_before(self):
        config = self.config({"federation.rounds": 6, "checkpoint.every": 2,
                              "checkpoint.keep_state": "yes"})
        whole = content(self.simulate(config, "whole"))
        out = self.simulate(config, "run", "--set", "federation.rounds=2")
        older = out / "state/resume/000002.state"
        kept = older.read_bytes()
        self.succeed("simulate", out, "--resume", "--allow-config-change",
                     "--set", "federation.rounds=4")
        self.assertFalse(older.exists())
        older.write_bytes(kept)
        newest = out / "state/resume/000004.state"
        data = bytearray(newest.read_bytes())
        data[len(data) // 2] ^= 1
        newest.write_bytes(data)
        result = run("simulate", config, "--out", out, "--resume", "--allow-config-change")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("000004.state' is damaged", result.stderr)
        self.assertIn("going on after round 2", result.stdout)
        self.assert_same(whole, content(out))

    def test_states_go_when_the_run_is_done(self):
        config = self.config({"checkpoint.every": 1})
        out = self.simulate(config, "run")
        states = out / "state/resume"
        self.assertEqual(list(states.iterdir()), [])
        before = program.snapshot(out)
        result = run("simulate", out, "--resume", "--allow-config-change",
                     "--set", "federation.rounds=4")
        self.assert_fails(result, 2, "did not keep a state", "federation.rounds=4",
                          "--out ELSEWHERE", "checkpoint.keep_state = yes")
        self.assertEqual(program.snapshot(out), before)
        # Killed after it was done, before the states went: a later start finishes that.
        kept = self.simulate(config, "kept", "--set", "checkpoint.keep_state=yes")
        state, = (kept / "state/resume").iterdir()
        shutil.copy(state, states)
        self.succeed("inspect", out, "--verify")
        self.assertIn("is complete", self.succeed("simulate", out, "--resume"))
        self.assertEqual(list(states.iterdir()), [])
        self.succeed("simulate", kept, "--resume")
        self.assertEqual(list((kept / "state/resume").iterdir()), [state])

    def test_few_files_however_many_rounds_are_stored(self):
        config = self.config({"checkpoint.every": 1, "analysis.every": 1, "federation.rounds": 20,
                              "analysis.kinds": "full", "analysis.pairs": "ring"})
        out = self.simulate(config, "run", ranks=2)
        names = [name.decode() for name in table(out, "files")["name"]]
        self.assertEqual(len([n for n in names if n.startswith("metrics/")]), 1, names)
        self.assertEqual(len([n for n in names if n.startswith("barriers/") and n.endswith(".h5")]),
                         1, names)
        self.assertEqual(table(out, "metrics/rounds")["round"].tolist(), list(range(21)))

    def test_data_that_changed(self):
        images = program.write_idx(self.path / "images")
        config = self.config({"data.dataset": "mnist", "data.dir": images,
                              "data.train_limit": None, "data.test_limit": None,
                              "checkpoint.keep_state": "yes"})
        out = self.simulate(config, "run")
        other = program.write_idx(self.path / "others", seed=2)
        result = run("simulate", out, "--resume", "--allow-config-change",
                     "--set", "federation.rounds=3", "--set", f"data.dir={other}")
        self.assert_fails(result, 2, "data set is not the one", "data.dir")

    def test_state_is_small_where_everything_is_averaged(self):
        config = self.config({"data.clients": 50, "checkpoint.every": 1,
                              "checkpoint.keep_state": "yes"})
        out = self.simulate(config, "run", ranks=2)
        parameters = h5py.File(out / "run.h5").attrs["parameters"]
        newest = sorted((out / "state/resume").iterdir())[-1]
        self.assertLess(newest.stat().st_size, 4 * parameters + 200)
        np.testing.assert_array_less(0, newest.stat().st_size)


if __name__ == "__main__":
    unittest.main()
