import meshio
import numpy as np
import pandas as pd
import pytest
import trimesh

from trussmap.errors import InputError
from trussmap.export import block, write_nodes_and_struts, write_stl, write_structure_csv, write_vtk
from trussmap.lattice.compound import compound

# A map that keeps volume and no symmetry.
MAP = np.array([[1.3, 0.2, 0.1], [-0.3, 0.9, 0.2], [0.1, -0.2, 1.0]])


@pytest.fixture(scope="module")
def octet():
    return compound((1, 1, 1), (1, 1, 1)).mapped(MAP)


def test_tables_hold_the_whole_lattice(tmp_path, octet):
    paths = write_nodes_and_struts(octet, 0.03, tmp_path / "deep" / "octet")
    nodes, struts, cell = (pd.read_csv(path) for path in paths)
    vectors = cell[["x", "y", "z"]].to_numpy()
    start = nodes[["x", "y", "z"]].to_numpy()[struts["node_1"] - 1]
    end = nodes[["x", "y", "z"]].to_numpy()[struts["node_2"] - 1]
    end = end + struts[["offset_1", "offset_2", "offset_3"]].to_numpy() @ vectors
    np.testing.assert_allclose(end - start, struts[["dx", "dy", "dz"]], atol=1e-12)
    np.testing.assert_allclose(struts["length"], octet.lengths)
    assert (struts["radius"] == 0.03).all() and len(struts) == len(octet.struts)


def test_a_block_holds_each_strut_once(octet):
    nodes, struts = block(octet, 2)
    lengths = np.linalg.norm(nodes[struts[:, 1]] - nodes[struts[:, 0]], axis=1)
    assert lengths.sum() == pytest.approx(8 * octet.lengths.sum())
    assert len(np.unique(np.round(nodes, 9), axis=0)) == len(nodes)


@pytest.mark.parametrize("suffix", [".vtk", ".vtu"])
def test_paraview_gets_lines_with_radii(tmp_path, octet, suffix):
    nodes, struts = block(octet, 1)
    radii = np.linspace(0.01, 0.02, len(struts))
    write_vtk(tmp_path / f"octet{suffix}", nodes, struts, radii)
    mesh = meshio.read(tmp_path / f"octet{suffix}")
    np.testing.assert_allclose(mesh.points, nodes)
    np.testing.assert_array_equal(mesh.cells_dict["line"], struts)
    np.testing.assert_allclose(mesh.cell_data["radius"][0], radii)


def test_a_structure_as_tables(tmp_path):
    write_structure_csv(np.eye(3), [[0, 1], [1, 2]], [0.1, 0.2], tmp_path)
    struts = pd.read_csv(tmp_path / "struts.csv")
    assert struts["node_2"].tolist() == [2, 3] and struts["radius"].tolist() == [0.1, 0.2]
    assert pd.read_csv(tmp_path / "nodes.csv").columns.tolist() == ["node", "x", "y", "z"]


@pytest.mark.parametrize(("types", "density"), [((0, 0, 0), 0.003), ((1, 1, 1), 0.02), ((5, 2, 5), 0.1)])
def test_printed_block_is_watertight_and_has_the_volume_of_its_density(tmp_path, types, density):
    """Below ρ·V by the overlap at the nodes, which is small for slender struts."""
    graph = compound(types, (1, 1, 1)).mapped(MAP)
    facts = write_stl(tmp_path / "block.stl", graph, density, cells=2, cell_size_mm=2.5)
    mesh = trimesh.load(tmp_path / "block.stl")
    assert mesh.is_watertight and mesh.body_count == 1 and facts["watertight"]
    assert facts["nominal_volume_mm3"] == pytest.approx(density * 5**3)
    share = mesh.volume / facts["nominal_volume_mm3"]
    assert share == pytest.approx(facts["volume_mm3"] / facts["nominal_volume_mm3"], rel=1e-4)
    assert 1 - 2 * density**0.5 < share < 1
    # the mesh fills the block and nothing beyond it
    corners = np.stack(np.meshgrid(*[[0, 2]] * 3), -1).reshape(-1, 3) @ graph.cell.T
    corners *= 2.5 / graph.volume ** (1 / 3)
    np.testing.assert_allclose(mesh.bounds, [corners.min(0), corners.max(0)], atol=0.4)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"cells": 0}, "block of 0 cells"),
        ({"cells": 1.5}, "integer"),
        ({"cell_size_mm": -1.0}, "cell size -1"),
        ({"relative_density": 2.0}, "relative density 2"),
    ],
)
def test_impossible_blocks(tmp_path, octet, options, says):
    with pytest.raises(InputError, match=says):
        write_stl(tmp_path / "block.stl", octet, **{"relative_density": 0.01, **options})
    assert not list(tmp_path.iterdir())
