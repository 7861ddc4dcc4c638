"""What is told to the user in one sentence, and which packages are missing."""

import importlib
import importlib.util
import sys
import traceback

# Name of import -> Debian's package, if it has one; pip's has the same name but for PIP_NAMES.
PACKAGES = {"numpy": "python3-numpy", "h5py": "python3-h5py", "matplotlib": "python3-matplotlib",
            "pandas": "python3-pandas", "torch": "python3-torch", "safetensors": None,
            "tensorboardX": None, "PIL": "python3-pil", "datasets": None}
PIP_NAMES = {"PIL": "pillow"}
ALWAYS = ("numpy", "h5py", "matplotlib")  # what pyproject.toml installs in any case


class Problem(Exception):
    """A sentence for the user."""


class Missing(Problem, ImportError):
    """A package that is not installed, or that does not load."""


def needed(name):
    """The module; throws Missing if one of PACKAGES, which it is or imports, is missing or damaged."""
    try:
        return importlib.import_module(name)
    except Problem:
        raise
    except Exception as problem:  # a package that is damaged may throw anything
        raise missing(problem) or problem


def missing(problem):
    """What to say of an error in importing; None if it does not come from one of PACKAGES."""
    name = culprit(problem)
    if name is None:
        return None
    if importlib.util.find_spec(name):
        return Missing(f"The package {name} of {sys.executable} does not load "
                       f"({str(problem).strip().splitlines()[0]}); install it anew.")
    names = [each for each in ALWAYS if name in ALWAYS and not importlib.util.find_spec(each)]
    names = names or [name]
    debian = [PACKAGES[each] for each in names if PACKAGES[each]]
    other = f", or as root: apt install {' '.join(debian)}, for /usr/bin/python3" if debian else ""
    return Missing(f"{sys.executable} lacks the package{'s' * (len(names) > 1)} "
                   f"{', '.join(names)}; install with: {sys.executable} -m pip install "
                   f"{' '.join(PIP_NAMES.get(each, each) for each in names)}{other}.")


def culprit(problem):
    """The one of PACKAGES that was being imported."""
    if isinstance(problem, ModuleNotFoundError):
        name = (problem.name or "").partition(".")[0]
        if name in PACKAGES:
            return name
    for frame, _ in traceback.walk_tb(problem.__traceback__):
        name = frame.f_globals.get("__name__", "").partition(".")[0]
        if name in PACKAGES:
            return name
    return None
