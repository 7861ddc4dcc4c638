#!/usr/bin/env python3
"""Writes the network of layerwise_cnn_cifar10.ini: six narrow convolutions without normalisation.

    experiments/deep_cnn.py runs/deep_cnn.pt [SEED]

Needs PyTorch (Debian's python3-torch). The values drawn here are what all clients start from.
"""

import pathlib
import sys

import torch
from torch import nn


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
    torch.manual_seed(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    path = pathlib.Path(sys.argv[1])
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.jit.script(DeepCnn()).save(str(path))
