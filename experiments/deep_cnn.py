#!/usr/bin/env python3
"""Writes the network of layerwise_cnn_cifar10.ini: six narrow convolutions without normalisation.

    experiments/deep_cnn.py runs/deep_cnn.pt [SEED]

Needs PyTorch (Debian's python3-torch). The values drawn here are what all clients start from.
"""

import argparse
import pathlib
import sys

from fedstrata.problems import Problem, needed


def refuse(sentence):
    print(f"deep_cnn.py: {sentence}", file=sys.stderr)
    sys.exit(2)


try:
    torch = needed("torch")
except Problem as missing:
    refuse(missing)
nn = torch.nn


class DeepCnn(nn.Module):
    """Layers conv1 to conv6, fc1, fc2 for images [B, 3, 32, 32]; Kaiming-normal weights, since with
    PyTorch's own start eight layers take many epochs to begin learning."""

    def __init__(self):
        super().__init__()
        sizes = [3, 16, 16, 32, 32, 64, 64]
        for i in range(6):
            setattr(self, f"conv{i + 1}", nn.Conv2d(sizes[i], sizes[i + 1], 3, padding=1))
        self.fc1 = nn.Linear(1024, 64)
        self.fc2 = nn.Linear(64, 10)
        for module in self.children():
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            nn.init.zeros_(module.bias)

    def forward(self, x):
        x = torch.relu(self.conv1(x))
        x = torch.max_pool2d(torch.relu(self.conv2(x)), 2)
        x = torch.relu(self.conv3(x))
        x = torch.max_pool2d(torch.relu(self.conv4(x)), 2)
        x = torch.relu(self.conv5(x))
        x = torch.max_pool2d(torch.relu(self.conv6(x)), 2)
        return self.fc2(torch.relu(self.fc1(x.flatten(1))))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", metavar="FILE", type=pathlib.Path, help="the network as TorchScript")
    parser.add_argument("seed", metavar="SEED", type=int, nargs="?", default=1, help="default: 1")
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    network = torch.jit.script(DeepCnn())
    try:
        arguments.path.parent.mkdir(parents=True, exist_ok=True)
        network.save(str(arguments.path))
    except (OSError, RuntimeError):  # PyTorch's own error is of the second kind
        refuse(f"{arguments.path} cannot be written; name another file.")
