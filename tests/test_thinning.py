"""Struts that are left out: what the engine makes of a cross-section of 0, and what remains of a
lattice.
"""

import numpy as np
import pytest

from trussmap.lattice.compound import reduced_topology, topologies
from trussmap.lattice.descriptor import DENSITY, TYPES, sample_designs
from trussmap.mechanics.homogenization.engine import cycles, homogenize_topologies, mechanism
from trussmap.mechanics.homogenization.reference import homogenize_reference
from trussmap.mechanics.solver import Solver
from trussmap.search.halving import Space, search
from trussmap.search.lattices import Lattices, plain_lattices
from trussmap.search.objective import measured_struts, tailor
from trussmap.search.refine import refine_lattices
from trussmap.search.request import Limits, Request
from trussmap.search.thin import thinned
from trussmap.targets.goal import Goal


def lattices(count, seed=3, spread=4.0):
    """Random lattices of the family areas whose cross-sections differ far more than printers can."""
    found = plain_lattices(sample_designs(seed, 0, count), "areas")
    areas = np.exp(np.random.default_rng(seed).uniform(-spread, spread, found.areas.shape))
    return found._replace(areas=areas)


def test_thinned_lattices_are_one_piece_without_loose_ends_and_thicker():
    own = lattices(40)
    rest = thinned(own, 5.0)
    left_out = 0
    for row, key in enumerate(rest.topology):
        graph = rest.graph(row)
        struts = len(reduced_topology(key).vectors)
        left_out += (rest.areas[row, :struts] == 0).sum()
        assert mechanism(graph) is None
        assert np.bincount(graph.struts.ravel()).min() > 1
        assert len(graph.struts) <= len(topologies()[0][key].struts)
        assert np.gcd.reduce(np.linalg.det(triples(cycles(graph))).round().astype(int)) == 1
    assert left_out > 40
    assert np.median(ratios(rest)) < np.median(ratios(own))


def triples(vectors):
    """All choices of three of the distinct vectors (m, 3)."""
    own = np.unique(vectors, axis=0)
    own = own[np.any(own != 0, 1)][:30]
    index = np.stack(np.meshgrid(*[np.arange(len(own))] * 3, indexing="ij"), -1).reshape(-1, 3)
    return own[index]


def ratios(own):
    measured = measured_struts(own, gap=False)
    return measured[:, 1] / measured[:, 0]


def test_no_cross_section_is_no_strut():
    rest = thinned(lattices(30), 5.0)
    rows = np.flatnonzero((rest.areas == 0).any(1))[:8]
    assert len(rows) == 8
    stiffness = rest.stiffness(Solver())
    for row in rows:
        plain = homogenize_reference(rest.graph(row), rest.designs[row, DENSITY])
        assert np.abs(stiffness[row] - plain).max() < 1e-9 * np.abs(plain).max()


def test_derivatives_where_struts_are_left_out():
    rest = thinned(lattices(30), 5.0)
    row = np.flatnonzero((rest.areas == 0).any(1))[0]
    own = rest.take(slice(row, row + 1))
    key, maps, density = own.topology, np.diag([1.2, 0.9, 1.0])[None], np.array([0.03])
    how = {"areas": own.areas}
    _, slope = homogenize_topologies(key, maps, density, gradient=True, **how)
    there = np.flatnonzero(own.areas[0, : len(reduced_topology(key[0]).vectors)])
    h = 1e-5
    for strut in there[:4]:
        moved = np.repeat(own.areas, 2, 0)
        moved[:, strut] *= [1 + h, 1 - h]
        both = homogenize_topologies(
            np.repeat(key, 2), np.repeat(maps, 2, 0), np.repeat(density, 2), areas=moved
        )
        difference = (both[0] - both[1]) / (2 * h * own.areas[0, strut])
        assert np.allclose(
            difference, slope[0, :, 10 + strut], rtol=1e-5, atol=1e-8 * np.abs(slope).max()
        )


@pytest.fixture(scope="module")
def bent():
    """A target that a lattice without half of its struts has, and the topology it comes from."""
    found = thinned(lattices(60, seed=8), 3.0)
    shares = [
        (found.areas[row, : len(reduced_topology(key).vectors)] == 0).mean()
        for row, key in enumerate(found.topology)
    ]
    row = int(np.argmin(np.abs(np.array(shares) - 0.6)))
    alike = np.where(found.areas == 0, 0.0, 1.0)
    one = Lattices(found.designs, alike, found.shifts).take(slice(row, row + 1))
    return one.stiffness(Solver()), int(one.topology[0])


def test_a_search_leaves_out_what_no_thin_strut_could_replace(bent):
    target, key = bent
    limits = Limits(radius_ratio=3.0)
    space = Space("areas", limits, np.array([key]))
    reached = search(Goal(target), Solver(), "quick", space=space)
    found = reached.lattices
    error = reached.error(Goal(target))
    whole = (found.areas > 0).all(1)
    assert error.min() < error[whole].min() / 20
    assert ratios(found).max() < 3 * (1 + 1e-9)


def test_what_is_left_out_stays_out(bent):
    target, key = bent
    limits = Limits(radius_ratio=3.0)
    space = Space("areas", limits, np.array([key]))
    reached = search(Goal(target), Solver(), "quick", space=space)
    found = reached.lattices
    best = np.argmin(np.where((found.areas == 0).any(1), reached.error(Goal(target)), np.inf))
    one = found.take(slice(best, best + 1))
    refined, _ = refine_lattices(Goal(target), one, Solver(), 20, limits)
    walked, stiffness = tailor(
        Goal(target), one, Request("areas", limits, "radius_ratio"), Solver()
    )
    for moved in (refined, walked):
        assert ((moved.areas == 0) == (one.areas == 0)).all()
        assert (moved.designs[:, TYPES] == one.designs[:, TYPES]).all()
    assert np.isfinite(stiffness).all()
    assert ratios(walked) <= 3 * (1 + 1e-3)


def test_no_lattices_are_refined_to_none():
    none = lattices(2).take(slice(0, 0))
    refined, stiffness = refine_lattices(Goal(np.empty((0, 21))), none, Solver())
    assert len(refined.designs) == len(stiffness) == 0
