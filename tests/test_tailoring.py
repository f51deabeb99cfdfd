import numpy as np
import pytest
from given import bone

from trussmap.lattice.descriptor import DENSITY, sample_designs
from trussmap.lattice.elementary import elementary_lattice
from trussmap.mechanics.homogenization import homogenize_cells
from trussmap.mechanics.homogenization.reference import homogenize_reference
from trussmap.mechanics.solver import Solver
from trussmap.search.halving import Space, search
from trussmap.search.lattices import freedoms, plain_lattices
from trussmap.search.objective import diameters_and_gap, tailor
from trussmap.search.request import LIMITS, NO_LIMITS, OBJECTIVES, Limits, PrintLimits, Request
from trussmap.targets.goal import Goal
from trussmap.tensors.measures import nmse_frobenius

FEW = np.arange(0, 197, 4)


@pytest.fixture(scope="module")
def met():
    """Two targets and lattices that meet them, several of each."""
    targets = bone().stiffness[2:]
    space = Space("areas", topologies=FEW)
    candidates = search(Goal(targets), Solver(), seed=1, space=space)
    owner = candidates.target
    error = nmse_frobenius(candidates.stiffness, targets[owner])
    rows = np.concatenate([np.flatnonzero((owner == k) & (error < 1e-12))[:2] for k in range(2)])
    assert len(rows) == 4
    return targets[owner[rows]], candidates.lattices.take(rows)


def tailored(targets, lattices, objective=None, prints=NO_LIMITS, limits=LIMITS):
    """Lattices of the family areas, tailored, with limits as shares of the cell."""
    request = Request("areas", limits, objective, cell_size_mm=1.0, prints_mm=prints)
    return tailor(Goal(targets), lattices, request, Solver())


def measured(lattices, gap=False):
    count = len(lattices.designs)
    return np.array(
        [
            diameters_and_gap(lattices.graph(k), lattices.designs[k, DENSITY], gap)
            for k in range(count)
        ]
    )


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_best_still_meets_the_target(met, objective):
    targets, lattices = met
    found, stiffness = tailored(targets, lattices, objective)
    assert nmse_frobenius(stiffness, targets).max() < 1e-12
    for k in range(len(targets)):
        plain = homogenize_reference(found.graph(k), found.designs[k, DENSITY])
        assert nmse_frobenius(plain, targets[k]) < 1e-12
    before, after = measured(lattices), measured(found)
    values = {
        "density": (lattices.designs[:, DENSITY], found.designs[:, DENSITY]),
        "radius_ratio": (before[:, 1] / before[:, 0], after[:, 1] / after[:, 0]),
        "diameter": (1 / before[:, 0], 1 / after[:, 0]),
    }
    was, became = values[objective]
    assert (became <= was * (1 + 1e-6)).all() and np.median(became / was) < 0.95
    assert (after[:, 1] / after[:, 0] <= 10 * (1 + 1e-6)).all()


def test_limits_of_printing_are_kept_where_the_target_allows_it(met):
    targets, lattices = met
    prints = PrintLimits(1.2 * measured(lattices)[:, 0].min(), None, 0.01)
    assert max(prints.violation(*row) for row in measured(lattices, gap=True)) > 0.1
    found, stiffness = tailored(targets, lattices, "density", prints=prints)
    beyond = np.array([prints.violation(*row) for row in measured(found, gap=True)])
    # In one of them struts cross too closely for any choice of cross-sections.
    assert ((nmse_frobenius(stiffness, targets) < 1e-12) & (beyond < 2e-3)).sum() >= 3
    assert (beyond < 2e-3).all()


def test_where_both_cannot_be_had_the_limits_come_first(met):
    targets, lattices = met
    found, stiffness = tailored(targets, lattices, prints=PrintLimits(0.03, 0.04))
    after = measured(found)
    violation = np.array([PrintLimits(0.03, 0.04).violation(*row) for row in after])
    assert (violation < 2e-3).any()
    assert (nmse_frobenius(stiffness, targets)[violation < 2e-3] > 1e-6).all()
    wish = PrintLimits(minimum_diameter=0.03)
    assert wish.larger_cell(0.015, 0.1, np.inf) == pytest.approx(2)


def test_struts_are_made_thick_enough_wherever_the_density_allows_it(met):
    """As thick as struts that are all alike have them at nine tenths of the largest density."""
    targets, lattices = met
    graphs = [lattices.graph(k) for k in range(4)]
    alike = [2 * np.sqrt(0.09 / np.pi * g.volume ** (1 / 3) / g.lengths.sum()) for g in graphs]
    for k in range(4):
        prints = PrintLimits(minimum_diameter=alike[k])
        found, _ = tailored(targets[k : k + 1], lattices.take([k]), prints=prints)
        assert prints.violation(*measured(found)[0]) < 2e-3


def test_nodes_move_where_they_may(met):
    targets, lattices = met
    moved = lattices._replace(
        shifts=np.zeros((4, freedoms(lattices.topology, "geometry")[1].max(), 3))
    )
    request = Request("geometry", Limits(radius_ratio=10), "radius_ratio")
    found, stiffness = tailor(Goal(targets), moved, request, Solver())
    assert nmse_frobenius(stiffness, targets).max() < 1e-12
    whole = homogenize_cells([found.graph(k) for k in range(4)], found.designs[:, DENSITY])
    np.testing.assert_allclose(whole, stiffness, rtol=1e-7, atol=1e-12)
    alone = measured(tailored(targets, lattices, "radius_ratio")[0])
    ratio = measured(found)[:, 1] / measured(found)[:, 0]
    assert (ratio <= alone[:, 1] / alone[:, 0] * 1.05).all()


def test_largest_void_of_simple_cubic_and_body_centred_lattices():
    for kind, room in ((0, np.sqrt(2)), (2, None)):
        graph = elementary_lattice(kind)
        found = graph.largest_void(np.full(len(graph.struts), 0.1))
        if room:  # from the middle of the cell to its edges
            assert found == pytest.approx(room - 0.2, rel=0.01)
        places = np.random.default_rng(0).uniform(0, 1, (4000, 3))
        shifts = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3, indexing="ij"), -1).reshape(-1, 3)
        start = (graph.nodes[graph.struts[:, 0]] + shifts[:, None]).reshape(-1, 3)
        along = np.tile(graph.vectors, (27, 1))
        rest = places[:, None] - start
        share = np.clip((rest * along).sum(-1) / (along**2).sum(-1), 0, 1)
        distance = np.linalg.norm(rest - share[..., None] * along, axis=-1).min(1)
        assert 2 * (distance.max() - 0.1) <= found * 1.01


def test_gap_of_struts_of_different_freedoms():
    graph = plain_lattices(sample_designs(2, 0, 1)).graph(0)
    radii = np.linspace(0.001, 0.002, len(graph.struts))
    first, second, cell = graph.close_struts(2.0)
    assert graph.smallest_gap(radii) == pytest.approx(
        (graph.axis_distances(first, second, cell) - radii[first] - radii[second]).min()
    )
    assert graph.smallest_gap(radii) < graph.smallest_gap()
