"""The runs by which two builds are compared. Together they use every model, partition, form of
schedule, optimizer setting, kind of barrier, form of pairs, alignment and batch-norm policy."""

import dataclasses
import importlib.util


@dataclasses.dataclass
class Analysis:
    """`fedstrata analyze` of a run."""
    name: str
    settings: dict  # of [analysis]
    ranks: int = 1
    options: tuple = ()


@dataclasses.dataclass
class Case:
    name: str
    settings: dict
    ranks: int = 1
    analyses: tuple = ()
    stop: str = ""  # how the run is also interrupted: "signal", or "rounds" (fewer, then more)
    resume_ranks: int = 1
    plot: bool = False
    needs: str = ""  # a module of Python
    dropout: bool = False  # the device draws random numbers of its own
    used_later: bool = False  # by those that
    uses_others: bool = False


MLP = {"model.name": "mlp", "model.hidden": "12,10,8", "model.init": "different",
       "data.clients": 3, "data.train_limit": 90, "data.test_limit": 30}
NARROW = {**MLP, "data.train_limit": 60, "data.test_limit": 20}
LARGE = {"model.hidden": None, "data.clients": 2, "data.train_limit": 8, "data.test_limit": 4,
         "train.batch_size": 4, "train.lr": 0.01, "federation.rounds": 1, "checkpoint.every": 1,
         "analysis.batch_size": 4, "analysis.split": "train"}
EVERY_KIND = ("full,layer,cumulative-shallow,cumulative-deep,cumulative-random,cumulative-minimal,"
              "window:2,group:ends=first:1+last:1,complement,interaction,subset:2,random:2,"
              "plane:0-1-2,plane:0-1-2:fc2")
ALIGNED = "full,layer,cumulative-deep,window:2,complement"

