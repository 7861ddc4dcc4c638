"""Writes state dicts: files for PyTorch, safetensors or NumPy."""

import pathlib

import numpy as np

from .problems import Problem, needed
from .whole_file import whole_file


def torch_tensors(state):
    """A state dict of arrays as one of torch.Tensor, each with its own memory."""
    torch = needed("torch")
    return {name: torch.tensor(values) for name, values in state.items()}


def write_torch(state, file):
    needed("torch").save(torch_tensors(state), file)


def write_safetensors(state, file):
    library = needed("safetensors.numpy")
    file.write(library.save({name: np.ascontiguousarray(values) for name, values in state.items()},
                            metadata={"format": "pt"}))


def write_npz(state, file):
    np.savez(file, **state)


WRITERS = {".pt": write_torch, ".pth": write_torch, ".safetensors": write_safetensors,
           ".npz": write_npz}


def save(state, path):
    """Writes a state dict of arrays; the name's ending decides the form. All or nothing."""
    path = pathlib.Path(path)
    writer = WRITERS.get(path.suffix)
    if writer is None:
        raise Problem(f"{path}: only {', '.join(WRITERS)} are written.")
    with whole_file(path) as part, open(part, "wb") as file:
        writer(state, file)
