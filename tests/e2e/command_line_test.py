#!/usr/bin/python3
"""Help, version, printed configuration and dry run."""

import re
import unittest

from program import ProgramTest, ini, run, snapshot

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

    def test_version(self):
        result = run("--version")
        self.assertEqual(result.returncode, 0)
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


if __name__ == "__main__":
    unittest.main()
