"""Crystal-network cells as targets: their stiffness, and the classes that they are summarized by."""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from trussmap.crystal.catalogue import read_catalogue
from trussmap.crystal.space_groups import SYSTEMS, crystal_system, space_group
from trussmap.mechanics.solver import Solver
from trussmap.targets.reading import read_all_targets
from trussmap.tensors.material import Material

#: Crystal systems as catalogues abbreviate them, and their names.
SYSTEM_NAMES = dict(
    zip(
        SYSTEMS,
        ["triclinic", "monoclinic", "orthorhombic", "tetragonal", "trigonal", "hexagonal", "cubic"],
        strict=True,
    )
)
#: Upper ends, included, of the classes of mean connectivity, and what they are called.
CONNECTIVITY = {4: "at most 4", 6: "4 to 6", 8: "6 to 8", 12: "8 to 12", np.inf: "above 12"}
# How the circulated catalogue and ours begin or go on in a name, as in ``trig_Z04.0_R57``.
_SYSTEM_AND_CONNECTIVITY = re.compile(r"(?:^|_)(tric|mon|ort|tet|trig|hex|cub)_Z(\d+\.?\d*)")


def connectivity_class(connectivity: np.ndarray) -> pd.Categorical:
    """Names of the classes of mean connectivities (n,); nan belongs to none.

    >>> list(connectivity_class([4.0, 4.1, 14.0]))
    ['at most 4', '4 to 6', 'above 12']
    """
    return pd.cut(
        np.asarray(connectivity, float) - 1e-9,
        [-np.inf, *CONNECTIVITY],
        labels=[*CONNECTIVITY.values()],
    )


def cell_targets(
    path: str | Path,
    source: str,
    relative_density: float,
    solver: Solver,
    count: int | None = None,
) -> tuple[pd.DataFrame, np.ndarray]:
    """Table of cells, and their stiffness (n, 21), base modulus 1, as targets.

    ``count``: how many of a catalogue, the first ones; all where None.

    The table has ``source`` as given, ``name``, ``crystal_system`` and mean ``connectivity``
    (struts at a node).

    A catalogue (.lat) is homogenized at ``relative_density`` with the solver; a table of
    targets (.csv) has the stiffness in it, and tells system and connectivity by names such as
    ``trig_Z04.0_R57`` only. Raises InputError as the readers of these files do.
    """
    if Path(path).suffix == ".csv":
        given = read_all_targets(path, Material(1.0, solver.poisson_ratio), whole=True)
        targets = given.stiffness
        names = given.names
        labels = [_SYSTEM_AND_CONNECTIVITY.search(name) for name in names]
        rows = [(m[1], float(m[2])) if m else ("unknown", np.nan) for m in labels]
    else:
        cells = read_catalogue(path)[:count]
        names = [cell.name for cell in cells]
        lattices = [cell.at(relative_density) for cell in cells]
        graphs = [graph for graph, _ in lattices]
        densities = np.array([density for _, density in lattices])
        targets = solver.homogenize_cells(graphs, densities)
        rows = [(crystal_system(space_group(g)), 2 * len(g.struts) / len(g.nodes)) for g in graphs]
    table = pd.DataFrame(rows, columns=["crystal_system", "connectivity"])
    table.insert(0, "name", names)
    table.insert(0, "source", source)
    return table, targets
