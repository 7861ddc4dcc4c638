"""Reads runs of fedstrata (`Run`); `python -m fedstrata --help` lists the commands."""

from .problems import needed

__all__ = ["Run"]
__version__ = "0.1.0"  # as in CMakeLists.txt


def __getattr__(name):
    # Only when asked for: a command can then say in a sentence that h5py is missing.
    if name == "Run":
        return needed("fedstrata.run").Run
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
