"""Writes a run's metrics and barriers as event files of TensorBoard.

    python -m fedstrata tensorboard RUN --follow &
    tensorboard --logdir RUN/plots/tensorboard

Needs the package tensorboardX (`pip install "./experiments[tensorboard]"`). With --follow new rounds
are written as they come, until the run is done or Ctrl-C.
"""

import argparse
import pathlib
import time

from . import scalars
from .problems import Problem, needed
from .run import open_run

SECONDS = 2.0  # between two looks at a run that grows


def parse(arguments, prog):
    parser = argparse.ArgumentParser(prog=prog, description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", metavar="RUN", type=pathlib.Path)
    parser.add_argument("--out", metavar="DIR", type=pathlib.Path,
                        help="default: plots/tensorboard in RUN, or beside the file")
    parser.add_argument("--follow", action="store_true",
                        help="go on with new rounds until the run is done")
    return parser.parse_args(arguments)


def main(arguments, prog):
    arguments = parse(arguments, prog)
    path = arguments.run
    open_run(path).close()
    writers = needed("tensorboardX")
    out = arguments.out or (path.parent if path.is_file() else path) / "plots/tensorboard"
    if out.exists():
        raise Problem(f"{out} exists already, and events written twice are drawn twice; remove it, "
                      "or choose another --out.")
    try:
        writer = writers.SummaryWriter(str(out))
    except OSError as problem:
        raise Problem(f"{out} cannot be written ({problem.strerror}); choose another --out.") \
            from problem
    count = 0
    with writer:
        written = {}
        while True:
            done = path.is_file() or (path / "DONE").exists()  # looked at before what is read
            count += write_new(path, writer, written)
            writer.flush()
            if done or not arguments.follow:
                break
            time.sleep(SECONDS)
    print(f"{count} numbers in {out}; look at them with: tensorboard --logdir {out}")
    return 0


def write_new(path, writer, written):
    """Writes what came since; returns how many numbers. `written`: name -> its last round."""
    before = dict(written)
    count = 0
    with open_run(path) as run:
        times = scalars.seconds(run)
        for name, number, value in scalars.of_run(run):
            if number <= before.get(name, -1):
                continue
            writer.add_scalar(name, value, number, walltime=times.get(number))
            written[name] = max(number, written.get(name, -1))
            count += 1
    return count
