"""Regions filled with lattice: real boxes and shapes, in one piece, closed, with the volume of
their struts.
"""

import numpy as np
import pytest
import trimesh
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from trussmap.base.errors import InputError
from trussmap.lattice.compound import compound
from trussmap.lattice.descriptor import design_graph, sample_designs
from trussmap.parts import solid as solids
from trussmap.parts.fill import fill
from trussmap.parts.region import box, shape

OCTET = compound((1, 1, 1), (1, 1, 1))
# A map that keeps no symmetry.
MAP = np.array([[1.3, 0.2, 0.1], [-0.3, 0.9, 0.2], [0.1, -0.2, 1.0]])


def pieces(part):
    struts = coo_matrix((np.ones(len(part.struts)), part.struts.T), [len(part.nodes)] * 2)
    return connected_components(struts, directed=False)[0]


@pytest.fixture
def ball(tmp_path):
    trimesh.creation.icosphere(subdivisions=3, radius=3).apply_translation([5, 5, 5]).export(
        tmp_path / "ball.stl"
    )
    return tmp_path / "ball.stl"


def test_whole_cells_fill_a_box_without_a_trace_of_the_cut():
    part = fill(OCTET, 0.05, 2.0, box((4, 6, 2)))
    assert (part.free_ends, part.floating, part.stubs, part.remark()) == (0, 0, 0, "")
    # twelve cells of 24 struts, of which those in the faces of the box belong to it twice
    inner = (np.abs(part.nodes[part.struts].mean(1) / part.region.high - 0.5) < 0.499).all(1)
    on_faces = len(part.struts) - inner.sum()
    assert inner.sum() + on_faces / 2 == 6 * 24
    assert part.lengths == pytest.approx(2**0.5)
    assert part.mesh.bounds.tolist() == [[0, 0, 0], [4, 6, 2]]


@pytest.mark.parametrize(
    ("types", "density"), [((0, 0, 0), 0.003), ((1, 1, 1), 0.02), ((5, 2, 5), 0.1)]
)
def test_any_lattice_fills_a_real_box_closed_and_in_one_piece(types, density):
    """Its volume is below ρ·V by the overlap at the joints and by what is dropped at the surface."""
    part = fill(compound(types, (1, 1, 1)).mapped(MAP), density, 2.5, box((6, 5, 7)))
    mesh = part.mesh
    assert mesh.is_watertight and mesh.body_count == 1 and pieces(part) == 1
    np.testing.assert_allclose(mesh.bounds, [[0, 0, 0], [6, 5, 7]], atol=0.6)
    assert (mesh.bounds[0] >= 0).all() and (mesh.bounds[1] <= [6, 5, 7]).all()
    volume = (part.lengths * part.radii**2).sum() * np.pi
    assert 1 - 2.5 * density**0.5 < mesh.volume / volume < 1.02
    assert 0.8 < volume / (density * 6 * 5 * 7) < 1.2


def test_what_hangs_apart_is_dropped_and_said():
    part = fill(design_graph(sample_designs(3, 0, 1)[0]), 0.05, 2.0, box((3, 3, 3)))
    assert pieces(part) == 1 and part.floating > 0 and "hung apart" in part.remark()
    degree = np.bincount(part.struts.ravel())
    assert (degree == 1).sum() == part.free_ends > 0
    assert part.on_surface[degree == 1].all()
    whole = fill(
        design_graph(sample_designs(3, 0, 1)[0]), 0.05, 2.0, box((3, 3, 3)), free_ends=False
    )
    assert whole.free_ends == 0 and np.bincount(whole.struts.ravel()).min() >= 2
    assert len(whole.struts) < len(part.struts) and whole.mesh.body_count == 1


def test_a_shape_is_filled_to_its_surface(ball):
    part = fill(OCTET, 0.05, 1.0, shape(ball))
    radius = np.linalg.norm(part.nodes - 5, axis=1)
    assert radius.max() < 3 + 1e-6 and (radius[part.on_surface] > 2.9).all()
    assert pieces(part) == 1
    mesh = part.mesh
    assert mesh.is_watertight and mesh.body_count == 1
    assert np.linalg.norm(mesh.vertices - 5, axis=1).max() < 3 + 1e-5
    assert mesh.volume / (0.05 * part.region.solid.volume()) == pytest.approx(0.93, abs=0.04)


