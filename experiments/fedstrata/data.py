"""Converts data sets to the one file that fedstrata reads, data.dataset = file:FILE.h5.

    python -m fedstrata data arrays.npz FILE.h5                  x_train, y_train, x_test, y_test
    python -m fedstrata data table.csv FILE.h5 --target price    a table, its columns named in the first line
    python -m fedstrata data photos/ FILE.h5 --size 64           folders of images, one for each class
    python -m fedstrata data emnist/ FILE.h5                     files in MNIST's form
    python -m fedstrata data femnist/data FILE.h5                LEAF's JSON, with its users
    python -m fedstrata data cifar-100-python.tar.gz FILE.h5     CIFAR's Python pickles
    python -m fedstrata data hf_folder/ FILE.h5                  what Hugging Face's save_to_disk made
    python -m fedstrata data my_sets.py:make FILE.h5             a function of yours that gives two sets

Where the source sets no test samples apart, some are drawn. A folder as DST, in place of FILE.h5, takes
CIFAR's pickles in CIFAR's binary form.
"""

import argparse
import pathlib

from . import cifar
from .problems import Problem, needed


def parse(arguments, prog):
    parser = argparse.ArgumentParser(prog=prog, description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", metavar="SRC", type=pathlib.Path, help="file or folder to convert")
    parser.add_argument("target", metavar="DST", type=pathlib.Path,
                        help="new file FILE.h5; or a new folder for CIFAR's binary files")
    parser.add_argument("--target", dest="column", metavar="COLUMN", help="what is to be predicted")
    parser.add_argument("--input", metavar="COLUMN", help="inputs, of a Hugging Face data set")
    parser.add_argument("--client", metavar="COLUMN", help="whose sample it is, for data.partition = natural")
    parser.add_argument("--drop", metavar="COLUMN", action="append", default=[], help="leave out; again for more")
    parser.add_argument("--values", action="store_true", help="whole numbers to predict are values, not labels")
    parser.add_argument("--size", metavar="N", type=int, help="make all images N x N")
    parser.add_argument("--grey", action="store_true", help="make all images grey")
    parser.add_argument("--test-fraction", metavar="F", type=float,
                        help="share of test samples where the source has none apart (0.2)")
    parser.add_argument("--seed", metavar="N", type=int, help="by which they are drawn (1)")
    options = parser.parse_args(arguments)
    options.path, options.target = options.target, options.column
    return options


FOR = {"target": ("tables", "arrow"), "input": ("arrow",), "client": ("tables", "arrow"), "drop": ("tables",),
       "values": ("tables",), "size": ("image_folders",), "grey": ("image_folders",)}
DRAWING = ("test_fraction", "seed")


def refuse(options, names, why):
    """Throws a Problem if an option of these is given."""
    for name in names:
        if getattr(options, name) not in (None, [], False):
            raise Problem(f"--{name.replace('_', '-')} is not for {why}; leave it out.")


def form_of(options):
    """The module of the source's form."""
    datasets = needed(f"{__package__}.datasets")
    forms = {name: needed(f"{__package__}.datasets.{name}") for name in datasets.FORMS}
    source = options.source
    if not source.exists() and not forms["python_sets"].matches(source):
        raise Problem(f"{source} is not there.")
    name = next((name for name, form in forms.items() if form.matches(source)), None)
    if name is None:
        known = ", ".join(form.NAME for form in forms.values())
        raise Problem(f"{source} is of no form that can be converted ({known}).")
    refuse(options, [option for option, only in FOR.items() if name not in only], forms[name].NAME)
    return forms[name]


def main(arguments, prog):
    options = parse(arguments, prog)
    if options.path.suffix not in (".h5", ".hdf5"):
        refuse(options, [*FOR, *DRAWING], "CIFAR's binary files")
        cifar.make_folder(options.source, options.path)
        return 0
    form = needed(f"{__package__}.datasets.form")
    if options.path.exists():
        raise Problem(f"{options.path} exists already; choose another DST.")
    if options.size is not None and options.size < 1:
        raise Problem(f"--size {options.size} must be at least 1.")
    try:
        found = form_of(options).read(options.source, options)
    except OSError as problem:
        raise Problem(f"{problem.filename or options.source} cannot be read ({problem.strerror or problem})."
                      ) from problem
    if found.test is not None:
        refuse(options, DRAWING, "a source that sets test samples apart")
    else:
        fraction = 0.2 if options.test_fraction is None else options.test_fraction
        seed = 1 if options.seed is None else options.seed
        found.train, found.test = form.parted(found.train, fraction, seed)
        found.notes.append(f"{len(found.test)} samples were drawn as test set (--test-fraction, --seed)")
    found = form.checked(found, options.source)
    form.write(options.path, found)
    tell(options.path, found)
    return 0


def tell(path, found):
    train = found.train
    shape = " x ".join(map(str, train.inputs.shape[1:]))
    kind = "pixels" if train.inputs.dtype.kind == "u" else "numbers"
    labels = train.targets.dtype.kind == "i"
    count = max(int(train.targets.max()), int(found.test.targets.max())) + 1 if labels else 0
    what = f"{count} classes" if labels else "values to predict"
    print(f"{path}: {len(train)} training and {len(found.test)} test samples of {shape} {kind}, {what}")
    for note in found.notes:
        print(f"note: {note}")
    natural = ""
    if train.client is not None:
        natural = f", data.partition = natural, data.clients = {train.client.max() + 1} or fewer"
    print(f"next: data.dataset = file:{path}{natural}")
