"""Tables of a run as structured arrays whose texts are str."""

import numpy as np


class Table(np.ndarray):
    """A structured array, or a column of one. Texts also equal their bytes, as HDF5 has them: a
    comparison with b"full" would otherwise be false everywhere, in silence."""

    def __eq__(self, other):
        return super().__eq__(as_text(other))

    def __ne__(self, other):
        return super().__ne__(as_text(other))


def as_text(value):
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return texts(value) if kind == "S" else value


def decoded(table):
    """A structured array with its texts as str instead of bytes."""
    columns = {name: texts(table[name]) if table.dtype[name].kind == "S" else table[name]
               for name in table.dtype.names}
    result = np.empty(table.shape, [(name, column.dtype) for name, column in columns.items()])
    for name, column in columns.items():
        result[name] = column
    return result


def texts(column):
    """Bytes as str; as long as the longest only, since each letter takes four bytes."""
    used = np.ascontiguousarray(column).view(np.uint8).reshape(-1, column.itemsize).any(axis=0)
    try:
        return column.astype(f"U{max(np.flatnonzero(used), default=0) + 1}")  # ASCII, and fast
    except UnicodeDecodeError:
        return np.char.decode(column, "utf-8", "replace")
