import given
import numpy as np
import pandas as pd
import pytest
import trimesh

from trussmap.base.errors import InputError
from trussmap.grading import Sites, fade, grade, read_sites, result_lines, write_graded
from trussmap.grading.phases import Phases
from trussmap.grading.sites import log_euclidean_mean
from trussmap.lattice.descriptor import U, V, sample_designs
from trussmap.mechanics.homogenization import homogenize_designs
from trussmap.parts.region import box, shape
from trussmap.targets.orders import Layout
from trussmap.tensors.material import Material
from trussmap.tensors.measures import relative_error
from trussmap.tensors.stiffness import COMPONENTS, isotropic, pack, rotate

CUBIC = np.array([0.01, 1, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1], float)
BONE = "resources/bone_targets_gpa.csv"
CARRIER = np.array(
    [8]
)  # what the search over all topologies takes for the bone targets; alone it is quick
ENDS = np.array([[0.0, 0, 0], [12, 0, 0]])


def lengths(structure):
    return np.linalg.norm(
        structure.nodes[structure.struts[:, 1]] - structure.nodes[structure.struts[:, 0]], axis=1
    )


def with_type(design, kind):
    changed = design.copy()
    changed[4:7] = kind
    return changed


def faded(first, last, length=12.0, width=2.0):
    ends = np.array([[0.0, 0, 0], [length, 0, 0]])
    return fade(
        np.array([first, last]), ends, ["a", "b"], box((length, width, width)), 1.0, given.SOLVER
    )


@pytest.fixture(scope="module")
def targets():
    targets = given.bone()
    return targets.stiffness, targets.names


@pytest.fixture(scope="module")
def bone_sites(targets):
    """All four specimens along a bar of 18 mm."""
    places = np.zeros((4, 3))
    places[:, 0] = np.linspace(2, 16, 4)
    return Sites(places, *targets)


@pytest.fixture(scope="module")
def fitting(bone_sites):
    """9 × 1 × 1 cells of 2 mm, whose struts differ so much that one cell does for all sites."""
    return grade(bone_sites, box((18, 2, 2)), 2.0, given.SOLVER, CARRIER, radius_ratio=10.0)


def test_struts_as_thick_as_the_default_leaves_them_meet_all_sites(bone_sites):
    """Cells change from site to site, their struts differ three times at most and stay apart."""
    found = grade(bone_sites, box((18, 2, 2)), 2.0, given.SOLVER, CARRIER)
    assert (
        found.metrics["site_relative_error_max"] < 0.02
        and found.metrics["path_relative_error_max"] < 0.05
    )
    assert found.metrics["diameter_min_mm"] > 0.02 and found.metrics["gap_min_mm"] > 0.02
    sections = found.cells.sections
    assert (sections.max(-1) / sections.min(-1)).max() < 9.001


def test_one_topology_carries_all_sites_and_what_lies_between(fitting):
    metrics = fitting.metrics
    assert metrics["site_relative_error_max"] < 0.02
    assert metrics["path_relative_error_max"] < 0.05 and metrics["path_modulus_error_max"] < 0.05
    assert metrics["control_point_error"] < 1e-9  # the cell itself does not change
    assert metrics["floating_struts"] == metrics["dangling_struts"] == 0
    table = fitting.path_table()
    assert (
        relative_error(
            table[COMPONENTS].to_numpy(),
            fitting.sites.stiffness(table[["x_mm", "y_mm", "z_mm"]].to_numpy()),
        )
        < 0.05
    ).all()


def test_whole_cells_fill_a_box(fitting):
    """Each of nine cells has its volume of struts at the local density, halves of those in the
    faces counted.
    """
    structure = fitting.structure
    volume = (np.pi * structure.radii**2 * lengths(structure) * structure.share).sum()
    assert volume / (18 * 2 * 2) == pytest.approx(
        fitting.density[fitting.at_sites :].mean(), rel=0.1
    )
    assert (
        structure.places.min() > -1e-6
        and (structure.places.max(0) < [18 + 1e-6, 2 + 1e-6, 2 + 1e-6]).all()
    )


