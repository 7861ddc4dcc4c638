#!/usr/bin/python3
"""Sweeps on this machine: plan, run, status, collect, figures, watch; and what is refused."""

import csv
import fcntl
import os
import re
import signal
import struct
import subprocess
import sys
import termios
import time
import unittest
from pathlib import Path

import h5py

from program import BINARY, LAUNCHER, ROOT, ProgramTest, content, run, snapshot, start, wait_until

GRID = """
[sweep]
base = small.ini
[axes]
average.all.every  = 1 | 2
average.all.layers = all | head
run.seed           = 1 | 2
[exclude]
head_seldom = average.all.every=2 & average.all.layers=head
[cells]
apart = average.all.every=0
"""


class SweepTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.config({"analysis.every": 2})
        self.file, self.out = self.path / "grid.ini", self.path / "grid"

    def sweep(self, action, *options, code=0, **more):
        result = run("sweep", action, self.file, "--out", self.out, *options, **more)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        return result.stdout

    def names(self, stage="not started"):
        return re.findall(rf"^  (\S+) +{stage} ", self.sweep("plan"), re.M)


class Life(SweepTest):
    def test_from_plan_to_figures(self):
        self.file.write_text(GRID)
        self.assertIn("7 cells: 7 not started", self.sweep("plan"))
        self.assertFalse(self.out.exists(), "plan makes nothing")
        said = self.sweep("run", "--jobs", 2)
        self.assertEqual(len(re.findall(r"^\[\d/7\] done  \S+  .*accuracy", said, re.M)), 7, said)
        self.assertIn("7 cells: 7 done", self.sweep("status"))
        cells = sorted(path.name for path in (self.out / "cells").iterdir())

        # A cell is what simulate makes of its config.
        alone = self.simulate(self.out / "configs" / f"{cells[0]}.ini", "alone")
        self.assert_same(content(alone), content(self.out / "cells" / cells[0]))

        # Another value: only what is new is run, and nothing else is touched.
        before = snapshot(self.out / "cells")
        self.file.write_text(GRID.replace("run.seed           = 1 | 2", "run.seed = 1 | 2 | 3"))
        plan = self.sweep("plan")
        self.assertIn("10 cells: 7 done, 3 not started", plan)
        self.assertRegex(plan, r"still to come: [\d.]+ s of 1 rank")
        self.assertIn("3 of 10 cells to run", self.sweep("run"))
        self.assertEqual({k: v for k, v in snapshot(self.out / "cells").items() if k in before},
                         before)

        # Another axis: the cells that have the base's value are there already.
        self.file.write_text(GRID.replace("[exclude]", "train.lr = 0.05 | 0.1\n[exclude]"))
        self.assertIn("13 cells: 7 done, 6 not started", self.sweep("plan"))

        self.file.write_text(GRID)
        self.check_collected(self.sweep("collect"))
        self.check_figures()
        self.assertIn("10 in all, 10 done", self.succeed("watch", self.out, "--once"))

    def check_collected(self, said):
        self.assertIn("7 of 7 cells, 7 of them done, 21 rounds", said)
        with h5py.File(self.out / "collected.h5") as file:
            rounds, cells, barriers = (file[n][:] for n in ("rounds", "cells", "barriers"))
            self.assertEqual(rounds.dtype["average.all.every"], "i8")
            self.assertEqual(set(rounds["average.all.layers"]), {b"all", b"head"})
            for one in (rounds, barriers):  # each row tells its cell's names
                for column in ("name", "label"):
                    self.assertEqual(list(one[column]), list(cells[column][one["cell"]]))
            labels = {name: label for name, label in zip(cells["name"], cells["label"])}
            self.assertEqual(sorted(labels.values()), [b""] * 6 + [b"apart"])
            self.assertTrue([name for name in labels if labels[name]][0].startswith(b"apart"))
            for index, name in enumerate(cells["name"]):
                linked = file["runs"][name.decode()]["metrics/rounds"][:]
                mine = rounds[rounds["cell"] == index]
                for column in ("round", "train_loss", "test_accuracy", "bytes"):
                    self.assertEqual(mine[column].tobytes(), linked[column].tobytes(), column)
                raw = file["runs"][name.decode()]["barriers/insitu/barriers"][:]
                full = raw[(raw["kind"] == b"full") & (raw["split"] == b"test")]
                found = barriers[(barriers["cell"] == index) & (barriers["kind"] == b"full")
                                 & (barriers["split"] == b"test")]
                self.assertEqual(len(found), 1)
                middle = sorted(full["loss_mid"])[2:4]
                self.assertEqual(found["loss_mid"][0], sum(middle) / 2)
                self.assertEqual(found["curves"][0], len(full))
                self.assertEqual(mine["barrier_test_loss"][2], found["loss_mid"][0])
        with open(self.out / "rounds.csv", encoding="ascii") as text:
            lines = list(csv.DictReader(text))
        self.assertEqual(len(lines), len(rounds))
        self.assertEqual([line["name"].encode() for line in lines], list(rounds["name"]))
        self.assertEqual([float(line["train_loss"] or "nan") for line in lines][1:3],
                         list(rounds["train_loss"][1:3]))

    def check_figures(self):
        result = subprocess.run([sys.executable, ROOT / "experiments/plot.py", self.out],
                                capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("7 of 7 cells are done and drawn", result.stdout)
        made = {path.stem for path in (self.out / "plots").glob("*.png")}
        self.assertLessEqual({"sweep_accuracy", "sweep_accuracy_map", "sweep_barrier_insitu_test",
                              "sweep_barrier_map_insitu_train"}, made)
        text = (self.out / "plots/sweep_accuracy.svg").read_text(encoding="utf-8")
        for word in ("never averaged", "head", "averaging interval, rounds", "bars from the least"):
            self.assertIn(word, text)


class Place(SweepTest):
    """sweep.dir is relative to the sweep file, wherever the program is started."""

    def test_started_elsewhere_it_is_the_same_sweep(self):
        self.file.write_text("[sweep]\nbase = small.ini\ndir = deep/cells\n[axes]\nrun.seed = 1\n")
        elsewhere = self.path / "elsewhere"
        elsewhere.mkdir()
        self.assertIn("1 of 1 cells to run", self.succeed("sweep", "run", "grid.ini", cwd=self.path))
        said = self.succeed("sweep", "run", "../grid.ini", cwd=elsewhere)
        self.assertIn("nothing to run: 1 cells", said)
        self.assertEqual(list(elsewhere.iterdir()), [])
        self.assertTrue((self.path / "deep/cells/sweep.ini").exists())

    def test_a_sweep_at_its_former_place_is_not_begun_anew(self):
        self.file.write_text("[sweep]\nbase = small.ini\n[axes]\nrun.seed = 1\n")
        elsewhere = self.path / "elsewhere"
        elsewhere.mkdir()
        self.succeed("sweep", "run", "../grid.ini", "--out", "runs/grid", cwd=elsewhere)
        before = snapshot(self.path)
        for action in ("plan", "run", "status", "collect"):
            self.assert_fails(run("sweep", action, "../grid.ini", cwd=elsewhere), 2, "../grid.ini",
                              "'../runs/grid'", "'runs/grid'", "move it there", "--out")
        self.assertEqual(snapshot(self.path), before)
        (self.path / "runs").mkdir()
        (elsewhere / "runs/grid").rename(self.path / "runs/grid")
        self.assertIn("1 done", self.succeed("sweep", "status", "../grid.ini", cwd=elsewhere))


class Trouble(SweepTest):
    def test_a_failed_cell_harms_no_other_and_is_run_again(self):
        self.file.write_text("[sweep]\nbase = small.ini\n[axes]\nrun.seed = 1 | 2 | 3\n")
        broken = self.out / "cells" / self.names()[1]
        broken.parent.mkdir(parents=True)
        broken.write_text("a file where a directory should be")
        said = self.sweep("run", code=1)
        self.assertRegex(said, rf"\[\d/3\] failed  {broken.name}  .*{broken}")
        status = self.sweep("status")
        self.assertIn("3 cells: 2 done, 1 failed", status)
        self.assertRegex(status, rf"(?m)^failed +{broken.name}  .*{broken}")
        self.assertIn(f"failed       {broken.name}", self.succeed("watch", self.out, "--once"))
        broken.unlink()
        self.assertIn("1 of 3 cells to run", self.sweep("run"))
        self.assertIn("nothing to run", self.sweep("run"))

    def test_cells_without_a_run_are_named_with_the_remedy(self):
        self.file.write_text("[sweep]\nbase = small.ini\n[axes]\nrun.seed = 1 | 2\n")
        self.sweep("run")
        self.file.write_text("[sweep]\nbase = small.ini\n[axes]\nrun.seed = 1 | 2 | 3 | 4\n")
        lost, *new = self.names("done")[:1] + self.names()
        (self.out / "cells" / lost / "run.h5").unlink()
        result = run("sweep", "collect", self.file, "--out", self.out)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("1 of 4 cells, 1 of them done", result.stdout)
        cure = f"fedstrata inspect --rebuild-index {self.out / 'cells' / lost}"
        self.assertRegex(result.stderr, rf"left out: {lost} failed: run.h5 .*{cure}")
        self.assertRegex(result.stderr, rf"left out: {', '.join(new)}: not started; .*sweep run")
        status = self.sweep("status")
        self.assertIn("4 cells: 1 done, 1 failed, 2 not started", status)
        self.assertRegex(status, rf"(?m)^failed +{lost}  run.h5 .*{cure}")
        self.succeed(*cure.split()[1:])
        self.assertIn("4 cells: 2 done, 2 not started", self.sweep("status"))

    def test_several_ranks(self):
        self.file.write_text("[sweep]\nbase = small.ini\nranks = 2\n[cells]\none = run.seed=4\n")
        self.sweep("run")
        cell, = (self.out / "cells").iterdir()
        self.assertIn("2 ranks", self.succeed("inspect", cell))

    def simulation(self, cell):
        """The process that runs a cell whose name begins so."""
        for process in Path("/proc").glob("[0-9]*"):
            try:
                words = (process / "cmdline").read_bytes().decode().split("\0")
            except OSError:  # it has ended
                continue
            if "simulate" in words and any(w.startswith(f"{self.out}/cells/{cell}") for w in words):
                return int(process.name)
        raise AssertionError(f"nobody runs {cell}")

    def start_two(self):
        """Two `sweep run` beside each other, each with a cell of its own that runs: the first one's
        is held until the second has begun its own."""
        self.config({"data.train_limit": 2000, "analysis.every": 0})
        self.file.write_text("[sweep]\nbase = small.ini\n[cells]\n"
                             "short = federation.rounds = 400\nlong = federation.rounds = 1600\n")
        command = ("sweep", "run", self.file, "--out", self.out, "--jobs", 1)
        first = start(*command)
        wait_until(lambda: list(self.out.glob("cells/short*/progress.csv")))
        short = self.simulation("short")
        os.kill(short, signal.SIGSTOP)
        second = start(*command)
        wait_until(lambda: list(self.out.glob("cells/long*/progress.csv")))
        os.kill(short, signal.SIGCONT)
        return first, second

    def test_two_starts_share_the_cells_and_both_end_when_all_are_done(self):
        first, second = self.start_two()
        log, = self.out.glob("logs/long*.log")
        for process, own, other in ((first, "short", "long"), (second, "long", "short")):
            said, errors = process.communicate(timeout=60)
            self.assertEqual((process.returncode, errors), (0, ""), said)
            self.assertRegex(said, rf"(?m)^{other}\S+ is run by another process and waited for$")
            self.assertRegex(said, rf"(?m)^\[1/\d\] done  {own}")
            self.assertRegex(said, rf"(?m)^done  {other}\S+, by another process$")
        self.assertIn("2 cells: 2 done", self.sweep("status"))
        self.assertNotIn("fedstrata: ", log.read_text())

    def test_a_start_goes_on_with_what_another_left(self):
        first, second = self.start_two()
        second.send_signal(signal.SIGTERM)
        said, _ = second.communicate(timeout=60)
        self.assertEqual(second.returncode, 3, said)
        said, errors = first.communicate(timeout=60)
        self.assertEqual((first.returncode, errors), (0, ""), said)
        self.assertRegex(said, r"(?m)^\[2/2\] done  long")

    def test_one_that_is_stopped_does_not_wait_for_another(self):
        first, second = self.start_two()
        for process in (first, second):
            process.send_signal(signal.SIGTERM)
        for process in (first, second):
            said, _ = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 3, said)

    def test_a_log_that_is_in_use_is_not_written_to(self):
        self.file.write_text("[sweep]\nbase = small.ini\n[axes]\nrun.seed = 1\n")
        log = self.out / f"logs/{self.names()[0]}.log"
        log.parent.mkdir(parents=True)
        log.write_text("round 1\n")
        with open(log, "a", encoding="ascii") as held:  # by a start that does not simulate yet
            fcntl.flock(held, fcntl.LOCK_EX)
            process = start("sweep", "run", self.file, "--out", self.out)
            time.sleep(2.5)  # it looks every second
            self.assertEqual(log.read_text(), "round 1\n")
        said, _ = process.communicate(timeout=60)
        self.assertEqual(len(re.findall("is run by another process and waited for", said)), 1, said)
        self.assertIn("[1/1] done", said)

    def test_a_signal_ends_it_in_order_and_it_goes_on(self):
        self.config({"data.train_limit": 2000, "federation.rounds": 500, "analysis.every": 100})
        self.file.write_text("[sweep]\nbase = small.ini\n[axes]\nrun.seed = 1 | 2 | 3\n")
        process = start("sweep", "run", self.file, "--out", self.out, "--jobs", 2)
        wait_until(lambda: len(list(self.out.glob("cells/*/progress.csv"))) == 2)
        self.assertIn("3 cells: 2 running, 1 not started", self.sweep("status"))
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 3, out + err)
        self.assertEqual(len(re.findall(r"^\[\d/3\] interrupted ", out, re.M)), 2, out)
        self.assertIn("3 cells: 2 interrupted, 1 not started", self.sweep("status"))
        self.sweep("run")
        self.assertIn("3 cells: 3 done", self.sweep("status"))
        cell = min((self.out / "cells").iterdir())
        whole = self.simulate(self.out / "configs" / f"{cell.name}.ini", "whole")
        self.assert_same(content(whole), content(cell))

    def test_a_second_signal_ends_it_at_once_and_no_cell_has_failed(self):
        self.config({"data.train_limit": 2000, "federation.rounds": 5000})
        self.file.write_text("[sweep]\nbase = small.ini\nranks = 2\n[axes]\nrun.seed = 1 | 2\n")
        process = start("sweep", "run", self.file, "--out", self.out, "--jobs", 2)
        wait_until(lambda: len(list(self.out.glob("cells/*/progress.csv"))) == 2)
        process.send_signal(signal.SIGINT)
        time.sleep(0.4)  # less, and it would be the same one
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 3, out + err)
        self.assertNotIn("failed", out + err)
        self.assertIn("2 cells: 2 interrupted", self.sweep("status"))


