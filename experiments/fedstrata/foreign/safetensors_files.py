"""Files of safetensors: a length, a header in JSON, and numbers, lowest byte first."""

import functools
import json
import struct

from .tensors import Tensor, Unreadable, numbers

TYPES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64",
         "I32": "int32", "I16": "int16", "I8": "int8", "U64": "uint64", "U32": "uint32",
         "U16": "uint16", "U8": "uint8", "BOOL": "bool", "C64": "complex64"}


def is_safetensors(start):
    """Whether a file begins so."""
    return len(start) > 8 and start[8:9] == b"{" and start[5:8] == b"\0\0\0"


def read_safetensors(path):
    """Name -> Tensor."""
    with open(path, "rb") as file:
        length, = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        file.seek(0, 2)
        size = file.tell() - 8 - length
    header.pop("__metadata__", None)
    if size < 0 or max([0, *(entry["data_offsets"][1] for entry in header.values())]) > size:
        raise Unreadable("is cut short: fetch or save it again")

    def read(type_name, shape, first, last):
        with open(path, "rb") as file:
            file.seek(8 + length + first)
            return numbers(file.read(last - first), type_name).reshape(shape)

    tensors = {}
    for name, entry in header.items():
        kind, shape = TYPES.get(entry["dtype"], entry["dtype"]), entry["shape"]
        tensors[name] = Tensor(shape, kind,
                               functools.partial(read, kind, shape, *entry["data_offsets"]))
    return tensors
