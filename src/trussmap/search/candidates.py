"""Candidates: lattices, the target of each, and their stiffness."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trussmap.search.lattices import Lattices, joined
from trussmap.targets.goal import Goal


@dataclass(frozen=True)
class Candidates:
    """Lattices that compete for targets.

    Attributes
    ----------
    target : (m,) number of the target of each, from 0
    lattices : m
    stiffness : (m, 21), base modulus 1
    """

    target: np.ndarray
    lattices: Lattices
    stiffness: np.ndarray

    def __len__(self) -> int:
        return len(self.target)

    def take(self, rows: np.ndarray) -> "Candidates":
        """Select some of them."""
        return Candidates(self.target[rows], self.lattices.take(rows), self.stiffness[rows])

    @classmethod
    def join(cls, groups: Sequence["Candidates"]) -> "Candidates":
        """Candidates of several groups one after the other."""
        target = np.concatenate([group.target for group in groups])
        stiffness = np.concatenate([group.stiffness for group in groups])
        return cls(target, joined([group.lattices for group in groups]), stiffness)

    def goal(self, goal: Goal) -> Goal:
        """Goal of each, of the goals of the targets."""
        return goal.take(self.target)

    def error(self, goal: Goal) -> np.ndarray:
        """Error (m,) of each by the goal of its target."""
        return self.goal(goal).error(self.stiffness)

    def best(self, goal: Goal, count: int, alike: int = 1) -> np.ndarray:
        """Rows of each target's ``count`` closest, best first, at most ``alike`` of a topology."""
        return ranked(self.target, self.error(goal), self.lattices.topology, count, alike)


def ranked(
    target: np.ndarray, error: np.ndarray, topology: np.ndarray, count: int, alike: int = 1
) -> np.ndarray:
    """Indices of the ``count`` best entries of every target, best first.

    ``target``, ``error`` and ``topology`` are (m,), numbers from 0; targets come in rising order.
    At most ``alike`` entries of one topology count.
    """
    group = target * 1000 + topology
    order = np.lexsort((error, group))
    order = order[positions(group[order]) <= alike]
    order = order[np.lexsort((error[order], target[order]))]
    return order[positions(target[order]) <= count]


def positions(sorted_keys: np.ndarray) -> np.ndarray:
    """Place (from 1) of each entry among those of its key, for keys that stand in runs."""
    starts = np.flatnonzero(np.concatenate([[True], sorted_keys[1:] != sorted_keys[:-1]]))
    counts = np.diff([*starts, len(sorted_keys)])
    return np.arange(len(sorted_keys)) - np.repeat(starts, counts) + 1
