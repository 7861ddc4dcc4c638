"""Shows that the comparison finds what it should: a changed bit anywhere, and another build."""

import os
import shutil
import stat
import subprocess

import h5py
import numpy as np

import program
from difference import compare_runs

CASE = "cosine"  # a small run on two ranks


def flip(values, column=None):
    """The last bit of the last value, of a column of a table."""
    changed = values.copy()
    part = changed[column] if column else changed
    last = part.reshape(-1)[-1:].copy()
    last.view(np.uint8)[0] ^= 1
    part[np.unravel_index(part.size - 1, part.shape)] = last[0]
    return changed


def replace(file, name, values):
    del file[name]
    file[name] = values


def change(name, column=None):
    return lambda file: replace(file, name, flip(file[name][()], column))


def without(values, column):
    return values[[name for name in values.dtype.names if name != column]].copy()


def with_column(values):
    more = np.zeros(values.shape, values.dtype.descr + [("more", "<f8")])
    for name in values.dtype.names:
        more[name] = values[name]
    return more


ROUNDS, BARRIERS = "/metrics/rounds", "/barriers/insitu/barriers"
# What is done to a run, and what must be said of it.
DIFFERENCES = [
    (change("/checkpoints/000002/before"), "/checkpoints/000002/before: row 3, "),
    (change("/checkpoints/000000/global"), "/checkpoints/000000/global: row "),
    (change("/partition/indices"), "/partition/indices: row 59: "),
    (change(ROUNDS, "train_loss"), "/metrics/rounds, column train_loss: row 4 (round 4, "),
    (change(BARRIERS, "loss_mid"), "/barriers/insitu/barriers, column loss_mid: row "),
    (change("/barriers/insitu/geometry", "cosine"), "/barriers/insitu/geometry, column cosine: "),
    (lambda file: replace(file, BARRIERS, file[BARRIERS][:-1]), "rows -> "),
    (lambda file: replace(file, ROUNDS, without(file[ROUNDS][:], "lr")), "column lr is missing"),
    (lambda file: file.pop("/barriers/insitu/skipped"), "/barriers/insitu/skipped is missing"),
    (lambda file: file.pop("/checkpoints/000004"), "/checkpoints/000004 is missing"),
    (lambda file: file.attrs.pop("clients"), "attribute clients of / is missing"),
    (lambda file: file.attrs.modify("seed", 7), "attribute seed of /: 1 -> 7"),
    (lambda file: file.attrs.modify("config", file.attrs["config"].replace(
        "rounds = 4", "rounds = 5")), "federation.rounds (4 -> 5)"),
]
ADDITIONS = [
    (lambda file: replace(file, ROUNDS, with_column(file[ROUNDS][:])),
     "column more of /metrics/rounds"),
    (lambda file: file.create_group("more"), "/more"),
    (lambda file: file.attrs.create("more", 1), "attribute more of /"),
    (lambda file: file.attrs.modify("config", file.attrs["config"] + "\n[more]\nkey = 1\n"),
     "more.key in attribute config of /"),
]
EXCEPTED = [
    change(ROUNDS, "seconds_train"), change("/metrics/clients", "run_rank"),
    change("/provenance", "hosts"), lambda file: file.attrs.modify("software_version", "9.9"),
]


def run(binary, scratch, compare_builds):
    """0 if all is found."""
    wrong = 0

    def expect(holds, what):
        nonlocal wrong
        if not holds:
            wrong += 1
            print(f"self-check: {what}")
    expect(compare_builds(binary, binary, [CASE], fresh(scratch / "same"), keep=True) == 0,
           "one build differs from itself")
    other = scratch / "other_build"
    other.write_text(f'#!/bin/sh\n[ "$1" = simulate ] && set -- "$@" --set train.lr=0.06\n'
                     f'exec "{binary}" "$@"\n')
    other.chmod(other.stat().st_mode | stat.S_IXUSR)
    expect(compare_builds(binary, other, [CASE], fresh(scratch / "different")) > 0,
           "a build that trains otherwise is taken for the same")
    expect(compare_builds(binary, "/bin/false", [CASE], fresh(scratch / "failing")) > 0,
           "a build that does not work is taken for the same")
    edits(binary, scratch / "same/old" / CASE, scratch, expect)
    states(scratch / "same/old" / CASE, scratch / "changed", expect)
    print(f"self-check: {wrong} of its checks failed" if wrong else
          f"self-check: all of {len(DIFFERENCES) + len(ADDITIONS) + len(EXCEPTED) + 5} changes "
          "were judged as they should be")
    return min(1, wrong)


def fresh(directory):
    directory.mkdir()
    return directory


def edits(binary, directory, scratch, expect):
    """Changes to what HDF5 holds, in files of one piece."""
    packed, edited = scratch / "packed.h5", scratch / "edited.h5"
    subprocess.run([binary, "inspect", directory, "--pack", packed], check=True,
                   stdout=subprocess.DEVNULL, env=os.environ | program.LAUNCHER)

    def found(edit):
        shutil.copy(packed, edited)
        with h5py.File(edited, "r+") as file:
            edit(file)
        return compare_runs(packed, edited)
    for edit, said in DIFFERENCES:
        result = found(edit)
        expect(len(result.differences) == 1 and said in result.differences[0],
               f"'{said}' was to be found, but was {result.differences}")
    for edit, said in ADDITIONS:
        result = found(edit)
        expect(result.differences == [] and result.additions == [said],
               f"'{said}' was to be listed, but was {result}")
    for edit in EXCEPTED:
        result = found(edit)
        expect(result.differences == result.additions == [], f"time or place counts: {result}")


def states(directory, changed, expect):
    """Changes to resume states, which are no HDF5."""
    shutil.copytree(directory, changed)
    state = max((changed / "state/resume").glob("*.state"))
    state.write_bytes(flip(np.fromfile(state, np.uint8)).tobytes())
    differences = compare_runs(directory, changed).differences
    expect(len(differences) == 1 and f"{state.name}: byte" in differences[0],
           f"a changed state was {differences}")
    state.unlink()
    differences = compare_runs(directory, changed).differences
    expect(differences == [f"state/resume/{state.name} is missing"],
           f"a lost state was {differences}")
