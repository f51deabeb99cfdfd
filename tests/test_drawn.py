"""Cells as people give them: rounded, drawn with opposite faces, with slips. Right, or refused by
its reason.
"""

import runpy
import warnings
from itertools import product

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import trussmap as tm
from trussmap.crystal.catalogue import _window
from trussmap.lattice.compound import topologies
from trussmap.lattice.graph import PeriodicGraph, periodic_graph, without_duplicates
from trussmap.lattice.symmetry import translations
from trussmap.mechanics.homogenization import homogenize_cells
from trussmap.tensors.stiffness import pack

CORNERS = np.array(list(product((0.0, 1.0), repeat=3)))
FACES = np.array(
    [[0.5, 0.5, 0], [0.5, 0.5, 1], [0.5, 0, 0.5], [0.5, 1, 0.5], [0, 0.5, 0.5], [1, 0.5, 0.5]]
)
CENTRE = np.array([[0.5, 0.5, 0.5]])


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings(action="error"):
        yield


def joined(nodes, length):
    """Struts between all nodes that are this far apart."""
    gaps = np.linalg.norm(nodes[:, None] - nodes, axis=2)
    return np.argwhere(np.triu(np.abs(gaps - length) < 1e-9))


def octet():
    nodes = np.vstack([CORNERS, FACES])
    return nodes, joined(nodes, 0.5**0.5)


def kelvin():
    steps = (-0.5, -0.25, 0, 0.25, 0.5)
    nodes = np.array([p for p in product(steps, repeat=3) if sorted(map(abs, p)) == [0, 0.25, 0.5]])
    return nodes, joined(nodes, 0.125**0.5)


def body_centred():
    """With the edges of the cube."""
    nodes = np.vstack([CORNERS, CENTRE])
    return nodes, np.vstack([joined(nodes, 1.0), joined(nodes, 0.75**0.5)])


def stiffness(*cell, **options):
    return tm.homogenize(tm.Lattice.from_struts(*cell, 0.05, **options)).stiffness[0]


def error(found, exact):
    return np.abs(found - exact).max() / np.abs(exact).max()


@pytest.mark.parametrize("drawn", [octet, kelvin])
@pytest.mark.parametrize("rounded_cell", [False, True])
def test_rotated_cells_of_four_decimals_and_more_are_right(drawn, rounded_cell):
    """Up to what rounding explains: an error of ten units of the last decimal, with bending struts."""
    nodes, struts = drawn()
    for seed in range(4):
        turn = Rotation.random(random_state=seed).as_matrix()
        exact = stiffness(nodes @ turn.T, struts, cell=turn.T)
        for decimals in (4, 5, 6, 7, 8, 12):
            cell = np.round(turn.T, decimals) if rounded_cell else turn.T
            found = stiffness(np.round(nodes @ turn.T, decimals), struts, cell=cell)
            assert error(found, exact) < 10 * 10.0**-decimals


@pytest.mark.parametrize("decimals", [2, 3])
def test_coarser_cells_are_refused_with_a_tolerance_that_helps(decimals):
    nodes, struts = kelvin()
    turn = Rotation.random(random_state=1).as_matrix()
    given = np.round(nodes @ turn.T, decimals), struts
    with pytest.raises(
        tm.InputError, match=r"^nodes \d+ and \d+: up to cell vectors they are 0\.0"
    ) as refused:
        stiffness(*given, cell=turn.T)
    tolerance = float(str(refused.value).split("tolerance=")[1].split()[0])
    exact = stiffness(nodes @ turn.T, struts, cell=turn.T)
    assert error(stiffness(*given, cell=turn.T, tolerance=tolerance), exact) < 5 * 10.0**-decimals


def test_the_tolerance_has_no_unit():
    nodes, struts = octet()
    turn = Rotation.random(random_state=3).as_matrix()
    for scale, decimals in ((1e-6, 10), (1e6, -2)):
        cell = scale * turn.T
        exact = stiffness(nodes @ cell, struts, cell=cell)
        assert error(stiffness(np.round(nodes @ cell, decimals), struts, cell=cell), exact) < 1e-3


