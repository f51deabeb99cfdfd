import re

import numpy as np
import pytest

from trussmap.base.errors import InputError
from trussmap.crystal.catalogue import (
    CatalogueCell,
    read_catalogue,
    take_catalogue,
    write_catalogue,
)
from trussmap.crystal.labels import homogenize_catalogue, label_errors
from trussmap.lattice.elementary import elementary_lattice
from trussmap.tensors.stiffness import MANDEL_WEIGHT, pack

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
    cut, edges = read(
        tmp_path, CUBIC + SHIFTED_SIMPLE_CUBIC, CUBIC.replace("test", "edges") + CUBE_EDGES
    )
    for cell in (cut, edges):
        assert len(cell.graph.nodes) == 1
        np.testing.assert_allclose(
            sorted(np.abs(cell.graph.vectors).tolist()), np.eye(3)[::-1], atol=1e-12
        )
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


def test_cells_agree_in_both_forms_and_numberings(shared, tmp_path):
    """Windows of the sample, renumbered from 1 and without fundamental block, give the same
    lattices.
    """
    path = shared / "reference" / "lumpe_sample.lat"
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
        assert (len(a.graph.nodes), len(a.graph.struts)) == (
            len(b.graph.nodes),
            len(b.graph.struts),
        )
        moments = [np.einsum("ki,kj->ij", g.vectors, g.vectors) for g in (a.graph, b.graph)]
        np.testing.assert_allclose(moments[0], moments[1], atol=1e-9)


def test_stiffness_agrees_with_abaqus(shared):
    """Frobenius error of the compliance at most 1.5 %; the published mesh is coarse."""
    from trussmap.mechanics.homogenization import homogenize_cells
    from trussmap.tensors.stiffness import mandel_compliance

    cells = [
        cell
        for cell in read_catalogue(shared / "reference" / "lumpe_sample.lat")
        if cell.compliance
    ]
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
        (FUNDAMENTAL, "at relative density", "at density", ["line 8", "-> at relative density R"]),
        (FUNDAMENTAL, "(Mandel) end", "", ["line 10", "inside 'Compliance tensors'"]),
        (FUNDAMENTAL, "(flattened upper", "(flattened lower", ["line 7", "lower triangular"]),
        (FUNDAMENTAL, "9e4,0,9e4", "9e4,0,1_0", ["line 9", "21 numbers"]),
        (FUNDAMENTAL, "Nodal positions:", "Nodal positions (cartesian):", ["line 12", "cartesian"]),
        (FUNDAMENTAL, "\n0 1 0\n", "\n0 1 -0.99\n", ["line 36", "3 integers"]),
        (FUNDAMENTAL, "\n0 1 0\n", "\n0 0 0 0 1 0\n", ["line 36", "3 integers"]),
        (FUNDAMENTAL, "\n3 3\n", "\n3 7\n", ["line 30", "between 0 and 6"]),
        (FUNDAMENTAL, "\nNodal", "\nBar radii:\n0.1\n\nNodal", ["line 12", "Bar radii"]),
        (FUNDAMENTAL, "\nNodal", "\n1 2 3\nNodal", ["line 12", "belongs to no section"]),
        (FUNDAMENTAL, "\nNodal", "\n---- other ----\nNodal", ["line 12", "belongs to no"]),
        (VALID, "\nBar", "\nnan 0 0\nBar", ["line 17", "3 numbers"]),
    ],
)
def test_malformed_entries_are_refused_by_line(tmp_path, entry, old, new, says):
    assert old in entry
    with pytest.raises(InputError) as refusal:
        read(tmp_path, entry.replace(old, new, 1))
    for part in ["cells.lat", *says]:
        assert part in str(refusal.value)


# Struts along x, y and z of a unit cube, with radii that make up a relative density of 0.05.
RADII = np.sqrt(np.array([0.02, 0.02, 0.01]) / np.pi)
RADII_ROWS = f"""
Fundamental edge radii start
-> at relative density 0.05:
{",".join(f"{radius:.6f}" for radius in RADII)}
-> at relative density 0.012500000000321:
{",".join(f"{radius / 2:.6f}" for radius in RADII)}
Fundamental edge radii end
"""
WITH_RADII = FUNDAMENTAL.replace("\nNodal", RADII_ROWS + "\nNodal")


def stiffness(cell, density):
    [row], faults = homogenize_catalogue([cell], density)
    assert not faults
    return row.stiffness


