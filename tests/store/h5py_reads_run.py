"""Opens the sample run of sample_run.hpp with plain h5py and the small reader.

Usage: h5py_reads_run.py RUN_OR_PACKED_FILE [--watch N]; --watch: opens it N times while it grows.
"""

import os
import sys

import h5py
import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "experiments"))
import fedstrata  # noqa: E402


def row(round, kind, client, size):
    return (round + client / 10 + kind / 100 + np.arange(size) / 1000).astype("f4")


def check_checkpoints(f):
    assert sorted(f["checkpoints"]) == ["000000", "000005", "000010"]
    assert f["checkpoints/000005/before"].chunks is None
    for round, clients in ((5, [0, 1, 2, 3, 4]), (10, [0, 1, 3, 4])):
        group = f[f"checkpoints/{round:06d}"]
        assert group["clients"][:].tolist() == clients
        assert group["global"].dtype == np.float32
        assert np.array_equal(group["global"][:], row(round, 0, 9, 7))
        assert np.array_equal(group["buffers_global"][:], row(round, 0, 9, 2))
        for kind, name in ((1, "before"), (2, "after")):
            for prefix, size in (("", 7), ("buffers_", 2)):
                rows = np.stack([row(round, kind, c, size) for c in clients])
                assert np.array_equal(group[prefix + name][:], rows), (round, prefix + name)
                assert np.array_equal(group[prefix + name][1], rows[1])
    assert "before" not in f["checkpoints/000000"]


def check_tables(f):
    rounds = f["metrics/rounds"][:]
    assert rounds["round"].tolist() == list(range(11))
    assert np.array_equal(rounds["test_accuracy"], np.arange(11) / 100)
    assert np.isnan(rounds["lr"]).all() and rounds.dtype["round"] == np.int64
    clients = f["metrics/clients"][:]
    assert clients[["round", "client"]].tolist() == [(r, c) for r in range(11) for c in range(5)]
    assert f["metrics/layers"]["layer"][:2].tolist() == [b"bn", b"fc1"]
    insitu = f["barriers/insitu"]
    assert insitu.attrs["config"] == "[analysis]\n"
    assert insitu["barriers"]["loss_mid"].tolist() == [5, 10]
    assert insitu["points"]["alpha"].tolist() == [0, 1, 0, 1]
    assert insitu["points"].dtype.names[:4] == ("round", "split", "kind", "target")
    assert insitu["skipped"].shape == (0,)


def check_header(f):
    expected = dict(format="fedstrata", format_version=1, software_version="0.1.0", seed=3,
                    config="[run]\nseed = 3\n", model="mlp", dataset="synthetic", clients=5,
                    parameters=7)
    for key, value in expected.items():
        assert f.attrs[key] == value, key
    assert f["layers"][:][["name", "offset", "size", "stage"]].tolist() == [
        (b"fc1", 0, 4, 0), (b"bn", 4, 3, 1)]
    assert f["parameters"]["shape"].tolist() == [b"2x2", b"3"]
    assert f["buffers"]["name"].tolist() == [b"bn.running_mean"]
    assert f["partition/histogram"].shape == (5, 3)
    assert f["partition/offsets"][:].tolist() == [0, 2, 4, 6, 8, 10]
    assert f["dataset"].attrs["mean"].tolist() == [0.5]
    assert f["dataset"].attrs["train_count"] == 10
    assert f["provenance"]["hosts"].tolist() == [b"node1"]


def check_reader(path):
    with fedstrata.Run(path) as run:
        assert run.checkpoints == [0, 5, 10] and run.layers == ["fc1", "bn"]
        state = run.state_dict(10, 3)
        assert list(state) == ["fc1.weight", "bn.weight", "bn.running_mean"]
        assert state["fc1.weight"].shape == (2, 2)
        assert np.array_equal(state["bn.weight"], row(10, 1, 3, 7)[4:])
        assert np.array_equal(state["bn.running_mean"], row(10, 1, 3, 2))
        after = run.state_dict(10, 3, at="after")["fc1.weight"].ravel()
        assert np.array_equal(after, row(10, 2, 3, 7)[:4])
        whole = run.state_dict(5)["bn.weight"]
        assert np.array_equal(whole, row(5, 0, 9, 7)[4:])
        assert run.analyses == ["insitu"] and len(run.barriers("insitu")) == 2
        assert len(run.rounds) == 11 and len(run.metrics("layers")) == 22
        for wrong in (lambda: run.state_dict(10, 2), lambda: run.state_dict(7),
                      lambda: run.barriers("none")):
            try:
                wrong()
                raise AssertionError("no KeyError")
            except KeyError:
                pass


def watch(path, times):
    """Reads a growing run (see run_test.cpp); what is there must be whole."""
    seen = 0
    for _ in range(times):
        with h5py.File(path, "r") as f:
            names = sorted(f["checkpoints"])
            assert len(names) >= seen
            seen = len(names)
            rounds = f["metrics/rounds"]["round"]
            assert rounds.tolist() == list(range(len(rounds))), rounds
            points = f["barriers/insitu/points"]["round"] if "insitu" in f["barriers"] else []
            assert list(points) == sorted(points) and all(p > 0 for p in points), points
            for name in names[-2:]:
                before = f["checkpoints"][name]["before"][:]
                assert np.array_equal(before[2], row(int(name), 1, 2, 7))
                assert not np.isnan(before).any()
    print(f"{times} reads, {seen} checkpoints at the end")


if __name__ == "__main__":
    target = sys.argv[1]
    index = os.path.join(target, "run.h5") if os.path.isdir(target) else target
    if len(sys.argv) > 2:
        watch(index, int(sys.argv[3]))
    else:
        os.chdir("/")
        with h5py.File(index, "r") as file:
            check_header(file)
            check_tables(file)
            check_checkpoints(file)
        check_reader(target)
