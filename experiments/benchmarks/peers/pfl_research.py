#!/usr/bin/env python3
"""pfl-research doing the rounds of many_clients.ini: prints the client updates per second.

Federated averaging with PyTorch on one thread. All clients' tensors are ready in memory, normalised
and cut to clients beforehand, which is the fastest pfl has.
"""
import time

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

import common
from pytorch_net import Net


class Model(Net):
    def loss(self, images, labels):
        return nn.functional.cross_entropy(self(images), labels)

    @torch.no_grad()
    def metrics(self, images, labels):
        return {"loss": Weighted(self.loss(images, labels).item() * len(labels), len(labels))}


class Clock(TrainingProcessCallback):
    def __init__(self):
        self.ends = []

    def after_central_iteration(self, aggregate_metrics, model, *, central_iteration):
        self.ends.append(time.perf_counter())
        return False, Metrics()


def make_users(folder):
    images, labels = common.users_of(*common.normalised(folder, "train"))
    return [PyTorchTensorDataset((torch.from_numpy(x), torch.from_numpy(y)))
            for x, y in zip(images, labels)]


def main():
    options = common.options_of(__doc__).parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    np.random.seed(1)

    users = make_users(options.data)
    federated = FederatedDataset(lambda user: users[user],
                                 get_user_sampler("minimize_reuse", list(range(len(users)))))
    net = Model(options.model)
    model = PyTorchModel(net, torch.optim.SGD, torch.optim.SGD(net.parameters(), lr=1.0))
    clock = Clock()
    rounds = common.WARM_UP + options.rounds
    FederatedAveraging().run(
        NNAlgorithmParams(central_num_iterations=rounds, evaluation_frequency=10**9,
                          train_cohort_size=common.PARTICIPANTS, val_cohort_size=0),
        SimulatedBackend(training_data=federated, val_data=federated), model,
        NNTrainHyperParams(local_num_epochs=1, local_learning_rate=common.RATE,
                           local_batch_size=common.BATCH),
        NNEvalHyperParams(local_batch_size=common.SAMPLES), [clock])
    seconds = clock.ends[-1] - clock.ends[common.WARM_UP - 1]
    test = common.normalised(options.data, "t10k")
    text = f"{common.PARTICIPANTS * options.rounds / seconds:.1f}"
    if options.model == "mlp":
        weights = [parameter.detach().numpy() for parameter in net.parameters()]
        text += f" {common.accuracy(weights, *test):.4f}"
    print(text)


if __name__ == "__main__":
    main()
