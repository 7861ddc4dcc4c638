"""What the end-to-end tests share: small configs, starting the real program, looking at its runs."""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import h5py
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("FEDSTRATA_BINARY", str(ROOT / "build/bin/fedstrata"))
MPIEXEC = os.environ.get("MPIEXEC", "mpirun")
TIMES_SLOWER = int(os.environ.get("FEDSTRATA_TIMES_SLOWER", "1"))  # than a build without sanitizers
LAUNCHER = dict(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
                OMPI_MCA_rmaps_base_oversubscribe="1", OMPI_MCA_mpi_yield_when_idle="1",
                OMPI_MCA_hwloc_base_binding_policy="none",
                OMPI_MCA_btl_vader_single_copy_mechanism="none", OMP_NUM_THREADS="1",
                PYTHONDONTWRITEBYTECODE="1")
sys.path.insert(0, str(ROOT / "experiments"))

# Two layers, fc1 and fc2, and few images: a run takes about a second.
SMALL = {"model.name": "mlp", "model.hidden": "16", "data.dataset": "synthetic",
         "data.clients": 4, "data.train_limit": 200, "data.test_limit": 60,
         "train.batch_size": 10, "train.lr": 0.05, "federation.rounds": 2}


def ini(*changes):
    """INI text of SMALL with changes, dictionaries of section.key (None takes a key out)."""
    sections = {}
    for key, value in {k: v for change in (SMALL, *changes) for k, v in change.items()}.items():
        section, name = key.rsplit(".", 1)
        if value is not None:
            sections.setdefault(section, []).append(f"{name} = {value}\n")
    return "".join(f"[{section}]\n{''.join(lines)}" for section, lines in sections.items())


def command(arguments, ranks):
    launcher = [MPIEXEC, "-n", str(ranks)] if ranks > 1 else []
    return [*launcher, BINARY, *map(str, arguments)]


def start(*arguments, ranks=1, **options):
    """The running program: stdout and stderr are pipes."""
    return subprocess.Popen(command(arguments, ranks), stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env=os.environ | LAUNCHER, start_new_session=True, **options)


def run(*arguments, ranks=1, timeout=100, **options):
    """Waits for the program, whose returncode, stdout and stderr are in the result."""
    process = start(*arguments, ranks=ranks, **options)
    try:
        out, err = process.communicate(timeout=timeout * TIMES_SLOWER)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        raise AssertionError(f"{process.args} hangs\n{out}\n{err}") from None
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def sentences(result):
    """Our own lines on stderr; warnings and what the launcher adds are left out."""
    return [line for line in result.stderr.splitlines()
            if line.startswith("fedstrata") and "warning:" not in line]


def snapshot(directory):
    """Path -> content and time of change of everything below a directory."""
    return {str(path.relative_to(directory)):
            (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else None)
            for path in sorted(directory.rglob("*"))}


def stable_columns(table):
    """The columns that must not depend on time, place or number of ranks, as bytes."""
    names = [n for n in table.dtype.names if not n.startswith(("seconds_", "run_"))]
    return names, [table[n].tobytes() for n in names]


def content(run_directory, groups=("layers", "parameters", "buffers", "partition", "metrics",
                                   "checkpoints", "barriers")):
    """Name -> everything reproducible under those groups of a run, bit for bit."""
    found = {}

    def visit(name, item):
        if isinstance(item, h5py.Dataset):
            data = item[()]
            found[name] = (data.shape, stable_columns(data) if data.dtype.names
                           else data.tobytes())
    with h5py.File(run_directory / "run.h5", "r") as file:
        for group in groups:
            walk(file[group], group, visit)
    return found


def walk(item, name, visit):
    """Like h5py's visititems, but follows external links."""
    visit(name, item)
    if isinstance(item, h5py.Group):
        for key in item:
            walk(item[key], f"{name}/{key}", visit)


class ProgramTest(unittest.TestCase):
    """A test with a scratch directory of its own."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="fedstrata-test-")
        self.addCleanup(scratch.cleanup)
        self.path = pathlib.Path(scratch.name)

    def config(self, *changes, name="small.ini"):
        path = self.path / name
        path.write_text(ini(*changes))
        return path

    def simulate(self, config, out, *arguments, ranks=1, **options):
        """A run that must succeed; returns its directory."""
        directory = self.path / out
        result = run("simulate", config, "--out", directory, *arguments, ranks=ranks, **options)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertTrue((directory / "DONE").exists())
        self.output = result.stdout
        return directory

    def succeed(self, *arguments, **options):
        result = run(*arguments, **options)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        return result.stdout

    def assert_fails(self, result, code, *fragments):
        """Exit code, and one sentence of ours that has all fragments."""
        said = sentences(result)
        self.assertEqual((result.returncode, len(said)), (code, 1), result.stderr)
        for fragment in fragments:
            self.assertIn(str(fragment), said[0])

    def assert_same(self, left, right, message=""):
        """Equal content, naming what differs."""
        self.assertEqual(sorted(left), sorted(right), message)
        self.assertEqual([name for name in left if left[name] != right[name]], [], message)


def wait_until(condition, seconds=60):
    end = time.monotonic() + seconds * TIMES_SLOWER
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("waited in vain")
        time.sleep(0.01)


def table(run_directory, name):
    with h5py.File(run_directory / "run.h5", "r") as file:
        return file[name][:]


def write_idx(directory, train=40, test=20, seed=1, pattern=0.0):
    """A data set of MNIST's form, of random images with this share of a pattern of their label."""
    random = np.random.default_rng(seed)
    directory.mkdir()
    patterns = random.integers(0, 256, (10, 28, 28))
    for prefix, count in (("train", train), ("t10k", test)):
        labels = random.integers(0, 10, count, dtype=np.uint8)
        noise = random.integers(0, 256, (count, 28, 28))
        images = np.rint(pattern * patterns[labels] + (1 - pattern) * noise)
        for kind, magic, values in (("images-idx3", 0x803, images), ("labels-idx1", 0x801, labels)):
            header = np.array([magic, *values.shape], dtype=">u4").tobytes()
            (directory / f"{prefix}-{kind}-ubyte").write_bytes(
                header + values.astype(np.uint8).tobytes())
    return directory
