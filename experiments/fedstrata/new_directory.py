"""A directory that is there whole or not at all."""

import contextlib
import os
import pathlib
import tempfile

from .problems import Problem


@contextlib.contextmanager
def new_directory(path, option):
    """Gives the path at which the directory is to be made; when the block ends without an error it
    becomes `path`, which must not exist. `option` names what the user gave the path with."""
    target = path.absolute()
    try:
        if target.exists():
            raise Problem(f"{path} exists already; choose another {option}.")
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".making-", dir=target.parent) as scratch:
            made = pathlib.Path(scratch) / "made"
            yield made
            os.rename(made, target)
    except OSError as problem:
        raise Problem(f"{problem.filename or path} cannot be read or written ({problem.strerror or problem})."
                      ) from problem
