"""What a run has to show by round, as named numbers: for TensorBoard and its like."""

import datetime

import numpy as np

ROUNDS = {  # column of /metrics/rounds: name
    "train_loss": "train/loss", "train_accuracy": "train/accuracy",
    "test_loss": "test/loss", "test_accuracy": "test/accuracy",
    "test_accuracy_local_after": "test/accuracy_own_labels", "lr": "train/lr", "bytes": "bytes"}


def of_run(run):
    """Yields (name, round, value): metrics, the divergence of each layer, and the barriers of each
    analysis, kind full and layer, as means over pairs. NaN is left out."""
    return filter(lambda found: np.isfinite(found[2]), everything(run))


def everything(run):
    rounds = run.rounds
    for column, name in ROUNDS.items():
        if column in rounds.dtype.names:
            yield from zip([name] * len(rounds), rounds["round"].tolist(),
                           rounds[column].astype(float).tolist())
    for row in run.metrics("layers"):
        yield f"divergence/{row['layer']}", int(row["round"]), float(row["divergence"])
    for analysis in run.analyses:
        yield from barriers(run.barriers(analysis), analysis)


def barriers(table, analysis):
    kept = table[np.isin(table["kind"], ["full", "layer"])]
    columns = [kept[name] for name in ("split", "target", "round")]
    keys, place, counts = np.unique(np.rec.fromarrays(columns), return_inverse=True,
                                    return_counts=True)
    means = np.bincount(place.ravel(), kept["loss_mid"], len(keys)) / counts
    for (split, target, number), mean in zip(keys, means):
        yield f"barrier_{analysis}_{split}/{target}", int(number), float(mean)


def seconds(run):
    """Round -> seconds since 1970 at which it ended, about: the start and what rounds took since."""
    start = datetime.datetime.fromisoformat(
        str(run.table("provenance")["start_time"][0]).replace("Z", "+00:00"))
    if start.tzinfo is None:
        start = start.replace(tzinfo=datetime.timezone.utc)
    rounds = run.rounds
    columns = [name for name in rounds.dtype.names if name.startswith("seconds_")]
    took = np.cumsum(np.nansum([rounds[name].astype(float) for name in columns], axis=0))
    return dict(zip(rounds["round"].tolist(), (start.timestamp() + took).tolist()))