def test_close_nodes_that_a_small_tolerance_keeps_apart():
    """A node 0.02 beside the edge of the cube, tied to the centre: refused as a slip, or taken as
    meant.
    """
    nodes, struts = body_centred()
    nodes = np.vstack([nodes, [[0.48, 0.5, 0.5], [0.5, 0.2, 0.4]]])
    struts = np.vstack([struts, [[9, 0], [9, 1], [9, 10], [10, 8]]])
    with pytest.raises(
        tm.InputError,
        match=r"nodes 8 and 9: .* tolerance=0.07 to make them one, or tolerance=0.0006",
    ):
        stiffness(nodes, struts)
    lattice = tm.Lattice.from_struts(nodes, struts, 0.05, tolerance=1e-4)
    assert len(lattice.graph.nodes) == 4


def test_groups_of_nodes_are_transitive():
    nodes = np.array([[0, 0, 0], [8e-7, 0, 0], [1.6e-6, 0, 0], [0.5, 0.5, 0.5]])
    graph = periodic_graph(
        nodes, np.array([[0, 3], [1, 3], [2, 3]]), np.zeros((3, 3), int), np.eye(3)
    )
    assert len(graph.nodes) == 2 and len(without_duplicates(graph).struts) == 1
    # Across a face, in a cell that is no cube, and whichever comes first.
    cell = np.array([[2.0, 0.5, 0], [0, 1, 0], [0, 0, 3]])
    nodes = np.array([[0.5, 0.5, 0.5], [1 - 4e-7, 0, 0], [4e-7, 0, 0], [0, 0, 0]])
    graph = periodic_graph(
        nodes, np.array([[0, 3], [1, 0], [0, 2]]), np.zeros((3, 3), int), cell, 1e-6
    )
    assert len(graph.nodes) == 2 and graph.offsets[:, 0].tolist() == [-1, 0, -1]


def test_chains_do_not_swallow_the_lattice():
    chain = np.linspace([0, 0, 0], [0.3, 0, 0], 500)
    nodes = np.vstack([chain, CORNERS, CENTRE])
    struts = [[500 + k, 508] for k in range(8)] + [[k, 508] for k in range(500)]
    with pytest.raises(tm.InputError, match="linked by nodes each within the tolerance"):
        stiffness(nodes, struts)


def test_thousands_of_nodes_in_one_place_are_refused_before_memory_ends():
    with pytest.raises(tm.InputError, match="most of the 20000 have hundreds of others"):
        periodic_graph(np.zeros((20_000, 3)), np.array([[0, 1]]), np.ones((1, 3), int), np.eye(3))


def test_offsets_are_rounded_or_refused():
    whole = np.vstack([CORNERS, np.eye(3)])
    struts, nodes = [[1, 0]] * 8 + [[0, 0]] * 3, np.array([[0, 0, 0], [0.5, 0.5, 0.5]])
    exact = stiffness(nodes, struts, offsets=whole)
    assert np.array_equal(stiffness(nodes, struts, offsets=whole * 0.99999999 + 1e-9), exact)
    bad = whole.copy()
    bad[4, 1] = 0.5
    with pytest.raises(tm.InputError, match=r"offsets, row 5: 1, 0.5, 0; expected whole numbers"):
        stiffness(nodes, struts, offsets=bad)


def test_one_strut_has_one_radius():
    """Given again, the other way round, or on the opposite face."""
    nodes, struts = np.array([[0.0, 0, 0], [0, 0, 1]]), [[0, 0], [0, 0], [0, 1]]
    offsets = [[1, 0, 0], [0, 1, 0], [0, 0, 0]]
    once = stiffness(nodes, struts, offsets=offsets, radii=[1, 2, 3])
    again = [[0, 0], [1, 1], [1, 0]], [[-1, 0, 0], [0, 1, 0], [0, 0, 0]]
    for k in range(3):
        twice = {"offsets": [*offsets, again[1][k]]}
        given = nodes, [*struts, again[0][k]]
        assert np.array_equal(stiffness(*given, radii=[1, 2, 3, k + 1 + 1e-9], **twice), once)
        with pytest.raises(
            tm.InputError, match=f"rows {k + 1} and 4: .* radii {k + 1} and 5; expected one radius"
        ):
            stiffness(*given, radii=[1, 2, 3, 5], **twice)
    graph = PeriodicGraph(
        np.zeros((1, 3)), np.zeros((2, 2), int), np.array([[1, 0, 0]] * 2), areas=np.array([1, 4.0])
    )
    with pytest.raises(tm.InputError, match="radii 1 and 2"):
        without_duplicates(graph)


