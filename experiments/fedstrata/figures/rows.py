"""Rows of barriers, found by kind and target."""

import numpy as np

from .run_tables import OVER_DRAWS, column_of, median


class Rows:
    """Rows of /barriers/NAME/barriers with texts decoded."""

    def __init__(self, table):
        self.table = table
        self._places = {}  # (kind, target) -> [(first, last + 1)]
        # Rows are sorted, so that those of a kind and target lie together within a round.
        changes = np.ones(len(table), bool)
        changes[1:] = (table["kind"][1:] != table["kind"][:-1]) | \
            (table["target"][1:] != table["target"][:-1])
        starts = np.flatnonzero(changes)
        for first, last in zip(starts, [*starts[1:], len(table)]):
            key = (str(table["kind"][first]), str(table["target"][first]))
            self._places.setdefault(key, []).append((first, last))
        self.kinds = {kind for kind, _ in self._places}

    def targets(self, kind):
        return sorted(target for k, target in self._places if k == kind)

    def select(self, kind, target=None):
        """Rows of a kind, of one target unless None; of random draws only their mean, where it is
        stored."""
        places = [place for (k, t), found in self._places.items()
                  if k == kind and target in (None, t) for place in found]
        rows = self.table[np.concatenate([np.arange(*place) for place in places]
                                         or [np.empty(0, int)])]
        mean = rows[rows["draw"] == OVER_DRAWS]
        return mean if len(mean) else rows

    def of(self, kinds):
        """Only rows of these kinds."""
        if not self.kinds & set(kinds):
            return Rows(self.table[[]])
        return Rows(self.table[np.isin(self.table["kind"], list(kinds))])

    def last_round(self):
        """Only rows of the last round."""
        return self if not len(self) else \
            Rows(self.table[self.table["round"] == self.table["round"].max()])

    def __len__(self):
        return len(self.table)

    @property
    def rounds(self):
        return np.unique(self.table["round"])

    def medians(self, entries, column, rounds):
        """[entries, rounds] of COLUMN_mid; entries are (row name, kind, target)."""
        values = np.full((len(entries), len(rounds)), np.nan)
        for k, (_, kind, target) in enumerate(entries):
            chosen = self.select(kind, target)
            mid = column_of(chosen, f"{column}_mid")
            for n, count in enumerate(rounds):
                values[k, n] = median(mid[chosen["round"] == count])
        return values

    def ends(self, partner, column, rounds):
        """[rounds]: the full models' own loss or error."""
        values = self.table[f"{column}_a"]  # of pairs = clients: the mean over the clients
        if partner != "mean":
            values = (values + self.table[f"{column}_b"]) / 2
        return np.array([median(values[self.table["round"] == n]) for n in rounds])
