"""Strength of a lattice to first order: first yield and Euler buckling of its struts, per
macroscopic stress.

Struts are the linear beams of the homogenization. No plastic reserve, no buckling of several struts
together, no notches where struts meet and no imperfections: what is printed carries less than the
Euler load.
"""

from typing import NamedTuple

import numpy as np

from trussmap.base.errors import InputError
from trussmap.lattice.graph import PeriodicGraph
from trussmap.lattice.symmetry import primitive_cell
from trussmap.mechanics.homogenization.reference import beam_stiffness, end_forces
from trussmap.tensors.stiffness import POISSON_RATIO

#: Unit macroscopic stresses in Voigt order: uniaxial, shear and hydrostatic.
LOAD_CASES = {
    **dict(zip(("11", "22", "33", "23", "13", "12"), np.eye(6), strict=True)),
    "hydrostatic": np.array([1.0, 1, 1, 0, 0, 0]),
}
_STRESSES = np.array(list(LOAD_CASES.values()))
#: Buckling length of a strut over its length: 1 between hinges, 0.5 between ends that cannot turn,
#: above 1 where ends sway, as those of the simple cubic lattice can.
PINNED = 1.0
FIXED = 0.5
#: The buckling lengths that there are, to a strut whose ends sway.
BUCKLING_LENGTHS = FIXED, 2.0
# Share of the largest axial force below which one is rounding.
_ROUNDING = 1e-9


class Strength(NamedTuple):
    """What macroscopic stresses (k, 6) do to the struts; base modulus 1.

    Attributes
    ----------
    peak_stress : (k,) largest |N|/A + |M|/W at the ends of any strut, M being the resultant of both
        bending moments
    buckling : (k, 2) multiples of each stress, and of its reverse, at which the first strut in
        compression reaches its Euler load π²EI/(kL)²; infinite where none is in compression
    """

    peak_stress: np.ndarray
    buckling: np.ndarray


def strength(
    graph: PeriodicGraph,
    relative_density: float,
    stresses: np.ndarray = _STRESSES,
    effective_length: float = PINNED,
    poisson_ratio: float = POISSON_RATIO,
) -> Strength:
    """The Strength of one lattice under macroscopic stresses (k, 6) in Voigt order, by default
    ``LOAD_CASES``.

    Moments go linearly along a strut, so that an end has the largest. ``effective_length`` is the
    buckling length over the length: ``PINNED`` is on the safe side for struts joined rigidly at
    nodes that keep their places, ``FIXED`` not.

    >>> from trussmap.lattice.elementary import elementary_lattice
    >>> float(strength(elementary_lattice(0), 0.03).peak_stress[0].round(6))  # simple cubic: a third of the struts
    100.0
    """
    graph = primitive_cell(graph)
    radius = graph.radii(relative_density)
    length = graph.lengths
    axial, moment = strut_loads(graph, relative_density, stresses, poisson_ratio)
    section = np.pi * radius[:, None] ** 2
    peak = (np.abs(axial) + 4 * moment / radius[:, None]) / section
    euler = (
        np.pi**2 * (section * radius[:, None] ** 2 / 4) / (effective_length * length[:, None]) ** 2
    )
    shares = np.stack(
        [-axial / euler, axial / euler], -1
    )  # of the Euler load, under the stress and its reverse
    shares[np.abs(axial) < _ROUNDING * np.abs(axial).max(0)] = 0
    with np.errstate(divide="ignore"):
        return Strength(peak.max(0), 1 / np.maximum(shares.max(0), 0))


def check_buckling_length(value: float, what: str) -> None:
    """Raise InputError, in which ``what`` names it, for a buckling length that no strut has."""
    least, most = BUCKLING_LENGTHS
    if not least <= value <= most:
        raise InputError(f"{what} {value:g}: expected a number from {least:g} to {most:g}.")


def strut_loads(
    graph: PeriodicGraph,
    relative_density: float,
    stresses: np.ndarray,
    poisson_ratio: float = POISSON_RATIO,
) -> tuple[np.ndarray, np.ndarray]:
    """Axial forces, tension positive, and the larger bending moments of both ends, (m, k) under
    stresses (k, 6).
    """
    elements = beam_stiffness(graph.lengths, graph.radii(relative_density), poisson_ratio)
    stiffness, forces = end_forces(graph, elements)
    forces = forces @ np.linalg.solve(stiffness, np.asarray(stresses, float).T)
    return forces[:, 6], np.maximum(
        np.hypot(forces[:, 4], forces[:, 5]), np.hypot(forces[:, 10], forces[:, 11])
    )
