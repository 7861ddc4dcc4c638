"""Writes a model of a run as a file that PyTorch, safetensors or NumPy reads.

    python -m fedstrata export RUN --round 10 --client 2 --out model.pt
    python -m fedstrata export RUN --out model.safetensors          # the last stored global model

A .pt file (needs PyTorch) is a state dict, for `model.load_state_dict(torch.load(FILE))`;
.safetensors needs the package safetensors; .npz has an array a name.
"""

import argparse
import pathlib

from .problems import Problem
from .run import open_run
from .writers import WRITERS, save


def parse(arguments, prog):
    parser = argparse.ArgumentParser(prog=prog, description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", metavar="RUN", type=pathlib.Path)
    parser.add_argument("--round", metavar="R", type=int, help="default: the last that is stored")
    parser.add_argument("--client", metavar="C", type=int, help="default: the global model")
    parser.add_argument("--at", choices=["before", "after", "global"],
                        help="a client's model before averaging (default) or after it")
    parser.add_argument("--out", metavar="FILE", type=pathlib.Path, required=True,
                        help=f"one of {', '.join(WRITERS)}")
    return parser.parse_args(arguments)


def main(arguments, prog):
    arguments = parse(arguments, prog)
    if arguments.out.exists():
        raise Problem(f"{arguments.out} exists already; choose another --out.")
    if arguments.at and (arguments.client is None) != (arguments.at == "global"):
        raise Problem(f"--at {arguments.at} goes {'with' if arguments.client is None else 'without'} "
                      "--client.")
    with open_run(arguments.run) as run:
        stored = run.checkpoints
        if not stored:
            raise Problem(f"{arguments.run} has no stored models (yet); checkpoint.every is how "
                          "often they are stored.")
        number = stored[-1] if arguments.round is None else arguments.round
        try:
            state = run.state_dict(number, arguments.client, arguments.at)
        except KeyError as problem:
            raise Problem(f"{arguments.run}: {problem.args[0]}.") from problem
    save(state, arguments.out)
    whose = "the global model" if arguments.client is None else f"client {arguments.client}"
    print(f"{arguments.out}: {whose} of round {number}, {len(state)} tensors")
    return 0
