"""PyTorch's files without PyTorch: a pickle that names tensors, and their storages.

Since 1.6 torch.save makes a zip archive of data.pkl and a file a storage; before, a row of pickles and
the storages after them. docs: torch/serialization.py. Nothing that the pickles name is run (pickled.py),
so a checkpoint may hold anything beside its tensors: numbers, settings, optimizers, whole modules.
"""

import functools
import io
import struct
import zipfile

import numpy as np

from . import pickled
from .tensors import Tensor, Unreadable, bytes_of, numbers, of_array, strided

MAGIC = 0x1950a86a20f9469cfc6c
STORAGES = {"Double": "float64", "Float": "float32", "Half": "float16", "BFloat16": "bfloat16",
            "Long": "int64", "Int": "int32", "Short": "int16", "Char": "int8", "Byte": "uint8",
            "Bool": "bool", "ComplexFloat": "complex64", "ComplexDouble": "complex128"}


class Storage:
    """Numbers that tensors are views of; `read()` gives their bytes."""

    def __init__(self, kind, read, first=0, order="<"):
        word = kind.name.rpartition(".")[2].removesuffix("Storage")
        self.type = STORAGES.get(word, word)
        self.read, self.first, self.order = read, first, order


def tensor(storage, offset, shape, stride, *_):
    return typed(storage, storage.type, offset, shape, stride)


def tensor_v3(storage, offset, shape, stride, _, __, kind, *___):
    return typed(storage, kind.name.rpartition(".")[2], offset, shape, stride)


def typed(storage, type_name, offset, shape, stride):
    def read():
        values = numbers(storage.read(), type_name, storage.order)
        return strided(values, storage.first + offset, shape, stride)
    return Tensor(shape, type_name, read)


def scalar(kind, data):
    """A single number, or None where it is something else."""
    try:
        return np.frombuffer(pickled.encoded(data), numpy_type(kind))[0].item()
    except (TypeError, ValueError, AttributeError, IndexError):
        return None


def buffer_array(data, kind, shape, order):
    """A NumPy array as protocol 5 of pickle has it."""
    return of_array(np.frombuffer(data, numpy_type(kind)).reshape(shape, order=order))


def numpy_type(made):
    """A dtype of numbers, as pickled: its code and its order of bytes."""
    return np.dtype(pickled.text(made.arguments[0])).newbyteorder(pickled.text(made.state[1]))


def numpy_tensor(made):
    """The tensor of a pickled NumPy array; None if it is none of numbers."""
    try:
        _, shape, kind, fortran, data = made.state
        values = np.frombuffer(pickled.encoded(data), numpy_type(kind))
        return of_array(values.reshape(shape, order="F" if fortran else "C"))
    except (TypeError, ValueError, AttributeError, IndexError):
        return None


def pairs(items=()):
    return {key: value for key, value in items if isinstance(key, pickled.PLAIN)}


def derived(function, kind, arguments, *_):
    """A tensor of a class derived from torch.Tensor, by the function that makes its base."""
    known = KNOWN.get(function.name)
    return known(*arguments) if known else pickled.Made(kind, arguments)


KNOWN = {
    "collections.OrderedDict": pairs,
    "torch._utils._rebuild_tensor": tensor,
    "torch._utils._rebuild_tensor_v2": tensor,
    "torch._utils._rebuild_tensor_v3": tensor_v3,
    "torch._utils._rebuild_parameter": lambda data, *_: data,
    "torch._utils._rebuild_parameter_with_state": lambda data, *_: data,
    "torch._tensor._rebuild_from_type_v2": derived,
    "torch.storage._load_from_bytes": lambda data: read_rows(io.BytesIO(data)),
    "torch.Size": tuple,
    "_codecs.encode": pickled.encoded,
}
for package in ("numpy.core", "numpy._core"):
    KNOWN |= {f"{package}.multiarray.scalar": scalar, f"{package}.numeric._frombuffer": buffer_array}


def read_zip(file):
    """What was saved, of a zip archive."""
    archive = zipfile.ZipFile(file)
    pickle = next(name for name in archive.namelist() if name.rpartition("/")[2] == "data.pkl")
    folder = pickle.removesuffix("data.pkl")
    order = "<"
    if f"{folder}byteorder" in archive.namelist():
        order = ">" if archive.read(f"{folder}byteorder") == b"big" else "<"

    @functools.lru_cache(1)  # tensors that share a storage follow each other
    def read(key):
        return archive.read(f"{folder}data/{key}")

    def persistent(identifier):
        _, kind, key, *_ = identifier
        return Storage(kind, functools.partial(read, key), order=order)
    return pickled.load(io.BytesIO(archive.read(pickle)), KNOWN, persistent)


def read_rows(file):
    """What was saved, of a file of pickles; of one pickle where it is none of torch.save."""
    storages, sizes = {}, {}

    def persistent(identifier):
        if pickled.text(identifier[0]) == "module":  # a class, and its source
            return identifier[1]
        _, kind, key, _, _, view = identifier
        storage = Storage(kind, lambda: storages[key], view[1] if view else 0)
        sizes[key] = bytes_of(storage.type)
        return storage
    found = pickled.load(file, KNOWN, persistent)
    if found != MAGIC:
        return found
    pickled.load(file), pickled.load(file)  # version, and sizes of C's types on that machine
    found = pickled.load(file, KNOWN, persistent)
    for key in pickled.load(file):
        count, = struct.unpack("<q", file.read(8))
        data = file.read(count * sizes[key])
        if count < 0 or len(data) < count * sizes[key]:
            raise Unreadable("is cut short: fetch or save it again")
        storages[key] = data
    return found
