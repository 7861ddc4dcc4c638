"""Makes a run directory out of models that were trained elsewhere, for `fedstrata analyze`.

    python -m fedstrata import --model resnet18 --dataset cifar10 --data-dir DIR --out RUN \\
        a.pt b.pt
    python -m fedstrata import --model mlp --hidden 64 --out RUN \\
        --round 10 a.pt b.pt --round 20 c.pt d.pt

The files of a round become clients 0, 1, ...: checkpoints of PyTorch as people save them, .safetensors,
or .npz with an array a name; they are read without PyTorch, and nothing in them is run. Layers, names and
shapes come from fedstrata itself, which starts the run; this script adds the models.
"""

import argparse
import os
import pathlib
import shutil
import subprocess

os.environ.setdefault("HDF5_USE_FILE_LOCKING", "FALSE")  # as fedstrata does
import h5py
import numpy as np

from .foreign.places import some
from .new_directory import new_directory
from .problems import Problem
from .run import Run
from .state_dicts import read_array, read_state_dict


def hint(model):
    options = {"mlp": "--hidden, ", "resnet18": "--norm, "}.get(model, "")
    return f"{options}--model or --dataset may be wrong"


def shape_text(shape):
    return "x".join(map(str, shape)) or "a scalar"


def check(where, tensors, shapes, model):
    """Throws a Problem unless the tensors are those of the model: names, shapes, floats."""
    missing = [name for name in shapes if name not in tensors]
    unknown = [name for name in tensors if name not in shapes]
    if missing or unknown:
        parts = [f"lacks {some(missing)}"] * bool(missing)
        parts += [f"has {some(unknown)}, which {model} has not"] * bool(unknown)
        raise Problem(f"{where} {' and '.join(parts)}; {hint(model)}.")
    for name in shapes:
        if not tensors[name].is_float:
            raise Problem(f"{where}: {name} holds {tensors[name].type}, not floating-point numbers of "
                          "16 to 64 bits.")
    wrong = [f"{name} is {shape_text(tensors[name].shape)} instead of {shape_text(shape)}"
             for name, shape in shapes.items() if tensors[name].shape != shape]
    if wrong:
        raise Problem(f"{where}: {some(wrong)}; {hint(model)}.")


def read_model(path, shapes, model, under):
    """Name -> array (float32)."""
    place, tensors = read_state_dict(path, shapes, under)
    where = f"{path} (under {place[:-1]})" if place else str(path)
    check(where, tensors, shapes, model)
    with np.errstate(over="ignore"):  # what float32 cannot hold is reported
        arrays = {name: read_array(path, tensors[name]).astype(np.float32) for name in shapes}
    bad = [name for name, array in arrays.items() if not np.isfinite(array).all()]
    if bad:
        raise Problem(f"{where}: {some(bad)} holds NaN or infinite values (as float32).")
    return arrays


def tensor_shapes(table):
    """Name -> shape of a table /parameters or /buffers, in the order of a row's elements."""
    return {tensor["name"].decode():
            tuple(int(n) for n in tensor["shape"].decode().split("x") if n) for tensor in table}


def read_rows(paths, tables, model, under):
    """Per table (parameters, buffers) the files' rows [files, elements]."""
    tables = [tensor_shapes(table) for table in tables]
    rows = [[] for _ in tables]
    for path in paths:
        arrays = read_model(path, {name: s for table in tables for name, s in table.items()}, model,
                            under)
        for table, target in zip(tables, rows):
            parts = [arrays[name].ravel() for name in table]
            target.append(np.concatenate([np.empty(0, np.float32), *parts]))
    return [np.stack(target) for target in rows]


def write_checkpoint(directory, number, paths, rows):
    """checkpoints/RRRRRR.h5 as docs/file-format.md describes it."""
    directory.mkdir(exist_ok=True)
    with h5py.File(directory / f"{number:06d}.h5", "w") as file:
        for name, value in (("round", number), ("shard", 0), ("shards", 1)):
            file.attrs[name] = np.int64(value)
        names = os.fsencode("\n".join(map(str, paths)))  # as they are, whatever the locale
        file.attrs["sources"] = names.decode("utf-8", "backslashreplace")
        file["clients"] = np.arange(len(paths), dtype=np.int64)
        for name, data in zip(("before", "buffers_before"), rows):
            file[name] = data