def test_radii_of_a_density_are_used(tmp_path):
    """Simple cubic: C_ii is the share of the cross-section along axis i."""
    (cell,) = read(tmp_path, WITH_RADII)
    np.testing.assert_allclose(stiffness(cell, 0.05)[[0, 6, 11]], [0.02, 0.02, 0.01], rtol=1e-4)
    np.testing.assert_allclose(stiffness(cell, 0.0125)[[0, 6, 11]], [5e-3, 5e-3, 2.5e-3], rtol=1e-4)
    rows, faults = homogenize_catalogue([cell])
    assert [row.relative_density for row in rows] == [0.05, 0.012500000000321] and not faults
    rows, faults = homogenize_catalogue([cell], 0.03)
    assert not rows and "0.05, 0.0125" in faults[0] and "cub_test" in faults[0]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (r"0\.05:\n[^,]+,", "0.05:\n", ["line 14", "expected 3 numbers"]),
        (r"0\.05:\n[^,]+,", "0.05:\n-0.1,", ["line 14", "positive radii"]),
        (r"0\.05:\n[^,]+,", "0.05:\nnan,", ["line 14", "3 numbers"]),
        ("density 0.05:", "density 0.2:", ["line 14", "0.05, not 0.2"]),
        ("0.012500000000321", "0.05", ["line 15", "twice"]),
        (r"edge radii start\n", "edge radii start\n1 1 1\n", ["line 13", "-> at relative density"]),
        ("Fundamental edge radii start\n", "", ["line 12", "belongs to no section"]),
        ("edge radii end", "edge diameters end", ["line 17", "radii end"]),
        (r"Fundamental edge adj[^$]*", "", ["Fundamental edge adjacency", "missing"]),
    ],
)
def test_radii_that_cannot_be_meant(tmp_path, old, new, says):
    entry = re.sub(old, new, WITH_RADII, count=1)
    assert entry != WITH_RADII
    with pytest.raises(InputError) as refusal:
        read(tmp_path, entry)
    for part in says:
        assert part in str(refusal.value)


def test_a_strut_listed_twice_counts_once_unless_its_radii_differ(tmp_path):
    twice = WITH_RADII.replace("\n3 3\n\nFund", "\n3 3\n3 3\n\nFund")
    twice = twice.replace("\n0 0 1\n", "\n0 0 1\n0 0 -1\n")
    same = re.sub(r"(,[\d.]+)\n(->|Fundamental edge radii end)", r"\1\1\n\2", twice)
    (cell,) = read(tmp_path, same)
    np.testing.assert_allclose(stiffness(cell, 0.05)[[0, 6, 11]], [0.02, 0.02, 0.01], rtol=1e-4)
    other = re.sub(r"(,[\d.]+)\n(->|Fundamental edge radii end)", r"\1,0.1\n\2", twice)
    with pytest.raises(InputError, match="edges 3 and 4 are one strut with two radii"):
        read(tmp_path, other)


def test_both_forms_of_tesselation_vectors_and_of_numbers_are_one_lattice(tmp_path):
    (plain,) = read(tmp_path, FUNDAMENTAL)
    variants = [
        FUNDAMENTAL.replace("\n1 0 0\n0 1 0\n0 0 1", "\n0 0 0 1 0 0\n-1 1 0 -1 2 0\n0 0 1 0 0 2"),
        FUNDAMENTAL.replace("\n0 1 0\n0 0 1\n", "\n0 0.99999 -0.00001\n0.0e+00 0 1.0D0\n"),
        FUNDAMENTAL.replace("\n3 3\n3 3\n3 3\n", "\n3.0 3.0\n\n3\t3\n3,3\n"),
        FUNDAMENTAL.replace("\n", "\r\n"),
        FUNDAMENTAL.replace("tesselation", "Tessellation").replace("Nodal pos", "nodal pos"),
        FUNDAMENTAL.replace("gamma):\n", "gamma): "),
    ]
    for variant in variants:
        assert variant != FUNDAMENTAL
        (cell,) = read(tmp_path, variant)
        np.testing.assert_array_equal(stiffness(cell, 0.01), stiffness(plain, 0.01))
        assert {*cell.compliance} == {0.01}


def test_notation_and_form_of_compliances(tmp_path):
    (plain,) = read(tmp_path, FUNDAMENTAL)
    mandel = plain.compliance[0.01]
    voigt = ",".join(f"{value:.8g}" for value in pack(mandel) * MANDEL_WEIGHT)
    full = "\n".join(" ".join(f"{value:g}" for value in row) for row in mandel)
    given = re.search(r"^300,.*$", FUNDAMENTAL, re.MULTILINE)[0]
    for variant in (
        FUNDAMENTAL.replace(given, voigt).replace(" (Mandel)", ""),
        FUNDAMENTAL.replace(given, voigt).replace("(Mandel)", "(Voigt)"),
        FUNDAMENTAL.replace(given, full),
        FUNDAMENTAL.replace(given, given.replace(",", ",\n")),
    ):
        (cell,) = read(tmp_path, variant)
        np.testing.assert_allclose(cell.compliance[0.01], mandel)
    with pytest.raises(InputError, match="not symmetric"):
        read(tmp_path, FUNDAMENTAL.replace(given, full.replace("300 0", "300 7", 1)))


