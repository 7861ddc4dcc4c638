#!/usr/bin/python3
"""Do two builds give the same bits, and does the new one take what the old one wrote?

Makes each case of cases.py with both and compares the runs bit by bit. Then lets the new build
check, go on with and analyse runs of the old one, and draws those with experiments/plot.py. Ends
with 0 only if all is equal; what only the new build writes is listed, and allowed.
"""

import argparse
import concurrent.futures
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import numpy as np

from cases import CASES, chosen_cases, lacking
from difference import compare_runs, open_run

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/e2e"), str(ROOT / "experiments")]
import interruption  # noqa: E402
import program  # noqa: E402
import script_test  # noqa: E402
import self_check  # noqa: E402


PARALLEL = 2  # cases at a time


class Failure(Exception):
    """A command did not end as it must."""


class Build:
    """A binary, and the directory in which its runs lie under the names of the cases, so that both
    builds see the same paths."""

    def __init__(self, name, binary, directory):
        self.name, self.binary, self.directory = name, binary, directory
        directory.mkdir()
        # Builds after 0.1.0 drop the states of a run that is done, and evaluate less, unless told.
        told = subprocess.run([str(binary), "simulate", "--help"], capture_output=True, text=True,
                              check=False, env=os.environ | program.LAUNCHER).stdout
        self.keep = ["--set", "checkpoint.keep_state=yes"] if "  keep_state = " in told else []
        self.evaluate = ["--set", "federation.evaluate=both"] if "  evaluate = " in told else []

    def command(self, arguments, ranks):
        launcher = [program.MPIEXEC, "-n", str(ranks)] if ranks > 1 else []
        return [*launcher, str(self.binary), *map(str, arguments)]

    def start(self, arguments, ranks):
        return subprocess.Popen(self.command(arguments, ranks), cwd=self.directory,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, start_new_session=True,
                                env=os.environ | program.LAUNCHER)

    def run(self, *arguments, ranks=1):
        self.expect(self.start(arguments, ranks), 0)

    def expect(self, process, code):
        """Waits for its end; returns what it said."""
        out, err = interruption.end_of(process, 300)
        if process.returncode != code:
            lines = err.strip().splitlines() or out.strip().splitlines() or ["nothing"]
            said = [line for line in lines if line.startswith("fedstrata: ")] or lines
            raise Failure(f"{self.name} build: `{' '.join(process.args)}` ended with "
                          f"{process.returncode}, not {code}, and said: {said[0]}")
        return out

    def simulate(self, case, run, *arguments, ranks=None, keep=None):
        keep = self.keep if keep is None else keep
        self.run("simulate", f"../{case.name}.ini", "--out", run, *arguments, *keep, *self.evaluate,
                 ranks=ranks or case.ranks)

    def analyze(self, run, analysis):
        settings = [part for key, value in analysis.settings.items()
                    for part in ("--set", f"analysis.{key}={value}")]
        self.run("analyze", run, "--name", analysis.name, *analysis.options, *settings,
                 ranks=analysis.ranks)


