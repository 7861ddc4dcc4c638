#!/usr/bin/python3
"""Help, version, printed configuration and dry run."""

import os
import re
import subprocess
import unittest

from program import BINARY, LAUNCHER, ProgramTest, ini, run, snapshot

EVERYTHING = {"model.name": "resnet18", "model.hidden": None, "model.norm": "group",
              "data.partition": "dirichlet", "data.alpha": 0.1, "train.nesterov": "yes",
              "train.momentum": 0.9, "federation.local_steps": 7, "average.first.layers": "conv1",
              "average.rest-of_it.layers": "rest,!fc", "average.rest-of_it.every": 5,
              "average.rest-of_it.offset": 2, "average.rest-of_it.until": 20,
              "analysis.alphas": "0,0.1,1", "analysis.pairs": "0-1,2-3", "analysis.rounds": "0:9:3"}


class CommandLineTest(ProgramTest):
    def test_help(self):
        for command in ("", "simulate", "analyze", "inspect", "sweep", "watch"):
            words = [*command.split(), "--help"]
            text = self.succeed(*words)
            self.assertTrue(text.startswith("fedstrata"), text)
            self.assertLessEqual(max(map(len, text.splitlines())), 110, command)
            self.assertEqual(run(*words).stderr, "")
        self.assertIn("fedstrata simulate", self.succeed("--help"))

    def test_help_lists_every_key_with_its_default(self):
        text = self.succeed("simulate", "--help")
        empty = self.path / "empty.ini"
        empty.write_text("")
        for line in self.succeed("simulate", empty, "--print-config").splitlines():
            if "=" in line and "layers" not in line:
                self.assertIn(f"\n  {line}", text)

    def test_no_prefix_is_doubled(self):
        self.config()
        for words in (["simulate"], ["simulate", "x", "--outt"], ["sweep", "resubmit", "x"],
                      ["sweep", "pln", "x"], ["inspect", "a", "b"], ["nothing"], ["help", "nothing"],
                      ["simulate", "small.ini", "--set", "train.lr=x"], ["watch", "x", "--every"]):
            with self.subTest(words):
                result = run(*words, cwd=self.path)
                self.assert_fails(result, 2, "fedstrata: ")
                self.assertNotRegex(result.stderr, r"(?i)fedstrata: fedstrata|(error|warning):.*\1:")

    def test_a_setting_without_an_equals_sign(self):
        for words in (["simulate", "x.ini", "--set", "train.lr", "0.1"],
                      ["analyze", "x", "--set", "train.lr", "0.1"]):
            self.assert_fails(run(*words, cwd=self.path), 2, "--set train.lr=VALUE")

    def test_a_run_in_place_of_a_config_file(self):
        directory = self.simulate(self.config({"federation.rounds": 1}), "out")
        self.assert_fails(run("simulate", directory), 2, directory, "a run, not a config file",
                          f"fedstrata simulate --resume {directory}")
        self.assert_fails(run("simulate", self.path), 2, self.path, "a directory, not a config file")

    def test_version(self):
        result = run("--version")
        self.assertEqual(result.returncode, 0)
        self.assertEqual(run("-V").stdout, result.stdout)
        self.assertRegex(result.stdout, r"\Afedstrata \d+\.\d+\.\d+ \(.*\)\n\Z")

    def test_printed_configuration_can_be_read_back(self):
        for name, changes in {"small": {}, "everything": EVERYTHING,
                              "preset": {"federation.preset": "fedper"}}.items():
            with self.subTest(name):
                first = self.succeed("simulate", self.config(changes), "--print-config",
                                     "--set", "train.lr=0.1")
                self.assertIn("lr = 0.1", first)
                again = self.path / "again.ini"
                again.write_text(first)
                self.assertEqual(self.succeed("simulate", again, "--print-config"), first)
                self.assertEqual(self.succeed("simulate", again, "--print-config", ranks=3), first)

    def test_what_is_set_last_counts(self):
        text = self.succeed("simulate", self.config(), "--print-config", "--set", "train.lr=0.1",
                            "--set", "train.lr=0.2", "--set", "average.new.every=3")
        self.assertIn("lr = 0.2", text)
        self.assertIn("[average.new]\nlayers = all\nevery = 3", text)

    def test_dry_run_tells_what_a_run_will_need_and_makes_nothing(self):
        config = self.config({"checkpoint.every": 1, "federation.rounds": 3})
        before = snapshot(self.path)
        text = self.succeed("simulate", config, "--dry-run", cwd=self.path, ranks=4)
        self.assertEqual(snapshot(self.path), before)
        elements = 784 * 16 + 16 + 160 + 10
        for expected in ("coordinator", "client", "analysis", "2 (100)", f"{elements} in 2 layers",
                         "memory per rank", "checkpoints", "4 participants"):
            self.assertIn(expected, text)
        self.assertEqual(len(re.findall(r"^[0-3]  ", text, re.M)), 4)

    def test_settings_without_effect_are_told_where_a_run_begins(self):
        config = self.config({"model.norm": "batch", "federation.rounds": 1})
        warning = "fedstrata: warning: model.norm = batch has no effect: it is for model.name = resnet18"
        for options in (["--dry-run"], ["--out", self.path / "out"]):
            result = run("simulate", config, *options, ranks=3, cwd=self.path)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual(result.stderr.splitlines().count(warning), 1, result.stderr)
        for again in (["simulate", config, "--print-config"], ["analyze", self.path / "out"],
                      ["simulate", self.path / "out", "--resume"]):
            self.assertNotIn("no effect", run(*again, cwd=self.path).stderr)

    def test_default_directory_has_the_name_of_the_configuration(self):
        config = self.config({"federation.rounds": 0}, name="tiny.ini")
        text = self.succeed("simulate", config, cwd=self.path)
        self.assertTrue((self.path / "runs/tiny/DONE").exists())
        self.assertIn("runs/tiny", text)

    def test_resume_starts_what_was_never_begun(self):
        self.simulate(self.config({"federation.rounds": 0}), "out", "--resume")


