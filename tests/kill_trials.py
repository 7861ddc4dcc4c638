#!/usr/bin/python3
"""Longer trials of what the test program/interruption does: kills a job at random instants, lets it
go on on other numbers of ranks, and compares with an uninterrupted run.

    tests/kill_trials.py [--kills 200] [--seed 1]
"""

import argparse
import pathlib
import random
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "e2e"))
import interruption
import program


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    random.seed(options.seed)
    with tempfile.TemporaryDirectory(prefix="fedstrata-kills-") as name:
        scratch = pathlib.Path(name)
        config = scratch / "config.ini"
        config.write_text(program.ini(interruption.CONFIG))
        result = program.run("simulate", config, "--out", scratch / "reference")
        if result.returncode != 0:
            sys.exit(result.stderr)
        reference = program.content(scratch / "reference")
        interruption.trials(config, reference, scratch, options.kills,
                            lambda text: print(text, flush=True))


if __name__ == "__main__":
    main()
