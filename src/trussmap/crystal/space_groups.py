"""Space groups: their operations from spglib's database, and the space group of a lattice.

A. Togo, K. Shinohara, I. Tanaka, Spglib: a software library for crystal symmetry search (2024).
"""

from functools import cache
from typing import Any

import numpy as np
import spglib
import spglib.error

from trussmap.lattice.graph import PeriodicGraph

spglib.error.OLD_ERROR_HANDLING = False  # errors are raised, not warned of
#: Crystal systems as catalogues abbreviate them, and the last space group of each (International
#: Tables, vol. A).
SYSTEMS = {"tric": 2, "mon": 15, "ort": 74, "tet": 142, "trig": 167, "hex": 194, "cub": 230}
#: Distance, relative to the edge of a cube of the cell's volume, within which points of a lattice
#: are the same.
TOLERANCE = 1e-4


def crystal_system(number: int) -> str:
    """Abbreviation of the crystal system of space group ``number``, 1 to 230.

    >>> crystal_system(225)
    'cub'
    """
    return next(name for name, last in SYSTEMS.items() if number <= last)


@cache
def _standard_setting():
    """Hall number of the first setting of every space group; trigonal ones on hexagonal axes."""
    first = {}
    for hall in range(1, 531):
        first.setdefault(spglib.get_spacegroup_type(hall).number, hall)
    return first


@cache
def operations(number: int) -> tuple[np.ndarray, np.ndarray]:
    """Rotations (k, 3, 3) and translations (k, 3) of space group ``number``: x ↦ R x + t in cell
    coordinates.

    >>> len(operations(225)[0])  # of the cell, which is centred
    192
    """
    symmetry = spglib.get_symmetry_from_database(_standard_setting()[number])
    assert symmetry is not None, f"spglib knows the space group {number}"
    return symmetry["rotations"].astype(float), symmetry["translations"]


def space_group(graph: PeriodicGraph) -> int:
    """Number of the space group of a periodic graph: of its nodes and the middles of its struts.

    >>> from trussmap.lattice.elementary import elementary_lattice
    >>> space_group(elementary_lattice(1))  # octet
    225
    """
    middles = graph.nodes[graph.struts[:, 0]] + graph.fractional_vectors / 2
    points = np.concatenate([graph.nodes, middles]) % 1.0
    species = np.repeat([1, 2], [len(graph.nodes), len(middles)])
    cell = graph.cell.T / graph.volume ** (1 / 3)
    # Struts may cross at their middles: such points count once.
    _, keep = np.unique(
        np.column_stack([species, np.rint(points / TOLERANCE) % round(1 / TOLERANCE)]),
        axis=0,
        return_index=True,
    )
    atoms: Any = (cell, points[keep], species[keep])
    symmetry = spglib.get_symmetry_dataset(atoms, symprec=TOLERANCE)
    assert symmetry is not None, "the space group of translations at least is found"
    return symmetry.number