def test_the_same_sites_give_the_same_bytes(targets, tmp_path):
    sites = Sites(ENDS, targets[0][:2], ["a", "b"])
    for name in ("one", "two"):
        write_graded(grade(sites, box((4, 2, 2)), 2.0, given.SOLVER, CARRIER), tmp_path / name)
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files == ["nodes.csv", "path.csv", "structure.3mf", "structure.vtk", "struts.csv"]
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), (
            name
        )


def test_interpolation_is_the_same_in_every_frame_and_for_compliances(targets):
    c, turn = targets[0][:2], np.array([[0.6, -0.8, 0], [0.8, 0.6, 0], [0, 0, 1]])
    half = np.array([[0.3, 0.7]])
    np.testing.assert_allclose(
        log_euclidean_mean(rotate(c, turn), half), rotate(log_euclidean_mean(c, half), turn)
    )
    np.testing.assert_allclose(
        log_euclidean_mean(np.vstack([c[0], 4 * c[0]]), half)[0], 4**0.7 * c[0]
    )


def test_sites_are_met_and_constant_beyond_the_ends_of_a_line(targets):
    sites = Sites(np.array([[0.0, 0, 0], [2, 0, 0], [6, 0, 0]]), targets[0][:3], ["a", "b", "c"])
    points = np.array([[0.0, 5, 0], [1, 0, 3], [2, 0, 0], [4, 0, 0], [9, 0, 0]])
    expected = [[1, 0, 0], [0.5, 0.5, 0], [0, 1, 0], [0, 0.5, 0.5], [0, 0, 1]]
    np.testing.assert_allclose(sites.weights(points), expected, atol=1e-9)


def test_phases_follow_reciprocal_vectors_that_are_gradients():
    """A rotation about z that grows along x is no gradient; a stretch along x that grows along it
    is one.
    """
    region = box((12, 3, 3))

    def stretched(points):
        basis = np.tile(np.eye(3), (len(points), 1, 1))
        basis[:, 0, 0] = 1 + 0.05 * points[:, 0]
        return basis

    phases, at = Phases(region, stretched, 1.0), np.array([[3.0, 1, 1], [9, 2, 1]])
    np.testing.assert_allclose(phases.gradient(at), stretched(at), atol=1e-6)
    np.testing.assert_allclose(phases.value(at)[:, 0], at[:, 0] + 0.025 * at[:, 0] ** 2, atol=1e-5)
    back = phases.solve(phases.value(at), at + 0.2)
    np.testing.assert_allclose(back, at, atol=1e-8)


def test_simple_cubic_into_body_centred_cubic():
    """Struts of one alone fade out on its way, those of the other fade in, and all hang together."""
    found = faded(CUBIC, with_type(CUBIC, 2))
    structure = found.structure
    assert found.metrics["control_point_error"] < 1e-9  # the cell itself stays a cube
    assert found.metrics["site_relative_error_max"] < 1e-9
    assert found.metrics["floating_struts"] == 0
    cubic = np.isclose(lengths(structure), 1)
    np.testing.assert_allclose(lengths(structure)[~cubic], 0.75**0.5)
    assert structure.progress[cubic].max() < 1 and structure.progress[~cubic].min() > 0


def test_density_changes_linearly_where_only_it_differs():
    dense = CUBIC.copy()
    dense[0] = 0.04
    structure = faded(CUBIC, dense, 8.0).structure
    np.testing.assert_allclose(
        np.pi * structure.radii**2 * 3, 0.01 + 0.03 * structure.progress, rtol=1e-6
    )


def test_quarter_turns_of_a_design_are_recognised():
    """The same cubic lattice described by a turned unit cell needs no change of the cell."""
    turned = CUBIC.copy()
    turned[13:16] = [np.pi / 2, 0, 0]
    assert faded(CUBIC, turned, 4.0).metrics["path_error_max"] < 1e-9


