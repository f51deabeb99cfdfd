"""Points of the scaling study, by the names of their files."""

from collections.abc import Iterable, Iterator
from typing import Any


def scaling_points(
    scaling: dict[str, Any],
    designs: int,
    study: Iterable[str],
    architectures: Iterable[str],
    only_all: bool,
) -> list[str]:
    """List names of points: architecture, designs, effort, run, ``forward``.

    The last is in the names of points that train the forward networks alone.

    Parameters
    ----------
    scaling : settings of the scaling study
    designs : number of designs in the whole data set
    study : architectures that the study trains; these have points with fewer designs as well
    architectures : architectures whose points are listed
    only_all : whether to list points with all designs only

    >>> settings = {"designs": [10], "effort": 0.5, "efforts": {"a": [1, 1]}, "forward_efforts": {}}
    >>> scaling_points(settings, 100, ["a"], ["a"], only_all=False)
    ['a_10_0.5', 'a_100_1', 'a_100_1_2']
    """
    points = []
    for architecture in architectures:
        efforts = scaling["efforts"].get(architecture, [])

        if efforts and architecture in study and not only_all:
            fewer = [count for count in scaling["designs"] if count < designs]
            points += [f"{architecture}_{count}_{scaling['effort']:g}" for count in fewer]

        points += [f"{architecture}_{designs}_{run}" for run in _runs(efforts)]
        alone = scaling["forward_efforts"].get(architecture, [])
        points += [f"{architecture}_{designs}_{run}_forward" for run in _runs(alone)]
    return points


def _runs(efforts: Iterable[float]) -> Iterator[str]:
    """Name efforts; one that is listed again is another run."""
    counts: dict[str, int] = {}
    for effort in efforts:
        name = f"{effort:g}"
        counts[name] = counts.get(name, 0) + 1
        yield name if counts[name] == 1 else f"{name}_{counts[name]}"
