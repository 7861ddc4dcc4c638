"""Finds a model among all the tensors of a file.

People save more than a model's state dict: they wrap it (`model_state_dict`), save several (`ema`), and
wrappers of modules put words into the names of parameters. So all of a file's values are named by the way
to them (`model_state_dict.module.fc1.weight`), and a place where a model lies is what stands before
the names that the model has, such as `model_state_dict.module.`; words of wrappers within a name
are passed over.
"""

from collections import defaultdict

from ..problems import Problem
from .pickled import Made, is_array, text
from .tensors import Tensor
from .torch_files import numpy_tensor

# Of DataParallel, torch.compile, FSDP and its checkpoints of activations.
WRAPPERS = {"module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_fpw_module"}
TABLES_OF_MODULES = ("_parameters", "_buffers", "_modules")  # of a module that is saved whole


class Entry:
    """A tensor of a file, the way to it, and the way to the dict (or whole module) that it lies in."""

    def __init__(self, name, tensor, home):
        self.name, self.tensor, self.home = name, tensor, home


def children(value):
    """The values in one, by name."""
    if isinstance(value, dict):
        return [(str(text(key)), item) for key, item in value.items()]
    if isinstance(value, (list, tuple)):
        return [(str(index), item) for index, item in enumerate(value)]
    if isinstance(value, Made):
        parts = value.state if isinstance(value.state, tuple) else (value.state,)
        return children(value.entries) + [child for part in parts if isinstance(part, dict)
                                          for child in children(part)]
    return []


def is_optimizer(value):
    return isinstance(value, dict) and "param_groups" in value


def entries(value):
    """All tensors of a file, in its order; each value that holds others is visited once."""
    found, seen = [], set()
    waiting = [("", value, "", None)]  # way, value, way to what it lies in, way to the whole module
    while waiting:
        way, value, home, module = waiting.pop()
        if is_array(value):
            value = numpy_tensor(value)
        if isinstance(value, Tensor):
            found.append(Entry(way[:-1], value, home if module is None else module))
        elif isinstance(value, Made) and value.name.startswith("torch._utils._rebuild_"):
            found.append(Entry(way[:-1], Tensor((), value.name, None), home))  # quantized, sparse, ...
        elif not is_optimizer(value) and id(value) not in seen:
            seen.add(id(value))
            inside = children(value)
            tables = isinstance(value, Made) and [n for n, _ in inside if n in TABLES_OF_MODULES]
            if tables and module is None:
                module = way
            waiting += [(way if tables and name in tables else f"{way}{name}.", item, way, module)
                        for name, item in reversed(inside)]
    return found


def places(found, shapes):
    """Place -> name of the model -> Entry, for all places where at least one of the names lies."""
    wrappers = WRAPPERS

    def bare(parts):
        return tuple(part for part in parts if part not in wrappers)
    wanted = {bare(name.split(".")): name for name in shapes}
    if len(wanted) < len(shapes):  # the model itself has such words
        wrappers = set()
        wanted = {bare(name.split(".")): name for name in shapes}
    result = defaultdict(dict)
    for entry in found:
        parts = entry.name.split(".")
        for cut, part in enumerate(parts):
            name = part not in wrappers and wanted.get(bare(parts[cut:]))
            if name:
                result["".join(f"{part}." for part in parts[:cut])].setdefault(name, entry)
    return result


def complete(known, shapes):
    """The places that have all names."""
    return [place for place, names in known.items() if len(names) == len(shapes)]


def named(place):
    return place[:-1] or "."


def within(found, under):
    """Of the places the one that --under names, or those inside it where they hold more of the model."""
    wanted = "" if under == "." else under.rstrip(".") + "."
    inside = {place: names for place, names in found.items() if place.startswith(wanted)}
    if wanted in inside and len(inside[wanted]) == max(map(len, inside.values())):
        return {wanted: inside[wanted]}
    return inside


def some(names, shown=3):
    """The first of them, and how many more there are."""
    names = list(names)
    rest = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + rest


def choose(path, value, shapes, under=None):
    """The place of the model with these names and shapes, and its tensors by name: all that the
    dict has there but single numbers. Of the place that fits best where none fits. Throws Problem where
    there are no tensors, or several places fit, and `under` does not say which."""
    found = entries(value)
    if not found:
        raise Problem(f"{path} holds no tensors: save model.state_dict() with torch.save, or arrays by "
                      "name as .npz (numpy.savez).")
    everywhere = known = places(found, shapes)
    if under is not None:
        chosen = within(known, under)
        if not chosen:
            raise Problem(f"{path} has nothing of this model under '{under}'; places that have: "
                          f"{some(map(named, known), 5) or 'none'}.")
        known = chosen
    fits = complete(known, shapes)
    exact = [place for place in fits
             if all(entry.tensor.shape == shapes[name] for name, entry in known[place].items())]
    if len(exact or fits) > 1:
        raise Problem(f"{path} holds several such models, under {some(map(named, exact or fits), 9)}; "
                      "choose one with --under PLACE.")
    if not known:
        return "", {entry.name: entry.tensor for entry in largest_home(found)}
    place = (exact or fits or [max(known, key=lambda place: len(known[place]))])[0]
    taken = known[place]
    homes = {entry.home for entry in taken.values()}
    hits = {id(entry) for fit in [place, *complete(everywhere, shapes)]
            for entry in everywhere[fit].values()}
    others = {entry.name[len(place):]: entry.tensor for entry in found
              if entry.home in homes and entry.name.startswith(place) and id(entry) not in hits
              and entry.tensor.shape}
    return place, {name: entry.tensor for name, entry in taken.items()} | others


def largest_home(found):
    homes = defaultdict(list)
    for entry in found:
        homes[entry.home].append(entry)
    return max(homes.values(), key=len)
