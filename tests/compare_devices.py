#!/usr/bin/python3
"""Does the program compute the same on another device as on the CPU?

Makes each case of compare_builds/cases.py on the CPU once and on the device twice, with all its
analyses, and stops and resumes it there. Prints how far the two devices are apart (sums are added
up in another order, and training makes small differences larger) and whether the device's own runs
have the same bits. Ends with 0 only if all cases run, their losses differ by less than the
tolerance (those with dropout excepted: each device draws its own numbers), and a resumed run has
the bits of the whole one.
"""

import argparse
import concurrent.futures
import dataclasses
import pathlib
import sys
import tempfile

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "compare_builds")]
import main as builds  # noqa: E402
from cases import chosen_cases, lacking  # noqa: E402
from difference import compare_runs, open_run  # noqa: E402


class OnDevice(builds.Build):
    """The program on one device; its runs lie in a directory of their own."""

    def __init__(self, name, device, binary, directory):
        super().__init__(name, binary, directory)
        self.device = device

    def run(self, *arguments, ranks=1):
        super().run(*arguments, "--set", f"run.device={self.device}", ranks=ranks)


@dataclasses.dataclass
class Result:
    case: str
    losses: float = 0.0  # largest relative difference between the devices, training and test
    rows: float = 0.0  # of a model's row of a checkpoint, relative to its norm
    points: float = 0.0  # largest relative difference of a loss on a curve
    repeated: str = "-"
    resumed: str = "-"
    failure: str = ""

    def cells(self):
        if self.failure:
            return f"| {self.case} | {self.failure} | | | | |"
        return (f"| {self.case} | {self.losses:.1e} | {self.rows:.1e} | {self.points:.1e} | "
                f"{self.repeated} | {self.resumed} |")


def compare_all(cases, binary, device, parallel=2, again=True):
    """Yields each case with its Result; those that use others' runs come last. `binary` knows both
    devices; `again`: make each case twice on the device."""
    with tempfile.TemporaryDirectory(prefix="fedstrata-devices-") as scratch:
        scratch = pathlib.Path(scratch)
        builds.write_data(scratch / "data")
        places = [OnDevice(name, on, binary, scratch / name) for name, on in
                  (("old", "cpu"), ("new", device), ("again", device))[:3 if again else 2]]
        with concurrent.futures.ThreadPoolExecutor(parallel) as pool:
            for later in (False, True):
                chosen = [case for case in cases if case.uses_others == later]
                yield from zip(chosen, pool.map(lambda case: compare(case, *places), chosen))


def compare(case, *places):
    result = Result(case.name)
    try:
        builds.write_inputs(case, places[0].directory.parent)
        for place in places:
            place.simulate(case, case.name)
            for analysis in case.analyses:
                place.analyze(case.name, analysis)
        runs = [place.directory / case.name for place in places]
        measure(*runs[:2], result)
        if len(runs) > 2:
            result.repeated = verdict(compare_runs(runs[1], runs[2]).differences)
        if case.stop == "rounds":
            resume(case, places[1], runs[1], result)
    except (builds.Failure, KeyError, ValueError) as failure:
        result.failure = str(failure)
    return result


def resume(case, device, whole, result):
    name = f"{case.name}-stopped"
    builds.stop_early(device, case, name)
    device.simulate(case, name, "--resume", "--allow-config-change", ranks=case.resume_ranks)
    groups = ["/metrics", "/checkpoints"]
    result.resumed = verdict(compare_runs(whole, device.directory / name, groups,
                                          resumed=True).differences)


def verdict(differences):
    return f"differs: {differences[0]}" if differences else "same bits"


def measure(left, right, result):
    """How far two runs of one configuration are apart."""
    with open_run(left) as one, open_run(right) as other:
        for column in ("train_loss", "test_loss"):
            result.losses = max(result.losses, relative(one["metrics/rounds"][column],
                                                        other["metrics/rounds"][column]))
        for name, group in one["checkpoints"].items():
            for use in ("before", "after", "global"):
                if use in group:
                    result.rows = max(result.rows, distance(group[use][()],
                                                            other["checkpoints"][name][use][()]))
        for name, tables in one.get("barriers", {}).items():
            if "points" in tables:
                result.points = max(result.points, relative(
                    tables["points"]["loss"], other["barriers"][name]["points"]["loss"]))


def relative(left, right):
    if len(left) != len(right):
        raise ValueError(f"{len(left)} rows on the CPU, {len(right)} on the device")
    known = np.isfinite(left)
    if (known != np.isfinite(right)).any():
        raise ValueError("a loss is finite on one device only")
    gap = np.abs(left[known] - right[known]) / np.maximum(np.abs(left[known]), 1e-3)
    return float(gap.max(initial=0.0))


def distance(left, right):
    left, right = np.atleast_2d(left).astype(float), np.atleast_2d(right).astype(float)
    norms = np.maximum(np.linalg.norm(left, axis=1), 1e-12)
    return float((np.linalg.norm(left - right, axis=1) / norms).max(initial=0.0))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary", type=builds.binary)
    parser.add_argument("cases", nargs="*", metavar="CASE", help="all, when none is named")
    parser.add_argument("--device", default="cuda", help="of run.device")
    parser.add_argument("--tolerance", type=float, default=1e-2,
                        help="for relative differences of losses after training (%(default)s)")
    parser.add_argument("--parallel", type=int, default=2, help="cases at a time")
    options = parser.parse_intermixed_args()
    cases = [case for case in chosen_cases(options.cases) if not lacking(case)]
    failed = []
    print("| case | losses of training | models | losses on curves | run again | resumed |\n"
          "| --- | --- | --- | --- | --- | --- |", flush=True)
    for case, result in compare_all(cases, options.binary, options.device, options.parallel):
        print(result.cells(), flush=True)
        far = not max(result.losses, result.points) <= options.tolerance
        if result.failure or result.resumed.startswith("differs") or far and not case.dropout:
            failed.append(case.name)
    print(f"Not as on the CPU: {', '.join(failed)}" if failed else
          f"All {len(cases)} cases are as on the CPU.")
    return min(1, len(failed))


if __name__ == "__main__":
    sys.exit(main())