class Output(ProgramTest):
    """Output that nobody reads, or that cannot be written."""

    def shell(self, text, **options):
        """Of a pipeline, the exit code of its first command."""
        environment = os.environ | LAUNCHER | {"FEDSTRATA": BINARY}
        return subprocess.run(["bash", "-c", text + '; exit "${PIPESTATUS[0]}"'], text=True,
                              capture_output=True, check=False, cwd=self.path, env=environment,
                              timeout=100, **options)

    def test_a_full_device_is_told(self):
        directory = self.simulate(self.config({"federation.rounds": 1}), "out")
        for words in ("--help", f"inspect {directory}", f"watch {directory}",
                      "simulate small.ini --print-config", "simulate small.ini --out other"):
            with self.subTest(words):
                result = self.shell(f"$FEDSTRATA {words} >/dev/full")
                self.assert_fails(result, 1, "standard output could not be written")
        self.assertTrue((self.path / "other/DONE").exists(), "what is worth more is done")

    def test_a_reader_that_goes_away_ends_no_run(self):
        self.config({"federation.rounds": 3, "checkpoint.every": 1})
        (self.path / "two.ini").write_text("[sweep]\nbase = small.ini\n[axes]\nrun.seed = 1 | 2\n")
        for words, done in [("simulate small.ini --out one", "one/DONE"),
                            ("simulate small.ini --out ranks --ranks 2", "ranks/DONE"),
                            ("analyze one", "one/barriers/posthoc"),
                            ("sweep run two.ini --out two --jobs 1", "two/cells/*2-*/DONE")]:
            with self.subTest(words):
                result = self.shell(f"$FEDSTRATA {words} | head -n 0")
                self.assertEqual((result.returncode, result.stderr), (0, ""))
                self.assertTrue(list(self.path.glob(done)))

    def test_others_end_quietly(self):
        directory = self.simulate(self.config({"federation.rounds": 1}), "out")
        for words in ("--help", "help simulate", f"inspect {directory}", f"watch {directory}"):
            self.assertEqual(self.shell(f"$FEDSTRATA {words} | head -n 1").stderr, "", words)


if __name__ == "__main__":
    unittest.main()
