"""What every peer does alike: the data and clients of many_clients.ini, the clock, the accuracy.

A peer is a module with `start(options, users)`, which returns a round: a function of the numbers of
its participants, after which `weights()` of the same object gives the global model.
"""
import argparse
import gzip
import time
from pathlib import Path

import numpy as np

WARM_UP = 3  # rounds that are not counted: compilers work in them
CLIENTS, SAMPLES, PARTICIPANTS, BATCH, RATE = 1000, 60, 50, 10, 0.1
HIDDEN = 200


def read_idx(path, offset):
    with gzip.open(path) as file:
        return np.frombuffer(file.read(), dtype=np.uint8, offset=offset)


def normalised(folder, split):
    images = read_idx(folder / f"{split}-images-idx3-ubyte.gz", 16).reshape(-1, 1, 28, 28)
    labels = read_idx(folder / f"{split}-labels-idx1-ubyte.gz", 8)
    return (images.astype(np.float32) / 255 - 0.286) / 0.353, labels.astype(np.int64)


def users_of(images, labels):
    """[CLIENTS, SAMPLES, ...] of images and labels, drawn without order."""
    order = np.random.RandomState(1).permutation(len(labels))[:CLIENTS * SAMPLES]
    order = order.reshape(CLIENTS, SAMPLES)
    return images[order], labels[order]


def start_weights(model):
    """The layers' weights [outputs, inputs...] and biases, as PyTorch draws them."""
    shapes = ([(HIDDEN, 784), (HIDDEN, HIDDEN), (10, HIDDEN)] if model == "mlp" else
              [(32, 1, 5, 5), (64, 32, 5, 5), (512, 3136), (10, 512)])
    random = np.random.RandomState(2)
    weights = []
    for shape in shapes:
        bound = np.prod(shape[1:]) ** -0.5
        weights.append(random.uniform(-bound, bound, shape).astype(np.float32))
        weights.append(random.uniform(-bound, bound, shape[:1]).astype(np.float32))
    return weights


def batch_orders(random, participants):
    """[participants, steps, BATCH]: the samples of each step, one epoch."""
    orders = np.stack([random.permutation(SAMPLES) for _ in range(participants)])
    return orders.reshape(participants, SAMPLES // BATCH, BATCH)


def accuracy(weights, images, labels):
    """Of a trained model on some of the test images, computed by NumPy alone (mlp)."""
    x = images.reshape(len(labels), -1)
    for i in range(0, len(weights), 2):
        x = x @ np.asarray(weights[i]).T + np.asarray(weights[i + 1])
        if i + 2 < len(weights):
            x = np.maximum(x, 0)
    return float((x.argmax(1) == labels).mean())


def options_of(description, models=("mlp", "cnn")):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("model", choices=models)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--data", type=Path, default=Path("/usr/share/datasets/fashion-mnist"))
    return parser


def run(options, make_round):
    """Does the rounds and prints client updates a second and, for the mlp, the test accuracy.

    `make_round(images, labels, weights)` returns a function (participants, orders, weights) ->
    weights, which does one round; everything that it needs of the data is ready in memory before.
    """
    images, labels = users_of(*normalised(options.data, "train"))
    weights = start_weights(options.model)
    one_round = make_round(images, labels, weights)
    random = np.random.RandomState(3)
    for number in range(WARM_UP + options.rounds):
        if number == WARM_UP:
            begin = time.perf_counter()
        participants = random.choice(CLIENTS, PARTICIPANTS, replace=False)
        weights = one_round(participants, batch_orders(random, PARTICIPANTS), weights)
    seconds = time.perf_counter() - begin
    text = f"{PARTICIPANTS * options.rounds / seconds:.1f}"
    if options.model == "mlp":
        text += f" {accuracy([np.asarray(w) for w in weights], *normalised(options.data, 't10k')):.4f}"
    print(text)