class Watch(SweepTest):
    def test_a_run(self):
        directory = self.simulate(self.path / "small.ini", "run")
        view = self.succeed("watch", directory, "--once")
        self.assertIn("complete", view)
        self.assertRegex(view, r"round 2/2  test accuracy [\d.]+ %, own labels [\d.]+ %  "
                               r"train loss [\d.]+ .*rounds/s")
        self.assertRegex(view, r"train \d+ %  aggregate \d+ %  wait \d+ %")
        self.assertRegex(view, r"(?m)^  full +-?[\d.]+ +-?[\d.]+ +-?[\d.]+ +-?[\d.]+$")
        self.assertRegex(view, r"(?m)^  fc2 ")
        self.assertNotIn("\033", view)
        self.assertEqual(self.succeed("watch", directory), view, "ends by itself")

    def on_terminal(self, directory, columns=0):
        master, slave = os.openpty()
        self.addCleanup(os.close, master)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24 if columns else 0, columns, 0, 0))
        subprocess.run([BINARY, "watch", directory, "--once"], stdout=slave,
                       env=os.environ | LAUNCHER, check=True)
        os.close(slave)
        return os.read(master, 65536).decode()

    def test_colours_on_a_terminal(self):
        directory = self.simulate(self.path / "small.ini", "run", "--set", "model.init=different")
        self.assertIn("\033[30;48;5;", self.on_terminal(directory))

    def test_a_narrow_terminal(self):
        self.config({"analysis.every": 1, "model.hidden": ",".join(["4"] * 10)})
        self.file.write_text("[sweep]\nbase = small.ini\n[axes]\nrun.seed = 1 | 2\n")
        self.sweep("run")
        cell = min((self.out / "cells").iterdir())
        (self.out / "cells" / self.names("done")[1] / "DONE").unlink()
        for directory in (cell, self.out):
            for columns in (40, 57, 80, 200):
                text = re.sub(r"\033\[[^mHJ]*[mHJ]", "", self.on_terminal(directory, columns))
                self.assertLessEqual(max(map(len, text.splitlines())), columns, text)
        text = self.on_terminal(cell, 40)
        places = [text.index(f" fc{i} ") for i in range(1, 12)]
        self.assertEqual(places, sorted(places), text)

    def test_log_lines_tell_the_time_of_day(self):
        self.simulate(self.path / "small.ini", "run")
        for words in ("round 2/2", "training took"):
            self.assertRegex(self.output, rf"(?m)^[0-2]\d:[0-5]\d:[0-5]\d  {words}")