@pytest.mark.parametrize("missing", range(14))
def test_a_node_left_out_of_a_drawn_octet_is_named(missing):
    nodes, struts = octet()
    kept = struts[(struts != missing).all(1)]
    with pytest.raises(tm.InputError, match="no node has its place on the opposite face"):
        stiffness(np.delete(nodes, missing, 0), kept - (kept > missing))
    # A centred cell has its faces elsewhere.
    with pytest.raises(tm.InputError, match="no node has its place on the opposite face"):
        stiffness(np.delete(nodes, missing, 0) - 0.5, kept - (kept > missing))


def test_struts_cut_at_faces_need_their_other_half():
    ends = [
        [0.3, 0.4, 0],
        [0.3, 0.4, 1],
        [0.3, 0, 0.2],
        [0.3, 1, 0.2],
        [0, 0.4, 0.2],
        [1, 0.4, 0.2],
    ]
    nodes, struts = np.array([*ends, [0.3, 0.4, 0.2]]), np.array([[k, 6] for k in range(6)])
    cubic = tm.homogenize(
        tm.Lattice.from_elementary("simple_cubic", relative_density=0.05)
    ).stiffness[0]
    assert error(stiffness(nodes, struts), cubic) < 1e-12
    for cut in range(6):
        kept = np.delete(struts, cut, 0)
        with pytest.raises(tm.InputError, match=r"node \d: struts end at it on a face across"):
            stiffness(np.delete(nodes, cut, 0), kept - (kept > cut))
        moved = nodes.copy()
        moved[cut, (1, 0, 1)[cut // 2]] += 0.2
        with pytest.raises(tm.InputError, match=r"node \d: struts end at it on a face across"):
            stiffness(moved, struts)


def test_each_strut_may_be_given_once():
    """The smallest cells: no partner is missing, though few nodes have one."""
    basis = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    cubic = tm.homogenize(
        tm.Lattice.from_elementary("simple_cubic", relative_density=0.05)
    ).stiffness[0]
    assert error(stiffness(basis, [[0, 1], [0, 2], [0, 3]]), cubic) < 1e-12
    cell = np.array([[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    whole = tm.homogenize(tm.Lattice.from_elementary("octet", relative_density=0.05)).stiffness[0]
    primitive = stiffness(basis @ cell, [[0, 1], [0, 2], [0, 3], [1, 2], [2, 3], [1, 3]], cell=cell)
    assert error(primitive, whole) < 1e-12


@pytest.mark.parametrize("number", range(0, 197, 14))
def test_topologies_as_drawn_and_by_offsets(number):
    """Cut at the faces of the cell, or moved through them: the same lattice."""
    graph = topologies()[0][number]
    turned = graph.mapped(Rotation.random(random_state=number).as_matrix())
    exact = homogenize_cells([turned], 0.05)[0]
    nodes, bars, _ = _window(graph)
    assert error(pack(stiffness(nodes @ turned.cell.T, bars, cell=turned.cell.T)), exact) < 1e-8
    moved = (graph.nodes + np.array([0.3, -0.7, 5.1])) @ turned.cell.T
    found = stiffness(moved, graph.struts, cell=turned.cell.T, offsets=graph.offsets)
    assert error(pack(found), exact) < 1e-12


def test_free_ends_inside_the_cell_are_right_and_named():
    nodes, struts = body_centred()
    nodes, struts = np.vstack([nodes, [[0.3, 0.4, 0.6]]]), np.vstack([struts, [[8, 9]]])
    with pytest.warns(UserWarning, match="node 9: a strut ends free there"):
        lattice = tm.Lattice.from_struts(nodes, struts, 0.05)
    stub = lattice.graph.lengths[-1] / lattice.graph.lengths.sum()
    found, whole = tm.homogenize(lattice).stiffness[0], stiffness(*body_centred())
    assert error(found, whole * (1 - stub)) < 0.01


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda n, s: (n, [*s, [3, 3]]), r"struts, row 21: its ends, nodes 3 and 3, are 0 apart"),
        (
            lambda n, s: ([*n, n[8] + 1e-7], [*s, [8, 9]]),
            "row 21: its ends, nodes 8 and 9, are 1.73e-07 apart",
        ),
        (
            lambda n, s: (n, [*s, [0, 7]]),
            r"struts, row 21: it passes node 8 at a distance of \S+ without an end",
        ),
        (
            lambda n, s: ([*n, [0.5, 0, 0]], [*s, [9, 8]]),
            r"struts, row \d+: it passes node 9 at a distance",
        ),
        (
            lambda n, s: ([*n, [900.0, 0, 0]], [*s, [9, 8]]),
            "row 21: .* expected nodes and cell in one unit",
        ),
        (lambda n, s: (n, np.zeros((0, 2))), "struts: none; expected one at least"),
        (lambda n, s: (n, np.array(s) + 0.5), "struts, row 1: expected two of the 9 nodes"),
        (lambda n, s: (n, np.array(s) == 1), "struts: expected n × 2 finite numbers"),
        (lambda n, s: (np.where(n == 1, np.nan, n), s), "nodes: expected n × 3 finite numbers"),
        (lambda n, s: (np.ma.masked_equal(n, 1), s), "nodes: expected n × 3 finite numbers"),
        (lambda n, s: (n * 1j, s), "nodes: expected n × 3 finite numbers"),
    ],
)
def test_slips_are_refused_by_their_reason(change, says):
    nodes, struts = body_centred()
    with pytest.raises(tm.InputError, match=says) as refused:
        stiffness(*change(nodes, struts.tolist()))
    assert str(refused.value).count(". ") == 0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"cell": [1, np.nan, 1]}, "cell: expected 3 finite numbers"),
        ({"cell": "unit"}, "cell: expected 3 × 3 finite numbers"),
        ({"cell": [[1, 2], [3]]}, "cell: expected 3 × 3 finite numbers"),
        ({"tolerance": 0.5}, "tolerance 0.5: expected a share of the shortest strut, up to 0.3"),
        ({"tolerance": -1}, "tolerance -1: expected a number above 0"),
        ({"radii": [True] * 20}, "radii: expected 20 finite numbers"),
    ],
)
def test_options_are_refused_by_their_reason(options, says):
    with pytest.raises(tm.InputError, match=says):
        stiffness(*body_centred(), **options)


