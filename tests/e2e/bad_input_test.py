#!/usr/bin/python3
"""Bad input: one sentence that says what, where and what to do; exit code 2; nothing made or changed.

FEDSTRATA_RANKS is the number of ranks that the program is started on.
"""

import gzip
import os
import pathlib
import shutil
import tempfile
import unittest

import h5py

import program
from checksum import xxh64
from program import ProgramTest, ini, run, snapshot

RANKS = int(os.environ.get("FEDSTRATA_RANKS", "1"))
# One rank reads texts and reports for all: on several ranks a few are enough.
text_alone = unittest.skipIf(RANKS > 1, "one rank reads it, whatever is wrong in it")


class BadInputTest(ProgramTest):
    def refused(self, *arguments, say):
        """The program refuses the arguments, {} in them being the scratch directory."""
        before = snapshot(self.path)
        arguments = [str(a).replace("{}", str(self.path)) for a in arguments]
        with self.subTest(" ".join(arguments)):
            result = run(*arguments, ranks=RANKS, timeout=30, cwd=self.path)
            self.assert_fails(result, 2, *say)
            self.assertEqual(snapshot(self.path), before, "something was made or changed")

    def config_refused(self, text, *say):
        (self.path / "bad.ini").write_text(text)
        self.refused("simulate", "bad.ini", "--out", "{}/out", say=say)

    def set_refused(self, assignment, *say):
        self.config()
        self.refused("simulate", "small.ini", "--out", "{}/out", "--set", assignment, say=say)


class Configuration(BadInputTest):
    def test_unknown_names(self):
        self.config_refused(ini() + "[train]\nmomentun = 0.9\n", "bad.ini", "train.momentun",
                            "did you mean train.momentum?")
        self.config_refused(ini() + "[trian]\n", "bad.ini", "[trian]", "did you mean train?")
        self.config_refused(ini() + "[average.a]\nlayer = all\n", "average.a.layer", "layers")
        self.set_refused("model.name=mpl", "mpl", "mlp", "resnet18")
        self.set_refused("data.dataset=mnits", "mnits", "fashion-mnist")

    def test_selectors_that_match_nothing_list_the_layers(self):
        self.set_refused("average.a.layers=conv*", "average.a", "conv*", "fc1, fc2")
        self.set_refused("average.a.layers=index:5", "average.a", "index:5", "fc1, fc2")

    def test_a_layer_in_two_groups(self):
        self.config_refused(ini({"average.a.layers": "all", "average.b.layers": "fc2"}),
                            "average.b", "fc2", "group a")

    def test_updates(self):
        self.set_refused("average.a.update=adm", "average.a.update", "did you mean adam?", "momentum")
        self.set_refused("average.a.update_lr=0.5", "average.a.update_lr", "no meaning", "update = mean")

    def test_a_value(self):
        self.set_refused("train.batch_size=ten", "train.batch_size", "'ten'", "integer >= 1")
        self.set_refused("data.clients=300", "data.clients", "300", "200")

    def test_arithmetic_that_the_device_lacks(self):
        self.config()
        self.refused("simulate", "small.ini", "--out", "{}/out", "--set", "run.device=cpu",
                     "--set", "train.precision=tf32", say=["train.precision = tf32", "Ampere", "cpu"])

    @text_alone
    def test_values(self):
        self.set_refused("train.momentum=1.5", "train.momentum", "'1.5'", "[0, 1)")
        self.set_refused("federation.participation=0", "federation.participation", "(0, 1]")
        self.set_refused("data.partition=irid", "data.partition", "iid | dirichlet")
        self.set_refused("analysis.pairs=0-9", "analysis.pairs", "9", "data.clients = 4")
        self.set_refused("federation.local_steps=5x", "federation.local_steps", "'5x'")

    @text_alone
    def test_form(self):
        self.config_refused("[train]\nlr = 0.1\nlr = 0.2\n", "bad.ini", "train.lr", "twice")
        self.config_refused("[train]\nlr\n", "bad.ini", "'lr'", "key = value")
        self.set_refused("train.lr", "--set train.lr gives no value", "--set train.lr=VALUE")
        self.set_refused("=1", "section.key=value")
        self.set_refused("train.lr=0.1#high", "'#'")
        self.refused("simulate", "absent.ini", "--out", "{}/out", say=["absent.ini"])
        self.refused("simulate", "{}", "--out", "{}/out", say=[self.path])


