"""Reads state dicts: files of PyTorch, safetensors or NumPy, as arrays by name."""

from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import numpy as np

from .problems import Missing, Problem, needed

WRAPPERS = ("state_dict", "model_state_dict", "model")
PREFIXES = ("module.", "_orig_mod.")  # of DataParallel and of torch.compile


def library(path, name):
    try:
        return needed(name)
    except Missing as problem:
        raise Problem(f"{path} cannot be read: {problem} Or save the arrays by name as .npz "
                      "(numpy.savez).") from problem


def read_torch(path):
    torch = library(path, "torch")
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as problem:  # of many types, by version and cause
        raise Problem(f"{path} cannot be read as a state dict: save model.state_dict() with "
                      f"torch.save, not the whole model ({str(problem).splitlines()[0]}).") from problem
    return unwrapped(path, found, torch.is_tensor), from_torch


def from_torch(tensor):
    tensor = tensor.detach()
    return (tensor.float() if tensor.is_floating_point() else tensor).numpy()


def read_safetensors(path):
    safetensors = library(path, "safetensors.numpy")
    try:
        return safetensors.load_file(path), np.asarray
    except Exception as problem:
        raise Problem(f"{path} cannot be read as safetensors: {problem}.") from problem


def read_npz(path):
    try:
        with np.load(path, allow_pickle=False) as file:
            return dict(file), np.asarray
    except Exception as problem:  # of many types too
        raise Problem(f"{path} cannot be read as .npz: {problem}.") from problem


READERS = {".pt": read_torch, ".pth": read_torch, ".safetensors": read_safetensors,
           ".npz": read_npz}


def unwrapped(path, found, is_tensor):
    """The state dict inside what people save around it."""
    for key in WRAPPERS:
        if isinstance(found, dict) and isinstance(found.get(key), dict):
            found = found[key]
    if not isinstance(found, dict) or not all(map(is_tensor, found.values())):
        raise Problem(f"{path} holds no state dict (tensors by name, alone or under one of "
                      f"{', '.join(WRAPPERS)}).")
    return found


def read_state_dict(path):
    """Name -> array, without prefixes of wrappers and without counters of batches."""
    if not path.is_file():
        raise Problem(f"{path} does not exist.")
    reader = READERS.get(path.suffix)
    if reader is None:
        raise Problem(f"{path}: only {', '.join(READERS)} are read.")
    # In a child process: a damaged file can crash the library that reads it.
    with ProcessPoolExecutor(1) as child:
        try:
            return child.submit(read_with, reader, path).result()
        except BrokenProcessPool as problem:
            raise Problem(f"{path} cannot be read: its library crashes; save it again.") from problem


def read_with(reader, path):
    tensors, to_array = reader(path)
    for prefix in PREFIXES:
        if tensors and all(name.startswith(prefix) for name in tensors):
            tensors = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
    return {name: to_array(tensor) for name, tensor in tensors.items()
            if name.rpartition(".")[2] != "num_batches_tracked"}
