#!/usr/bin/env python3
"""All participants' steps as batched products in PyTorch: prints client updates a second, and the accuracy.

Written by hand, without autograd: the weights of --together clients are [clients, outputs, inputs],
and a step is nine products of torch.bmm and baddbmm. The mlp only.
"""
import torch

import common


class Clients:
    """Weights of some clients, [clients, ...]."""

    def __init__(self, weights, count):
        self.weights = [torch.as_tensor(w).expand(count, *w.shape).clone() for w in weights]

    def step(self, x, labels):
        w = self.weights
        inputs, masks = [x], []
        for i in (0, 2):
            x = torch.baddbmm(w[i + 1].unsqueeze(1), x, w[i].transpose(1, 2))
            masks.append(x > 0)
            x = x * masks[-1]
            inputs.append(x)
        logits = torch.baddbmm(w[5].unsqueeze(1), x, w[4].transpose(1, 2))
        gradient = logits.softmax(2)
        gradient.scatter_add_(2, labels.unsqueeze(2),
                              torch.full((*labels.shape, 1), -1.0))
        gradient /= labels.shape[1]
        for i in (4, 2, 0):
            if i > 0:
                below = torch.bmm(gradient, w[i]) * masks[i // 2 - 1]
            w[i].baddbmm_(gradient.transpose(1, 2), inputs[i // 2], alpha=-common.RATE)
            w[i + 1].sub_(gradient.sum(1), alpha=common.RATE)
            if i > 0:
                gradient = below


def main():
    parser = common.options_of(__doc__, models=("mlp",))
    parser.add_argument("--together", type=int, default=5, help="clients in one product")
    options = parser.parse_args()
    torch.set_num_threads(1)

    @torch.inference_mode()
    def one_round(images, labels, participants, orders, weights):
        total = [torch.zeros(w.shape) for w in map(torch.as_tensor, weights)]
        for first in range(0, len(participants), options.together):
            chosen = slice(first, first + options.together)
            some, order = torch.from_numpy(participants[chosen]), torch.from_numpy(orders[chosen])
            clients = Clients([torch.as_tensor(w) for w in weights], len(some))
            for step in range(order.shape[1]):
                batch = order[:, step]
                clients.step(images[some.unsqueeze(1), batch], labels[some.unsqueeze(1), batch])
            for one, w in zip(total, clients.weights):
                one += w.sum(0)
        return [one / len(participants) for one in total]

    def make_round(images, labels, _):
        images = torch.from_numpy(images.reshape(*images.shape[:2], -1))
        labels = torch.from_numpy(labels)
        return lambda *given: one_round(images, labels, *given)

    common.run(options, make_round)


if __name__ == "__main__":
    main()