def test_a_box_as_a_shape_is_the_box(tmp_path):
    """Off the planes of the lattice, where both ways to clip must agree."""
    trimesh.creation.box(bounds=[[0, 0, 0], [3.3, 4.1, 2.7]]).export(tmp_path / "box.stl")
    graph = OCTET.mapped(MAP)
    one, other = (
        fill(graph, 0.03, 2.0, region)
        for region in (box((3.3, 4.1, 2.7)), shape(tmp_path / "box.stl"))
    )
    assert len(one.struts) == len(other.struts)
    assert one.lengths.sum() == pytest.approx(other.lengths.sum(), rel=1e-5)
    assert one.mesh.volume == pytest.approx(other.mesh.volume, rel=1e-4)


def test_a_shape_with_two_arms_keeps_struts_in_both_but_not_between(tmp_path):
    """A strut may leave the region and come back."""
    arms = [([0, 0, 0], [6, 2, 1]), ([0, 0, 0], [1, 2, 4]), ([5, 0, 0], [6, 2, 4])]
    solid = solids._united([box(np.subtract(b, a)).solid.translate(a) for a, b in arms]).to_mesh()
    trimesh.Trimesh(solid.vert_properties, solid.tri_verts).export(tmp_path / "u.stl")
    long = compound((0, 0, 0), (1, 1, 1))
    part = fill(long.mapped(np.diag([8.0, 1, 1])), 0.02, 2.0, shape(tmp_path / "u.stl"))
    middle = part.nodes[part.struts].mean(1)
    assert not ((middle[:, 2] > 1.01) & (middle[:, 0] > 1.01) & (middle[:, 0] < 4.99)).any()
    assert part.mesh.body_count == 1


@pytest.mark.parametrize(
    ("way", "row", "density", "size"),
    [*(("_stitched", k, 0.06, 0.75) for k in range(5)), ("_tiled", 6, 0.1, 2.5)],
)
def test_sewn_and_united_solids_are_the_same(way, row, density, size):
    """Of knots, and, where struts merge without an end, of cells."""
    part = fill(
        design_graph(sample_designs(4, row, row + 1)[0]), density, 1.0, box((size, size, size))
    )
    joints = np.zeros(len(part.graph.nodes))
    np.maximum.at(joints, part.graph.struts, part.lattice_radii[:, None])
    widths = solids._widths(part.graph.vectors, part.lattice_radii)
    assert (way == "_tiled") == (solids._knots(part.graph, part.lattice_radii, joints) is None)
    start = [] if way == "_stitched" else [solids._BEGINNINGS[0]]
    sewn, united = (
        getattr(solids, way)(part, joints, widths, *start),
        solids._united_cells(part, joints, widths),
    )
    assert sewn is not None
    sewn, united = (solid ^ part.region.solid for solid in (sewn, united))
    assert (united - sewn).volume() < 1e-4 * united.volume()
    # Cells have besides what was dropped, and struts whose axes are outside.
    assert (sewn - united).volume() < (1e-4 if way == "_stitched" else 0.05) * united.volume()
    assert part.mesh.is_watertight and part.mesh.body_count == 1
    assert solids.volume(part.mesh) == pytest.approx(part.mesh.volume)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: box((1, 2)), "three lengths above 0"),
        (lambda: box((1, 2, 0)), "a box of 1 × 2 × 0 mm"),
        (lambda: fill(OCTET, 0.05, -1.0, box((1, 1, 1))), "cell size -1"),
        (lambda: fill(OCTET, 1.5, 1.0, box((1, 1, 1))), "relative density 1.5"),
        (
            lambda: fill(OCTET, 0.05, 0.01, box((10, 10, 10))),
            "expected 300,000 at most, with cells from 0.431 mm on",
        ),
        (lambda: shape("nowhere.stl"), "nowhere.stl: no such file"),
    ],
)
def test_impossible_parts(call, says):
    with pytest.raises(InputError, match=says):
        call()


def test_surfaces_that_bound_nothing(tmp_path, ball):
    mesh = trimesh.load(ball)
    trimesh.Trimesh(mesh.vertices, mesh.faces[1:]).export(tmp_path / "open.stl")
    (tmp_path / "words.stl").write_text("no surface")
    (tmp_path / "part.xyzzy").write_text("no surface")
    for name, says in (
        ("open.stl", "not closed"),
        ("words.stl", ""),
        ("part.xyzzy", "cannot be read as a surface"),
    ):
        with pytest.raises(InputError, match=f"{name}: .*{says}"):
            shape(tmp_path / name)
    mesh.invert()
    mesh.export(tmp_path / "inside_out.stl")
    assert shape(tmp_path / "inside_out.stl").solid.volume() == pytest.approx(
        shape(ball).solid.volume()
    )