class CommandLine(BadInputTest):
    def test_command_line(self):
        self.config()
        self.refused("simulate", "--outt", "x", "small.ini", say=["--outt", "--out?"])
        self.refused("analyze", "{}", "--name", "a/b", say=["a/b"])
        if RANKS == 1:
            self.refused("simulate", say=["FILE.ini is missing", "--help"])
            self.refused("simulate", "small.ini", "surplus.ini", say=["surplus.ini"])
            self.refused("simulate", "small.ini", "--out", say=["--out"])
            self.refused("simulat", "small.ini", say=["simulat", "simulate"])
            self.refused(say=["No command", "--help"])

    def test_what_would_be_dropped(self):
        self.config()
        self.refused("simulate", "small.ini", "--allow-config-change",
                     say=["--allow-config-change", "without --resume"])
        self.refused("analyze", "{}", "--missing", "--resume", say=["--missing", "--resume"])
        if RANKS == 1:
            self.refused("simulate", "small.ini", "--dry-run", "--print-config",
                         say=["--dry-run", "--print-config"])
            for other in (["--verify"], ["--pack", "{}/packed.h5"]):
                self.refused("inspect", "{}", "--rebuild-index", *other,
                             say=["--rebuild-index", other[0]])
            self.refused("watch", "{}", "--every", "3", "--once", say=["--every", "--once"])

    @unittest.skipIf(RANKS < 4, "needs several client ranks")
    def test_more_client_ranks_than_clients(self):
        self.set_refused("data.clients=1", "2 client ranks", "data.clients = 1", "1 rank",
                         "--allow-idle-ranks")
        self.simulate(self.config(), "idle", "--set", "data.clients=1", "--allow-idle-ranks",
                      ranks=RANKS)


class Data(BadInputTest):
    def setUp(self):
        super().setUp()
        self.data = program.write_idx(self.path / "data")
        self.images = self.data / "train-images-idx3-ubyte"
        self.labels = self.data / "train-labels-idx1-ubyte"
        self.good = self.images.read_bytes()

    def data_refused(self, *say):
        self.config({"data.dataset": "mnist", "data.dir": self.data, "data.min_samples": 1})
        self.refused("simulate", "small.ini", "--out", "{}/out", say=say)

    def test_good_data_is_taken(self):
        self.simulate(self.config({"data.dataset": "mnist", "data.dir": self.data}), "out",
                      ranks=RANKS)

    def test_directory_or_file_absent(self):
        self.labels.unlink()
        self.data_refused("data.dir", self.data, self.labels.name)
        shutil.rmtree(self.data)
        self.data_refused("data.dir", self.data, "not a directory")
        self.data.write_text("a file")
        self.data_refused("data.dir", self.data, "is a file")

    def test_something_else_than_data(self):
        self.labels.write_text("version https://git-lfs.github.com/spec/v1\n")
        self.data_refused(self.labels, "git lfs pull")
        self.images.write_text("<!DOCTYPE html>\n")
        self.data_refused(self.images, "web page")

    def test_truncated(self):
        self.images.write_bytes(self.good[:-1])
        self.data_refused(self.images, "truncated")
        self.images.write_bytes(self.good[:7])
        self.data_refused(self.images, "truncated")
        self.images.unlink()
        packed = self.images.with_name(self.images.name + ".gz")
        packed.write_bytes(gzip.compress(self.good)[:-100])
        self.data_refused(packed, "truncated")

    def test_wrong_magic(self):
        self.images.write_bytes(self.labels.read_bytes())
        self.data_refused(self.images, "magic number 2049", "2051")

    def test_counts_differ(self):
        program.write_idx(self.path / "other", train=39)
        shutil.copy(self.path / "other" / self.labels.name, self.labels)
        self.data_refused(self.labels, "39 labels", self.images, "40 images")


