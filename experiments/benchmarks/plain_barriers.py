#!/usr/bin/env python3
"""Full and layer-wise barriers of a run's models the plain way: one evaluation for each point.

    plain_barriers.py RUN --form loader --samples 1000 --save points.npz

Three forms: `loader`, as people write it: each of the 3 + 6 L points of the curves of a pair (L
layers, either model supplying the others, alpha 0, 1/2 and 1) is loaded into the net and evaluated
through a DataLoader over a Dataset that transforms image by image; `preloaded`, the same on tensors
made once; `distinct`, those tensors and only the 3 + 4 L points that differ. Prints the seconds from
raw bytes to results, without imports. Needs Debian's python3-torch; reads data sets of MNIST's form.
"""

import argparse
import configparser
import gzip
import itertools
import pathlib
import sys
import time

import numpy as np
import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import fedstrata
import plain_nets

PACKAGE = "/usr/share/datasets/fashion-mnist"  # where Debian puts the default data set
ALPHAS = (0.0, 0.5, 1.0)
POINT = [("a", "i8"), ("b", "i8"), ("kind", "S24"), ("target", "S64"), ("rest", "i8"),
         ("alpha", "f8"), ("loss", "f8"), ("error", "f8")]


class Images(Dataset):
    """As a data set of torchvision with ToTensor and Normalize."""

    def __init__(self, pixels, labels, mean, std):
        self.pixels, self.labels, self.mean, self.std = pixels, labels, mean, std

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        image = torch.from_numpy(self.pixels[index][None]).to(torch.float32).div(255)
        mean = torch.as_tensor(self.mean, dtype=torch.float32).view(-1, 1, 1)
        std = torch.as_tensor(self.std, dtype=torch.float32).view(-1, 1, 1)
        return image.clone().sub_(mean).div_(std), int(self.labels[index])


class Preloaded:
    """The same batches, made once."""

    def __init__(self, images, batch):
        loader = DataLoader(images, batch_size=batch)
        self.batches = list(loader)

    def __iter__(self):
        return iter(self.batches)


def read_idx(folder, name):
    file = folder / name
    raw = file.read_bytes() if file.exists() else gzip.decompress((folder / f"{name}.gz").read_bytes())
    shape = [int.from_bytes(raw[4 + 4 * i:8 + 4 * i], "big") for i in range(raw[3])]
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(shape).copy()


def read_images(run, split, samples):
    config = configparser.ConfigParser(inline_comment_prefixes="#")
    config.read_string(run.config)
    folder = pathlib.Path(config["data"]["dir"].strip() or PACKAGE)
    prefix = {"train": "train", "test": "t10k"}[split]
    pixels = read_idx(folder, f"{prefix}-images-idx3-ubyte")
    labels = read_idx(folder, f"{prefix}-labels-idx1-ubyte")
    data = run.file["dataset"].attrs
    count = min(samples or len(labels), int(data[f"{split}_count"]))
    return Images(pixels[:count], labels[:count], data["mean"], data["std"])


def make_net(run):
    config = configparser.ConfigParser(inline_comment_prefixes="#")
    config.read_string(run.config)
    hidden = [int(n) for n in config["model"]["hidden"].split(",") if n.strip()]
    data = run.file["dataset"].attrs
    return plain_nets.make(run.file.attrs["model"], hidden, int(data["channels"]),
                           int(data["height"]), int(data["classes"]))


def mixed(base, a, b, alpha, layer=None):
    """(1 - alpha) a + alpha b in `layer` or everywhere, the rest from `base`."""
    def own(name):
        return layer is None or name.rpartition(".")[0] == layer
    return {name: (1 - alpha) * a[name] + alpha * b[name] if own(name) else base[name]
            for name in base}


@torch.no_grad()
def evaluate(net, state, batches):
    """Mean cross-entropy and share of wrong answers."""
    net.load_state_dict(state)
    net.eval()
    loss = wrong = count = 0
    for images, labels in batches:
        logits = net(images)
        loss += F.cross_entropy(logits, labels, reduction="sum").item()
        wrong += (logits.argmax(1) != labels).sum().item()
        count += len(labels)
    return loss / count, wrong / count


def curves(states, layers, pair):
    """Per curve: kind, target, client of the rest, and alpha -> state."""
    a, b = (states[client] for client in pair)
    yield "full", "all", -1, lambda alpha: mixed(a, a, b, alpha)
    for layer in layers:
        for rest in pair:
            yield ("layer", layer, rest,
                   lambda alpha, layer=layer, rest=rest: mixed(states[rest], a, b, alpha, layer))


def pair_points(net, states, layers, pair, batches, distinct):
    """Rows of POINT."""
    full = {}  # alpha -> value of the full curve, whose ends are ends of the others
    for kind, target, rest, state_at in curves(states, layers, pair):
        for alpha in ALPHAS:
            known = distinct and kind == "layer" and alpha == pair.index(rest)
            value = full[alpha] if known else evaluate(net, state_at(alpha), batches)
            if kind == "full":
                full[alpha] = value
            yield (*pair, kind, target, rest, alpha, *value)


def parse():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", metavar="RUN")
    parser.add_argument("--form", choices=("loader", "preloaded", "distinct"), default="loader")
    parser.add_argument("--round", type=int, help="default: the last stored one")
    parser.add_argument("--pairs", default="0-1", help="A-B (default: 0-1) or all")
    parser.add_argument("--split", choices=("train", "test"), default="test")
    parser.add_argument("--samples", type=int, default=0, help="first N images; 0 = all")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--save", metavar="FILE.npz", help="write the points")
    return parser.parse_args()


def read_states(run, number, pairs):
    clients = run.file["checkpoints"][f"{number:06d}"]["clients"][:].tolist()
    chosen = (list(itertools.combinations(clients, 2)) if pairs == "all"
              else [tuple(int(n) for n in pairs.split("-"))])
    needed = sorted(set(itertools.chain(*chosen)))
    return chosen, {client: {name: torch.from_numpy(value) for name, value in
                             run.state_dict(number, client=client).items()} for client in needed}


def main():
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    with fedstrata.Run(arguments.run) as run:
        pairs, states = read_states(run, arguments.round or run.checkpoints[-1], arguments.pairs)
        images = read_images(run, arguments.split, arguments.samples)
        net, layers = make_net(run), run.layers
    start = time.perf_counter()
    batches = (DataLoader(images, batch_size=arguments.batch) if arguments.form == "loader"
               else Preloaded(images, arguments.batch))
    points = [point for pair in pairs for point in
              pair_points(net, states, layers, pair, batches, arguments.form == "distinct")]
    print(f"{time.perf_counter() - start:.3f}")
    if arguments.save:
        np.savez(arguments.save, points=np.array(points, dtype=POINT), samples=len(images))


if __name__ == "__main__":
    main()
