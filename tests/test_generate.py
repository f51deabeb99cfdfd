"""The generated crystal-network catalogue: symmetric, connected, distinct, reproducible; and its
file.
"""

import numpy as np
import pytest

from trussmap.crystal.catalogue import read_catalogue, write_catalogue
from trussmap.crystal.generate import MOST_NODES, MOST_STRUTS, generate_catalogue, random_net
from trussmap.crystal.space_groups import crystal_system, operations, space_group
from trussmap.lattice.elementary import elementary_lattice
from trussmap.mechanics.homogenization import homogenize_cells
from trussmap.mechanics.homogenization.engine import mechanism
from trussmap.mechanics.homogenization.reference import homogenize_reference
from trussmap.tensors.measures import nmse_frobenius
from trussmap.tensors.stiffness import admissibility

COUNT = 40


@pytest.fixture(scope="module")
def cells():
    return generate_catalogue(COUNT, seed=5, threads=1)


@pytest.fixture(scope="module")
def stiffness(cells):
    return homogenize_cells([cell.graph for cell in cells], 0.02, threads=1)


def strut_set(start, vectors):
    """Struts as rounded fractional middles and vectors, whichever end comes first."""
    middles = np.round((start + vectors / 2) % 1.0, 6) % 1.0
    vectors = np.round(vectors, 6) + 0.0
    flip = [tuple(v) < tuple(-v) for v in vectors]
    return {
        (*m, *v)
        for m, v in zip(
            middles, np.where(np.array(flip)[:, None], -vectors + 0.0, vectors), strict=True
        )
    }


def test_nets_are_invariant_under_their_space_group():
    nets = [net for net in (random_net(7, k) for k in range(60)) if net[1]]
    assert len({number for number, _ in nets}) > 10
    for number, graph in nets:
        rotations, translations = operations(number)
        metric = graph.cell.T @ graph.cell
        start, vectors = graph.nodes[graph.struts[:, 0]], graph.fractional_vectors
        own = strut_set(start, vectors)
        assert len(own) == len(graph.struts)
        for rotation, translation in zip(rotations, translations, strict=True):
            np.testing.assert_allclose(rotation.T @ metric @ rotation, metric, atol=1e-12)
            assert strut_set(start @ rotation.T + translation, vectors @ rotation.T) == own


def test_finished_nets_have_at_least_the_symmetry_they_were_made_with():
    for made, graph in (random_net(8, attempt) for attempt in range(40)):
        if graph:
            order, found = (
                len(np.unique(operations(n)[0], axis=0)) for n in (made, space_group(graph))
            )
            assert found % order == 0  # the order of a group is a multiple of its subgroup's


def test_cells_are_trusses_of_moderate_size(cells):
    assert len(cells) == COUNT
    for cell in cells:
        graph = cell.graph
        assert mechanism(graph) is None
        assert len(graph.nodes) <= MOST_NODES and len(graph.struts) <= MOST_STRUTS
        assert np.bincount(graph.struts.ravel(), minlength=len(graph.nodes)).min() >= 3
        assert np.linalg.norm(graph.cell, axis=0).max() == pytest.approx(1)


def test_struts_keep_their_distance(cells):
    """Points along each strut are no closer to another strut's than half of what is promised, but
    near a joint.
    """
    for cell in cells[:10]:
        graph = cell.graph.tiled(2) if len(cell.graph.nodes) < 4 else cell.graph
        if len(graph.struts) > 60:
            continue
        steps = np.linspace(0.25, 0.75, 9)[:, None, None]
        points = (graph.nodes[graph.struts[:, 0]] + steps * graph.fractional_vectors).transpose(
            1, 0, 2
        )
        gap = points[:, None, :, None] - points[None, :, None]
        gap = np.linalg.norm((gap - np.rint(gap)) @ graph.cell.T, axis=-1).min((2, 3))
        gap[np.diag_indices(len(gap))] = np.inf
        assert gap.min() > 0.05 * graph.lengths.mean()


def test_cells_are_distinct_and_named_by_what_they_are(cells, stiffness):
    assert len({cell.name for cell in cells}) == COUNT
    for k, cell in enumerate(cells):
        word, system, connectivity, group, index = cell.name.split("_")
        assert word == "generated" and int(index) == k + 1
        assert system == crystal_system(int(group[2:]))
        assert float(connectivity[1:]) == pytest.approx(
            2 * len(cell.graph.struts) / len(cell.graph.nodes), abs=0.051
        )
        others = np.delete(stiffness, k, axis=0)
        assert nmse_frobenius(others, stiffness[k]).min() > 1e-10
    assert len({cell.name.split("_")[1] for cell in cells}) >= 6


def test_stiffness_is_admissible_and_has_the_symmetry_of_the_crystal(cells, stiffness):
    lowest, ratio = admissibility(stiffness, 0.02)
    assert (lowest > 0).all() and (ratio < 1).all()
    for cell, c in zip(cells, stiffness, strict=True):
        if "_cub_" in cell.name:
            np.testing.assert_allclose(c[[0, 6, 11]], c[0], rtol=1e-6)
            np.testing.assert_allclose(c[[15, 18, 20]], c[15], rtol=1e-6)


def test_stiffness_agrees_with_a_plain_solver(cells, stiffness):
    for cell, c in list(zip(cells, stiffness, strict=True))[:12]:
        assert nmse_frobenius(homogenize_reference(cell.graph, 0.02), c) < 1e-16


def test_a_cell_depends_on_seed_and_number_alone(cells):
    again = generate_catalogue(12, seed=5, threads=1)
    for a, b in zip(again, cells[:12], strict=True):
        assert a.name == b.name
        for field in ("nodes", "struts", "offsets", "cell"):
            np.testing.assert_array_equal(getattr(a.graph, field), getattr(b.graph, field))
    other = generate_catalogue(12, seed=6, threads=1)
    assert [cell.name for cell in other] != [cell.name for cell in again]


def test_space_groups_of_known_lattices(shared):
    assert space_group(elementary_lattice(0)) == 221
    for cell in read_catalogue(shared / "reference" / "lumpe_sample.lat"):
        assert crystal_system(space_group(cell.graph)) == cell.name.split("_")[0]


@pytest.mark.parametrize("form", ["fundamental", "window"])
def test_file_and_back(cells, stiffness, tmp_path, form):
    path = tmp_path / "generated.lat"
    write_catalogue(cells, path, "generated by trussmap")
    text = path.read_text()
    assert text.count("Source: generated by trussmap") == COUNT
    if form == "window":
        kept = [
            entry.split("\nFundamental edge")[0] + "\n"
            for entry in text.split("----- lattice_transition -----\n")
        ]
        path.write_text("----- lattice_transition -----\n".join(kept))
    read = read_catalogue(path)
    assert [cell.name for cell in read] == [cell.name for cell in cells]
    back = homogenize_cells([cell.graph for cell in read], 0.02, threads=1)
    assert nmse_frobenius(back, stiffness).max() < 1e-10
