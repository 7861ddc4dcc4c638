#!/usr/bin/python3
"""`fedstrata inspect`: what scripts read of a run, and what it removes."""

import json
import os
import shutil
import signal
import subprocess
import unittest

import numpy as np

import interruption
import program
from program import ProgramTest, content, run, table, wait_until

STORED = {"checkpoint.every": 1, "analysis.every": 1}


class Json(ProgramTest):
    def test_the_same_facts_as_in_the_tables(self):
        out = self.simulate(self.config(STORED), "run").rename(self.path / 'a "run" in Zürich')
        self.succeed("analyze", out, "--name", "planes", "--set", "analysis.kinds=plane:0-1-2",
                     "--set", "analysis.rounds=2")
        facts = json.loads(self.succeed("inspect", out, "--json"), parse_constant=self.fail)
        self.assertEqual((facts["run"], facts["state"], facts["running"]),
                         (str(out), "complete", ""))
        self.assertEqual((facts["rounds"], facts["seed"], facts["data"]["clients"]), (3, 1, 4))
        self.assertEqual([layer["name"] for layer in facts["layers"]], ["fc1", "fc2"])
        self.assertEqual(facts["configuration"]["train.lr"], "0.05")
        insitu, planes = facts["analyses"]
        self.assertEqual((insitu["name"], insitu["rounds"], insitu["curves"]),
                         ("insitu", [1, 2], len(table(out, "barriers/insitu/barriers"))))
        self.assertEqual((planes["rounds"], planes["plane_points"]),
                         ([2], len(table(out, "barriers/planes/plane"))))
        rounds = table(out, "metrics/rounds")
        for row in facts["evaluated"]:
            stored = rounds[rounds["round"] == row["round"]][0]
            self.assertEqual(list(row), list(rounds.dtype.names))
            for name, value in row.items():  # to the last bit; nothing for NaN
                self.assertEqual(None if np.isnan(stored[name]) else stored[name], value, name)
        self.assertEqual([c["round"] for c in facts["checkpoints"]], [0, 1, 2])
        files = table(out, "files")
        self.assertEqual(facts["bytes"], files["bytes"].sum())
        self.assertEqual(sum(kind["count"] for kind in facts["files"].values()), len(files))
        said = self.succeed("inspect", out)
        self.assertIn(f"planes: {planes['plane_points']} points on planes of 1 rounds (2 .. 2)", said)

    def test_documented_members(self):
        facts = json.loads(self.succeed("inspect", self.simulate(self.config(), "run"), "--json"))
        said = (program.ROOT / "docs/commands.md").read_text()
        for name in facts:
            self.assertIn(f"| `{name}` |", said)


class Clean(ProgramTest):
    def test_what_a_killed_run_left_goes_and_it_goes_on(self):
        config = self.config(STORED, {"federation.rounds": 400, "data.train_limit": 40})
        process = program.start("simulate", config, "--out", self.path / "run", ranks=2)
        wait_until(lambda: len(list(self.path.glob("run/state/resume/*.state"))) > 1)
        self.assert_fails(run("inspect", self.path / "run", "--clean"), 2, "in use by a simulation")
        self.assert_fails(run("inspect", self.path / "run", "--remove", "insitu"), 2, "in use")
        interruption.hit(process, 2, "all")
        interruption.end_of(process)
        out = self.path / "run"
        (out / "state/resume/000001-0of2.state").write_bytes(b"half")
        said = self.succeed("inspect", out, "--clean")
        self.assertIn("removed state/resume/000001-0of2.state", said)
        self.assertIn(" files removed, ", said)
        interruption.check(out)
        process = program.start("simulate", out, "--resume")
        wait_until(lambda: "going on after round" in process.stdout.readline())
        process.send_signal(signal.SIGUSR1)
        interruption.end_of(process)
        self.assertEqual(process.returncode, 3)

    def test_every_file_of_a_finished_run_stays_that_readers_need(self):
        out = self.simulate(self.config(STORED, {"checkpoint.keep_state": "yes"}), "run")
        before = content(out)
        self.succeed("inspect", out, "--clean")
        self.assert_same(before, content(out))
        self.assertEqual(len(list((out / "state/resume").iterdir())), 1)
        self.assert_fails(run("inspect", self.path / "none", "--clean"), 2, "not a run")


class Remove(ProgramTest):
    def test_an_analysis_goes_with_all_its_files(self):
        out = self.simulate(self.config(STORED), "run")
        before = content(out)
        analyze = ("analyze", out, "--name", "other", "--set", "analysis.rounds=1")
        self.succeed(*analyze)
        said = self.succeed("inspect", out, "--remove", "other")
        self.assertIn("removed barriers/other/config.ini", said)
        self.assertFalse((out / "barriers/other").exists())
        self.assert_same(before, content(out))
        self.assert_fails(run("inspect", out, "--remove", "other"), 2,
                          "no analysis 'other' (it has: insitu)")
        self.succeed(*analyze)
        self.succeed("inspect", out, "--verify")

    def test_a_directory_removed_by_hand(self):
        out = self.simulate(self.config(STORED), "run")
        for remedy in (("--remove", "insitu"), ("--rebuild-index",)):
            broken = shutil.copytree(out, self.path / remedy[0].strip("-"))
            shutil.rmtree(broken / "barriers/insitu")
            self.assert_fails(run("inspect", broken), 2, "is missing", f"{broken} --remove insitu")
            self.succeed("inspect", broken, *remedy)
            self.assertIn("analyses    none", self.succeed("inspect", broken))
            self.succeed("analyze", broken, "--name", "insitu-again")


