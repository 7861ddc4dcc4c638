#!/usr/bin/python3
"""An analysis that was killed goes on where it was; one that fell behind is completed later."""

import os
import pathlib
import random
import shutil
import signal
import struct
import subprocess
import tempfile
import time
import unittest

import laboratory
import program
from laboratory import LaboratoryTest, barriers, setting, tables
from program import ProgramTest, ini, run, snapshot, table, wait_until

# A second or two of work in units of a few milliseconds.
LONG = dict(kinds="full,layer,complement,random:2,subset:2,plane:0-1-2,simplex:2",
            plane_points=9, batch_size=4)


def journal_of(directory, name="killed"):
    return directory / f"state/analysis-{name}.journal"


def size_of(file):
    return file.stat().st_size if file.exists() else 0


def records(data):
    """(round, phase, unit) and end of each whole record of a journal."""
    found, at = [], 0
    while at + 32 <= len(data):
        *unit, count = struct.unpack_from("<4q", data, at)
        at += 32 + 8 * count + 8
        if at > len(data):
            break
        found.append((tuple(unit), at))
    return found


def kill(process):
    """Ends the launcher and all ranks at once, as a power cut would."""
    found = subprocess.run(["pgrep", "-s", str(process.pid)], capture_output=True, text=True,
                           check=False)
    for pid in map(int, found.stdout.split()):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it ended by itself
    process.communicate()


