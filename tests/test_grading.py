import numpy as np
import pytest

from trussmap.errors import InputError
from trussmap.grading import grade
from trussmap.homogenization import homogenize_cells
from trussmap.lattice.descriptor import U, V, design_graph, sample_designs
from trussmap.lattice.graph import PeriodicGraph

CUBIC = np.array([0.01, 1, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1], float)


def lengths(structure):
    ends = structure.nodes[structure.struts]
    return np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1)


def with_type(design, kind):
    changed = design.copy()
    changed[4:7] = kind
    return changed


def test_grading_a_design_into_itself_tiles_it():
    design = sample_designs(3, 7, 8)[0]
    design[4:10] = [2, 2, 2, 1, 1, 1]
    structure = grade(design, design, length=6, width=3)
    graph = design_graph(design)
    size = graph.volume ** (1 / 3)
    assert structure.metrics["control_point_error"] < 1e-9
    assert structure.metrics["path_error_max"] < 1e-9
    assert structure.metrics["floating_struts"] == 0
    np.testing.assert_allclose(structure.radii, graph.radii(design[0])[0] / size)
    assert np.isin(np.round(lengths(structure), 6), np.round(graph.lengths / size, 6)).all()


def test_simple_cubic_into_body_centred_cubic():
    """Struts of one alone fade out on its way, those of the other fade in, and all hang together."""
    structure = grade(CUBIC, with_type(CUBIC, 2), length=12, width=3)
    assert structure.metrics["control_point_error"] < 1e-9  # the cell itself stays a cube
    assert structure.metrics["end_error"] < 1e-9
    assert structure.metrics["floating_struts"] == 0
    cubic = np.isclose(lengths(structure), 1)
    np.testing.assert_allclose(lengths(structure)[~cubic], 0.75**0.5)
    assert structure.position[cubic].max() < 1 and structure.position[~cubic].min() > 0
    order = np.argsort(structure.position[cubic], kind="stable")
    assert (np.diff(structure.radii[cubic][order]) < 1e-12).all()


def test_density_changes_linearly_where_only_it_differs():
    dense = CUBIC.copy()
    dense[0] = 0.04
    structure = grade(CUBIC, dense, length=8, width=2)
    np.testing.assert_allclose(
        np.pi * structure.radii**2 * 3, 0.01 + 0.03 * structure.position, rtol=1e-6, err_msg="3 struts of length 1"
    )
    assert structure.metrics["relative_density_max"] == pytest.approx(0.04)


def test_quarter_turns_of_a_design_are_recognised():
    """The same cubic lattice described by a turned unit cell needs no change of the cell."""
    turned = CUBIC.copy()
    turned[13:16] = [np.pi / 2, 0, 0]
    assert grade(CUBIC, turned, length=4, width=2).metrics["path_error_max"] < 1e-9


def test_two_unlike_designs_stay_connected_and_close_to_the_path():
    designs = sample_designs(0, 8, 10)
    structure = grade(*designs)
    metrics = structure.metrics
    assert metrics["floating_struts"] == 0
    assert metrics["control_point_error"] < 0.03 and metrics["phase_error"] < 0.1
    assert metrics["path_error"] < 0.1 and metrics["end_error"] < 1e-2
    assert (np.bincount(structure.struts.ravel(), minlength=len(structure.nodes)) >= 2).all()
    assert structure.nodes[:, 0].min() >= -1e-5 and structure.nodes[:, 0].max() <= 16 + 1e-5
    assert lengths(structure).min() > 1e-3 and np.isfinite(structure.radii).all()
    assert metrics["struts"] == len(structure.struts) == len(structure.radii)


def test_a_longer_bar_follows_the_path_more_closely():
    designs = sample_designs(0, 8, 10)
    short, long = (grade(*designs, length=length, width=2).metrics for length in (8, 24))
    for name in ("control_point_error", "phase_error"):
        assert long[name] < 0.5 * short[name]


def test_cells_with_struts_of_two_thicknesses_are_what_homogenization_gets():
    """A strut ten times the area carries ten times the load: the local cells on the path rest on this."""
    cubic = PeriodicGraph(np.zeros((1, 3)), np.zeros((3, 2), int), np.eye(3, dtype=int), areas=np.array([10.0, 1, 1]))
    stiffness = homogenize_cells([cubic], 0.012)[0]
    assert stiffness[0] == pytest.approx(0.01) and stiffness[6] == pytest.approx(0.001)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"length": 0}, "length: 0"),
        ({"width": 0.2}, "width"),
        ({"margin": 0.7}, "margin"),
        ({"control_points": 1}, "points"),
    ],
)
def test_impossible_options(options, says):
    with pytest.raises(InputError, match=says):
        grade(CUBIC, CUBIC, **options)


def test_extreme_stretches_still_find_a_path():
    a, b = CUBIC.copy(), with_type(CUBIC, 1)
    a[U], b[V] = [2, 0.5, 1], [0.5, 2, 1]
    metrics = grade(a, b, length=10, width=2).metrics
    assert metrics["floating_struts"] == 0 and metrics["path_error"] < 0.5