class Output(BadInputTest):
    def test_holds_a_run(self):
        config = self.config({"federation.rounds": 0})
        self.simulate(config, "out")
        self.refused("simulate", "small.ini", "--out", "{}/out",
                     say=[self.path / "out", "already holds a run", "--resume", "--out"])

    def test_holds_something_else(self):
        self.config()
        (self.path / "thesis").mkdir()
        (self.path / "thesis/chapter.tex").write_text("My life's work")
        self.refused("simulate", "small.ini", "--out", "{}/thesis",
                     say=[self.path / "thesis", "chapter.tex", "--out"])

    def test_cannot_be_made(self):
        self.config()
        self.refused("simulate", "small.ini", "--out", "{}/small.ini/out",
                     say=[self.path / "small.ini", "not a directory"])
        self.refused("simulate", "small.ini", "--out", "/proc/fedstrata/out",
                     say=["/proc", "--out"])


class Analysis(BadInputTest):
    """Each starts from a copy of one run."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.shared = tempfile.TemporaryDirectory(prefix="fedstrata-test-")
        cls.addClassCleanup(cls.shared.cleanup)
        config = pathlib.Path(cls.shared.name) / "small.ini"
        config.write_text(ini({"checkpoint.every": 1}))
        result = run("simulate", config, "--out", config.with_name("run"))
        assert result.returncode == 0, result.stderr

    def setUp(self):
        super().setUp()
        self.stored = shutil.copytree(pathlib.Path(self.shared.name) / "run", self.path / "run")

    def analysis_refused(self, *say, options=()):
        self.refused("analyze", "{}/run", *options, say=say)

    def test_not_a_run(self):
        self.refused("analyze", "{}/none", say=[self.path / "none", "no such directory"])
        self.refused("analyze", "{}", say=[self.path, "not a run", "run.h5"])
        self.refused("analyze", "{}/run/run.h5", say=["run.h5", "not a run"])

    def test_newer_format_version(self):
        index = self.stored / "run.h5"
        with h5py.File(index, "r+") as file:
            file.attrs.modify("format_version", 2)
        data = index.read_bytes()
        (self.stored / "run.h5.sum").write_text(f"{xxh64(data):016x}  {len(data)}\n")
        self.analysis_refused(self.stored, "format version 2", "newer fedstrata")

    def test_damaged_file(self):
        checkpoint = self.stored / "checkpoints/000002.h5"
        data = bytearray(checkpoint.read_bytes())
        data[len(data) // 2] ^= 1
        checkpoint.write_bytes(data)
        self.analysis_refused(checkpoint, "damaged", "restore it from a copy")
        checkpoint.write_bytes(data[:-1])
        self.analysis_refused(checkpoint, "damaged", "restore it from a copy")
        if RANKS == 1:
            self.refused("inspect", "{}/run", "--verify", say=[checkpoint, "damaged"])
            self.refused("inspect", "{}/run", "--pack", "{}/packed.h5",
                         say=[checkpoint, "damaged"])

    def test_missing_file(self):
        (self.stored / "checkpoints/000001.h5").unlink()
        self.analysis_refused(self.stored / "checkpoints/000001.h5", "missing")

    def test_damaged_index(self):
        (self.stored / "run.h5").write_bytes(b"not HDF5")
        self.analysis_refused(self.stored / "run.h5", "damaged")

    def test_settings(self):
        self.analysis_refused("train.lr", "[analysis]", options=["--set", "train.lr=1"])
        self.analysis_refused("analysis.rounds", "7", "stored rounds: 1, 2",
                              options=["--set", "analysis.rounds=7"])
        self.analysis_refused("analysis.pairs", "9", options=["--set", "analysis.pairs=0-9"])
        self.analysis_refused("after", "checkpoint", options=["--set", "analysis.at=after"])
        self.analysis_refused("reserved", options=["--name", "insitu"])

    def test_name_is_taken(self):
        self.succeed("analyze", self.stored, "--name", "again")
        self.analysis_refused("'again'", "--name", options=["--name", "again"])


if __name__ == "__main__":
    unittest.main()