class Refused(SweepTest):
    def refused(self, *arguments, say):
        before = snapshot(self.path)
        with self.subTest(" ".join(map(str, arguments))):
            self.assert_fails(run(*arguments, cwd=self.path), 2, *say)
            self.assertEqual(snapshot(self.path), before, "something was made or changed")

    def file_refused(self, text, *say):
        self.file.write_text(text)
        self.refused("sweep", "plan", "grid.ini", say=["grid.ini", *say])

    def test_sweep_files(self):
        head = "[sweep]\nbase = small.ini\n"
        self.file_refused("[axes]\nrun.seed = 1\n", "sweep.base is missing")
        self.file_refused("[sweep]\nbase = none.ini\n[axes]\nrun.seed = 1\n",
                          "grid.ini:2: sweep.base: none.ini: cannot be read: No such file")
        self.file_refused(head + "[axes]\ntrain.lr = 0.1 | x\n", "train.lr = 'x'", "allowed")
        self.file_refused(head + "[axes]\ntrain.momentun = 0\n", "did you mean train.momentum?")
        self.file_refused(head + "[axe]\n", "[axe]", "did you mean axes?")
        self.file_refused(head + "[axes]\ncheckpoint.every = 1 | 2\n", "checkpoint.every", "[set]")

    def test_cells_that_simulate_would_refuse(self):
        head = "[sweep]\nbase = small.ini\n"
        for rest, say in (
                ("[axes]\naverage.all.layers = all | fc9\n",
                 "grid.ini:4: cell average.all.layers=fc9: average.all.layers: 'fc9' matches no layer"),
                ("ranks = 7\n[axes]\nrun.seed = 1\n",
                 "grid.ini:3: cell run.seed=1: 5 client ranks, but data.clients = 4: 1 rank would idle; lower "
                 "sweep.ranks or raise data.clients"),
                ("[cells]\nmany = run.seed = 1 & data.clients = 5000\n",
                 "grid.ini:4: cell many: data.clients = 5000 is more than"),
                ("[axes]\nanalysis.align = weights\nanalysis.pairs = clients\n"
                 "analysis.kinds = interaction\n",
                 "grid.ini:6: cell analysis.align=weights & ")):
            self.file.write_text(head + rest)
            for action in ("plan", "run"):
                self.refused("sweep", action, "grid.ini", say=[say])

    def test_data_may_lie_elsewhere_until_cells_run(self):
        self.file.write_text("[sweep]\nbase = small.ini\n[set]\ndata.dataset = mnist\n"
                             "data.dir = absent\n[axes]\nrun.seed = 1\n")
        planned = run("sweep", "plan", "grid.ini", cwd=self.path)
        self.assertEqual(planned.returncode, 0, planned.stderr)
        self.assertRegex(planned.stderr, "warning: .* needs no data: data.dir = absent is not a directory")
        self.refused("sweep", "run", "grid.ini", say=["grid.ini:5: cell run.seed=1: data.dir = absent"])

    def test_a_sweep_given_by_what_it_made(self):
        self.file.write_text("[sweep]\nbase = small.ini\n[axes]\nrun.seed = 1\n")
        self.sweep("run")
        for target in (self.out, self.out / "sweep.ini"):
            self.refused("sweep", "status", target, say=[f"'{target}' is ", f"itself, '{self.file}'"])
        self.refused("sweep", "status", ".", say=[".: cannot be read: Is a directory", "sweep file"])

    def test_command_lines(self):
        self.file.write_text(GRID)
        self.refused("sweep", say=["action is missing", "plan"])
        self.refused("sweep", "pln", "grid.ini", say=["'pln'", "did you mean plan?"])
        self.refused("sweep", "plan", say=["SWEEP.ini is missing"])
        self.refused("sweep", "plan", "absent.ini", say=["absent.ini", "sweep file"])
        self.refused("sweep", "run", "grid.ini", "--jobs", "0", say=["--jobs 0", ">= 1"])
        self.refused("sweep", "status", "grid.ini", "--jobs", "2", say=["--jobs belongs to plan"])
        self.refused("sweep", "run", "grid.ini", "--failed", say=["--failed belongs to resubmit"])
        self.refused("sweep", "resubmit", "grid.ini", say=["--failed or --missing"])
        self.refused("sweep", "collect", "grid.ini", "--out", "nothing", say=["no cell", "nothing"])
        self.refused("sweep", "run", "grid.ini", "--out", "grid.ini/x", say=["grid.ini/x", "--out"])
        self.refused("watch", ".", say=["neither a run", "sweep"])
        self.refused("watch", "absent", say=["absent"])
        self.refused("watch", ".", "--every", "never", say=["--every never"])

    def test_submitting_without_slurm_or_script(self):
        self.file.write_text(GRID)
        tools = self.path / "bin"
        tools.mkdir()
        path = os.environ["PATH"]
        self.addCleanup(os.environ.update, PATH=path)
        os.environ["PATH"] = str(tools)
        self.refused("sweep", "submit", "grid.ini", say=["sbatch is not there", "sweep run"])
        for name in ("sbatch", "squeue", "scontrol"):
            (tools / name).write_text("#!/bin/sh\necho no controller >&2; exit 1\n")
            (tools / name).chmod(0o755)
        self.refused("sweep", "submit", "grid.ini", "--script", "no.sbatch",
                     say=["--script no.sbatch is no file"])
        self.file.with_name("my.sbatch").write_text("#!/bin/sh\n")
        os.environ["PATH"] = f"{tools}:{path}"
        self.assert_fails(run("sweep", "submit", "grid.ini", "--script", "my.sbatch",
                              cwd=self.path), 2, "Slurm does not answer", "no controller")


