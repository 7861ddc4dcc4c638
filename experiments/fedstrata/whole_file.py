"""A file that is there whole or not at all."""

import contextlib
import os

from .problems import Problem


@contextlib.contextmanager
def whole_file(path):
    """Gives the path to write to; when the block ends without an error that file becomes `path`."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        os.replace(part, path)
    except OSError as problem:
        raise Problem(f"{path} cannot be written ({problem.strerror or problem}).") from problem
    finally:
        part.unlink(missing_ok=True)
