#!/usr/bin/env python3
"""Federated averaging as people write it in PyTorch: prints client updates a second, and the accuracy.

Clients one after another, a module, autograd and torch.optim.SGD; their tensors ready in memory.
"""
import torch
from torch import nn

import common
from pytorch_net import Net


def main():
    options = common.options_of(__doc__).parse_args()
    torch.set_num_threads(1)
    net = Net(options.model)
    parameters = list(net.parameters())

    def load(weights):
        with torch.no_grad():
            for parameter, weight in zip(parameters, weights):
                parameter.copy_(weight)

    def make_round(images, labels, _):
        images, labels = torch.from_numpy(images), torch.from_numpy(labels)

        def one_round(participants, orders, weights):
            weights = [torch.as_tensor(w) for w in weights]
            total = [torch.zeros_like(w) for w in weights]
            for client, order in zip(participants, orders):
                load(weights)
                optimizer = torch.optim.SGD(parameters, lr=common.RATE)
                for batch in order:
                    optimizer.zero_grad()
                    nn.functional.cross_entropy(net(images[client][batch]),
                                                labels[client][batch]).backward()
                    optimizer.step()
                for one, parameter in zip(total, parameters):
                    one += parameter.detach()
            return [one / len(participants) for one in total]

        return one_round

    common.run(options, make_round)


if __name__ == "__main__":
    main()
