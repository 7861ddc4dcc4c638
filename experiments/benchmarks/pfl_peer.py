#!/usr/bin/env python3
"""pfl-research doing the rounds of many_clients.ini: prints the client updates per second.

Federated averaging with PyTorch on one thread. All clients' tensors are ready in memory, normalised
and cut to clients beforehand, which is the fastest pfl has.
"""
import argparse
import gzip
import time
from pathlib import Path

import numpy as np
import torch
from pfl.aggregate.simulate import SimulatedBackend
from pfl.algorithm.base import NNAlgorithmParams
from pfl.algorithm.federated_averaging import FederatedAveraging
from pfl.callback.base import TrainingProcessCallback
from pfl.data.federated_dataset import FederatedDataset
from pfl.data.pytorch import PyTorchTensorDataset
from pfl.data.sampling import get_user_sampler
from pfl.hyperparam import NNEvalHyperParams, NNTrainHyperParams
from pfl.metrics import Metrics, Weighted
from pfl.model.pytorch import PyTorchModel
from torch import nn

WARM_UP = 3  # rounds that are not counted; pfl evaluates in the first


class Net(nn.Module):
    def __init__(self, name):
        super().__init__()
        if name == "mlp":
            self.layers = nn.Sequential(
                nn.Flatten(), nn.Linear(784, 200), nn.ReLU(), nn.Linear(200, 200), nn.ReLU(),
                nn.Linear(200, 10))
        else:
            self.layers = nn.Sequential(
                nn.Conv2d(1, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
                nn.Conv2d(32, 64, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
                nn.Flatten(), nn.Linear(3136, 512), nn.ReLU(), nn.Linear(512, 10))

    def loss(self, images, labels):
        return nn.functional.cross_entropy(self.layers(images), labels)

    @torch.no_grad()
    def metrics(self, images, labels):
        return {"loss": Weighted(self.loss(images, labels).item() * len(labels), len(labels))}


class Clock(TrainingProcessCallback):
    def __init__(self):
        self.ends = []

    def after_central_iteration(self, aggregate_metrics, model, *, central_iteration):
        self.ends.append(time.perf_counter())
        return False, Metrics()


def read_idx(path, offset):
    with gzip.open(path) as file:
        return np.frombuffer(file.read(), dtype=np.uint8, offset=offset)


def make_users(folder, clients, samples):
    images = read_idx(folder / "train-images-idx3-ubyte.gz", 16).reshape(-1, 1, 28, 28)
    labels = read_idx(folder / "train-labels-idx1-ubyte.gz", 8)
    pixels = torch.from_numpy(images.astype(np.float32) / 255).sub_(0.286).div_(0.353)
    labels = torch.from_numpy(labels.astype(np.int64))
    order = torch.from_numpy(np.random.RandomState(1).permutation(len(labels)))
    parts = [order[i * samples:(i + 1) * samples] for i in range(clients)]
    return [PyTorchTensorDataset((pixels[part].contiguous(), labels[part])) for part in parts]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", choices=["mlp", "cnn"])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--participants", type=int, default=50)
    parser.add_argument("--data", type=Path, default=Path("/usr/share/datasets/fashion-mnist"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    np.random.seed(1)

    users = make_users(options.data, 1000, 60)
    federated = FederatedDataset(lambda user: users[user],
                                 get_user_sampler("minimize_reuse", list(range(len(users)))))
    net = Net(options.model)
    model = PyTorchModel(net, torch.optim.SGD, torch.optim.SGD(net.parameters(), lr=1.0))
    clock = Clock()
    rounds = WARM_UP + options.rounds
    FederatedAveraging().run(
        NNAlgorithmParams(central_num_iterations=rounds, evaluation_frequency=10**9,
                          train_cohort_size=options.participants, val_cohort_size=0),
        SimulatedBackend(training_data=federated, val_data=federated), model,
        NNTrainHyperParams(local_num_epochs=1, local_learning_rate=0.1, local_batch_size=10),
        NNEvalHyperParams(local_batch_size=60), [clock])
    seconds = clock.ends[-1] - clock.ends[WARM_UP - 1]
    print(f"{options.participants * options.rounds / seconds:.1f}")


if __name__ == "__main__":
    main()
