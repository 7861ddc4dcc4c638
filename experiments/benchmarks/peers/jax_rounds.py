#!/usr/bin/env python3
"""A whole round as one compiled JAX program: prints client updates a second, and the accuracy.

`--clients map` trains them one after another (lax.map over lax.scan), `vmap` all at once. The mlp only:
XLA's convolutions take minutes for a round on one thread.
"""
import os

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
from jax import lax  # noqa: E402

import common  # noqa: E402


def mlp(weights, x):
    x = x.reshape(x.shape[0], -1)
    for i in (0, 2):
        x = jax.nn.relu(x @ weights[i].T + weights[i + 1])
    return x @ weights[4].T + weights[5]


def main():
    parser = common.options_of(__doc__, models=("mlp",))
    parser.add_argument("--clients", choices=("map", "vmap"), default="map")
    options = parser.parse_args()

    def loss(weights, x, y):
        return -jnp.take_along_axis(jax.nn.log_softmax(mlp(weights, x)), y[:, None], 1).mean()

    def make_round(images, labels, _):
        images, labels = jnp.asarray(images), jnp.asarray(labels)

        def update(weights, client, order):
            own_images, own_labels = images[client], labels[client]

            def step(w, batch):
                gradient = jax.grad(loss)(w, own_images[batch], own_labels[batch])
                return [a - common.RATE * g for a, g in zip(w, gradient)], None

            return lax.scan(step, weights, order)[0]

        @jax.jit
        def compiled(participants, orders, weights):
            if options.clients == "vmap":
                trained = jax.vmap(update, (None, 0, 0))(weights, participants, orders)
            else:
                trained = lax.map(lambda one: update(weights, *one), (participants, orders))
            return [w.mean(0) for w in trained]

        def one_round(participants, orders, weights):
            result = compiled(jnp.asarray(participants), jnp.asarray(orders),
                              [jnp.asarray(w) for w in weights])
            return jax.block_until_ready(result)

        return one_round

    common.run(options, make_round)


if __name__ == "__main__":
    main()