def test_unlike_designs_stay_connected_faded_and_graded():
    """Cells must change here; the phases' cells are what the exact cells are solved for."""
    designs = sample_designs(0, 8, 10)
    sites = Sites(ENDS, homogenize_designs(designs), ["a", "b"])
    found = faded(*designs), grade(sites, box((12, 2, 2)), 1.0, given.SOLVER, np.array([8, 69]))
    for own in found:
        metrics, structure = own.metrics, own.structure
        assert metrics["floating_struts"] == metrics["dangling_struts"] == 0
        assert (np.bincount(structure.struts.ravel(), minlength=len(structure.nodes)) >= 2).all()
        assert lengths(structure).min() > 1e-3 and np.isfinite(structure.radii).all()
    assert found[1].metrics["path_relative_error"] < found[0].metrics["path_relative_error"]


def test_extreme_stretches_still_find_a_path():
    a, b = CUBIC.copy(), with_type(CUBIC, 1)
    a[U], b[V] = [2, 0.5, 1], [0.5, 2, 1]
    metrics = faded(a, b, 10.0).metrics
    assert metrics["floating_struts"] == 0 and metrics["path_error"] < 0.5


@pytest.mark.parametrize(
    ("size", "cell", "says"),
    [
        ((12, 2, 0.5), 1.0, "thinner than a cell"),
        ((12, 2, 2), -1.0, "cell size"),
        ((400, 400, 400), 1.0, "at most"),
    ],
)
def test_regions_that_no_cells_fill(targets, size, cell, says):
    with pytest.raises(InputError, match=says):
        grade(Sites(ENDS, targets[0][:2], ["a", "b"]), box(size), cell, given.SOLVER, CARRIER)


def test_shapes_that_no_cells_fill(targets, tmp_path):
    """A wall or a rod thinner than a cell, however large its bounds, and bodies apart; a cavity is
    none.
    """
    sites, block = Sites(ENDS, targets[0][:2], ["a", "b"]), trimesh.creation.box
    hollow = trimesh.util.concatenate(
        [block((4, 4, 4)), trimesh.Trimesh(*_turned_out(block((3.8, 3.8, 3.8))))]
    )
    apart = trimesh.util.concatenate(
        [block((4, 4, 4)), block((4, 4, 4)).apply_translation((10, 0, 0))]
    )
    slant = trimesh.transformations.rotation_matrix(0.9, (1, -1, 0))
    wall = block((6, 6, 0.7)).apply_transform(slant)
    rod = trimesh.creation.cylinder(0.4, 6, sections=64).apply_transform(slant)
    thin = [(hollow, "0.1 mm thick"), (wall, "0.7 mm thick"), (rod, r"0\.79\d mm thick")]
    for surface, says in (*thin, (apart, "2 bodies")):
        surface.export(tmp_path / "shape.stl")
        with pytest.raises(InputError, match=says):
            grade(sites, shape(tmp_path / "shape.stl"), 1.0, given.SOLVER, CARRIER)


def _turned_out(surface):
    return surface.vertices, surface.faces[:, ::-1]


def test_stiffness_out_of_reach_is_result_lines():
    """An isotropic material with next to no shear stiffness, stiffer along all axes than a lattice
    of density 0.1.
    """
    sites = Sites(ENDS, np.array([pack(isotropic(0.2)), pack(isotropic(0.001))]), ["stiff", "soft"])
    with pytest.raises(InputError, match="stiff"):
        grade(sites, box((12, 2, 2)), 1.0, given.SOLVER, np.array([0]))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda table: table.assign(x_mm=[1, 2, 1, 4]), "rows 1 and 3"),
        (lambda table: table.assign(x_mm=[1, 2, "far", 4]), "row 3, column x_mm: far"),
        (lambda table: table.drop(columns="x_mm"), "missing column x_mm"),
        (lambda table: table.drop(columns="z_mm"), "missing column z_mm"),
        (lambda table: table.drop(columns="C56"), "all 21"),
    ],
)
def test_sites_that_cannot_be_taken(tmp_path, change, says):
    table = pd.read_csv(BONE)
    table[["x_mm", "y_mm", "z_mm"]] = [(0.0, 0, 0), (10, 0, 0), (20, 0, 0), (30, 0, 0)]
    change(table).to_csv(tmp_path / "sites.csv", index=False)
    with pytest.raises(InputError, match=says):
        read_sites(tmp_path / "sites.csv", Material(114.0))


