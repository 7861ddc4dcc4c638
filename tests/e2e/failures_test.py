#!/usr/bin/python3
"""What fails in mid-run ends the whole job with one sentence; what was complete stays valid."""

import os
import signal
import subprocess
import time
import unittest

import h5py
import numpy as np

import program
from program import ProgramTest, content, run, start, table, wait_until


class Divergence(ProgramTest):
    # In the first round a step is far too long, which shows in clients that take more than one.
    WILD = {"model.hidden": "16,16,16", "data.train_limit": 400, "data.partition": "quantity",
            "data.sigma": 2, "data.min_samples": 1, "train.batch_size": 16, "train.lr": 1000,
            "train.schedule": "step", "train.step_every": 1, "train.step_factor": 1e-9,
            "federation.rounds": 3, "checkpoint.every": 1, "analysis.every": 1, "run.seed": 3}

    def test_stops_the_job_and_names_client_round_and_layer(self):
        config = self.config(self.WILD, {"data.partition": "iid"})
        for ranks in (1, 4):
            with self.subTest(ranks=ranks):
                out = self.path / f"out{ranks}"
                result = run("simulate", config, "--out", out, ranks=ranks)
                self.assert_fails(result, 1, "client ", "round 1", "layer fc", "train.lr")
                self.assertFalse((out / "DONE").exists())
                self.succeed("inspect", out, "--verify")

    def test_exclude_goes_on_without_the_client(self):
        config = self.config(self.WILD, {"federation.on_divergence": "exclude"})
        runs = [self.simulate(config, f"out{ranks}", ranks=ranks) for ranks in (1, 4)]
        clients = table(runs[0], "metrics/clients")
        steps = -(-clients["samples"] // 16)
        self.assertEqual(sorted(set(steps.tolist()))[0], 1)
        first = clients["round"] == 1  # later rounds may or may not recover from it
        self.assertEqual(clients["excluded"][first].tolist(), (steps > 1)[first].tolist())
        with h5py.File(runs[0] / "run.h5") as file:
            self.assertTrue(np.isfinite(file["checkpoints/000003/global"][:]).all())
            skipped = file["barriers/insitu/skipped"][:]
            self.assertEqual(set(skipped["reason"]), {b"client diverged"})
            self.assertEqual(skipped["a"].tolist(),
                             clients["client"][clients["excluded"] == 1].tolist())
        self.assert_same(program.content(runs[0]), program.content(runs[1]))
        self.succeed("analyze", runs[0], "--name", "later")
        for name in ("points", "barriers", "skipped", "geometry"):
            self.assertEqual(table(runs[0], f"barriers/later/{name}").tobytes(),
                             table(runs[0], f"barriers/insitu/{name}").tobytes(), name)

    def test_nobody_left_to_average(self):
        config = self.config(self.WILD, {"federation.on_divergence": "exclude",
                                         "data.partition": "iid"})
        for ranks in (1, 4):
            result = run("simulate", config, "--out", self.path / f"out{ranks}", ranks=ranks)
            self.assert_fails(result, 1, "all participants of round 1 diverged", "train.lr")


class LostRank(ProgramTest):
    def test_a_killed_rank_ends_the_job(self):
        config = self.config({"federation.rounds": 100000, "checkpoint.every": 50})
        process = program.start("simulate", config, "--out", self.path / "out", ranks=4)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        wait_until((self.path / "out/checkpoints/000050.h5").exists)
        children = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True,
                                  text=True, check=True).stdout.split()
        subprocess.run(["kill", "-KILL", children[2]], check=True)
        began = time.monotonic()
        self.assertNotEqual(process.wait(timeout=30), 0)
        self.assertLess(time.monotonic() - began, 30)
        self.assertIn("every file is as it was written",
                      self.succeed("inspect", self.path / "out", "--verify"))


