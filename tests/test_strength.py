"""Strength: by hand on simple cubic and octet, and against OpenSees on a finite block."""

import importlib
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from trussmap.lattice.descriptor import sample_designs
from trussmap.lattice.elementary import elementary_lattice
from trussmap.mechanics.homogenization.reference import beam_stiffness, end_forces
from trussmap.mechanics.strength import FIXED, LOAD_CASES, strength, strut_loads
from trussmap.search.lattices import plain_lattices

ROOT = Path(__file__).parents[1]
STRESSES = np.array(list(LOAD_CASES.values()))
UNIAXIAL, SHEAR, HYDROSTATIC = slice(0, 3), slice(3, 6), 6


@pytest.fixture(scope="module")
def general_fe():
    """The module of benchmarks/ that works with OpenSees, and OpenSees."""
    folders = [str(ROOT / "benchmarks"), str(ROOT / "build" / "benchmark")]
    sys.path.extend(folders)
    try:
        module = importlib.import_module("general_fe")
        return module, module.load()[0]
    except ImportError as error:
        pytest.skip(f"NO OPENSEES: {error}")
    finally:
        for folder in folders:
            sys.path.remove(folder)


def test_simple_cubic_by_hand():
    """Struts in line with a stress carry it alone; under shear they bend to an S, moment σ a³/2 at
    the ends.
    """
    density = 0.03
    radius = np.sqrt(density / (3 * np.pi))
    found = strength(elementary_lattice(0), density)
    assert found.peak_stress[UNIAXIAL] == pytest.approx(3 / density)
    assert found.peak_stress[HYDROSTATIC] == pytest.approx(3 / density)
    assert found.peak_stress[SHEAR] == pytest.approx(2 / (np.pi * radius**3))
    euler = np.pi**3 * radius**4 / 4  # of a strut between hinges, E = a = 1
    assert found.buckling[UNIAXIAL, 1] == pytest.approx(euler)
    assert found.buckling[HYDROSTATIC, 1] == pytest.approx(euler)
    assert np.isinf(found.buckling[:, 0]).all() and np.isinf(found.buckling[SHEAR]).all()
    fixed = strength(elementary_lattice(0), density, effective_length=FIXED)
    assert fixed.buckling[UNIAXIAL, 1] == pytest.approx(4 * euler)


def test_octet_by_hand_where_it_stretches():
    """As of hinged bars: σ/ρ · 3 along a cube's edge (Deshpande et al. 2001) and under pressure, 6
    in shear.
    """
    for density in (1e-4, 1e-6):
        found = strength(elementary_lattice(1), density)
        bending = 10 * np.sqrt(
            density
        )  # moments of bars that are joined rigidly go with radius over length
        assert density * found.peak_stress[UNIAXIAL] == pytest.approx(3, rel=bending)
        assert density * found.peak_stress[SHEAR] == pytest.approx(6, rel=bending)
        assert density * found.peak_stress[HYDROSTATIC] == pytest.approx(3)
        # ρ = 6√2 π (r/L)²: the Euler stress of a bar is π² (r/L)² / 4.
        euler = np.pi * density / (24 * 2**0.5)
        assert found.buckling[UNIAXIAL] == pytest.approx(euler * density / 3, rel=density * 10)
        assert found.buckling[SHEAR] == pytest.approx(euler * density / 6, rel=density * 10)
        assert found.buckling[HYDROSTATIC, 1] == pytest.approx(euler * density / 3)
        assert np.isinf(found.buckling[HYDROSTATIC, 0])


def test_octet_bends_by_its_transverse_displacements():
    """By symmetry its nodes do not turn, so that a strut's moments are those of a beam whose ends
    are displaced.
    """
    density, graph = 0.02, elementary_lattice(1)
    radius, length = graph.radii(density)[0], graph.lengths[0]
    stiffness, _ = end_forces(graph, beam_stiffness(graph.lengths, graph.radii(density), 0.3))
    strain = np.linalg.solve(stiffness, STRESSES[0])
    k = beam_stiffness(np.array([length]), np.array([radius]), 0.3)[0]
    along = np.array([1, 1, 0]) / 2**0.5
    apart = strain[:3] * along * length
    axial, across = apart @ along, np.linalg.norm(apart - (apart @ along) * along)
    peak = k[0, 0] * axial / (np.pi * radius**2) + 4 * abs(k[5, 1]) * across / (np.pi * radius**3)
    assert strength(graph, density).peak_stress[0] == pytest.approx(peak)


def test_loads_are_in_equilibrium_with_the_stress():
    """Virtual work of the ends' forces on any affine displacement, for struts of different
    cross-sections.
    """
    graph = plain_lattices(sample_designs(4, 0, 1)).graph(0)
    graph = replace(graph, areas=np.random.default_rng(1).uniform(0.5, 2, len(graph.struts)))
    radii = graph.radii(0.05)
    stiffness, forces = end_forces(graph, beam_stiffness(graph.lengths, radii, 0.3))
    np.testing.assert_allclose(stiffness, stiffness.T, atol=1e-12 * stiffness.max())
    axial, moment = strut_loads(graph, 0.05, np.eye(6))
    # The trace of the stress: axial forces times lengths, for shear forces do no work along a
    # strut.
    mean = (axial * graph.lengths[:, None]).sum(0) / graph.volume
    assert mean == pytest.approx([1, 1, 1, 0, 0, 0], abs=1e-9)
    assert (moment > 0).all() and forces.shape == (len(graph.struts), 12, 6)


def test_scale_and_description_of_the_cell_do_not_matter():
    graph = plain_lattices(sample_designs(6, 0, 1)).graph(0)
    own, larger, tiled = (
        strength(g, 0.01) for g in (graph, graph.mapped(3 * np.eye(3)), graph.tiled(2))
    )
    for other in (larger, tiled):
        assert other.peak_stress == pytest.approx(own.peak_stress, rel=1e-6)
        assert other.buckling == pytest.approx(own.buckling, rel=1e-6)


def off_in_a_block(general_fe, graph, cells):
    module, ops = general_fe
    return module.off_in_a_block(ops, graph, 0.05, STRESSES, cells).max()


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_block_without_fluctuation_in_opensees(general_fe, kind):
    assert off_in_a_block(general_fe, elementary_lattice(kind), 3) < 1e-12


@pytest.mark.parametrize(
    ("seed", "alike", "bound"), [(3, True, 1e-3), (8, True, 1e-3), (3, False, 0.02)]
)
def test_centre_of_a_finite_block_in_opensees(general_fe, seed, alike, bound):
    """Compounds without cubic symmetry, two and eight nodes in the cell; with radii of their own
    ends reach further.
    """
    graph = plain_lattices(sample_designs(seed, 0, 1)).graph(0)
    if not alike:
        graph = replace(graph, areas=np.random.default_rng(seed).uniform(0.5, 2, len(graph.struts)))
    small, large = (off_in_a_block(general_fe, graph, cells) for cells in (3, 5))
    assert large < bound and large < small / 2
