import numpy as np
import pytest

from trussmap.crystal.catalogue import read_catalogue
from trussmap.errors import InputError

CUBIC = """
Name: cub_test

Normalized unit cell parameters (a,b,c,alpha,beta,gamma):
1.00000, 1.00000, 1.00000, 90.0, 90.0, 90.0
"""
# A simple cubic lattice whose struts are all cut by the faces of the window.
SHIFTED_SIMPLE_CUBIC = """
Nodal positions:
0.30000 0.40000 0.00000
0.30000 0.40000 1.00000
0.30000 0.00000 0.20000
0.30000 1.00000 0.20000
0.00000 0.40000 0.20000
1.00000 0.40000 0.20000
0.30000 0.40000 0.20000

Bar connectivities:
1 7
2 7
3 7
4 7
5 7
6 7
"""
CUBE_EDGES = """
Nodal positions:
0 0 0
1 0 0
0 1 0
1 1 0
0 0 1
1 0 1
0 1 1
1 1 1

Bar connectivities:
1 2
3 4
5 6
7 8
1 3
2 4
5 7
6 8
1 5
2 6
3 7
4 8
"""


def read(tmp_path, *entries):
    path = tmp_path / "cells.lat"
    path.write_text("".join(f"----- lattice_transition -----{entry}\n" for entry in entries))
    return read_catalogue(path)


def test_struts_cut_at_faces_are_joined_and_struts_on_edges_counted_once(tmp_path):
    """Both windows hold the same simple cubic lattice."""
    cut, edges = read(tmp_path, CUBIC + SHIFTED_SIMPLE_CUBIC, CUBIC.replace("test", "edges") + CUBE_EDGES)
    for cell in (cut, edges):
        assert len(cell.graph.nodes) == 1
        np.testing.assert_allclose(sorted(np.abs(cell.graph.vectors).tolist()), np.eye(3)[::-1], atol=1e-12)
        assert not cell.compliance


def test_a_strut_through_several_faces_is_one(tmp_path):
    window = """
Nodal positions:
0.5 0.5 0.5
1.0 0.75 0.625
0.0 0.75 0.625
0.5 1.0 0.75
0.5 0.0 0.75
1.0 0.25 0.875
0.0 0.25 0.875
0.25 0.375 0.9375

Bar connectivities:
1 2
3 4
5 6
7 8
1 8
"""
    (cell,) = read(tmp_path, CUBIC + window)
    long = cell.graph.vectors[np.argmax(cell.graph.lengths)]
    np.testing.assert_allclose(np.abs(long), [1.75, 0.875, 0.4375])
    assert len(cell.graph.struts) == 2


def test_cells_agree_in_both_forms_and_numberings(reference_dir, tmp_path):
    """Windows of the sample, renumbered from 1 and without fundamental block, give the same lattices."""
    path = reference_dir / "lumpe_sample.lat"
    windows, section = [], None
    for line in path.read_text().splitlines():
        if line.startswith(("Nodal", "Bar", "Fundamental", "-----")):
            section = line.split()[0]
        if section == "Fundamental":
            continue
        if section == "Bar" and line[:1].isdigit():
            line = " ".join(str(int(word) + 1) for word in line.split())
        windows.append(line)
    (tmp_path / "windows.lat").write_text("\n".join(windows))
    original, windowed = read_catalogue(path), read_catalogue(tmp_path / "windows.lat")
    assert [cell.name for cell in original] == [cell.name for cell in windowed]
    for a, b in zip(original, windowed, strict=True):
        assert (len(a.graph.nodes), len(a.graph.struts)) == (len(b.graph.nodes), len(b.graph.struts))
        moments = [np.einsum("ki,kj->ij", g.vectors, g.vectors) for g in (a.graph, b.graph)]
        np.testing.assert_allclose(moments[0], moments[1], atol=1e-9)


def test_stiffness_agrees_with_abaqus(reference_dir):
    """Frobenius error of the compliance at most 1.5 %; the published mesh is coarse."""
    from trussmap.homogenization import homogenize_cells
    from trussmap.stiffness import mandel_compliance

    cells = [cell for cell in read_catalogue(reference_dir / "lumpe_sample.lat") if cell.compliance]
    assert len(cells) == 6
    ours = mandel_compliance(homogenize_cells([cell.graph for cell in cells], 0.01))
    for cell, compliance in zip(cells, ours, strict=True):
        published = cell.compliance[0.01]
        error = np.linalg.norm(compliance - published) / np.linalg.norm(published)
        assert error < 0.015, f"{cell.name}: {error:.4f}"


