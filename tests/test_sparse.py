"""Large lattices: the sparse solver against the engine, the plain solver and physics."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import trussmap as tm
from trussmap.base.errors import InputError
from trussmap.lattice.compound import topologies
from trussmap.lattice.elementary import elementary_lattice
from trussmap.lattice.graph import PeriodicGraph
from trussmap.lattice.symmetry import inversion, match_nodes, reduce_by_symmetry, translations
from trussmap.mechanics.homogenization import homogenize_cells, homogenize_topologies, sparse
from trussmap.mechanics.homogenization.engine import (
    ENGINE_NODES,
    cycles,
    homogenize_lattice,
    mechanism,
)
from trussmap.mechanics.homogenization.reference import homogenize_reference
from trussmap.mechanics.homogenization.sparse import homogenize_sparse
from trussmap.mechanics.homogenization.symbolic import concatenate, factorize
from trussmap.tensors.stiffness import check_admissible, pack

CUBIC, OCTET, BODY_CENTRED, DIAMOND = 0, 1, 2, 5


def noisy(number, tiles, areas=False):
    """A tiled elementary lattice that noise leaves without symmetry."""
    graph = elementary_lattice(number).tiled(tiles)
    generator = np.random.default_rng(number)
    shortest = np.linalg.norm(graph.fractional_vectors, axis=1).min()
    noise = 0.1 * shortest * generator.uniform(-1, 1, graph.nodes.shape)
    thick = generator.uniform(0.2, 1, len(graph.struts)) if areas else None
    return replace(graph, nodes=graph.nodes + noise, areas=thick)


def kelvin():
    """Edges of truncated octahedra, which bend under any load but pressure."""
    grid = np.stack(np.meshgrid(*[np.arange(4)] * 3, indexing="ij"), -1).reshape(-1, 3)
    nodes = (
        np.array([place for place in grid if sorted(np.minimum(place, 4 - place)) == [0, 1, 2]]) / 4
    )
    pairs, offsets = [], []
    for first in range(len(nodes)):
        for second in range(first):
            gap = nodes[second] - nodes[first]
            gap -= np.rint(gap)
            if np.isclose(gap @ gap, 1 / 8):
                pairs.append((first, second))
                offsets.append(np.rint(gap - nodes[second] + nodes[first]).astype(int))
    assert (len(nodes), len(pairs)) == (12, 24)
    return PeriodicGraph(nodes, np.array(pairs), np.array(offsets))


def difference(a, b):
    return np.abs(a - b).max() / np.abs(b).max()


def by_engine(lattice, deformation, density, poisson_ratio=0.3):
    """Stiffness and derivatives of a ReducedLattice of any size."""
    lattices = concatenate([factorize(lattice)])
    stiffness, derivatives = homogenize_topologies(
        [0],
        deformation[None],
        np.array([density]),
        1,
        gradient=True,
        poisson_ratio=poisson_ratio,
        lattices=lattices,
    )
    return stiffness[0], derivatives[0]


CELLS = {
    "octet, one node": lambda: elementary_lattice(OCTET),
    "compound with inversion": lambda: topologies()[0][196],
    "kelvin": kelvin,
    "cubic": lambda: noisy(CUBIC, 3),
    "octet": lambda: noisy(OCTET, 2),
    "body-centred, radii": lambda: noisy(BODY_CENTRED, 3, areas=True),
    "diamond": lambda: noisy(DIAMOND, 2),
    "beyond the threshold": lambda: noisy(CUBIC, 5, areas=True),
}


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("density", [0.1, 0.002])
def test_agrees_with_the_engine_and_with_the_plain_solver(cell, density):
    graph = CELLS[cell]()
    lattice = reduce_by_symmetry(graph)
    deformation = np.array([[1.2, 0.1, 0.3], [0, 0.8, 0.2], [0.1, 0, -1.1]])
    stiffness, derivatives = homogenize_sparse(lattice, deformation, density, True, 0.4)

    engine = by_engine(lattice, deformation, density, 0.4)
    assert difference(stiffness, engine[0]) < 1e-9
    assert difference(derivatives, engine[1]) < 1e-9
    plain = homogenize_reference(graph.mapped(deformation), density, 0.4)
    assert difference(stiffness, plain) < 1e-9


def test_minimum_degree_where_metis_is_missing(monkeypatch):
    lattice = reduce_by_symmetry(noisy(CUBIC, 5))
    ordered = homogenize_sparse(lattice, np.eye(3), 0.03)[0]
    monkeypatch.setattr(sparse, "pymetis", None)
    assert difference(homogenize_sparse(lattice, np.eye(3), 0.03)[0], ordered) < 1e-12


@pytest.fixture(scope="module")
def large():
    """A lattice beyond the threshold."""
    graph = noisy(CUBIC, 5)
    assert len(reduce_by_symmetry(graph).moving) > ENGINE_NODES
    return graph


def test_small_and_large_lattices_of_one_list_keep_their_places(large, monkeypatch):
    graphs = [elementary_lattice(OCTET), large, noisy(OCTET, 1), large, elementary_lattice(CUBIC)]
    density = np.array([0.01, 0.02, 0.03, 0.04, 0.05])
    together = homogenize_cells(graphs, density)
    plain = np.array([homogenize_reference(*pair) for pair in zip(graphs, density, strict=True)])
    assert max(map(difference, together, plain)) < 1e-10

    solved = []
    monkeypatch.setattr(
        "trussmap.mechanics.homogenization.engine.homogenize_sparse", lambda *a: solved.append(a)
    )
    with pytest.raises(TypeError):
        homogenize_cells([large], 0.1)
    assert len(solved) == 1


def test_one_large_lattice_under_several_maps(large):
    maps = np.array([np.eye(3), np.diag([2.0, 1, 1])])
    stiffness = homogenize_lattice(large, maps, np.array([0.03, 0.06]))
    assert difference(stiffness[1], homogenize_reference(large.mapped(maps[1]), 0.06)) < 1e-10


def test_a_large_lattice_given_by_its_struts(large):
    """Through the functions of users, its derivatives against central differences."""
    ends = large.nodes[large.struts[:, 1]] + large.offsets
    nodes = np.concatenate([large.nodes, ends])
    struts = np.column_stack([large.struts[:, 0], len(large.nodes) + np.arange(len(ends))])
    lattice = tm.Lattice.from_struts(nodes, struts, relative_density=0.02)
    assert len(lattice.graph.struts) == len(large.struts)
    results = tm.homogenize(lattice)
    assert difference(pack(results.stiffness[0]), homogenize_reference(large, 0.02)) < 1e-9

    density = torch.tensor([0.02], dtype=torch.float64, requires_grad=True)
    stretch = (1.1 * torch.eye(3, dtype=torch.float64))[None].requires_grad_()
    assert torch.autograd.gradcheck(
        lambda rho, a: tm.differentiable_stiffness([lattice], rho, a),
        (density, stretch),
        eps=1e-6,
        atol=1e-6,
        fast_mode=True,
    )


def test_a_block_of_cells_is_as_stiff_as_one():
    """5,184 struts without their translations, against one cell by the plain solver."""
    cell = noisy(OCTET, 1, areas=True)
    block = cell.tiled(6)
    count = len(block.struts)
    # All struts differ for the symmetry, and then have the areas of the block.
    whole = reduce_by_symmetry(replace(block, areas=1 + np.arange(count) / count))
    assert len(whole.vectors) == count > 5_000
    stiffness, _ = homogenize_sparse(replace(whole, areas=block.areas), np.eye(3), 0.05)

    assert difference(stiffness, homogenize_reference(cell, 0.05)) < 1e-10
    check_admissible(stiffness[None], np.array([0.05]), "block")
    assert difference(homogenize_cells([block], 0.05)[0], stiffness) < 1e-10


def test_what_memory_cannot_hold_is_refused(large, monkeypatch):
    def without_memory(*arguments, **options):
        raise MemoryError

    if sparse.pymetis:
        monkeypatch.setattr(sparse, "_memory", lambda: 2**20)
        with pytest.raises(
            InputError, match=r"375 struts and 125 nodes .* 0 GiB of memory, this machine has 0;"
        ):
            homogenize_cells([large], 0.1)
        monkeypatch.undo()
    monkeypatch.setattr(sparse, "splu", without_memory)
    with pytest.raises(InputError, match=r"375 struts .* more memory than this machine has"):
        homogenize_cells([large], 0.1)


def test_predicted_fill_is_that_of_an_elimination():
    generator = np.random.default_rng(4)
    full = generator.random((60, 60)) < 0.04
    full |= full.T
    graph = sparse.csr_matrix(full.astype(float))
    for pivot in range(60):
        behind = np.flatnonzero(full[pivot, pivot + 1 :]) + pivot + 1
        full[np.ix_(behind, behind)] = True
    assert sparse._filled(graph) == np.tril(full, -1).sum() > graph.nnz / 2


def test_symmetry_of_tiled_lattices_with_defects():
    """As all pairs of nodes give it, whatever their order."""
    generator = np.random.default_rng(6)
    for number in (CUBIC, OCTET, DIAMOND):
        tiled = elementary_lattice(number).tiled(3)
        count = len(translations(tiled))
        assert count == 27 * len(translations(elementary_lattice(number)))
        order = generator.permutation(len(tiled.nodes))
        shuffled = replace(tiled, nodes=tiled.nodes[np.argsort(order)], struts=order[tiled.struts])
        assert len(translations(shuffled)) == count

        kept = np.ones(len(tiled.struts), bool)
        kept[5] = False
        assert len(translations(tiled.with_struts(kept))) == 1
        if number != DIAMOND:
            # The middle of the strut that is missing.
            assert inversion(tiled.with_struts(kept)) is not None
        kept[[8, 40]] = False
        assert inversion(tiled.with_struts(kept)) is None


def test_inversion_maps_each_node_onto_its_partner():
    graph = topologies()[0][120]
    partner, cell = inversion(graph)
    double_centre = graph.nodes[0] + graph.nodes[partner[0]] + cell[0]
    again, where = match_nodes(graph.nodes, double_centre - graph.nodes)
    assert np.array_equal(again, partner) and np.array_equal(where, cell)


def test_a_long_chain_connects_to_its_images():
    """A spanning tree as deep as the lattice is long."""
    count = 3_000
    nodes = np.zeros((count, 3))
    nodes[:, 0] = np.arange(count) / count
    struts = np.column_stack([np.arange(count), (np.arange(count) + 1) % count])
    offsets = np.zeros((count, 3), int)
    offsets[-1, 0] = 1
    chain = PeriodicGraph(nodes, struts, offsets)
    assert np.abs(cycles(chain)).sum(0).tolist() == [1, 0, 0]
    assert "in 1 of 3 directions" in mechanism(chain)