class StoredRun(LaboratoryTest):
    """Each test has a copy of one run, analysed without interruption."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        shared = tempfile.TemporaryDirectory(prefix="fedstrata-test-")
        cls.addClassCleanup(shared.cleanup)
        config = pathlib.Path(shared.name) / "small.ini"
        config.write_text(ini({"model.init": "different", "model.hidden": "12,8",
                               "data.train_limit": 600, "checkpoint.every": 1,
                               "federation.rounds": 3}))
        cls.original = config.with_name("run")
        for arguments in (("simulate", config, "--out", cls.original),
                          ("analyze", cls.original, "--name", "whole", *setting(**LONG))):
            result = run(*arguments)
            assert result.returncode == 0, result.stderr

    def setUp(self):
        super().setUp()
        self.run_path = shutil.copytree(self.original, self.path / "run")
        self.journal = journal_of(self.run_path)

    def start(self, *options, ranks=1):
        """The analysis `killed`, begun or gone on with, in the background."""
        arguments = options or setting(**LONG)
        process = program.start("analyze", self.run_path, "--name", "killed", *arguments,
                                ranks=ranks)
        self.addCleanup(kill, process)
        return process

    def kill_at(self, size):
        """Kills the analysis once its journal has this many bytes; returns the journal."""
        process = self.start()
        wait_until(lambda: size_of(self.journal) >= size)
        kill(process)
        return self.journal.read_bytes()

    def resume(self, ranks=1):
        """Goes on to the end; returns all that the journal has held."""
        kept = self.path / "journal"
        os.link(self.journal, kept)  # the same file under a name that nobody removes
        self.succeed("analyze", self.run_path, "--name", "killed", "--resume", ranks=ranks)
        self.assert_same(tables(self.run_path, "whole"), tables(self.run_path, "killed"))
        self.assertFalse(self.journal.exists())
        data = kept.read_bytes()
        kept.unlink()
        return data


class Killed(StoredRun):
    def test_at_random_instants(self):
        seed = random.randrange(1 << 32)
        instants = random.Random(seed)
        for ranks in (1, 2):
            with self.subTest(ranks=ranks, seed=seed):
                shutil.rmtree(self.run_path)
                shutil.copytree(self.original, self.run_path)
                settings = self.run_path / "barriers/killed/config.ini"
                for _ in range(3):
                    process = self.start(*(["--resume"] if settings.exists() else []), ranks=ranks)
                    wait_until(lambda p=process: settings.exists() or p.poll() is not None)
                    time.sleep(instants.uniform(0, 0.5))
                    kill(process)
                self.succeed("analyze", self.run_path, "--name", "killed", "--resume",
                             ranks=3 - ranks)
                self.assert_same(tables(self.run_path, "whole"), tables(self.run_path, "killed"))
                self.succeed("inspect", self.run_path, "--verify")

    def test_finished_units_are_not_repeated(self):
        before = self.kill_at(20000)
        known = records(before)
        after = self.resume(ranks=2)
        whole = known[-1][1]
        self.assertEqual(after[:whole], before[:whole])
        units = [unit for unit, _ in records(after)]
        self.assertGreater(len(units), len(known))
        self.assertEqual(len(units), len(set(units)))

    def test_what_is_damaged_in_the_journal_is_computed_again(self):
        before = self.kill_at(20000)
        stored = shutil.copytree(self.run_path, self.path / "stored")
        ends = [0] + [end for _, end in records(before)]
        middle = len(ends) // 2
        flipped = bytearray(before)
        flipped[ends[middle] + 40] ^= 1  # of a result
        wild = bytearray(before)
        wild[ends[middle] + 31] = 0x7f  # a length beyond all bounds
        for what, data, valid in (("cut", before[:ends[-1] - 3], ends[-2]),
                                  ("flipped", flipped, ends[middle]), ("wild", wild, ends[middle]),
                                  ("noise", before[:ends[-1]] + b"\xff" * 100, ends[-1]),
                                  ("empty", b"", 0)):
            with self.subTest(what):
                shutil.rmtree(self.run_path)
                shutil.copytree(stored, self.run_path)
                self.journal.write_bytes(data)
                after = self.resume()
                self.assertEqual(after[:valid], before[:valid])
                units = [unit for unit, _ in records(after)]
                self.assertEqual(len(units), len(set(units)))
                self.assertEqual(records(after)[-1][1], len(after))


class OneAtATime(StoredRun):
    def test_a_second_process_is_refused(self):
        for options in ((), ("--resume",)):
            with self.subTest(options):
                done = size_of(self.journal)
                process = self.start(*options)
                wait_until(lambda least=done: size_of(self.journal) > least)
                process.send_signal(signal.SIGSTOP)
                second = run("analyze", self.run_path, "--name", "killed", "--resume")
                self.assert_fails(second, 2, "another process", "killed", "--name")
                again = run("analyze", self.run_path, "--name", "killed")
                self.assert_fails(again, 2, "'killed'", "--name")
                kill(process)
        self.resume()

    def test_nothing_is_missing_in_a_finished_analysis(self):
        before = snapshot(self.run_path)
        for ranks in (1, 2):
            self.assertIn("nothing is missing", self.succeed(
                "analyze", self.run_path, "--name", "whole", "--resume", ranks=ranks))
        self.assertEqual(snapshot(self.run_path), before)


class FallenBehind(LaboratoryTest):
    def test_rounds_that_were_skipped_are_filled_in(self):
        settings = {"analysis.every": 1, "checkpoint.every": 2, "federation.rounds": 12,
                    "federation.local_epochs": None, "federation.local_steps": 1,
                    "federation.evaluate_every": 0, "analysis.plane_points": 15,
                    "analysis.kinds": "full,layer,random:5,plane:0-1-2"}
        waits = self.simulate(self.config(settings), "waits")
        # On fewer ranks the coordinator analyses, so that training cannot run ahead.
        skips = self.simulate(self.config(settings, {"analysis.backlog": "skip"}), "skips", ranks=3)
        everything = set(range(1, 13))
        missing = set(table(skips, "barriers/insitu/skipped")["round"])
        stored = {r for r in missing if r % 2 == 0}
        self.assertTrue(stored and missing - stored, missing)
        self.assertEqual(set(barriers(skips, "insitu")["round"]), everything - missing)
        self.succeed("analyze", skips, "--missing", ranks=2)
        self.assertNotIn(0, barriers(skips, "insitu")["round"])
        left = set(table(skips, "barriers/insitu/skipped")["round"])
        self.assertEqual(left, missing - stored)
        self.assert_same(tables(waits, "insitu", everything - left),
                         tables(skips, "insitu", everything - left))
        self.assertIn("nothing is missing", self.succeed("analyze", skips, "--missing"))


class OnAnotherMachine(ProgramTest):
    def test_data_that_lies_elsewhere(self):
        data = program.write_idx(self.path / "data")
        config = self.config({"data.dataset": "mnist", "data.dir": data, "checkpoint.every": 1,
                              "data.train_limit": None, "data.test_limit": None})
        out = self.simulate(config, "run")
        self.succeed("analyze", out, "--name", "before")
        moved = data.rename(self.path / "moved")
        other = program.write_idx(self.path / "other", seed=2)
        for ranks in (1, 2):
            name = f"after{ranks}"
            lost = run("analyze", out, "--name", name, ranks=ranks)
            self.assert_fails(lost, 2, "data.dir", str(data))
            wrong = run("analyze", out, "--name", name, "--set", f"data.dir={other}", ranks=ranks)
            self.assert_fails(wrong, 2, "data set is not the one", "--set data.dir=")
            self.succeed("analyze", out, "--name", name, "--set", f"data.dir={moved}", "--set",
                         "run.stall_timeout=50", ranks=ranks)
            self.assert_same(tables(out, "before"), tables(out, name))
            self.succeed("analyze", out, "--name", "before", "--resume", "--set",
                         f"data.dir={moved}", ranks=ranks)
        fixed = run("analyze", out, "--name", "before", "--resume", "--set", "analysis.alphas=5")
        self.assert_fails(fixed, 2, "--set (but for data.dir", "--name")
        fixed = run("analyze", out, "--name", "more", "--set", "train.lr=5")
        self.assert_fails(fixed, 2, "--set train.lr=5", "run.device", "can be set here")


if __name__ == "__main__":
    unittest.main()