CASES = [
    Case("kinds", {**MLP, "federation.rounds": 4, "checkpoint.every": 1, "checkpoint.after": "yes",
                   "average.first.layers": "fc1", "average.first.every": 2,
                   "analysis.every": 2, "analysis.kinds": EVERY_KIND, "analysis.alphas": 5,
                   "analysis.curvature": "yes", "analysis.plane_points": 4,
                   "analysis.batch_size": 16},
         ranks=2, plot=True, used_later=True, analyses=(
             Analysis("subspace", {"kinds": "subspace:2", "rounds": "last"}),
             Analysis("after", {"at": "after", "rounds": "1:4:2", "alphas": "0.25,0.75"}, ranks=2),
             Analysis("search", {"alphas": "search", "split": "union"}),
             Analysis("tolerance", {"tolerance": 0.05, "batch_size": 8, "split": "test"}))),
    Case("schedule", {**NARROW, "data.clients": 5, "data.partition": "dirichlet", "data.alpha": 0.4,
                      "data.min_samples": 5, "train.momentum": 0.9, "train.nesterov": "yes",
                      "train.momentum_at_averaging": "keep", "federation.participation": 0.6,
                      "federation.rounds": 9, "average.turn.layers": "rotate,fc2,fc3",
                      "average.turn.every": 2, "average.turn.offset": 1,
                      "average.end.layers": "head", "average.end.from": 3, "average.end.until": 7,
                      "average.others.layers": "rest", "average.others.every": 3,
                      "checkpoint.every": 3, "checkpoint.after": "yes", "analysis.ranks": 2,
                      "analysis.every": 3, "analysis.pairs": "ring", "analysis.at": "after"},
         ranks=4, stop="rounds", resume_ranks=2,
         analyses=(Analysis("own", {"pairs": "all", "split": "client:1"}, ranks=2),)),
    Case("signal", {**NARROW, "data.clients": 4, "data.train_limit": 40, "train.momentum": 0.5,
                    "federation.rounds": 600, "federation.evaluate_every": 60,
                    "average.body.layers": "body", "average.body.every": 7,
                    "checkpoint.every": 200, "analysis.every": 40, "analysis.pairs": "random:2",
                    "analysis.split": "test"},
         ranks=2, stop="signal", resume_ranks=4, plot=True),
    Case("cosine", {**NARROW, "data.dataset": "mnist", "data.clients": 4, "model.init": "same",
                    "train.schedule": "cosine", "train.horizon": 5, "train.momentum": 0.9,
                    "train.momentum_at_averaging": "average", "federation.rounds": 4,
                    "federation.local_epochs": 2, "federation.preset": "fedavg",
                    "federation.evaluate_every": 2, "checkpoint.every": 2, "analysis.ranks": 0,
                    "analysis.every": 2, "analysis.pairs": "0-1,2-3"}, ranks=2),
    Case("diverged", {**NARROW, "train.lr": 0.5, "train.batch_size": 1, "data.partition":
                      "quantity", "data.min_samples": 2, "data.sigma": 2, "train.momentum": 0.99,
                      "federation.on_divergence": "exclude", "federation.rounds": 4,
                      "checkpoint.every": 2}, ranks=4),
    Case("against", {**MLP, "federation.rounds": 2, "federation.preset": "local",
                     "checkpoint.every": 1}, uses_others=True,
         analyses=(Analysis("every", {"pairs": "all"}, options=("--against", "../old/kinds")),
                   Analysis("same", {"pairs": "same"}, options=("--against", "../old/kinds")),
                   Analysis("drawn", {"pairs": "random:3"}, options=("--against", "../old/kinds")),
                   Analysis("chosen", {"pairs": "0-2"}, options=("--against", "../old/kinds")))),
    Case("cnn", {**NARROW, "model.name": "cnn", "model.hidden": None, "data.partition": "shards",
                 "data.augment": "crop_flip", "federation.preset": "fedper",
                 "federation.weighting": "uniform", "federation.rounds": 2, "checkpoint.every": 1,
                 "analysis.every": 1, "analysis.pairs": "clients", "analysis.samples": 20},
         ranks=4, stop="rounds", resume_ranks=1,
         analyses=(Analysis("mean", {"pairs": "mean", "samples": 20}),
                   Analysis("initial", {"pairs": "initial", "samples": 20}, ranks=2),
                   Analysis("earlier", {"pairs": "round:1", "rounds": "2", "samples": 20}))),
    Case("lenet", {**NARROW, "model.name": "lenet5", "model.hidden": None,
                   "data.partition": "quantity", "data.min_samples": 5,
                   "train.schedule": "step", "train.step_every": 1, "train.step_factor": 0.5,
                   "train.warmup": 4, "train.weight_decay": 0.01, "federation.local_steps": 3,
                   "federation.preset": "lg-fedavg", "federation.rounds": 2,
                   "checkpoint.every": 1, "analysis.every": 2, "analysis.pairs": "0-1",
                   "analysis.kinds": ALIGNED, "analysis.align": "weights",
                   "analysis.samples": 20}, plot=True,
         analyses=(Analysis("activations", {"kinds": ALIGNED, "align": "activations",
                                            "align_samples": 30, "pairs": "0-2", "samples": 20}),)),
    Case("batchnorm", {**LARGE, "model.name": "resnet18", "model.norm": "batch",
                       "federation.preset": "fedbn",
                       "federation.rounds": 2, "train.momentum": 0.9, "analysis.every": 2,
                       "analysis.kinds": "full"}, ranks=2, stop="rounds",
         analyses=(Analysis("anew", {"batchnorm": "recompute:4", "kinds": "full", "rounds": "last",
                                     "split": "test"}),
                   Analysis("base", {"batchnorm": "from-base", "kinds": "full", "rounds": "last",
                                     "split": "test"}))),
    Case("groupnorm", {**LARGE, "model.name": "resnet18", "model.norm": "group",
                       "federation.preset": "local", "analysis.every": 1,
                       "analysis.kinds": "full"}),
    Case("nonorm", {**LARGE, "model.name": "resnet18", "data.partition": "same",
                    "analysis.every": 1, "analysis.align": "weights",
                    "analysis.kinds": "full"}, ranks=2),
    Case("vgg", {**LARGE, "model.name": "vgg11-cifar", "model.init": "different",
                 "data.dataset": "cifar10", "data.augment": "crop_flip", "analysis.every": 1,
                 "analysis.kinds": "full"}, ranks=2),
    Case("vgg_whole", {**LARGE, "model.name": "vgg11", "data.dataset": "cifar10",
                       "data.clients": 1, "checkpoint.before": "no"}, dropout=True),
    Case("script", {**NARROW, "model.name": "script:../net.pt", "model.init": "same",
                    "model.hidden": None, "train.momentum": 0.9, "average.all.layers": "all",
                    "average.all.every": 2, "checkpoint.every": 1, "analysis.every": 1},
         ranks=2, stop="rounds", needs="torch", dropout=True, analyses=(Analysis("last", {"rounds": "last"}),)),
]


def chosen_cases(names):
    """The cases of these names, or all; `against` compares with a run of `kinds`."""
    known = {case.name: case for case in CASES}
    for name in names:
        if name not in known:
            raise SystemExit(f"compare_builds.sh: there is no case '{name}' "
                             f"(there are: {', '.join(known)})")
    if "against" in names and "kinds" not in names:
        names = ["kinds", *names]
    return [case for case in CASES if not names or case.name in names]


def lacking(case):
    """Why a case cannot be run here, or nothing."""
    if case.needs and not importlib.util.find_spec(case.needs):
        return f"the Python module {case.needs} is not installed"
    return ""