class NotAllowed(ProgramTest):
    def test_says_so(self):
        """Not what an earlier call had failed for."""
        config, closed = self.config(), self.path / "closed"
        closed.mkdir()
        closed.chmod(0o555)
        self.path.chmod(0o755)
        # Root may write anywhere.
        other = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if not os.geteuid() else []
        if subprocess.run([*other, program.BINARY, "--version"], capture_output=True,
                          check=False).returncode:
            self.skipTest("other users cannot start the program here")
        result = subprocess.run(
            [*other, program.BINARY, "simulate", config, "--out", closed / "run"], text=True,
            capture_output=True, check=False, env=os.environ | program.LAUNCHER, cwd="/")
        self.assert_fails(result, 2, f"cannot write to '{closed}': Permission denied")


class Memory(ProgramTest):
    def test_a_model_that_no_machine_holds(self):
        config = self.config({"model.hidden": 10 ** 9})
        for ranks in (1, 3):
            result = run("simulate", config, "--out", self.path / "run", ranks=ranks)
            self.assert_fails(result, 2, "would need", "TiB", "fewer ranks")
        self.assertFalse((self.path / "run").exists())
        self.assertRegex(run("simulate", config, "--dry-run").stderr, "warning: .* would need .* TiB")

    def test_too_little_address_space(self):
        """OpenBLAS would look for memory for ever, deaf to signals."""
        result = subprocess.run(
            f"ulimit -v 900000; exec {program.BINARY} simulate {self.config()} --out {self.path}/run",
            shell=True, executable="/bin/bash", capture_output=True, text=True, check=False, timeout=20)
        self.assert_fails(result, 2, "ulimit -v leaves", "unlimited")


class SetUp(ProgramTest):
    def test_large_numbers_do_not_make_it_endless(self):
        for setting in ("federation.rounds=1000000000", "run.threads=100000"):
            self.assert_fails(run("simulate", self.config(), "--dry-run", "--set", setting, timeout=20),
                              2, setting, "allowed")
        many = ("federation.rounds=10000000", "checkpoint.every=3",
                "model.hidden=" + ",".join(["16"] * 2000))
        words = [word for setting in many for word in ("--set", setting)]
        result = run("simulate", self.config(), "--dry-run", *words, timeout=20)
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_deep_networks_do_not_make_it_endless(self):
        deep = {"model.hidden": ",".join(["16"] * 40000)}
        self.assertEqual(run("simulate", self.config(deep), "--dry-run", timeout=30).returncode, 0)
        analysed = self.config(deep, {"analysis.every": 1})
        self.assert_fails(run("simulate", analysed, "--dry-run", timeout=30), 2,
                          "at most 8000 layers can be analysed, and this one has 40001")

    def test_large_analyses_do_not_make_it_endless(self):
        hidden = ",".join(["16"] * 1000)
        for settings, said in (
                ({"model.hidden": hidden}, None),
                ({"analysis.kinds": "plane:0-1-2", "analysis.plane_points": 201}, None),
                ({"model.hidden": hidden, "analysis.kinds": "interaction"}, "at most 1000"),
                ({"model.hidden": hidden, "analysis.alphas": 1001}, "more points than can be planned")):
            with self.subTest(settings=settings):
                config = self.config(settings, {"analysis.every": 1})
                result = run("simulate", config, "--dry-run", timeout=30)
                if said:
                    self.assert_fails(result, 2, said)
                else:
                    self.assertEqual(result.returncode, 0, result.stderr)
                    self.assertIn("an analysed round", result.stdout)


