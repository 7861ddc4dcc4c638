"""Writes files as torch.save does, where there is no PyTorch to do so."""

import collections
import io
import pickle
import struct
import sys
import types
import unittest.mock
import zipfile

import numpy

MAGIC, VERSION = 0x1950a86a20f9469cfc6c, 1001
NAMES = {"<f4": "FloatStorage", "<f8": "DoubleStorage", "<i8": "LongStorage", "<u2": "BFloat16Storage"}


def named(module, name):
    """A function that pickles know by this name."""
    def function(*_):
        raise AssertionError("nothing that a pickle names is to be run")
    function.__module__, function.__name__, function.__qualname__ = module, name, name
    return function


MODULES = {name: types.ModuleType(name) for name in ("torch", "torch._utils", "torch.nn", "somewhere")}
REBUILD = MODULES["torch._utils"]._rebuild_tensor_v2 = named("torch._utils", "_rebuild_tensor_v2")
EVIL = MODULES["somewhere"].evil = named("somewhere", "evil")
STORAGES = {}
for code, name in NAMES.items():
    STORAGES[code] = type(name, (), {"__module__": "torch"})
    setattr(MODULES["torch"], name, STORAGES[code])


class Storage:
    def __init__(self, array):
        self.array, self.key = array, None


class Tensor:
    """Pickled like torch.Tensor; an array of uint16 is the upper halves of float32: bfloat16."""

    def __init__(self, array, transposed=False):
        self.storage = Storage(numpy.ascontiguousarray(array))
        self.shape = array.shape
        self.strides = tuple(step // array.itemsize for step in self.storage.array.strides)
        if transposed:
            self.shape, self.strides = self.shape[::-1], self.strides[::-1]

    def __reduce__(self):
        return REBUILD, (self.storage, 0, self.shape, self.strides, False, collections.OrderedDict())


class Module:
    """Pickled like a module that is saved whole; its class need not exist where it is read."""

    def __init__(self, parameters, modules):
        self._parameters, self._modules = parameters, modules


class Made:
    """Pickled as a call of a function that must not be called."""

    def __reduce__(self):
        return EVIL, ("arguments",)


class Pickler(pickle.Pickler):
    def __init__(self, file, legacy):
        super().__init__(file, protocol=2)
        self.legacy, self.storages = legacy, {}

    def persistent_id(self, value):
        if not isinstance(value, Storage):
            return None
        value.key = value.key or str(len(self.storages))
        self.storages[value.key] = value.array
        kind = STORAGES[value.array.dtype.str]
        return ("storage", kind, value.key, "cpu", value.array.size, *[None] * self.legacy)


def pickled(value, legacy=False):
    file = io.BytesIO()
    with unittest.mock.patch.dict(sys.modules, MODULES):
        pickler = Pickler(file, legacy)
        pickler.dump(value)
    return file.getvalue(), pickler.storages


def save(value, path):
    """As PyTorch 1.6 and later do."""
    data, storages = pickled(value)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", data)
        archive.writestr("archive/byteorder", "little")
        for key, array in storages.items():
            archive.writestr(f"archive/data/{key}", array.tobytes())


def save_legacy(value, path):
    """As PyTorch before 1.6 did."""
    data, storages = pickled(value, legacy=True)
    parts = [pickle.dumps(part, 2) for part in (MAGIC, VERSION, {"little_endian": True})]
    parts += [data, pickle.dumps(list(storages), 2)]
    for array in storages.values():
        parts += [struct.pack("<q", array.size), array.tobytes()]
    path.write_bytes(b"".join(parts))
