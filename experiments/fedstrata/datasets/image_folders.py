"""Folders of images, one for each class: DIR/train/CLASS/*, DIR/test/CLASS/*, or DIR/CLASS/*."""

import numpy as np

from ..problems import Problem, needed
from .form import Found, Part

NAME = "folders of images"
ENDINGS = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".ppm", ".pgm", ".webp", ".tif", ".tiff"}
TEST = ("test", "val", "valid", "validation")


def folders(path):
    return sorted(each for each in path.iterdir() if each.is_dir() and not each.name.startswith("."))


def images(path):
    return sorted(each for each in path.rglob("*") if each.suffix.lower() in ENDINGS)


def matches(path):
    return path.is_dir() and any(images(each) for each in folders(path))


def pixels(path, options):
    """[H, W] or [H, W, 3]."""
    library = needed("PIL.Image")
    try:
        with library.open(path) as image:
            image = image.convert("L" if options.grey else "RGB")
            if options.size:
                image = image.resize((options.size, options.size))
            return np.asarray(image)
    except (OSError, ValueError, SyntaxError) as problem:
        raise Problem(f"{path} cannot be read as an image ({problem}).") from problem


def part_of(path, classes, options):
    inputs, targets = [], []
    for label, name in enumerate(classes):
        for file in images(path / name):
            inputs.append(pixels(file, options))
            targets.append(label)
            if inputs[-1].shape != inputs[0].shape:
                shapes = (each.shape for each in (inputs[0], inputs[-1]))
                raise Problem("images are of different sizes, "
                              + " and ".join(f"{shape[1]} x {shape[0]}" for shape in shapes)
                              + f" ({file}); --size N makes all N x N.")
    return Part(np.stack(inputs), np.array(targets, np.int64))


def read(path, options):
    train, test = path / "train", next((path / name for name in TEST if (path / name).is_dir()), None)
    if not train.is_dir():
        train, test = path, None
    classes = [each.name for each in folders(train) if images(each)]
    if test is not None:
        unknown = [each.name for each in folders(test) if images(each) and each.name not in classes]
        if unknown:
            raise Problem(f"{test} has images of {unknown[0]}, of which {train} has none.")
    if len(classes) < 2:
        raise Problem(f"{train} has images of {len(classes)} classes: each class is a folder in it.")
    return Found(part_of(train, classes, options),
                 part_of(test, classes, options) if test is not None else None, classes=classes)
