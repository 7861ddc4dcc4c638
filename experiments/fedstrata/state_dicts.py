"""Reads state dicts that others wrote, of PyTorch, safetensors or NumPy: tensors by name.

No package but NumPy is needed, nothing that a file names is run, and its name does not matter: the
first bytes tell what it is.
"""

import zipfile

import numpy as np

from .foreign import first_bytes, places, tensors, torch_files
from .foreign.safetensors_files import is_safetensors, read_safetensors
from .foreign.tensors import Unreadable
from .problems import Problem


def read_npz(path):
    with np.load(path, allow_pickle=False) as file:
        try:
            return {name: tensors.of_array(array) for name, array in file.items()}
        except ValueError as problem:
            if "allow_pickle" not in str(problem):
                raise
            raise Unreadable("holds Python's objects: save each array by its name, with "
                             "numpy.savez(FILE, **state)") from problem


def read_archive(path):
    """Of a zip archive: PyTorch's or NumPy's."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile as problem:
        raise Unreadable("is a zip archive that is cut short or damaged: fetch or save it "
                         "again") from problem
    if any(name.endswith(".npy") for name in names):
        return read_npz(path)
    if any(name.rpartition("/")[2] == "data.pkl" for name in names):
        return torch_files.read_zip(path)
    raise Unreadable(f"is a zip archive of {places.some(names) or 'nothing'}: unpack it, and name the "
                     "model's file")


def contents(path):
    """What a file holds."""
    start = first_bytes.first_bytes(path)
    if start[:2] == b"PK":
        return read_archive(path)
    if is_safetensors(start):
        return read_safetensors(path)
    if start[:1] == b"\x80" and start[1:2] <= b"\5":
        with open(path, "rb") as file:
            return torch_files.read_rows(file)
    raise Unreadable(first_bytes.told(start) or
                     f"{first_bytes.described(start)}; read are checkpoints of PyTorch, files of "
                     "safetensors and .npz")


def guarded(path, read):
    """What `read` gives; whatever goes wrong becomes a Problem that names the file."""
    try:
        return read()
    except Problem:
        raise
    except IsADirectoryError as problem:
        raise Problem(f"{path} is a folder: name a file in it.") from problem
    except OSError as problem:
        raise Problem(f"{path} cannot be read ({problem.strerror or problem}).") from problem
    except MemoryError as problem:
        raise Problem(f"{path} cannot be read: there is too little memory for it.") from problem
    except Unreadable as problem:
        raise Problem(f"{path} {problem}.") from problem
    except Exception as problem:  # of many types: the file may say anything
        reason = ascii(str(problem).partition("\n")[0].rstrip("."))[1:-1] or type(problem).__name__
        raise Problem(f"{path} is damaged or cut short ({reason}): fetch or save it again.") from problem


def read_state_dict(path, shapes, under=None):
    """The place and the tensors of the model with these names and shapes (see places.choose)."""
    return guarded(path, lambda: places.choose(path, contents(path), shapes, under))


def read_array(path, tensor):
    """The tensor's numbers."""
    return guarded(path, tensor.read)
