#!/usr/bin/python3
"""The paper's finding on a small scale: pairs of networks have a barrier, single layers have not.

Two clients train on the same 8,000 images in orders of their own and are never averaged. From two
initialisations (T1) the model half-way between theirs is ruined, though each layer alone can be
averaged; from one initialisation (T2) even the whole model can. Medians of three seeds.
"""

import statistics
import sys
import unittest

from program import ProgramTest, table

LAYERS = ["fc1", "fc2", "fc3", "fc4"]
PAIR = {"model.hidden": "200,200,200", "data.dataset": "fashion-mnist", "data.clients": 2,
        "data.partition": "same", "data.train_limit": 8000, "data.test_limit": 2000,
        "train.lr": 0.05, "train.momentum": 0.9, "train.weight_decay": 5e-4,
        "train.batch_size": 64, "train.schedule": "cosine", "federation.preset": "local",
        "federation.rounds": 20, "federation.evaluate_every": 0, "analysis.every": 20,
        "analysis.split": "train"}


class TargetsTest(ProgramTest):
    def pair(self, init, seed):
        """full: loss and error barrier of the pair; per layer, the larger of the two bases'."""
        config = self.config(PAIR, {"model.init": init, "run.seed": seed})
        run = self.simulate(config, f"{init}{seed}", ranks=4)
        rows = table(run, "barriers/insitu/barriers")
        full = rows[rows["kind"] == b"full"]
        self.assertEqual(len(full), 1)
        found = {"full": full["loss_mid"][0], "error": full["error_mid"][0]}
        for name in LAYERS:
            layer = rows[rows["target"] == name.encode()]
            self.assertEqual(len(layer), 2)
            found[name] = layer["loss_mid"].max()
        print(f"{init} initialisation, seed {seed}: " +
              ", ".join(f"{name} {value:.3f}" for name, value in found.items()), file=sys.stderr)
        return found

    def medians(self, init):
        pairs = [self.pair(init, seed) for seed in (1, 2, 3)]
        return {name: statistics.median(pair[name] for pair in pairs) for name in pairs[0]}

    def test_barriers_of_pairs(self):
        apart = self.medians("different")
        self.assertGreater(apart["full"], 1.0)
        self.assertGreater(apart["error"], 0.15)
        self.assertLess(apart["fc1"], 0.8)
        for name in LAYERS[1:]:
            self.assertLess(apart[name], 0.2, name)
        self.assertGreater(apart["full"], 1.5 * sum(apart[name] for name in LAYERS))
        together = self.medians("same")
        self.assertLess(abs(together["full"]), 0.15)
        self.assertLess(abs(together["full"]), apart["full"] / 8)


if __name__ == "__main__":
    unittest.main()
