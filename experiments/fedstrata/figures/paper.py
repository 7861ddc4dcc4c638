"""How a drawn figure becomes files: in which forms, with or without its title."""

import dataclasses
import fnmatch

import matplotlib

from ..problems import Problem

FORMS = ("png", "svg", "pdf")

matplotlib.rcParams.update({"pdf.fonttype": 42})  # text stays text, in fonts that are embedded


@dataclasses.dataclass
class Form:
    """What is asked of every figure."""
    forms: tuple = ("png", "svg")
    title: bool = True
    only: tuple = ()  # names or patterns of figures; none = all


def chosen(drawn, form):
    """The figures that `form.only` names. Throws a Problem where it names none."""
    if not form.only:
        return drawn
    names = set()
    for pattern in form.only:
        matching = fnmatch.filter(drawn, pattern)
        if not matching:
            raise Problem(f"--only {pattern}: there is no such figure (there are: "
                          f"{', '.join(sorted(drawn))}).")
        names.update(matching)
    return {name: figure for name, figure in drawn.items() if name in names}


def save(picture, path, form):
    """Writes one picture; `path` has no suffix. The bytes don't depend on when."""
    metadata = {"png": None, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
    for k, kind in enumerate(form.forms):
        picture.savefig(f"{path}.{kind}", metadata=metadata[kind])
        if k == 0:
            picture.set_layout_engine("none")  # laid out by now
