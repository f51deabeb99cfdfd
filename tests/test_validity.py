"""Beams against solids: the estimate of what a solid gains, and the solver that it was fitted to."""

import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from trussmap.lattice.elementary import elementary_lattice
from trussmap.mechanics import solids as validity
from trussmap.mechanics.homogenization import homogenize_cells
from trussmap.mechanics.solids import crowding, solid_stiffness
from trussmap.tensors.measures import modulus_error, relative_error
from trussmap.tensors.stiffness import COMPONENTS, directional_modulus, isotropic, unpack

ROOT = Path(__file__).parents[1]
C11, C44 = COMPONENTS.index("C11"), COMPONENTS.index("C44")


def benchmark(name):
    """A module of benchmarks/, which lies outside the package."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(ROOT / "benchmarks"))


@pytest.fixture(scope="module")
def published():
    return json.loads((ROOT / "docs/results/validity.json").read_text())


def test_overlap_of_struts_by_hand():
    """At right angles they part where the other's surface is; collinear ones do not count."""
    assert elementary_lattice(0).overlaps(np.full(3, 0.1)) == pytest.approx(0.1)
    body_centred = elementary_lattice(2).overlaps(
        np.full(8, 0.1)
    )  # cos θ = 1/3, so that tan²(θ/2) = 1/2
    assert body_centred == pytest.approx(0.1 * 2**0.5)


def test_overlap_of_unequal_struts():
    """A thin strut leaves a thick one at its surface, a thick one a thin one at that one's."""
    assert elementary_lattice(0).overlaps(np.array([0.1, 0.02, 0.02])) == pytest.approx(
        np.array([[0.02, 0.02], [0.1, 0.1], [0.1, 0.1]])
    )


def test_without_shortening_the_estimate_is_the_beams():
    for lattice in (elementary_lattice(1), elementary_lattice(5)):
        beams = homogenize_cells([lattice], 0.05)[0]
        assert relative_error(solid_stiffness(lattice, 0.05, shares=(0, 0)), beams) < 1e-9


def test_shortened_struts_of_the_simple_cubic_cell_by_hand():
    lattice, density, shares = elementary_lattice(0), 0.03, (0.3, 0.6)
    radius = lattice.radii(density)[0]
    c = solid_stiffness(lattice, density, shares=shares)
    assert c[C11] == pytest.approx(density / 3 / (1 - 2 * 0.3 * radius))
    free, area = 1 - 2 * 0.6 * radius, np.pi * radius**2
    phi = (7 + 6 * 0.3) / np.pi * area / free**2
    assert c[C44] == pytest.approx(6 * np.pi * radius**4 / 4 / (free**3 * (1 + phi)))


def test_what_a_solid_gains_vanishes_with_the_radius_and_grows_with_it():
    lattice = elementary_lattice(2).mapped(np.diag([1, 1.3, 0.8]))
    gains = [
        relative_error(solid_stiffness(lattice, density), homogenize_cells([lattice], density)[0])
        for density in (1e-6, 0.01, 0.1)
    ]
    assert gains[0] < 1e-3 < gains[1] < gains[2]


def test_crowded_struts_are_named():
    lattice = elementary_lattice(0)
    assert crowding(lattice, np.full(3, 0.49)) is None
    assert "beyond their middle" in crowding(lattice, np.full(3, 0.51))
    squeezed = elementary_lattice(5).mapped(np.diag([0.3, 1, 1]))
    assert "share no node" in crowding(squeezed, np.full(16, 0.15))


def test_shares_are_those_fitted_to_the_solids(published):
    fitted = published["summary"]["estimate"]["shares"]
    assert fitted == pytest.approx([validity.STRETCHING, validity.BENDING], abs=0.005)


def test_estimate_is_closer_to_the_solids_than_beams_are(published):
    lattice = elementary_lattice(0)
    solids = [
        e
        for e in published["solved"]
        if e["cell"] == "simple cubic" and e["order"] == 4 and e["safety"] == 1
    ]
    assert len(solids) >= 3
    for entry in solids:
        density, solid, beams = (
            np.array(entry[key]) for key in ("relative_density", "solid", "beams")
        )
        estimate = solid_stiffness(lattice, float(density))
        assert modulus_error(estimate, solid)[0] < modulus_error(beams, solid)[0] / 3


def test_solver_of_solids_on_what_is_known():
    """A filled cell is its material, a plate half as thick as its cell is in plane stress."""
    pytest.importorskip("ngsolve")
    solid = benchmark("solid")
    occ, ngsolve = solid.occ, solid.ngsolve

    def box(thickness, axes):
        shape = occ.Box((0, 0, 0), (1, 1, thickness))
        for number, axis in enumerate(axes):
            low, high = shape.faces.Min(axis), shape.faces.Max(axis)
            shift = occ.Translation(tuple(np.subtract([*high.center], [*low.center])))
            low.Identify(high, f"cut {number}", solid.IdentificationType.PERIODIC, shift)
        mesh = ngsolve.Mesh(occ.OCCGeometry(shape).GenerateMesh(maxh=0.5))
        return unpack(solid.solve(mesh, 1.0, 2, 0.3).stiffness)

    assert box(1.0, (occ.X, occ.Y, occ.Z)) == pytest.approx(isotropic(), abs=1e-9)
    plate = box(0.5, (occ.X, occ.Y))
    assert plate[0, :2] == pytest.approx(0.5 / (1 - 0.3**2) * np.array([1, 0.3]), rel=1e-9)
    assert plate[2] == pytest.approx(0, abs=1e-9)


def test_slender_solid_is_its_beams():
    pytest.importorskip("ngsolve")
    lattice = elementary_lattice(0)
    found = benchmark("solid").homogenize(lattice, lattice.radii(0.005)[0], order=2)
    beams = homogenize_cells([lattice], 0.005)[0]
    assert 0.95 < found.volume_fraction / 0.005 < 1
    ratio = directional_modulus(found.stiffness, np.eye(3)) / directional_modulus(beams, np.eye(3))
    assert np.all((ratio > 1) & (ratio < 1.03))