def test_a_graph_of_wrong_arrays_is_no_lattice():
    graph = tm.Lattice.from_elementary("octet", relative_density=0.05).graph
    arrays = graph.nodes, graph.struts, graph.offsets, graph.cell
    for k, wrong in enumerate(
        [graph.nodes * np.nan, graph.struts + 99, graph.offsets + 0.5, np.zeros((3, 3))]
    ):
        with pytest.raises(tm.InputError):
            tm.Lattice(PeriodicGraph(*arrays[:k], wrong, *arrays[k + 1 :]), 0.05)
    with pytest.raises(tm.InputError, match="areas, row 1"):
        tm.Lattice(PeriodicGraph(*arrays, -np.ones(len(graph.struts))), 0.05)


def test_translations_that_rounding_tears_apart_are_none():
    """Of the three of an octet cell two pass the tolerance here, and a third of the cell is no
    cell.
    """
    graph = tm.Lattice.from_struts(*octet(), 0.05).graph
    nodes = graph.nodes.copy()
    nodes[1:] += [[9e-8, 0, 0], [0, 6e-8, 0], [0, 0, -9e-8]]
    torn = PeriodicGraph(nodes, graph.struts, graph.offsets)
    assert len(translations(graph)) == 4 and len(translations(torn)) in (1, 2)
    exact, found = homogenize_cells([graph, torn], 0.05)
    assert error(found, exact) < 1e-6


def test_the_handed_cases_are_right_or_refused(shared, capsys):
    cases = shared / "cases"
    runpy.run_path(cases / "periodic_graph_chain.py")
    assert "2 nodes of 2 expected" in capsys.readouterr().out
    runpy.run_path(cases / "from_struts_offsets_not_whole.py")
    first, second = capsys.readouterr().out.splitlines()
    assert first.removeprefix("whole") == second.removeprefix("computed")
    with pytest.raises(tm.InputError, match="rows 1 and 4"):
        runpy.run_path(cases / "from_struts_duplicate_other_radius.py")
    runpy.run_path(cases / "from_struts_rounded_6_decimals.py")
    assert capsys.readouterr().out == ""