def test_a_fundamental_block_needs_no_bars(tmp_path):
    bars = re.compile(r"Bar connectivities:\n(\d \d\n)+\n")
    (plain,), (bare,) = read(tmp_path, FUNDAMENTAL), read(tmp_path, bars.sub("", FUNDAMENTAL))
    np.testing.assert_array_equal(stiffness(bare, 0.01), stiffness(plain, 0.01))


def test_a_cell_without_stiffness_or_density_is_named(tmp_path):
    loose = FUNDAMENTAL.replace("\n1 0 0\n", "\n0 1 1\n").replace("cub_test", "loose")
    cells = read(tmp_path, FUNDAMENTAL, loose, VALID.replace("cub_test", "window"))
    rows, faults = homogenize_catalogue(cells)
    assert [row.cell.name for row in rows] == ["cub_test"]
    assert "line 39: cell loose has no definite stiffness: it connects" in faults[0]
    assert "window: the file gives no relative density" in faults[1]


def test_bad_cells_are_skipped_and_named_and_unknown_sections_noted(tmp_path):
    bad = FUNDAMENTAL.replace("cub_test", "bad").replace("\n0 1 0\n", "\n0 0.5 0\n")
    odd = FUNDAMENTAL.replace("cub_test", "odd").replace(
        "\nNodal", "\nColour: red\n\nForces start\n1\nForces end\n\nNodal"
    )
    entries = [FUNDAMENTAL, bad, odd, FUNDAMENTAL]
    path = tmp_path / "cells.lat"
    text = "".join(f"----- lattice_transition -----{entry}\n" for entry in entries)
    path.write_text(f"exported\n{text}")
    taken = take_catalogue(path)
    assert [cell.name for cell in taken.cells] == ["cub_test", "odd", "cub_test (2)"]
    [fault] = taken.faults
    assert "cell bad" in fault and "'0 0.5 0'; expected 3 integers" in fault
    assert len(taken.notes) == 4
    for part in ("line 1: 'exported'", "'Colour'", "'Forces'", "'cub_test' stands twice"):
        assert any(part in note for note in taken.notes)


def test_written_cells_are_read_again(tmp_path):
    (cell,) = read(tmp_path, WITH_RADII.replace("300,0", "300,-99.5"))
    octet = elementary_lattice(1)
    radii = {0.1: np.full(len(octet.struts), np.sqrt(0.1 / (np.pi * octet.lengths.sum())))}
    path = tmp_path / "written.lat"
    write_catalogue([cell, CatalogueCell("octet", octet, radii=radii)], path)
    again, other = read_catalogue(path)
    assert [*again.radii] == [*cell.radii]
    for density in cell.radii:
        np.testing.assert_allclose(stiffness(again, density), stiffness(cell, density), atol=1e-15)
    np.testing.assert_allclose(again.compliance[0.01], cell.compliance[0.01])
    alike = CatalogueCell("octet", octet)
    np.testing.assert_allclose(stiffness(other, 0.1), stiffness(alike, 0.1), atol=1e-12)
    graph, density = cell.at(0.05)
    with pytest.raises(InputError, match="several cross-sections"):
        write_catalogue([CatalogueCell("lost", graph)], path)


@pytest.mark.parametrize(
    ("file", "cells", "median", "worst"),
    [
        ("lumpe_sample.lat", 6, 0.0002, 0.007),
        ("labelled_edge_radii.lat", 13, 0.0008, 0.008),
        ("labelled_voigt.lat", 10, 0.002, 0.047),
    ],
)
def test_labels_of_finite_elements_are_met(shared, file, cells, median, worst):
    """Relative differences of the stiffness; docs/validation.md has their reasons."""
    taken = take_catalogue(shared / "reference" / file)
    assert not taken.faults and not taken.notes
    labelled = [cell for cell in taken.cells if cell.compliance]
    rows, faults = homogenize_catalogue(labelled, labelled=True)
    assert len(labelled) == cells and not faults
    assert len(rows) == sum(len(cell.compliance) for cell in labelled)
    errors = [label_errors(row)[0] for row in rows]
    assert np.median(errors) < median and max(errors) < worst


def test_radii_in_another_order_miss_the_labels(shared):
    """The comparison tells right radii from wrong ones."""
    taken = take_catalogue(shared / "reference" / "labelled_edge_radii.lat")
    cell = taken.cells[0]
    alike = CatalogueCell(cell.name, cell.graph, cell.compliance)
    rows, _ = homogenize_catalogue([alike], labelled=True)
    assert min(label_errors(row)[0] for row in rows) > 0.1


def test_a_file_that_is_no_catalogue(tmp_path):
    (tmp_path / "text.lat").write_text("hello\n")
    with pytest.raises(InputError, match="no entry"):
        read_catalogue(tmp_path / "text.lat")
    with pytest.raises(InputError, match="no such file"):
        read_catalogue(tmp_path / "nothing.lat")