def test_sites_may_be_given_by_compliances_of_a_class(tmp_path):
    text = "x_mm,y_mm,z_mm,S11,S12,S44\n0,0,0,400,-100,1000\n9,0,0,800,-200,2000\n"
    (tmp_path / "sites.csv").write_text(text)
    sites = read_sites(tmp_path / "sites.csv", Material(), Layout(compliance=True))
    np.testing.assert_allclose(
        sites.targets[0], pack(isotropic(1 / 400, 0.25)), rtol=1e-9, atol=1e-15
    )
    assert len(sites.notes) == 1 and "cubic compliance" in sites.notes[0]


def test_the_way_through_sites_in_space_and_a_region_that_it_leads_past(targets, tmp_path):
    """Points follow the sites in their order; where no site nor way is in the region, points all
    over it are judged.
    """
    places = np.array([[0.0, 0, 0], [4, 4, 0], [0, 4, 4], [4, 0, 4]])
    whole = grade(Sites(places, *targets), box((4, 4, 4)), 2.0, given.SOLVER, CARRIER)
    table = whole.path_table(114.0)
    assert table["progress"].is_monotonic_increasing
    at_sites = table[table["at_site"]]
    assert np.allclose(at_sites[["x_mm", "y_mm", "z_mm"]], places) and np.allclose(
        at_sites["progress"] * 3, range(4)
    )
    assert np.allclose(at_sites[[f"prescribed_{name}" for name in COMPONENTS]], 114 * targets[0])
    leg = table.iloc[np.flatnonzero(table["at_site"])[1] : np.flatnonzero(table["at_site"])[2]]
    assert (leg["y_mm"] == 4).all() and leg["z_mm"].is_monotonic_increasing
    trimesh.creation.icosphere(radius=1.6).apply_translation((2, 2, 2)).export(
        tmp_path / "ball.stl"
    )
    inner = grade(Sites(places, *targets), shape(tmp_path / "ball.stl"), 1.0, given.SOLVER, CARRIER)
    assert inner.at_sites == 0 and len(inner.points) > 10
    said = result_lines(inner)
    assert (
        "at points all over the region" in said[1]
        and "note: 4 of the 4 sites lie outside the region" in said
    )


def test_what_is_not_reached_is_result_lines(targets):
    """A target for which the density would have to be above the most allowed."""
    sites = Sites(ENDS, np.array([1.0, 2.0])[:, None] * targets[0][:2], ["soft", "stiff"])
    note = [
        sentence
        for sentence in result_lines(grade(sites, box((12, 2, 2)), 2.0, given.SOLVER, CARRIER))
        if sentence.startswith("note")
    ]
    assert (
        len(note) == 1 and "stiff is not reached" in note[0] and "about the most allowed" in note[0]
    )


@pytest.mark.parametrize(
    ("places", "factor", "says"),
    [
        (ENDS + np.array([100, 0, 0]), 1, "lie apart from the region, 0 to 12"),
        (np.array([[0.0, 0, 0], [0, 0, 0]]), 1, "rows 1 and 2: two sites"),
        (ENDS * np.nan, 1, r"row 1: a position of \[nan"),
        (ENDS, -1, "row 1: the stiffness is not positive definite"),
        (ENDS[:1], 1, "shapes"),
    ],
)
def test_sites_that_are_none(targets, places, factor, says):
    with pytest.raises(InputError, match=says):
        grade(
            Sites(places, factor * targets[0][:2], ["a", "b"]),
            box((12, 2, 2)),
            1.0,
            given.SOLVER,
            CARRIER,
        )


def test_designs_out_of_their_range_do_not_fade():
    designs = np.array([CUBIC, CUBIC])
    designs[1, 0] = 0.9
    with pytest.raises(InputError, match="row 2, column relative_density"):
        fade(designs, ENDS, ["a", "b"], box((12, 2, 2)), 1.0, given.SOLVER)


def test_a_solid_of_another_structure_is_not_left_beside(targets, tmp_path):
    (tmp_path / "structure.stl").write_text("of another")
    write_graded(
        grade(Sites(ENDS, targets[0][:2], ["a", "b"]), box((4, 2, 2)), 2.0, given.SOLVER, CARRIER),
        tmp_path,
    )
    assert not (tmp_path / "structure.stl").exists()