class Elsewhere(ProgramTest):
    """Runs that stay as they are: packed into a file, or read-only."""

    def setUp(self):
        super().setUp()
        self.out = self.simulate(self.config(STORED, {"checkpoint.after": "yes"}), "run", ranks=3)
        self.packed = self.path / "packed.h5"
        self.succeed("inspect", self.out, "--pack", self.packed)

    def test_a_packed_run_is_shown(self):
        files = set(self.path.iterdir())
        facts = [json.loads(self.succeed("inspect", run, "--json"))
                 for run in (self.out, self.packed)]
        for name in ("run", "files", "bytes", "checkpoints"):
            there, packed = (fact.pop(name) for fact in facts)
        self.assertEqual(*facts)
        self.assertEqual([c["round"] for c in packed], [0, 1, 2])
        self.assertLess(packed[-1]["bytes"], there[-1]["bytes"])
        self.assertIn(f"run         {self.packed}\n", self.succeed("inspect", self.packed))
        for option in ("--verify", "--clean", "--rebuild-index"):
            self.assert_fails(run("inspect", self.packed, option), 2, "is a packed run")
        self.assertEqual(set(self.path.iterdir()), files)
        broken = self.path / "broken.h5"
        broken.write_bytes(self.packed.read_bytes()[:5000])
        self.assert_fails(run("inspect", broken), 2, "broken.h5' is not a run, nor one that")

    def test_analysed_beside_it(self):
        settings = ("--name", "other", "--set", "analysis.kinds=layer,plane:0-1-2")
        before = program.snapshot(self.out)
        beside = self.path / "beside"
        self.succeed("analyze", self.out, "--out", beside, *settings, ranks=2)
        self.assertEqual(program.snapshot(self.out), before)
        from_file = self.path / "from_file"
        self.succeed("analyze", self.packed, "--out", from_file, *settings)
        self.succeed("analyze", self.out, *settings)
        expected = content(self.out)
        for directory in (beside, from_file):
            self.assert_same(expected, content(directory))
            self.succeed("inspect", directory, "--verify")
            self.assertIn("models of   ", self.succeed("inspect", directory))
            self.succeed("inspect", directory, "--clean")
            self.succeed("analyze", directory, "--name", "again", "--set", "analysis.rounds=1")
            self.assert_fails(run("simulate", "--resume", directory), 2, "go on with that one")
            self.succeed("inspect", directory, "--pack", directory.with_suffix(".h5"))
            subprocess.run(["/usr/bin/python3", program.ROOT / "experiments/plot.py", directory],
                           check=True, capture_output=True)
        shutil.rmtree(self.out)
        self.assert_fails(run("analyze", beside, "--name", "lost"), 2, f"'{self.out}'",
                          "not there any more")

    def test_what_cannot_be_leaves_nothing(self):
        before = set(self.path.iterdir())
        beside = self.path / "beside"
        for source, fragment in ((self.path / "none", "no such file"), (self.out, "is not stored"),
                                 (self.packed, "is not stored"), (self.path / "small.ini", "not a run")):
            self.assert_fails(run("analyze", source, "--out", beside, "--set", "analysis.rounds=7",
                                  ranks=2), 2, fragment)
        self.assert_fails(run("analyze", self.out, "--out", self.path / "no/where"), 2,
                          "cannot make directory")
        self.assert_fails(run("analyze", self.packed, "--out", self.out), 2, "exists")
        self.assert_fails(run("analyze", self.packed), 2, "--out DIR")
        self.assertEqual(set(self.path.iterdir()), before)

    def test_read_only(self):
        other = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if not os.geteuid() else []
        if subprocess.run([*other, program.BINARY, "--version"], capture_output=True,
                          check=False).returncode:
            self.skipTest("other users cannot start the program here")
        self.path.chmod(0o777)
        for path in (self.out, *self.out.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)

        def analyze(*arguments):
            return subprocess.run(
                [*other, program.BINARY, "analyze", self.out, *arguments], text=True, cwd="/",
                capture_output=True, check=False, env=os.environ | program.LAUNCHER)
        self.assert_fails(analyze("--name", "other"), 2,
                          f"'{self.out}' cannot be written: Permission denied", "--out DIR")
        result = analyze("--name", "other", "--out", self.path / "beside")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("other: ", self.succeed("inspect", self.path / "beside"))


if __name__ == "__main__":
    unittest.main()
