import ast
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from conftest import files_in

from trussmap.base.errors import InputError
from trussmap.lattice import descriptor as d
from trussmap.lattice.compound import (
    LATTICE_SETS,
    canonical_struts,
    compound,
    lattices_topology,
    superpose,
    topologies,
    topology_members,
)
from trussmap.lattice.elementary import NAMES, elementary_lattice
from trussmap.lattice.graph import PeriodicGraph, closest_points, strut_names
from trussmap.lattice.symmetry import inversion, primitive_cell, reduce_by_symmetry
from trussmap.tensors.rotation import angle_axis, rotation


def test_lattices_know_nothing_of_what_is_done_with_them():
    for path in files_in(Path(d.__file__).parent, "*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        modules = [node.module for node in nodes if isinstance(node, ast.ImportFrom)]
        modules += [
            alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names
        ]
        above = [
            m
            for m in modules
            if m.startswith(("trussmap.crystal", "trussmap.mechanics.homogenization"))
        ]
        assert not above, f"{path.name} imports {above}"


def test_tessellation_keeps_the_strut_length_per_volume():
    for index in range(len(NAMES)):
        lattice = elementary_lattice(index)
        assert lattice.tiled(2).lengths.sum() == pytest.approx(4 * lattice.lengths.sum())


def test_superposition_splits_at_crossings_and_at_foreign_nodes():
    cross = PeriodicGraph(
        np.array([[0.0, 0, 0]]), np.array([[0, 0], [0, 0]]), np.array([[1, 1, 0], [1, -1, 0]])
    )
    assert len(superpose([cross]).struts) == 4  # the two diagonals meet in the middle of the face
    pair = compound(
        [0, 2, 2], [2, 1, 1]
    )  # simple cubic 2×: a node at the middle of each bcc half diagonal? no, its centre
    nodes = {tuple(node) for node in pair.nodes.round(6)}
    assert (0.5, 0.5, 0.5) in nodes
    ends = pair.nodes[pair.struts[:, 0]]
    for node in pair.nodes:  # no node lies inside a strut
        for shift in np.ndindex(3, 3, 3):
            gap = node + np.array(shift) - 1 - ends
            along = (gap * pair.fractional_vectors).sum(1) / pair.lengths**2
            off = np.linalg.norm(gap - along[:, None] * pair.fractional_vectors, axis=1)
            assert not ((off < 1e-9) & (along > 1e-9) & (along < 1 - 1e-9)).any()


@pytest.mark.parametrize(
    "members",
    [
        ((1, 1), (6, 2)),
        ((4, 1), (4, 2), (5, 2)),
        ((0, 2), (3, 1), (5, 2)),
        ((2, 1), (5, 1), (5, 2)),
    ],
)
def test_superposition_does_not_depend_on_the_order(members):
    """The published superposition does, for these among others."""
    struts = {
        canonical_struts(superpose([elementary_lattice(k).tiled(r) for k, r in order]))
        for order in permutations(members)
    }
    assert len(struts) == 1


@pytest.mark.parametrize(
    "members", [((0, 1),), ((3, 2),), ((0, 1), (0, 2)), ((1, 1), (4, 2)), ((0, 1), (2, 2), (6, 1))]
)
def test_a_listed_compound_is_its_lattices_superposed(members):
    types, reps = np.array((members * 3)[:3]).T
    listed = compound(types, reps)
    superposed = superpose([elementary_lattice(number).tiled(rep) for number, rep in members])
    for name in ("nodes", "struts", "offsets", "cell"):
        assert np.array_equal(getattr(listed, name), getattr(superposed, name)), name


def test_number_of_topologies():
    graphs, of_set, _ = topologies()
    assert len(LATTICE_SETS) == 469
    assert len(graphs) == of_set.max() + 1 == 197
    types, reps = topology_members()
    assert np.array_equal(lattices_topology(types, reps), np.arange(197))


def test_all_topologies_have_an_inversion_centre_and_keep_their_density_when_reduced():
    for graph in topologies()[0]:
        assert inversion(primitive_cell(graph)) is not None
        reduced = reduce_by_symmetry(graph)
        length = (reduced.weights * np.linalg.norm(reduced.vectors, axis=1)).sum()
        assert length / reduced.volume == pytest.approx(graph.lengths.sum() / graph.volume)


def test_primitive_cell_of_tessellation_is_that_of_the_lattice():
    octet = elementary_lattice(1)
    assert len(primitive_cell(octet).nodes) == 1
    assert primitive_cell(octet.tiled(2)).volume == pytest.approx(1 / 32)


def test_designs_depend_on_seed_and_number_alone():
    whole = d.sample_designs(7, 0, 1000)
    assert np.array_equal(whole[300:421], d.sample_designs(7, 300, 421))
    assert not np.array_equal(whole, d.sample_designs(8, 0, 1000))
    d.check_designs(whole, "sample")


def test_sampling_law():
    designs = d.sample_designs(1, 0, 100_000)
    frequencies = [np.bincount(designs[:, column].astype(int)) / 1e5 for column in (4, 5, 6)]
    assert np.allclose(frequencies, 1 / 7, atol=0.005)
    turns = rotation(designs[:, d.R1])
    assert np.allclose(turns @ turns.swapaxes(1, 2), np.eye(3), atol=1e-12)
    # angle uniform on [0, 2π), axis on the sphere: trace 1 + 2 cos θ averages 1, where it is 0 for
    # uniform rotations
    assert np.trace(turns, axis1=1, axis2=2).mean() == pytest.approx(1.0, abs=0.02)


def test_angle_axis_inverts_rotation():
    designs = d.sample_designs(2, 0, 500)
    assert np.allclose(angle_axis(rotation(designs[:, d.R1])), designs[:, d.R1], atol=1e-7)


def test_map_is_the_product_of_its_four_steps():
    design = d.sample_designs(3, 5, 6)
    u, v = np.diag(design[0, d.U]), np.diag(design[0, d.V])
    expected = rotation(design[0, d.R2]) @ v @ rotation(design[0, d.R1]) @ u
    assert np.allclose(d.deformation_map(design)[0], expected)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("lattice_type2", 7),
        ("relative_density", 0.0),
        ("relative_density", 2),
        ("U1", 3),
        ("R1_rot_ax1", 1.5),
    ],
)
def test_values_out_of_range_are_named(column, value):
    designs = d.sample_designs(4, 0, 20)
    designs[11, d.DESIGN_COLUMNS.index(column)] = value
    with pytest.raises(InputError, match=rf"some.csv, row 12, column {column}"):
        d.check_designs(designs, "some.csv")


