"""Kills a running job at random instants, in many ways, and lets it go on until it is done."""

import os
import pathlib
import random
import signal
import subprocess
import time

import h5py

import program

CONFIG = {"model.init": "different", "data.clients": 5, "data.train_limit": 1500,
          "data.test_limit": 100, "train.lr": 0.01, "train.momentum": 0.9,
          "train.momentum_at_averaging": "keep", "train.warmup": 300,
          "federation.rounds": 150, "federation.local_epochs": 3,
          "federation.participation": 0.6, "average.fc1.layers": "fc1", "average.fc1.every": 3,
          "average.fc1.update": "momentum", "average.fc1.update_lr": 0.9,
          "average.rest.layers": "rest", "average.rest.every": 1,
          "average.rest.update": "adam", "average.rest.update_lr": 0.01,
          "checkpoint.every": 6, "checkpoint.after": "yes", "analysis.every": 4,
          "analysis.pairs": "ring"}

# Who is hit: all at once, one rank by its role, or the launcher.
VICTIMS = ("all", "coordinator", "client", "analysis", "launcher")


def ranks_of(launcher):
    """Rank -> process id of an mpirun's ranks that run by now; the program itself for one rank."""
    found = {}
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            parent = int((path / "stat").read_text().rsplit(")", 1)[1].split()[1])
            if parent == launcher:
                environment = (path / "environ").read_bytes().split(b"\0")
                rank = [e for e in environment if e.startswith(b"OMPI_COMM_WORLD_RANK=")]
                found[int(rank[0].split(b"=")[1])] = int(path.name)
        except (OSError, IndexError, ValueError):
            continue  # it ended meanwhile
    return found or {0: launcher}


def children_of(pid):
    """Process ids."""
    threads = pathlib.Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for thread in threads for child in thread.read_text().split()]


def send(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def hit(process, ranks, victim):
    """Harms the job; returns in words what was done."""
    running = ranks_of(process.pid)
    if victim == "launcher":
        chosen = random.choice((signal.SIGTERM, signal.SIGUSR1))
        send(process.pid, chosen)
        return f"{chosen.name} to the launcher"
    if victim == "all":
        for pid in (process.pid, *running.values()):
            send(pid, signal.SIGKILL)
        return "SIGKILL to all"
    rank = {"coordinator": 0, "client": min(1, ranks - 1), "analysis": ranks - 1}[victim]
    send(running.get(rank, process.pid), signal.SIGKILL)
    return f"SIGKILL to the {victim} (rank {rank} of {ranks})"


def end_of(process, seconds=60):
    try:
        return process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise AssertionError("the job hangs after its end") from None


def check(directory):
    """What must hold of a run at any moment."""
    if not (directory / "run.h5").exists():
        return
    result = program.run("inspect", directory, "--verify")
    assert result.returncode == 0, result.stdout + result.stderr
    with h5py.File(directory / "run.h5", "r") as file:
        program.walk(file, "", lambda name, item: None)


def trial(config, directory, number, say=lambda text: None):
    """One start of the job, on 1 to 4 ranks, killed unless it is done before; True when done."""
    ranks = random.randint(1, 4)
    victim = VICTIMS[number % len(VICTIMS)]
    process = program.start("simulate", config, "--out", directory, "--resume", ranks=ranks)
    try:
        time.sleep(random.uniform(0.1, 2.5))
        done = "nothing: it had ended"
        if process.poll() is None:
            done = hit(process, ranks, victim)
    finally:
        out, err = end_of(process)
    say(f"{number}: {ranks} ranks, {done}, exit code {process.returncode}")
    complete = process.returncode == 0 and (directory / "DONE").exists()
    assert complete or process.returncode != 0, out + err
    assert process.returncode in (0, 1, 3) or "nothing" not in done, out + err
    check(directory)
    return complete


def trials(config, reference, scratch, count, say=lambda text: None):
    """Starts and kills `count` times, in as many runs as that takes; all end as the reference."""
    number, runs = 0, 0
    while number < count:
        directory, runs = scratch / f"run{runs}", runs + 1
        while number < count and not trial(config, directory, number, say):
            number += 1
        number += 1
        result = program.run("simulate", config, "--out", directory, "--resume",
                             ranks=random.randint(1, 4))
        assert result.returncode == 0, result.stdout + result.stderr
        check(directory)
        found = program.content(directory)
        different = [name for name in sorted(reference.keys() | found.keys())
                     if reference.get(name) != found.get(name)]
        assert not different, f"{directory} differs from the reference in {different[:5]}"
        say(f"run {runs}: the same as the uninterrupted run")
