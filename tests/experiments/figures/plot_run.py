"""Writes small runs and collected sweeps with h5py, as docs/file-format.md and docs/sweeps.md say."""

import itertools

import h5py
import numpy as np

LAYERS = ["fc1", "fc2", "fc3"]
KEY = [("round", "i8"), ("split", "S8"), ("kind", "S32"), ("target", "S128"), ("a", "i8"),
       ("b", "i8"), ("round_b", "i8"), ("other_run", "S96"), ("rest", "i8"), ("draw", "i8")]
QUANTITIES = ["loss_mid", "error_mid", "loss_a", "loss_b", "error_a", "error_b"]
INTERVALS = ["loss_mid_low", "loss_mid_high", "error_mid_low", "error_mid_high", "loss_path",
             "loss_sup", "alpha_sup", "loss_predicted"]
PAIRS = {(0, 1): 0.5, (0, 2): 0.6, (1, 2): 1.0}  # full barriers


def write_table(file, name, columns, rows):
    file[name] = np.array([tuple(row) for row in rows], dtype=columns)


def write_run(path, analysed=(2, 4), alphas=5, more_kinds=False, seed=1, lr=0.05, split="both",
              shared=False, config="", dataset="fashion-mnist", rounds=5,
              types=("linear",) * 3, model="mlp", analyses=("insitu",), evaluate_every=1):
    """`shared`: all layers are averaged every round, and clients differ from their mean; `config`: further
    sections; `more_kinds`: with every kind of barrier, and the tables averaged, plane and spread; `split`: as
    in analysis.split; `types`: of the layers; `analyses`: their names, the first one insitu;
    `evaluate_every`: as in [federation], with NaN in all other rounds."""
    splits = {"both": ("test", "train")}.get(split, (split.split(":")[0],))
    path.mkdir()
    with h5py.File(path / "run.h5", "w") as file:
        file.attrs.update(format="fedstrata", format_version=1, model=model, clients=3, seed=seed,
                          complete=1, dataset=dataset,
                          config=f"[run]\nseed = {seed}\n\n[train]\nlr = {lr}\n\n"
                                 f"[analysis]\nat = before\nsplit = {split}\n\n{config}")
        write_table(file, "layers", [("name", "S64"), ("offset", "i8"), ("size", "i8"), ("type", "S8")],
                    [(name, 10 * k, 10, kind) for k, (name, kind) in enumerate(zip(LAYERS, types))])
        write_table(file, "provenance", [("version", "S16"), ("ranks", "i8")], [("0.1.0<&>", 4)])
        file["partition/histogram"] = np.arange(30).reshape(3, 10)
        write_rounds(file, seed, shared, rounds, evaluate_every)
        if more_kinds:
            write_table(file, "metrics/averaged",
                        [("round", "i8"), ("group", "S32"), ("layer", "S64"), ("elements", "i8"),
                         ("bytes", "i8")],
                        [(2, "body", "fc1", 10, 3 << 20), (2, "head", "fc2", 10, 1 << 20)])
        file.create_group("barriers")
        if analysed:
            write_barriers(file, analysed, splits, alphas, more_kinds, 0.01 * (seed - 1))
            for name in analyses[1:]:
                file.copy("barriers/insitu", f"barriers/{name}")
            if more_kinds:
                write_plane(file, analysed[-1], splits)
                write_spread(file, analysed)


def write_rounds(file, seed, shared, rounds, evaluate_every):
    """Accuracies rise by 10 points a round, of a mean by 1 point a seed more; MiB and seconds are of
    the same number."""
    write_table(file, "metrics/rounds",
                [("round", "i8"), ("test_accuracy", "f8"), ("test_loss", "f8"),
                 ("test_accuracy_before", "f8"), ("test_accuracy_after", "f8")]
                + [("bytes", "i8"), ("seconds_round", "f8"), ("train_accuracy", "f8")],
                [(r, *((0.1 * r + 0.01 * (seed - 1) * shared, 2 - 0.3 * r,
                        np.nan if r % 2 else 0.2 * r) if r % evaluate_every == 0 else [np.nan] * 3), np.nan)
                 + (r << 20, r, 0.99) for r in range(rounds)])
    write_table(file, "metrics/layers",
                [("round", "i8"), ("layer", "S64"), ("averaged", "i8"), ("divergence", "f8")],
                [(r, name, shared or r == 2 and name != "fc3", np.nan if r % evaluate_every else r + 1.5)
                 for r in range(1, rounds) for name in LAYERS])


def write_barriers(file, analysed, splits, alphas, more_kinds, shift):
    """Full barriers as in PAIRS; layer k has k/10 - 0.02 and k/10."""
    barriers, points = [], []
    for r, split, (pair, full) in itertools.product(analysed, splits, PAIRS.items()):
        for kind, target, draw, mid in paths(full, more_kinds):
            for rest in (-1,) if target == "all" else pair:
                value = mid - 0.02 * (kind == "layer" and rest == pair[0]) + shift
                key = (r, split, kind, target, *pair, r, "", rest, draw)
                row = (*key, value, value / 10, 0.3, 0.4, 0.1, 0.2)
                extra = (value - 0.03, value + 0.03, value / 10 - 0.01, value / 10 + 0.01,
                         value, 1.1 * value, 0.45, 0.9 * value)
                barriers.append(row + extra if more_kinds else row)
                points += [(*key, x, 0.3 + value * 4 * x * (1 - x), 0.1)
                           for x in np.linspace(0, 1, alphas) if kind in ("full", "layer")]
    if more_kinds:
        barriers += [row for r, split in itertools.product(analysed, splits)
                     for row in simplex(r, split)]
        barriers.sort(key=lambda row: row[:4])
    numbers = QUANTITIES + (INTERVALS if more_kinds else [])
    write_table(file, "barriers/insitu/barriers", KEY + [(n, "f8") for n in numbers], barriers)
    write_table(file, "barriers/insitu/points",
                KEY + [(n, "f8") for n in ("alpha", "loss", "error")], points)