VALID = CUBIC + CUBE_EDGES
FUNDAMENTAL = (
    CUBIC
    + """
Compliance tensors (Mandel) start (flattened upper triangular)
-> at relative density 0.01:
300,0,0,0,0,0,300,0,0,0,0,300,0,0,0,9e4,0,0,9e4,0,9e4
Compliance tensors (Mandel) end

Nodal positions:
0 0.5 0.5
0.5 0 0.5
0.5 0.5 0
0.5 0.5 0.5
0.5 0.5 1
0.5 1 0.5
1 0.5 0.5

Bar connectivities:
0 3
1 3
2 3
3 4
3 5
3 6

Fundamental edge adjacency
3 3
3 3
3 3

Fundamental tesselation vectors
1 0 0
0 1 0
0 0 1
"""
)


def test_the_fundamental_form_carries_its_compliance(tmp_path):
    (cell,) = read(tmp_path, FUNDAMENTAL)
    np.testing.assert_allclose(np.diag(cell.compliance[0.01])[:3], 300)
    assert len(cell.graph.nodes) == 1 and len(cell.graph.struts) == 3


@pytest.mark.parametrize(
    ("entry", "old", "new", "says"),
    [
        (VALID, "Bar connectivities:", "Rods:", ["Bar connectivities", "missing"]),
        (VALID, "Nodal positions:", "Points:", ["Nodal positions", "missing"]),
        (VALID, "1.00000, 1.00000, 1.00000,", "1.00000, 1.00000,", ["line 5", "6 numbers"]),
        (VALID, "90.0, 90.0, 90.0", "90.0, 90.0, 190.0", ["line 5", "angles"]),
        (VALID, "90.0, 90.0, 90.0", "30.0, 30.0, 90.0", ["line 5", "volume"]),
        (VALID, "\n1 1 0\n", "\n1 nan 0\n", ["line 11", "3 numbers"]),
        (VALID, "\n1 1 0\n", "\n1 1.7 0\n", ["line 11", "between 0 and 1"]),
        (VALID, "\n5 6\n", "\n5 6.5\n", ["line 20", "2 integers"]),
        (VALID, "\n5 6\n", "\n5 six\n", ["line 20", "2 integers"]),
        (VALID, "\n5 6\n", "\n5 60\n", ["line 20", "between 1 and 8"]),
        (VALID, "\n5 6\n", "\n5 5\n", ["line 20", "without length"]),
        (VALID, "\nName: cub_test\n", "\n", ["line 1", "no name"]),
        (CUBIC + SHIFTED_SIMPLE_CUBIC, "\n1.00000 0.4", "\n1.00000 0.7", ["opposite face"]),
        (FUNDAMENTAL, "\n0 1 0\n", "\n", ["2 tesselation vectors for 3"]),
        (FUNDAMENTAL, "\n0 1 0\n", "\n0 0.5 0\n", ["3 integers"]),
        (FUNDAMENTAL, "Fundamental tesselation vectors", "Vectors:", ["tesselation", "missing"]),
        (FUNDAMENTAL, "9e4,0,9e4", "9e4,0", ["line 9", "21 numbers"]),
        (FUNDAMENTAL, "300,0,0,0,0,300", "300,0,0,0,0,nan", ["line 9", "21 numbers"]),
        (FUNDAMENTAL, "density 0.01", "density 2", ["line 8", "between 0 and 1"]),
    ],
)
def test_malformed_entries_are_refused_by_line(tmp_path, entry, old, new, says):
    assert old in entry
    with pytest.raises(InputError) as refusal:
        read(tmp_path, entry.replace(old, new, 1))
    for part in ["cells.lat", *says]:
        assert part in str(refusal.value)


def test_a_file_that_is_no_catalogue(tmp_path):
    (tmp_path / "text.lat").write_text("hello\n")
    with pytest.raises(InputError, match="no entry"):
        read_catalogue(tmp_path / "text.lat")
    with pytest.raises(InputError, match="no such file"):
        read_catalogue(tmp_path / "nothing.lat")
