#!/usr/bin/python3
"""fedstrata.Run: what it shows, its tables, and its models as files."""

import importlib.util
import pathlib
import sys
import tempfile
import unittest
import unittest.mock

import h5py
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "experiments"), str(ROOT / "tests/experiments/figures")]
import fedstrata
from fedstrata import export, problems, tables, writers
from fedstrata import run as run_module
from plot_run import write_run

STORED = ROOT / "tests/data/run-0.1.0"  # two clients, two rounds, models of each round


class RunTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = pathlib.Path(directory.name)

    def opened(self, path=STORED):
        run = fedstrata.Run(path)
        self.addCleanup(run.close)
        return run

    def written(self, **options):
        write_run(self.path / "run", **options)
        return self.path / "run"


class Shown(RunTest):
    def test_one_line(self):
        self.assertEqual(repr(self.opened()), f"<fedstrata.Run {STORED}: model: mlp on synthetic; "
                         "clients: 2; rounds: 2; analyses: insitu>")

    def test_a_run_that_goes_on_tells_how_far_it_is(self):
        path = self.written(config="[federation]\nrounds = 30\n")
        with h5py.File(path / "run.h5", "a") as file:
            file.attrs["complete"] = 0
        self.assertIn("rounds: 4 of 30;", repr(self.opened(path)))

    def test_table_has_the_largest_barriers(self):
        page = self.opened(self.written())._repr_html_()
        barriers = fedstrata.Run(self.path / "run").barriers()
        train = barriers[barriers["split"] == "train"]
        full = max(np.median(train["loss_mid"][(train["kind"] == "full") & (train["round"] == r)])
                   for r in set(train["round"]))
        self.assertIn(f"{full:.3g} (round", page)
        self.assertRegex(page, r"Largest layer barrier of loss \(insitu, train\)</th><td[^>]*>fc\d, ")

    def test_names_are_escaped(self):
        page = self.opened(self.written(dataset="<b>&'\""))._repr_html_()
        self.assertIn("mlp on &lt;b&gt;&amp;&#x27;&quot;", page)
        self.assertNotIn("<b>", page)

    def test_a_global_model_beside_clients_own_is_left_out(self):
        page = self.opened()._repr_html_()
        self.assertIn("clients&#x27; models", page)
        self.assertNotIn("global model", page)

    def test_closed_and_damaged_runs_are_shown_too(self):
        run = self.opened()
        run.close()
        self.assertIn("closed", repr(run))
        self.assertIn("closed", run._repr_html_())
        path = self.written()
        with h5py.File(path / "run.h5", "a") as file:
            file["barriers/insitu"].move("barriers", "gone")
            del file["metrics"]
        self.assertIn("cannot be read", repr(self.opened(path)))
        self.assertIn("cannot be read", self.opened(path)._repr_html_())


class Tables(RunTest):
    def test_texts_are_str(self):
        run = self.opened()
        barriers = run.barriers()
        full = barriers[barriers["kind"] == "full"]
        self.assertGreater(len(full), 0)
        self.assertIsInstance(full["target"][0], str)
        self.assertEqual(set(full["target"]), {"all"})
        self.assertEqual(run.layers, run.layer_table["name"].tolist())

    def test_columns_still_equal_bytes(self):
        kinds = self.opened().barriers()["kind"]
        np.testing.assert_array_equal(kinds == b"full", kinds == "full")
        np.testing.assert_array_equal(kinds != b"full", kinds != "full")
        np.testing.assert_array_equal(kinds == np.array(kinds, "S9"), True)
        self.assertTrue((kinds == b"full").any() and (kinds != b"full").any())

    def test_texts_that_are_not_ascii(self):
        table = np.array([("größe".encode(), 1), (b"fc1", 2), (b"cut \xc3", 3), (b"", 4)],
                         [("name", "S12"), ("n", "i8")])
        self.assertEqual(tables.decoded(table)["name"].tolist(), ["größe", "fc1", "cut \ufffd", ""])
        self.assertEqual(tables.decoded(table[:0]).dtype.names, ("name", "n"))

    def test_every_table_is_read_by_its_name(self):
        run = self.opened()
        self.assertLessEqual({"layers", "metrics/rounds", "barriers/insitu/points"}, set(run.tables))
        for name in run.tables:
            self.assertEqual(len(run.table(name)), len(run.file[name]), name)
        for wrong in ("metrics", "none", "partition/histogram"):
            with self.assertRaisesRegex(KeyError, "there are .*metrics/rounds"):
                run.table(wrong)

    @unittest.skipUnless(importlib.util.find_spec("pandas"), "pandas is not installed")
    def test_dataframe(self):
        run = self.opened()
        frame = run.dataframe("barriers/insitu/barriers")
        self.assertEqual(len(frame), len(run.barriers()))
        self.assertEqual(set(frame[frame.kind == "layer"].target), set(run.layers))

    @unittest.skipIf(importlib.util.find_spec("pandas"), "pandas is installed")
    def test_dataframe_says_that_it_needs_pandas(self):
        with self.assertRaisesRegex(problems.Missing, "lacks the package pandas; .* pip install"):
            self.opened().dataframe("metrics/rounds")


