"""Files in MNIST's form (IDX), plain or gzipped, of any number of classes: EMNIST, KMNIST, QMNIST, ..."""

import gzip
import re
import zlib

import numpy as np

from ..problems import Problem
from .form import Found, Part

NAME = "IDX"
IMAGES = re.compile(r"(.*?)(train|t10k|test)-images[-.]idx3-ubyte(\.gz)?$")


def image_files(path):
    return sorted(each for each in path.iterdir() if IMAGES.match(each.name))


def matches(path):
    return path.is_dir() and bool(image_files(path))


def array(path):
    """The bytes of an IDX file in their shape."""
    try:
        data = path.read_bytes()
        data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    except (EOFError, zlib.error, gzip.BadGzipFile) as problem:
        raise Problem(f"{path} is damaged ({problem}); fetch it again.") from problem
    axes = data[3] if len(data) > 3 else 0
    shape = tuple(np.frombuffer(data[4:4 + 4 * axes], ">u4")) if len(data) >= 4 + 4 * axes else ()
    if data[:3] != b"\0\0\x08" or len(shape) != axes or not axes:
        raise Problem(f"{path} is no IDX file of bytes.")
    values = np.frombuffer(data, np.uint8, offset=4 + 4 * axes)
    if len(values) != np.prod(shape, dtype=np.int64):
        raise Problem(f"{path} holds {len(values)} bytes, and its header tells of {' x '.join(map(str, shape))}; "
                      "fetch it again.")
    return values.reshape(shape)


def read(path, options):
    del options
    parts, notes = {}, []
    for file in image_files(path):
        start, part, _ = IMAGES.match(file.name).groups()
        part = "train" if part == "train" else "test"
        if part in parts:
            raise Problem(f"{path} holds more than one set of {part} images; put the files of one set into a "
                          "folder of their own.")
        stem = file.name[:IMAGES.match(file.name).end(2)]
        labels = next((each for each in sorted(path.iterdir())
                       if re.fullmatch(re.escape(stem) + r"-labels[-.]idx1-ubyte(\.gz)?", each.name)), None)
        if labels is None:
            raise Problem(f"{path} has no file of labels beside {file.name}.")
        pixels = array(file)
        if pixels.ndim != 3:
            raise Problem(f"{file} holds no images, but an array of {pixels.ndim} axes.")
        if start.lower().startswith("emnist"):  # whose files hold each image turned on its side
            pixels = pixels.transpose(0, 2, 1)
            notes = ["EMNIST's images lie on their side in its files and stand upright now"]
        parts[part] = Part(pixels, array(labels).astype(np.int64))
    if len(parts) == 1:  # only one of both was published, or fetched
        return Found(*parts.values(), notes=notes)
    return Found(parts["train"], parts["test"], notes=notes)
