"""Tensors of a file, which are read when asked for."""

import math

import numpy as np
from numpy.lib.stride_tricks import as_strided

# Names of types, as PyTorch says them -> NumPy's. bfloat16 is the upper half of a float32.
TYPES = {"float64": "f8", "float32": "f4", "float16": "f2", "bfloat16": "u2", "int64": "i8",
         "int32": "i4", "int16": "i2", "int8": "i1", "uint64": "u8", "uint32": "u4", "uint16": "u2",
         "uint8": "u1", "bool": "?", "complex64": "c8", "complex128": "c16"}


class Unreadable(ValueError):
    """A file that is not read, as a clause about it."""


class Tensor:
    """`read()` gives its array; `type` is one of TYPES, or another's name."""

    def __init__(self, shape, type_name, read):
        self.shape, self.type, self.read = tuple(shape), type_name, read

    @property
    def is_float(self):
        return self.type in ("float64", "float32", "float16", "bfloat16")


def of_array(array):
    return Tensor(array.shape, array.dtype.name, lambda: array)


def numbers(data, type_name, order="<"):
    """The numbers that lie in `data`, lowest byte first unless `order` is ">"."""
    if type_name not in TYPES:
        raise Unreadable(f"holds numbers of type {type_name}, which are not read here")
    found = np.frombuffer(data, np.dtype(TYPES[type_name]).newbyteorder(order))
    if type_name == "bfloat16":
        found = (found.astype(np.uint32) << 16).view(np.float32)
    return found


def bytes_of(type_name):
    return np.dtype(TYPES[type_name]).itemsize if type_name in TYPES else 1


def strided(values, offset, shape, stride):
    """A tensor's elements out of its storage; throws ValueError if they are not all in it."""
    if len(shape) != len(stride) or min([offset, *shape, *stride]) < 0:
        raise ValueError("a tensor's shape and strides do not fit each other")
    if math.prod(shape) == 0:
        return np.empty(shape, values.dtype)
    if offset + sum((n - 1) * step for n, step in zip(shape, stride)) >= len(values):
        raise ValueError("a tensor is larger than its storage")
    steps = [step * values.itemsize for step in stride]
    return as_strided(values[offset:], shape, steps, writeable=False)