class Models(RunTest):
    def assert_same(self, found, expected):
        self.assertEqual(list(found), list(expected))
        for name, values in expected.items():
            np.testing.assert_array_equal(np.asarray(found[name]), values, name)

    def export(self, *arguments):
        return export.main([str(STORED), *map(str, arguments)], "export")

    def assert_refused(self, *arguments, says):
        with self.assertRaisesRegex(problems.Problem, says):
            self.export(*arguments)
        self.assertEqual(list(self.path.iterdir()), [])

    def test_npz(self):
        run = self.opened()
        self.assertEqual(self.export("--round", 2, "--client", 1, "--out", self.path / "a.npz"), 0)
        with np.load(self.path / "a.npz") as file:
            self.assert_same(dict(file), run.state_dict(2, client=1))
        self.assertEqual([p.name for p in self.path.iterdir()], ["a.npz"])

    def test_default_is_the_last_global_model(self):
        run = self.opened()
        self.export("--out", self.path / "a.npz")
        with np.load(self.path / "a.npz") as file:
            self.assert_same(dict(file), run.state_dict(run.checkpoints[-1]))

    def test_what_cannot_be_exported_is_refused(self):
        out = self.path / "a.npz"
        self.assert_refused("--out", self.path / "a.onnx", says=r"a\.onnx: only \.pt")
        self.assert_refused("--round", 77, "--out", out, says="no checkpoint of round 77")
        for client in (2, -1):
            self.assert_refused("--client", client, "--out", out,
                                says=rf"there is no client {client} \(clients are 0 to 1\)")
        self.assert_refused("--at", "before", "--out", out, says="--at before goes with --client")
        self.assert_refused("--at", "global", "--client", 0, "--out", out,
                            says="--at global goes without --client")
        self.assert_refused("--out", self.path / "none/a.npz", says="cannot be written")
        with self.assertRaisesRegex(problems.Problem, "exists already"):
            self.export("--out", __file__)
        with self.assertRaisesRegex(problems.Problem, "is not a run"):
            export.main([str(self.path), "--out", str(out)], "export")

    def test_a_client_that_took_no_part_is_told_from_one_that_is_not_there(self):
        path = self.written()
        with h5py.File(path / "run.h5", "a") as file:
            stored = file.create_group("checkpoints/000002")
            stored["before"], stored["clients"] = np.zeros((2, 1)), [0, 2]
        run = self.opened(path)
        for client, says in ((1, "client 1 took no part in round 2"), (3, "there is no client 3")):
            with self.assertRaisesRegex(KeyError, says):
                run.row(2, client)
        with self.assertRaisesRegex(KeyError, "there is no client -1"):
            run.samples(-1)

    def test_a_file_that_is_none_of_a_run_is_not_called_damaged(self):
        config, packed = self.path / "net.ini", self.path / "run.h5"
        config.write_text("[model]\n")
        packed.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(40))
        for path, says in ((config, "net.ini is not a run of fedstrata: it is neither"),
                           (packed, "inspect --verify")):
            with self.assertRaisesRegex(problems.Problem, says):
                run_module.open_run(path)

    def test_a_file_is_whole_or_not_there(self):
        def fails(_, file):
            file.write(b"half")
            raise OSError(28, "No space left on device")
        with unittest.mock.patch.dict(writers.WRITERS, {".npz": fails}):
            self.assert_refused("--out", self.path / "a.npz", says="No space left on device")

    @unittest.skipUnless(importlib.util.find_spec("torch"), "PyTorch for Python is not installed")
    def test_torch(self):
        import torch  # pylint: disable=import-outside-toplevel
        run = self.opened()
        expected = run.state_dict(2, client=0, at="before")
        tensors = run.state_dict(2, client=0, at="before", torch=True)
        self.assertTrue(all(map(torch.is_tensor, tensors.values())))
        self.assert_same(tensors, expected)
        run.save_pt(self.path / "a.pt", 2, client=0, at="before")
        self.assert_same(torch.load(self.path / "a.pt"), expected)
        sizes = [expected[f"fc{n}.weight"].shape for n in (1, 2)]
        net = torch.nn.Sequential(*(torch.nn.Linear(i, o) for o, i in sizes))
        net.load_state_dict(dict(zip(net.state_dict(), tensors.values())))

    @unittest.skipIf(importlib.util.find_spec("torch"), "PyTorch for Python is installed")
    def test_without_torch(self):
        self.assert_refused("--out", self.path / "a.pt", says="lacks the package torch")
        with self.assertRaisesRegex(problems.Missing, "torch"):
            self.opened().state_dict(2, torch=True)

    @unittest.skipUnless(importlib.util.find_spec("safetensors"), "safetensors is not installed")
    def test_safetensors(self):
        from safetensors.numpy import load_file  # pylint: disable=import-outside-toplevel
        self.export("--client", 1, "--out", self.path / "a.safetensors")
        found, run = load_file(self.path / "a.safetensors"), self.opened()
        expected = run.state_dict(run.checkpoints[-1], client=1)
        self.assert_same({name: found[name] for name in expected}, expected)


if __name__ == "__main__":
    unittest.main()
