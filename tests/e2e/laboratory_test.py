#!/usr/bin/python3
"""An analysis gives the same bits on any number of ranks and during the run; memory changes none."""

import unittest

import numpy as np

import laboratory
from laboratory import LaboratoryTest, barriers, tables
from program import table

KINDS = ("full,layer,cumulative-shallow,cumulative-deep,cumulative-random,cumulative-minimal,"
         "window:2,group:ends=fc1+fc3,complement,interaction,subset:2,random:2,subspace:2,"
         "plane:0-1-2,plane:1-2-3:body,simplex:2")
NAMES = {"full", "layer", "cumulative-shallow", "cumulative-deep", "cumulative-random",
         "cumulative-minimal", "window:2", "group", "complement", "interaction",
         "subset", "random", "subspace-span", "subspace-complement", "subspace-towards", "simplex-1",
         "simplex-2", "simplex-4"}
# Three layers and clients that differ in everything.
MIXED = {"model.init": "different", "model.hidden": "12,8", "data.partition": "dirichlet",
         "federation.rounds": 3, "checkpoint.every": 1, "checkpoint.after": "yes",
         "average.some.layers": "first:2"}


class AnyNumberOfRanks(LaboratoryTest):
    def test_same_bits(self):
        run = self.simulate(self.config(MIXED), "run", ranks=2)
        ways = {"kinds": dict(kinds=KINDS, curvature="yes", plane_points=4),
                "search": dict(kinds="full,layer,complement,subset:2", align="weights",
                               alphas="search:0.05", pairs="0-1,2-3", rounds="2:3:1"),
                "early": dict(kinds="full,layer,random:2", tolerance=0.1, batch_size=4),
                "after": dict(kinds="full,layer", at="after", pairs="random:2", alphas=4,
                              align="activations", align_samples=50)}
        for way, settings in ways.items():
            for ranks in (1, 2, 3):
                self.analyse(run, f"{way}{ranks}", ranks=ranks, **settings)
                self.assert_same(tables(run, f"{way}1"), tables(run, f"{way}{ranks}"),
                                 f"{way}, {ranks} ranks")
        found = barriers(run, "kinds1")
        self.assertEqual({kind.decode() for kind in found["kind"]}, NAMES)
        self.assertTrue(np.isfinite(found["loss_mid"]).all())
        self.assertEqual(set(found["round"]), {1, 2, 3})
        self.assertEqual(len(table(run, "barriers/kinds1/plane")), 3 * 2 * 2 * 4 * 4)
        self.assertEqual(len(table(run, "barriers/kinds1/skipped")), 0)
        self.assertIn(b"aligned-layer", barriers(run, "search1")["kind"])
        self.assertEqual(set(barriers(run, "search1")["round"]), {2, 3})
        self.assertGreater(len(set(barriers(run, "early1", split="train")["samples"])), 1)

    def test_same_bits_during_the_run(self):
        kinds = KINDS.replace("subspace:2,", "")
        without_pairs = kinds.replace("interaction,subset:2,random:2,", "")
        for pairs, ranks in (("all", 1), ("mean", 2), ("initial", 3), ("clients", 2)):
            suited = without_pairs if pairs == "clients" else kinds
            config = self.config(MIXED, {"analysis.every": 1, "analysis.kinds": suited,
                                         "analysis.pairs": pairs, "analysis.plane_points": 3,
                                         "federation.rounds": 2, "federation.participation": 0.75})
            run = self.simulate(config, pairs, ranks=ranks)
            self.assertGreater(len(barriers(run, "insitu", kind="cumulative-minimal")), 0)
            self.analyse(run, "later", ranks=3 - ranks if ranks < 3 else 1)
            self.assert_same(tables(run, "insitu"), tables(run, "later"), pairs)


    def test_models_on_one_line_span_no_plane_but_the_run_goes_on(self):
        config = self.config({"analysis.every": 1, "analysis.at": "after", "federation.rounds": 1,
                              "analysis.kinds": "full,plane:0-1-2"})
        run = self.simulate(config, "run")
        skipped = table(run, "barriers/insitu/skipped")
        self.assertEqual(skipped[["a", "b"]].tolist(), [(0, 1)])
        self.assertIn(b"one line with client 2", skipped["reason"][0])
        self.assertEqual(len(table(run, "barriers/insitu/plane")), 0)
        self.assertEqual(len(barriers(run, "insitu", kind="full")), 2 * 6)


class Memory(LaboratoryTest):
    def test_little_memory_gives_the_same_numbers(self):
        run = self.simulate(self.config(MIXED, {"model.hidden": "64,32", "federation.rounds": 1}),
                            "run")
        settings = dict(kinds="full,layer,complement,random:2,subset:2,plane:0-1-2,simplex:2",
                        plane_points=3)
        self.assertNotIn("(3 in memory", self.analyse(run, "much", **settings))
        for ranks in (1, 2):
            said = self.analyse(run, f"little{ranks}", ranks=ranks, memory=1 << 20, **settings)
            self.assertIn("(3 in memory", said)
        self.assert_same(tables(run, "little1"), tables(run, "little2"))
        for name in laboratory.TABLES:
            much, little = (table(run, f"barriers/{way}/{name}") for way in ("much", "little1"))
            self.assertEqual(len(much), len(little))
            for column in much.dtype.names:
                if much.dtype[column].kind == "f":
                    np.testing.assert_allclose(little[column], much[column], atol=1e-5,
                                               err_msg=f"{name}.{column}")
                else:
                    self.assertEqual(little[column].tolist(), much[column].tolist())


if __name__ == "__main__":
    unittest.main()