class Comparison:
    """Of one case."""

    def __init__(self, old, new, case):
        self.old, self.new, self.case = old, new, case
        self.old_run = old.directory / case.name
        self.copy = new.directory / f"{case.name}-of-old"  # for the new build to work on
        self.failures = 0
        self.additions = set()

    def run(self):
        begin = time.monotonic()
        try:
            self.made_by_both()
            self.read_by_new()
            if self.case.stop:
                self.gone_on_with_by_new()
        except Failure as failure:
            self.fail("", str(failure))
        words = "DIFFERENT" if self.failures else "same bits"
        print(f"{self.case.name}: {words} ({time.monotonic() - begin:.0f} s)", flush=True)

    def made_by_both(self):
        write_inputs(self.case, self.old.directory.parent)
        for build in (self.old, self.new):
            build.simulate(self.case, self.case.name)
        self.compare("", self.old_run, self.new.directory / self.case.name)

    def read_by_new(self):
        """The old run is checked, analysed and drawn."""
        self.new.run("inspect", self.old_run, "--verify")
        if not (self.case.analyses or self.case.plot):
            return
        shutil.copytree(self.old_run, self.copy)
        for analysis in self.case.analyses:
            self.old.analyze(self.case.name, analysis)
            self.new.analyze(self.copy.name, analysis)
        self.compare(", old run analysed by the new build", self.old_run, self.copy)
        if self.case.plot:
            self.new.run("inspect", self.copy)
            self.plot(self.copy)

    def plot(self, run):
        result = subprocess.run([sys.executable, ROOT / "experiments/plot.py", run, "--html"],
                                capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise Failure(f"plot.py ended with {result.returncode}: {result.stderr.strip()}")
        figures = {path.name for path in (run / "plots").iterdir()}
        for name in drawn_analyses(run):
            if not any(name in figure and figure.endswith(".png") for figure in figures):
                raise Failure(f"plot.py drew no figure of the analysis {name}")
        for name in ("accuracy.png", "accuracy.svg", "report.html"):
            if name not in figures:
                raise Failure(f"plot.py made no {name}")

    def gone_on_with_by_new(self):
        """A run that the old build stopped in the middle."""
        name = f"{self.case.name}-stopped"
        old, new = (build.directory / name for build in (self.old, self.new))
        more = []
        if self.case.stop == "signal":
            self.stop_by_signal(self.old, old)
        else:
            more = ["--allow-config-change"]
            for build in (self.old, self.new):
                stop_early(build, self.case, name)
            self.compare(", first rounds", old, new)
            shutil.rmtree(new)
        shutil.copytree(old, new)
        self.new.simulate(self.case, name, "--resume", *more, ranks=self.case.resume_ranks,
                          keep=self.old.keep)  # what the run was begun with
        groups = ["/metrics", "/checkpoints"] + (
            ["/barriers/insitu"] if "analysis.every" in self.case.settings else [])
        self.compare(", old run gone on with by the new build", self.old_run, new, groups,
                     resumed=True)

    def stop_by_signal(self, build, run):
        process = build.start(["simulate", f"../{self.case.name}.ini", "--out", run.name,
                               *build.keep, *build.evaluate], self.case.ranks)
        progress = run / "progress.csv"
        while process.poll() is None and not (
                progress.exists() and progress.read_text().count("\n") > 30):
            time.sleep(0.005)
        process.send_signal(signal.SIGUSR1)
        build.expect(process, 3)

    def compare(self, what, old, new, groups=("/",), resumed=False):
        found = compare_runs(old, new, groups, resumed)
        for difference in found.differences[:5]:
            self.fail(what, difference)
        if len(found.differences) > 5:
            self.fail(what, f"and {len(found.differences) - 5} differences more")
        self.additions.update(found.additions)

    def fail(self, what, sentence):
        self.failures += 1
        print(f"{self.case.name}{what}: {sentence}", flush=True)

    def clean(self):
        """Large models do not lie about."""
        for build in (self.old, self.new):
            for end in ("", "-of-old", "-stopped"):
                shutil.rmtree(build.directory / (self.case.name + end), ignore_errors=True)


def write_inputs(case, directory):
    """What a case is started with, beside the directories of the builds."""
    data = ({} if case.settings.get("data.dataset", "synthetic") == "synthetic" else
            {"data.dir": "../data"})
    (directory / f"{case.name}.ini").write_text(program.ini(case.settings, data))
    if case.needs == "torch":
        script_test.save_net(directory / "net.pt")


def stop_early(build, case, name):
    """Makes fewer rounds than the case has in the end."""
    rounds = (program.SMALL | case.settings)["federation.rounds"]
    build.simulate(case, name, "--set", f"federation.rounds={(rounds + 1) // 2}")


def drawn_analyses(run):
    """Those on the training or test set; plot.py draws no others."""
    with open_run(run) as file:
        return [name for name, tables in file["barriers"].items()
                if {b"train", b"test"} & set(tables["barriers"]["split"].tolist())]


def write_data(directory):
    """Images of noise, in the files of CIFAR-10 and MNIST."""
    directory.mkdir()
    random = np.random.default_rng(3)
    for name in [f"data_batch_{k}" for k in range(1, 6)] + ["test_batch"]:
        records = random.integers(0, 256, (20, 3073), dtype=np.uint8)
        records[:, 0] %= 10
        (directory / f"{name}.bin").write_bytes(records.tobytes())
    program.write_idx(directory / "MNIST", train=100, test=40)
    shutil.move(directory / "MNIST", directory / "raw")
    (directory / "MNIST").mkdir()
    shutil.move(directory / "raw", directory / "MNIST/raw")


def compare_builds(old, new, names, scratch, keep=False):
    """Returns the number of differences."""
    write_data(scratch / "data")
    builds = [Build(name, path, scratch / name) for name, path in (("old", old), ("new", new))]
    cases = chosen_cases(names)
    skipped = {case.name: lacking(case) for case in cases if lacking(case)}
    for name, why in skipped.items():
        print(f"{name}: skipped, {why}")
    comparisons = [Comparison(*builds, case) for case in cases if case.name not in skipped]

    def run(comparison):
        comparison.run()
        if not (keep or comparison.case.used_later):
            comparison.clean()
    with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
        for later in (False, True):
            list(pool.map(run, [c for c in comparisons if c.case.uses_others == later]))
    for addition in sorted(set().union(*(c.additions for c in comparisons))):
        print(f"only in runs of the new build: {addition}")
    failures = sum(c.failures for c in comparisons)
    if failures:
        print(f"{failures} differences between {old} and {new}")
    else:
        left_out = f" ({', '.join(skipped)} skipped)" if skipped else ""
        print(f"All {len(comparisons)} cases have the same bits{left_out}, and the new build "
              "takes what the old one wrote.")
    return failures


def binary(text):
    path = pathlib.Path(text).resolve()
    if not os.access(path, os.X_OK):
        raise argparse.ArgumentTypeError(f"{text} is no program")
    return path


def main():
    parser = argparse.ArgumentParser(prog="compare_builds.sh", description=__doc__.splitlines()[0])
    parser.add_argument("--list", action="store_true", help="name the cases")
    parser.add_argument("--self-check", action="store_true",
                        help="show with one build that differences are found")
    parser.add_argument("--keep", metavar="DIR", type=pathlib.Path, help="leave all runs there")
    parser.add_argument("binaries", metavar="BINARY", nargs="*", help="OLD NEW [CASE...]")
    arguments = parser.parse_args()
    if arguments.list:
        print("\n".join(case.name for case in CASES))
        return 0
    wanted = 1 if arguments.self_check else 2
    if len(arguments.binaries) < wanted:
        parser.error("--self-check takes one binary" if arguments.self_check
                     else "two binaries are compared: OLD NEW [CASE...]")
    binaries = [binary(text) for text in arguments.binaries[:wanted]]
    memory = "/dev/shm" if os.path.isdir("/dev/shm") and not os.environ.get("TMPDIR") else None
    with tempfile.TemporaryDirectory(prefix="fedstrata-compare-", dir=memory) as scratch:
        directory = arguments.keep or pathlib.Path(scratch) / "runs"
        directory.mkdir(parents=True)
        if arguments.self_check:
            return self_check.run(binaries[0], directory, compare_builds)
        return min(1, compare_builds(*binaries, arguments.binaries[2:], directory,
                                     keep=bool(arguments.keep)))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except argparse.ArgumentTypeError as problem:
        sys.exit(f"compare_builds.sh: {problem}")