class Figures(SweepTest):
    def plot(self, *arguments):
        result = subprocess.run([sys.executable, ROOT / "experiments/plot.py", *arguments],
                                capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def test_strategies_over_seeds(self):
        """Named cells, and their runs one by one: a line a strategy, averaged over seeds."""
        self.file.write_text("[sweep]\nbase = small.ini\n[cells]\n"
                             "everything = federation.preset = fedavg & run.seed = 1 | 2\n"
                             "own-heads = federation.preset = fedper & run.seed = 1 | 2\n")
        self.sweep("run")
        self.sweep("collect")
        said = self.plot(self.out)
        self.assertIn("4 of 4 cells are done and drawn", said)
        names = {f"compare_{topic}{across}" for topic in ("accuracy", "loss", "barrier")
                 for across in ("", "_bytes", "_time")}
        self.assertLessEqual(names, {path.stem for path in (self.out / "plots").glob("*.png")})
        text = (self.out / "plots/compare_accuracy.svg").read_text(encoding="utf-8")
        for word in ("everything", "own-heads", "Global model", "means little", "after averaging"):
            self.assertIn(word, text)
        runs = sorted((self.out / "cells").iterdir())
        self.assertEqual(len(runs), 4)
        both = self.plot(*runs, "--out", self.path / "runs")
        for name, preset in (("everything", "fedavg"), ("own-heads", "fedper")):
            self.assertEqual(re.findall(rf"^  {name} +(.*)$", said, re.M),
                             re.findall(rf"^  {preset} +(.*)$", both, re.M))
        with h5py.File(runs[0] / "run.h5") as one, h5py.File(runs[1] / "run.h5") as other:
            last = [file["metrics/rounds"]["test_accuracy"][-1] for file in (one, other)]
        self.assertRegex(said, rf"last round: global model\n  everything +{50 * sum(last):.1f} ")

    def test_what_cannot_be_drawn(self):
        self.file.write_text("[sweep]\nbase = small.ini\n[cells]\none = run.seed=4\n")
        self.sweep("run")
        for arguments, say in [((self.out,), "was not collected"),
                               ((self.out, "--html"), "there is no report"),
                               ((self.out,), "nothing to compare")]:
            result = subprocess.run([sys.executable, ROOT / "experiments/plot.py", *arguments],
                                    capture_output=True, text=True, check=False)
            self.assertEqual(result.returncode, 2)
            self.assertIn(say, result.stderr)
            if not (self.out / "collected.h5").exists():
                self.sweep("collect")


if __name__ == "__main__":
    unittest.main()