def test_closest_points_of_segments_against_a_fine_grid():
    """Random segments, parallel ones and ones in line."""
    rng = np.random.default_rng(4)
    u, v, gap = rng.normal(size=(3, 60, 3))
    v[:20] = u[:20] * rng.uniform(-2, 2, (20, 1))
    gap[:10] = u[:10] * rng.uniform(-3, 3, (10, 1))
    products = [
        np.einsum("ni,ni->n", a, b) for a, b in ((u, u), (v, v), (u, v), (u, gap), (v, gap))
    ]
    s, t = closest_points(*products)
    distance = np.linalg.norm(gap + t[:, None] * v - s[:, None] * u, axis=1)
    steps = np.linspace(0, 1, 101)
    grid = (
        gap[:, None, None]
        + steps[:, None] * v[:, None, None]
        - steps[:, None, None] * u[:, None, None]
    )
    least = np.linalg.norm(grid, axis=-1).min((1, 2))
    assert ((s >= 0) & (s <= 1) & (t >= 0) & (t <= 1)).all()
    assert (distance <= least + 1e-12).all() and (least - distance).max() < 0.05


def test_a_strut_and_its_reverse_have_one_name():
    struts, offsets = (
        np.array([[0, 1], [2, 2], [2, 0]]),
        np.array([[0, 0, 1], [0, -1, 1], [1, 0, 0]]),
    )
    names = strut_names(struts, offsets)
    assert np.array_equal(names, strut_names(struts[:, ::-1], -offsets))
    assert len(np.unique(names, axis=0)) == 3
