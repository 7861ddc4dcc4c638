#!/usr/bin/python3
"""Models in files that others wrote are found as people save them, and what is none is named."""

import gzip
import json
import os
import pathlib
import pickle
import struct
import sys
import tarfile
import tempfile
import unittest
import zipfile

import numpy as np

import torch_writer
from torch_writer import Tensor, save, save_legacy

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "experiments"))
from fedstrata import problems, state_dicts

SHAPES = {"features.0.weight": (4, 3), "features.0.bias": (4,), "out.weight": (2, 4)}


def arrays(seed=0):
    random = np.random.default_rng(seed)
    return {name: random.normal(size=shape).astype(np.float32) for name, shape in SHAPES.items()}


def tensors(named, **names):
    return {**{name: Tensor(array) for name, array in named.items()}, **names}


def prefixed(prefix, named):
    return {prefix + name: value for name, value in named.items()}


class StateDicts(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = pathlib.Path(directory.name)
        self.file = self.path / "a.ckpt"
        self.values = arrays()
        self.state = tensors(self.values)

    def read(self, under=None, shapes=None):
        place, found = state_dicts.read_state_dict(self.file, shapes or SHAPES, under)
        return place, {name: state_dicts.read_array(self.file, found[name]) for name in found}

    def assert_same(self, found, values=None):
        values = values or self.values
        self.assertEqual(set(found), set(values))
        for name, value in values.items():
            np.testing.assert_array_equal(found[name], value, name)

    def assert_found(self, saved, place):
        """In each of PyTorch's forms, and nothing else is found."""
        for writer in (save, save_legacy):
            with self.subTest(place, writer=writer.__name__):
                writer(saved, self.file)
                where, found = self.read()
                self.assertEqual(where, place)
                self.assert_same(found)

    def assert_refused(self, *says, data=None, under=None):
        if data is not None:
            self.file.write_bytes(data)
        with self.assertRaises(problems.Problem) as caught:
            self.read(under)
        self.assertEqual(len(str(caught.exception).splitlines()), 1)
        self.assertTrue(str(caught.exception).endswith("."))
        for text in ("a.ckpt", *says):
            self.assertIn(text, str(caught.exception))

    def test_what_people_save_beside_a_model(self):
        optimizer = {"state": {0: {"step": 5, "exp_avg": Tensor(np.zeros(3, np.float32))}},
                     "param_groups": [{"lr": 0.1, "params": [0, 1]}]}
        counted = {**self.state, "features.1.num_batches_tracked": Tensor(np.int64(7)), "decay": 0.9}
        self.assert_found({"epoch": 3, "model_state_dict": counted, "loss": 0.3,
                           "optimizer_state_dict": optimizer}, "model_state_dict.")
        self.assert_found({"state_dict": {**prefixed("net.", counted),
                                          "criterion.weight": Tensor(np.ones(3, np.float32))},
                           "optimizer_states": [optimizer],
                           "callbacks": {"best": {"best_score": Tensor(np.float32(0.1))}},
                           "hyper_parameters": torch_writer.Made()}, "state_dict.net.")
        self.assert_found([self.state, optimizer], "0.")

    def test_words_of_wrappers_in_any_order_and_nesting(self):
        for prefix in ("module.", "_orig_mod.module.", "model._fsdp_wrapped_module._orig_mod.",
                       "module.encoder.", "a.b.c."):
            self.assert_found(prefixed(prefix, self.state), prefix)
        names = {"features.0.weight": "features._fsdp_wrapped_module.0._orig_mod.weight",
                 "features.0.bias": "features._fsdp_wrapped_module.0._orig_mod.bias",
                 "out.weight": "out.weight"}
        self.assert_found({names[name]: tensor for name, tensor in self.state.items()}, "")
        mixed = {f"_fsdp_wrapped_module.{names[name]}": t for name, t in self.state.items()}
        self.assert_found({"model": mixed}, "model._fsdp_wrapped_module.")

    def test_a_model_with_such_a_word_of_its_own(self):
        shapes = {"module.weight": (2,), "weight": (3,)}
        values = {name: np.ones(shape, np.float32) for name, shape in shapes.items()}
        save(prefixed("net.", tensors(values)), self.file)
        place, found = self.read(shapes=shapes)
        self.assertEqual(place, "net.")
        self.assert_same(found, values)

    def test_a_module_that_is_saved_whole(self):
        inner = torch_writer.Module({"weight": self.state["features.0.weight"],
                                     "bias": self.state["features.0.bias"]}, {})
        features = torch_writer.Module({}, {"0": inner})
        out = torch_writer.Module({"weight": self.state["out.weight"]}, {})
        net = torch_writer.Module({}, {"features": features, "out": out})
        self.assert_found(net, "")
        self.assert_found({"net": torch_writer.Module({}, {"module": net})}, "net.module.")

    def test_the_place_that_has_the_right_shapes(self):
        teacher = {name: Tensor(np.ones([n + 1 for n in shape], np.float32))
                   for name, shape in SHAPES.items()}
        self.assert_found({"teacher": teacher, "student": self.state}, "student.")

    def test_of_several_one_is_chosen_with_under(self):
        other = arrays(1)
        save({"model": prefixed("module.", self.state), "ema": {"model": tensors(other)}}, self.file)
        self.assert_refused("several", "model.module, ema.model", "--under")
        for under in ("model", "model.module", "model.module."):
            self.assert_same(self.read(under)[1])
        self.assert_same(self.read("ema")[1], other)
        self.assert_refused("'none'", "model.module, ema.model", under="none")
        save({"a": {"out.weight": Tensor(np.ones(3, np.float32)), "net": self.state},
              "b": tensors(other)}, self.file)
        self.assert_same(self.read("a")[1])
        save({**self.state, "module": tensors(other)}, self.file)
        self.assert_refused("several", "., module")
        self.assert_same(self.read(".")[1])
        self.assert_same(self.read("module")[1], other)

    def test_one_dict_under_two_names_is_one_model(self):
        self.assert_found({"model": self.state, "best": self.state}, "model.")

    def test_further_tensors_of_the_model_are_not_dropped(self):
        save({"net": {**self.state, "more.weight": Tensor(np.ones(2, np.float32))}}, self.file)
        self.assertEqual(list(self.read()[1]), [*SHAPES, "more.weight"])

    def test_types_and_strides(self):
        double = {name: value.astype(np.float64) for name, value in self.values.items()}
        save(tensors(double), self.file)
        self.assert_same(self.read()[1], double)
        half = {name: (value.view(np.uint32) >> 16).astype(np.uint16)
                for name, value in self.values.items()}
        short = {name: (value.astype(np.uint32) << 16).view(np.float32) for name, value in half.items()}
        save(tensors(half), self.file)
        self.assert_same(self.read()[1], short)
        turned = Tensor(self.values["out.weight"].T.copy(), transposed=True)
        self.assert_found({**self.state, "out.weight": turned}, "")

    def test_safetensors(self):
        half = {name: (value.view(np.uint32) >> 16).astype(np.uint16)
                for name, value in self.values.items()}
        header, data = {"__metadata__": {"format": "pt"}}, b""
        for name, value in half.items():
            header[f"model.{name}"] = {"dtype": "BF16", "shape": value.shape, "data_offsets":
                                       [len(data), len(data) + value.nbytes]}
            data += value.tobytes()
        written = json.dumps(header).encode()
        whole = struct.pack("<Q", len(written)) + written + data
        self.file.write_bytes(whole)
        place, found = self.read()
        self.assertEqual(place, "model.")
        self.assert_same(found, {name: (value.astype(np.uint32) << 16).view(np.float32)
                                 for name, value in half.items()})
        self.assert_refused("cut short", data=whole[:-1])
        self.assert_refused("cut short", data=whole[:20])

    def test_arrays_of_numpy(self):
        with open(self.file, "wb") as file:
            np.savez(file, **prefixed("net.", self.values))
        self.assert_same(self.read()[1])
        with open(self.file, "wb") as file:
            np.savez(file, state=self.values)
        self.assert_refused("objects", "numpy.savez(FILE, **state)")
        for protocol in (2, 4, 5):
            self.file.write_bytes(pickle.dumps({"net": self.values, "best": np.float64(0.5)}, protocol))
            self.assert_same(self.read()[1])

    def test_nothing_in_a_file_is_run(self):
        class Call:
            def __init__(self, path):
                self.path = path

            def __reduce__(self):
                return os.mkdir, (self.path,)
        for protocol in range(2, 6):
            call = Call(str(self.path / "made"))
            self.file.write_bytes(pickle.dumps({"state": self.values, "call": call}, protocol))
            self.assert_same(self.read()[1])
            self.file.write_bytes(pickle.dumps(call, protocol))
            self.assert_refused("no tensors")
        self.assertFalse((self.path / "made").exists())

    def test_what_is_no_checkpoint_is_told_by_its_first_bytes(self):
        for data, *says in [
                (b"", "is empty"), (b"\n<!DOCTYPE html><html>", "web page"), (b"<HTML>", "web page"),
                (b"version https://git-lfs.github.com/spec/v1\noid", "Git LFS", "git lfs pull"),
                (gzip.compress(b"x"), "gzipped", "gunzip"), (b"\x89HDF\r\n\x1a\n", "HDF5", ".npz"),
                (b"\x93NUMPY\1\0", "one array"), ("größe\n".encode(), "text that begins with", "gr"),
                (b"\x01\x02\x03", "bytes 01 02 03", "safetensors"), (b"PK\3\4 and so on", "cut short")]:
            with self.subTest(data):
                self.assert_refused(*says, data=data)
        with tarfile.open(self.file, "w") as archive:
            archive.add(__file__)
        self.assert_refused("tar archive")
        with zipfile.ZipFile(self.file, "w") as archive:
            archive.writestr("weights/model.pt", "")
        self.assert_refused("zip archive of weights/model.pt", "unpack")
        self.file.unlink()
        self.assert_refused("No such file")
        self.file.mkdir()
        self.assert_refused("folder")

    def test_files_cut_short_or_damaged(self):
        for writer in (save, save_legacy):
            writer(self.state, self.file)
            whole = self.file.read_bytes()
            for size in range(1, len(whole), 37):
                self.assert_refused(data=whole[:size])
        save({"epoch": 1, "loss": 0.3}, self.file)
        self.assert_refused("no tensors", "model.state_dict()")
        loop = {}
        loop["self"] = loop
        self.assert_refused("no tensors", data=pickle.dumps(loop))
        self.state["out.weight"].shape = (200, 400)
        save({**self.state}, self.file)
        self.assert_refused("larger than its storage")


if __name__ == "__main__":
    unittest.main()