def program(arguments, *command):
    """Runs fedstrata; its own sentence becomes ours."""
    try:
        result = subprocess.run([arguments.program, *map(str, command)], capture_output=True,
                                encoding="utf-8", errors="backslashreplace", check=False)
    except OSError as problem:
        raise Problem(f"{arguments.program} cannot be started ({problem.strerror}); build it, or "
                      "name it with --program.") from problem
    if result.returncode != 0:
        said = result.stderr.strip().splitlines() or [
            f"{arguments.program} ended with code {result.returncode} and without a word; is it fedstrata?"]
        raise Problem(said[-1].removeprefix("fedstrata: "))


def start_run(arguments, run, clients):
    """A run of no rounds, in which every client sees all data."""
    model = {"name": arguments.model, "hidden": arguments.hidden, "norm": arguments.norm}
    data = {"dataset": arguments.dataset, "clients": clients, "partition": "same",
            "dir": arguments.data_dir and os.path.abspath(arguments.data_dir),
            "train_limit": arguments.train_limit, "test_limit": arguments.test_limit}
    sections = {"model": model, "data": data, "federation": {"rounds": 0, "evaluate_every": 0}}
    config = run.with_name("imported.ini")
    config.write_text("".join(
        f"[{section}]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items()
                                   if value is not None) for section, keys in sections.items()),
        encoding="utf-8", errors="surrogateescape")
    overrides = [part for item in arguments.set for part in ("--set", item)]
    program(arguments, "simulate", config, "--out", run, *overrides)


def make_run(arguments, rounds, run):
    start_run(arguments, run, max(map(len, rounds.values())))
    with Run(run) as begun:
        tables = [begun.file[name][:] for name in ("parameters", "buffers")]
    for number, paths in rounds.items():
        write_checkpoint(run / "checkpoints", number, paths,
                         read_rows(paths, tables, arguments.model, arguments.under))
    program(arguments, "inspect", run, "--rebuild-index")


def rounds_of(arguments):
    """Round -> files."""
    given = [("1", arguments.files)] * bool(arguments.files)
    given += [(number, [pathlib.Path(f) for f in files]) for number, *files in arguments.round]
    rounds = {}
    for text, files in given:
        if not text.isdecimal() or not 1 <= int(text) <= 999999 or not files:
            raise Problem(f"--round {text}: give a number from 1 to 999999 and files after it.")
        if int(text) in rounds:
            raise Problem(f"round {text} is given twice (files before any --round are round 1).")
        rounds[int(text)] = files
    if not rounds:
        raise Problem("no files are given; name at least one for each client.")
    return rounds


def default_program():
    """FEDSTRATA_BINARY, or what was built in the sources that this file is in, or that of PATH."""
    built = pathlib.Path(__file__).resolve().parents[2] / "build/bin/fedstrata"
    return os.environ.get("FEDSTRATA_BINARY") or (
        str(built) if built.exists() else shutil.which("fedstrata") or "fedstrata")


def parse(arguments, prog):
    parser = argparse.ArgumentParser(prog=prog, description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", metavar="FILE", nargs="*", type=pathlib.Path,
                        help="models of clients 0, 1, ... in round 1")
    parser.add_argument("--round", metavar=("R", "FILE"), nargs="+", action="append", default=[],
                        help="models of clients 0, 1, ... in round R; may be repeated")
    parser.add_argument("--out", metavar="RUN", type=pathlib.Path, required=True)
    parser.add_argument("--under", metavar="PLACE",
                        help="where the model lies in files that hold several, e.g. ema.model")
    parser.add_argument("--model", default="mlp", help="model.name (default: mlp)")
    parser.add_argument("--hidden", help="model.hidden, e.g. 200,200")
    parser.add_argument("--norm", help="model.norm: none, batch or group")
    parser.add_argument("--dataset", default="fashion-mnist", help="data.dataset")
    parser.add_argument("--data-dir", help="data.dir")
    parser.add_argument("--train-limit", type=int, help="data.train_limit")
    parser.add_argument("--test-limit", type=int, help="data.test_limit")
    parser.add_argument("--set", metavar="section.key=value", action="append", default=[],
                        help="any other key of the configuration; may be repeated")
    parser.add_argument("--program", default=default_program(),
                        help="the program fedstrata (default: build/bin/fedstrata of the sources, "
                             "or the one in PATH)")
    return parser.parse_args(arguments)


def main(arguments, prog):
    arguments = parse(arguments, prog)
    rounds = rounds_of(arguments)
    with new_directory(arguments.out, "--out") as made:
        make_run(arguments, rounds, made)
    print(f"{arguments.out}: {sum(map(len, rounds.values()))} models of {len(rounds)} rounds; "
          f"next: fedstrata analyze {arguments.out}")
    return 0