class FullDisk(ProgramTest):
    def setUp(self):
        super().setUp()
        self.disk = self.path / "disk"
        self.disk.mkdir()
        mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", self.disk],
                               capture_output=True, text=True, check=False)
        if mount.returncode != 0:
            self.skipTest("needs a small disk, and mounting one is not permitted here")
        self.addCleanup(subprocess.run, ["umount", "-l", self.disk], check=True)

    def test_full_disk(self):
        config = self.config({"federation.rounds": 40, "checkpoint.every": 1, "analysis.every": 4})
        whole = content(self.simulate(config, "whole"))
        for ranks in (1, 4):
            with self.subTest(ranks=ranks):
                out = self.disk / f"out{ranks}"
                result = run("simulate", config, "--out", out, ranks=ranks)
                self.assertEqual(result.returncode, 1, result.stderr)
                said = program.sentences(result)  # several ranks may meet the end of it at once
                self.assertTrue(said, result.stderr)
                for sentence in said:
                    for fragment in (str(out), "No space left", "stays valid"):
                        self.assertIn(fragment, sentence)
                self.assertIn("every file is as it was written",
                              self.succeed("inspect", out, "--verify"))
                with h5py.File(out / "run.h5") as file:
                    self.assertGreater(len(file["checkpoints"]), 1)
                    self.assertIn("000001", file["checkpoints"])
                subprocess.run(["mount", "-o", "remount,size=64m", self.disk], check=True)
                self.succeed("simulate", config, "--out", out, "--resume", ranks=5 - ranks)
                self.assert_same(whole, content(out))
                subprocess.run(["rm", "-r", out], check=True)
                subprocess.run(["mount", "-o", "remount,size=4m", self.disk], check=True)

    def test_a_directory_that_cannot_be_written_any_more(self):
        config = self.config({"federation.rounds": 1000, "checkpoint.every": 10, "analysis.every": 20})
        whole = content(self.simulate(config, "whole"))
        out = self.path / "out"
        process = program.start("simulate", config, "--out", out, ranks=3)
        self.addCleanup(process.kill)
        wait_until((out / "checkpoints/000020.h5").exists)
        subprocess.run(["mount", "--bind", out, out], check=True)
        try:
            # Busy while a file below is open for writing.
            wait_until(lambda: subprocess.run(["mount", "-o", "remount,ro,bind", out],
                                              capture_output=True, check=False).returncode == 0)
            _, err = process.communicate(timeout=60)
        finally:
            subprocess.run(["umount", "-l", out], check=True)
        self.assertEqual(process.returncode, 1, err)
        self.assertIn("Read-only file system", err)
        self.succeed("inspect", out, "--verify")
        self.succeed("simulate", config, "--out", out, "--resume")
        self.assert_same(whole, content(out))


class Interrupted(ProgramTest):
    def test_a_run_that_was_killed_can_be_read(self):
        config = self.config({"federation.rounds": 100000, "checkpoint.every": 10,
                              "analysis.every": 10})
        out = self.path / "out"
        process = program.start("simulate", config, "--out", out)
        self.addCleanup(process.communicate)
        wait_until((out / "checkpoints/000030.h5").exists)
        refused = run("simulate", config, "--out", out)
        self.assert_fails(refused, 2, out)
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.succeed("inspect", out, "--verify")
        self.assertIn("incomplete", self.succeed("inspect", out))
        self.succeed("analyze", out, "--set", "analysis.rounds=10", "--name", "later")
        for name in ("barriers", "points"):
            stored = table(out, f"barriers/later/{name}")
            insitu = table(out, f"barriers/insitu/{name}")
            self.assertEqual(insitu[insitu["round"] == 10].tobytes(), stored.tobytes())


class Moved(ProgramTest):
    def test_a_run_that_is_moved_away_leaves_nothing_at_its_old_place(self):
        config = self.config({"data.train_limit": 1000, "federation.rounds": 100000,
                              "checkpoint.every": 1, "analysis.every": 1, "checkpoint.minutes": 0})
        for ranks in (1, 3):
            with self.subTest(ranks=ranks):
                old, new = self.path / f"runs-{ranks}/old", self.path / f"new-{ranks}"
                process = start("simulate", config, "--out", old, ranks=ranks)
                wait_until(lambda: len(list(old.glob("metrics/*.h5"))) > 1)
                old.rename(new)
                out, err = process.communicate(timeout=60)
                result = subprocess.CompletedProcess([], process.returncode, out, err)
                self.assert_fails(result, 1, old, "not there any more", "moved or removed", "new place")
                self.assertEqual(list(old.parent.iterdir()), [])
                self.succeed("inspect", new, "--verify")
                last = max(table(new, "metrics/rounds")["round"])
                self.succeed("simulate", "--resume", new, "--set", f"federation.rounds={last + 2}",
                             "--allow-config-change")


if __name__ == "__main__":
    unittest.main()
