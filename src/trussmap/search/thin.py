"""Lattices without their thinnest struts: what is too thin for a ratio of radii is left out, if the
rest still holds.

A stiffness with soft modes asks for struts that hardly carry. Where the ratio of radii forbids thin
ones, none at all may do instead; the cross-section of a strut that is left out is 0
(`trussmap.search.refine.Lattices`).
"""

import numpy as np

from trussmap.lattice.compound import reduced_topology, topologies
from trussmap.lattice.symmetry import integer_basis
from trussmap.mechanics.homogenization.engine import cycles, mechanism
from trussmap.search.refine import Lattices


def thinned(lattices: Lattices, ratio: float, share: float = 1.0) -> Lattices:
    """Lattices whose radii are within a ratio, or nearly: without struts thinner than a share of
    the least radius.

    The thickest strut stays as thick as it is, and the thinnest may be a ``ratio`` thinner. Struts
    that end in nothing without those left out are left out as well. Where the rest would fall apart
    or carry no load in some direction, less is left out: half the share, and so on, at last
    nothing.

    Cross-sections come out centred, the largest at most ``ratio`` times 1; those still too thin are
    for the bounds of a refinement to catch.
    """
    areas = lattices.areas.copy()
    for row, key in enumerate(lattices.topology):
        struts = len(reduced_topology(key).vectors)
        own = areas[row, :struts]
        for part in share * 0.5 ** np.arange(4):
            rest = _without_ends(key, own * (own >= own.max() * (part / ratio) ** 2))
            if _holds(key, rest):
                own = rest
                break
        logs = np.log(own[own > 0])
        shift = min(np.log(ratio), np.ptp(logs) / 2) - logs.max()
        areas[row, :struts] = own * np.exp(shift)
    return lattices._replace(areas=areas)


def _holds(key, areas):
    """Whether what cross-sections (struts,) leave of a topology is one piece that carries loads in
    all directions.
    """
    there = areas[reduced_topology(key).graph_struts] > 0
    graph = topologies()[0][key].with_struts(there)
    return mechanism(graph) is None and round(abs(np.linalg.det(integer_basis(cycles(graph))))) == 1


def _without_ends(key, areas):
    """Cross-sections (struts,), 0 also where a strut has an end at which no other one meets it."""
    graph = topologies()[0][key]
    own = reduced_topology(key).graph_struts
    while True:
        there = areas[own] > 0
        degree = np.bincount(graph.struts[there].ravel(), minlength=len(graph.nodes))
        loose = there & (degree[graph.struts] == 1).any(1)
        if not loose.any():
            return areas
        areas = areas.copy()
        areas[own[loose]] = 0.0