def paths(full, more_kinds):
    """(kind, target, draw, loss barrier)"""
    result = [("full", "all", 0, full)] + [("layer", n, 0, k / 10) for k, n in enumerate(LAYERS)]
    if not more_kinds:
        return result
    last = len(LAYERS) - 1
    for k, name in enumerate(LAYERS):
        result += [(f"cumulative-{order}", name, 0, full * (1 + (last - k if back else k)) / 3)
                   for order, back in [("shallow", 0), ("deep", 1), ("random", 0), ("minimal", 0)]]
        result += [("complement", name, 0, 0.8 * full), ("aligned-layer", name, 0, k / 40)]
    result += [("aligned-full", "all", 0, 0.1 * full), ("group", "body", 0, 0.37)]
    result += [(f"window:{size}", f"{LAYERS[k]}..{LAYERS[k + size - 1]}", 0, size * (k + 1) / 20)
               for size in (2, 3) for k in range(len(LAYERS) - size + 1)]
    result += [("interaction", f"{LAYERS[i]}+{LAYERS[j]}", 0, 0.23 - 0.18 * (j - i))
               for i, j in itertools.combinations(range(len(LAYERS)), 2)]
    for kind, target in itertools.product(
            ("random", "subset", "subspace-span", "subspace-complement", "subspace-towards"),
            ("all", *LAYERS)):
        if (kind, target) != ("subset", "all"):
            result += [(kind, target, draw, 0.02 + 0.01 * draw) for draw in (0, 1, 2, -1)]
    return result


def simplex(r, split):
    """Means of 1, 2 and all 3 clients: 0.03 of loss more by model, two draws 0.02 apart."""
    for size, target, draw in itertools.product((1, 2, 3), ("all", *LAYERS), (-1, 0, 1)):
        if size == 3 and draw == 1:
            continue
        spread = 0.02 * (draw - 0.5) * (size == 2 and draw >= 0)
        rise = (0.03 * (size - 1) + spread) * (1 if target == "all" else 0.5)
        key = (r, split, f"simplex-{size}", target, -1, -2, r, "", -1, draw)
        yield (*key, rise, rise / 10, 0.3, 0.3 + rise, 0.1, 0.1 + rise / 10,
               rise - 0.1, rise + 0.1, rise - 0.1, rise + 0.1, *[np.nan] * 4)


def write_plane(file, last, splits):
    """A bowl over a plane whose third model lies at (3, 4) and second at (5, 0)."""
    columns = [("round", "i8"), ("split", "S8"), ("target", "S128"), ("a", "i8"), ("b", "i8"),
               ("c", "i8")] + [(n, "f8") for n in ("u", "v", "x", "y", "loss", "error")]
    rows = []
    for split, target in itertools.product(splits, ("all", LAYERS[1])):
        for u, v in itertools.product(np.linspace(-0.5, 1.5, 9), repeat=2):
            x, y = 5 * u + 3 * v, 4 * v
            loss = 0.2 + 0.1 * ((x - 2) ** 2 + (y - 2) ** 2)
            rows.append((last, split, target, 0, 1, 2, u, v, x, y, loss, min(0.9, loss / 3)))
    write_table(file, "barriers/insitu/plane", columns, rows)


def write_spread(file, analysed):
    write_table(file, "barriers/insitu/spread",
                [("round", "i8"), ("layer", "S64"), ("index", "i8"), ("singular_value", "f8")],
                [(r, name, k, (2.0 - k) * (1 + n / 2) ** k * r ** (1 - k)) for r in analysed
                 for n, name in enumerate(("all", *LAYERS)) for k in range(3)])


def write_sweep(path, cells, tested, axes):
    """A collected sweep without its runs. `cells`: (name, label, *values of `axes`) each; `tested`: of each
    its columns by round."""
    path.mkdir()
    (path / "sweep.ini").write_text("")
    own = [("cell", "i8"), ("name", "S80"), ("label", "S40"), *((axis, "S20") for axis in axes)]
    rows = [(k, name, label, *values) for k, (name, label, *values) in enumerate(cells)]
    columns = ["test_accuracy", "test_loss", "test_accuracy_before", "test_accuracy_after",
               "test_accuracy_local_after", "test_loss_before", "test_loss_after", "bytes"]
    with h5py.File(path / "collected.h5", "w") as file:
        file.attrs.update(format="fedstrata-sweep", format_version=1, model="mlp", dataset="mnist",
                          axes=",".join(axes), sweep="")
        write_table(file, "cells", own + [("stage", "S8")], [(*row, "done") for row in rows])
        write_table(file, "rounds", own + [("round", "i8")] + [(column, "f8") for column in columns],
                    [(*row, r, *(found[column][r] if column in found else np.nan for column in columns))
                     for row, found in zip(rows, tested) for r in range(len(found["bytes"]))])
        write_table(file, "barriers",
                    own + [("analysis", "S8"), ("round", "i8"), ("split", "S8"), ("kind", "S8"),
                           ("target", "S8"), ("partner", "S8"), ("loss_mid", "f8"), ("error_mid", "f8")],
                    [(*row, "insitu", 2, "train", kind, target, "clients", 0.5 + row[0], 0.1 + row[0] / 10)
                     for row in rows for kind, target in (("full", "all"), ("layer", "fc1"))])
