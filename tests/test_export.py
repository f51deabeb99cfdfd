import json
import locale
import re
import shutil
import subprocess
import sys
from dataclasses import replace

import lib3mf
import meshio
import numpy as np
import pandas as pd
import pytest
import trimesh

from trussmap.base.errors import InputError
from trussmap.lattice.compound import compound
from trussmap.lattice.elementary import NAMES, elementary_lattice
from trussmap.lattice.graph import PeriodicGraph
from trussmap.parts import files as export
from trussmap.parts.files import (
    squeezing_force,
    write_3mf,
    write_inp,
    write_nodes_and_struts,
    write_part,
    write_structure_csv,
    write_vtk,
)
from trussmap.parts.fill import fill
from trussmap.parts.region import box

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


@pytest.mark.parametrize("suffix", [".vtk", ".vtu"])
def test_paraview_gets_lines_with_radii(tmp_path, octet, suffix):
    part = fill(octet, 0.02, 1.0, box((1, 1, 1)))
    nodes, struts = part.nodes, part.struts
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


@pytest.fixture(scope="module")
def part(octet):
    return fill(octet, 0.03, 2.0, box((4, 3, 5)))


def test_3mf_has_the_beams_and_what_clips_them(tmp_path, part):
    before = locale.setlocale(locale.LC_ALL)
    write_3mf(tmp_path / "part.3mf", part)
    write_3mf(tmp_path / "again.3mf", part)
    assert (tmp_path / "again.3mf").read_bytes() == (tmp_path / "part.3mf").read_bytes()
    assert locale.setlocale(locale.LC_ALL) == before
    model = lib3mf.get_wrapper().CreateModel()
    reader = model.QueryReader("3mf")
    reader.SetStrictModeActive(True)
    with export._own_locale():
        reader.ReadFromFile(str(tmp_path / "part.3mf"))
    assert reader.GetWarningCount() == 0 and model.GetUnit() == lib3mf.ModelUnit.MilliMeter
    items = model.GetBuildItems()
    assert items.MoveNext()
    mesh = model.GetMeshObjectByID(items.GetCurrent().GetObjectResourceID())
    assert not items.MoveNext()
    beams = mesh.BeamLattice()
    points = np.array([list(point.Coordinates) for point in mesh.GetVertices()])
    np.testing.assert_allclose(points, part.nodes, atol=1e-5)
    read = beams.GetBeams()
    assert [list(beam.Indices) for beam in read] == part.struts.tolist()
    np.testing.assert_allclose(
        [list(beam.Radii) for beam in read], np.repeat(part.radii[:, None], 2, 1), rtol=1e-5
    )
    mode, resource = beams.GetClipping()
    assert mode == lib3mf.BeamLatticeClipMode.Inside
    clip = model.GetMeshObjectByID(resource)
    corners = np.array([list(point.Coordinates) for point in clip.GetVertices()])
    assert corners.min(0).tolist() == [0, 0, 0] and corners.max(0).tolist() == [4, 3, 5]


def read_inp(path):
    """Nodes, elements by set, and node sets of a deck."""
    nodes, elements, sets, own = {}, {}, {}, None
    for line in path.read_text().splitlines():
        if line.startswith("*"):
            words = [word.strip() for word in line.upper().split(",")]
            facts = dict(word.split("=") for word in words[1:] if "=" in word)
            own = {"*NODE": nodes, "*ELEMENT": elements.setdefault(facts.get("ELSET"), {})}.get(
                words[0]
            )
            if words[0] == "*NSET":
                own = sets.setdefault(facts["NSET"], {})
        elif own is not None:
            numbers = [float(word) for word in line.split(",") if word.strip()]
            own[int(numbers[0])] = numbers[1:]
    return nodes, {name: rows for name, rows in elements.items() if rows}, sets


@pytest.fixture(scope="module")
def two_radii():
    graph = compound((0, 2, 2), (1, 1, 1))
    graph = replace(graph, areas=np.where(graph.lengths > 0.9, 4.0, 1.0))
    return fill(graph, 0.05, 2.0, box((4, 4, 4)))


@pytest.mark.parametrize("solver", ["calculix", "abaqus"])
def test_a_deck_holds_every_strut_in_the_set_of_its_radius(tmp_path, two_radii, solver):
    part = two_radii
    write_inp(tmp_path / "part.inp", part, 114e3, 0.3, solver, elements=1)
    text = (tmp_path / "part.inp").read_text()
    nodes, elements, sets = read_inp(tmp_path / "part.inp")
    places = np.array([nodes[k + 1] for k in range(len(nodes))])
    clamps = elements.pop("CLAMPS", {})
    set_of = {k: (name, row) for name, rows in elements.items() for k, row in rows.items()}
    assert set_of.keys() == {*range(1, len(part.struts) + 1)}
    for k, (strut, radius) in enumerate(zip(part.struts, part.radii, strict=True), 1):
        name, (a, middle, b) = set_of[k]
        assert [a - 1, b - 1] == strut.tolist()
        np.testing.assert_allclose(places[int(middle) - 1], part.nodes[strut].mean(0), atol=1e-6)
        section = re.search(rf"SECTION, ELSET={name},[^\n]*\n([^,\n]*)[^\n]*\n([^\n]*)", text)
        assert float(section[1]) == pytest.approx(radius, rel=1e-6)
        across = np.array([float(word) for word in section[2].split(",")])
        assert across @ (places[int(b) - 1] - places[int(a) - 1]) == pytest.approx(0, abs=1e-5)
    by_radius = re.findall(r"^\*ELSET, ELSET=(RADIUS_\d)\n((?:\1_AXIS_\d+,\n)+)", text, re.M)
    assert {name for _, names in by_radius for name in names.split(",\n")[:-1]} == elements.keys()
    assert [name for name, _ in by_radius] == ["RADIUS_1", "RADIUS_2"]
    top = np.array([nodes[k] for k in sets["ZMAX"]])
    assert (top[:, 2] == 4).all() and len(top) == (part.nodes[:, 2] == 4).sum()
    held = {*sets["ZMIN"], *sets["ZMAX"]} if solver == "calculix" else set()
    assert {row[0] for row in clamps.values()} == held


def test_exact_beams_of_a_column_and_of_an_inclined_strut():
    """A strut between two clamped ends, closed form: E A cos²/L + 12 E I sin²/(L³ (1 + φ))."""
    for slope in (0.0, 0.75):
        graph = PeriodicGraph(
            np.array([[0.5, 0.5, 0.0]]), np.array([[0, 0]]), np.array([[0, 0, 1]])
        )
        graph = graph.mapped(np.array([[1, 0, slope], [0, 1, 0], [0, 0, 1.0]]))
        part = fill(graph, 0.03, 1.0, box((1.5, 1, 1)))
        assert len(part.struts) == 1 and part.lengths[0] == pytest.approx(np.hypot(1, slope))
        length, radius = part.lengths[0], part.radii[0]
        area, inertia = np.pi * radius**2, np.pi * radius**4 / 4
        shear = area * 6 * 1.3 / (7 + 6 * 0.3) / 2.6
        sway = 12 * inertia / length**3 / (1 + 12 * inertia / (shear * length**2))
        expected = 114e3 * 0.01 * (area / length + sway * slope**2) / length**2
        assert squeezing_force(part, 114e3) == pytest.approx(expected, rel=1e-9)


def computed(folder):
    """Force of a deck ``part.inp`` by its energy and by its reactions, with the numbers that it
    names.
    """
    text = (folder / "part.inp").read_text()
    run = subprocess.run(["ccx", "-i", "part"], cwd=folder, capture_output=True, text=True)
    assert run.returncode == 0 and "*ERROR" not in run.stdout, run.stdout[-2000:]
    results = (folder / "part.dat").read_text()
    energy = float(re.search(r"internal energy for set STRUTS.+\n\n(.+)", results)[1])
    reaction = float(re.search(r"total force .+ for set ZMIN.+\n\n(.+)", results)[1].split()[2])
    shift = float(re.search(r"^\*\* The force on a face is F = 2\*ELSE/(.+)\.$", text, re.M)[1])
    exact = float(re.search(r"^\*\* Exact Timoshenko beams have F = (.+)\.$", text, re.M)[1])
    return 2 * energy / shift, reaction, exact


needs_ccx = pytest.mark.skipif(
    not shutil.which("ccx"), reason="CalculiX (ccx) is not installed: no deck is computed"
)


@needs_ccx
@pytest.mark.parametrize(
    ("name", "density", "size", "elements", "within"),
    [
        ("octet", 0.03, (4, 3, 5), 2, 2e-4),
        ("octet", 0.03, (4, 3, 5), 1, 2e-4),
        ("simple_cubic", 0.05, (6, 6, 6), 2, 1e-6),  # struts lie in its faces
        ("body_centred_cubic", 0.01, (4, 4, 10), 2, 5e-4),  # 99 % of the energy bends
        ("body_centred_cubic", 0.3, (4, 4, 4), 2, 5e-3),  # struts of 3.7 diameters
        ("two radii", 0.05, (4, 4, 4), 2, 2e-4),
    ],
)
def test_calculix_has_the_force_of_exact_beams(
    tmp_path, octet, two_radii, name, density, size, elements, within
):
    """Decks of round solid sections clamped at lone struts had 0.96 to 1.05 of it at a face."""
    if name == "two radii":
        part = two_radii
    else:
        graph = octet if name == "octet" else elementary_lattice(NAMES.index(name))
        part = fill(graph, density, 2.0, box(size))
    write_inp(tmp_path / "part.inp", part, 114e3, 0.3, elements=elements)
    energy, reaction, exact = computed(tmp_path)
    assert exact == pytest.approx(squeezing_force(part, 114e3, 0.3), rel=1e-5)
    assert energy == pytest.approx(exact, rel=within)
    assert reaction == pytest.approx(exact, rel=within)


@needs_ccx
@pytest.mark.parametrize("elements", [1, 2])
def test_the_case_whose_force_was_5_percent_too_low(tmp_path, shared, elements):
    case = shared / "cases" / "part_calculix_minus_5_percent.csv"
    trussmap = [sys.executable, "-c", "from trussmap.cli import main; main()", "part", str(case)]
    options = ["--out", str(tmp_path), "--cell-size-mm", "2", "--box", "4", "4", "4"]
    options += ["--elements", str(elements)] if elements != export.ELEMENTS else []
    subprocess.run([*trussmap, *options], check=True, capture_output=True)
    struts = json.loads((tmp_path / "part.json").read_text())["struts"]
    assert f"ELSET=STRUTS, GENERATE\n1,{struts * elements}\n" in (tmp_path / "part.inp").read_text()
    energy, reaction, exact = computed(tmp_path)
    assert energy == pytest.approx(exact, rel=1e-3)
    assert reaction == pytest.approx(exact, rel=1e-3)


def test_a_deck_for_abaqus_asks_for_the_energy(tmp_path, part):
    write_inp(tmp_path / "part.inp", part, 114e3, 0.3, "abaqus")
    text = (tmp_path / "part.inp").read_text()
    assert "F = 2*ALLSE/0.05." in text
    assert "*ENERGY OUTPUT, ELSET=STRUTS\nALLSE\n" in text
    assert "*ELASTIC\n114000,0.3\n" in text and "ORIENTATION" not in text


def test_a_large_part_has_a_deck_without_the_force_of_exact_beams(tmp_path, part, monkeypatch):
    monkeypatch.setattr(export, "MOST_SOLVED", 100)
    write_inp(tmp_path / "part.inp", part, 114e3)
    assert "not solved here: more than 100 struts" in (tmp_path / "part.inp").read_text()


def test_less_than_one_element_is_refused(tmp_path, part):
    with pytest.raises(InputError, match="0 elements to a strut: expected at least 1"):
        write_inp(tmp_path / "part.inp", part, 114e3, elements=0)


def test_a_deck_without_nodes_in_faces_has_no_load_and_that_is_said(tmp_path, octet, part):
    """A step that names sets without nodes would end CalculiX."""
    whole = fill(octet, 0.03, 2.0, box((4, 3, 5)), free_ends=False)
    assert "no load in the deck" in write_part(tmp_path / "whole", whole, 114e3)["remark"]
    assert "no load" not in write_part(tmp_path / "part", part, 114e3)["remark"]
    for name in ("whole", "part"):
        text = (tmp_path / f"{name}.inp").read_text()
        assert ("*STEP" in text) == (name == "part")
        bounds = re.findall(r"^([XYZ]M\w\w),", text, re.MULTILINE)
        assert {*bounds} <= {*re.findall(r"NSET=(\w+)$", text, re.MULTILINE)}


def test_a_part_has_all_its_files_or_none(tmp_path, part, monkeypatch):
    facts = write_part(tmp_path / "part", part, 114e3)
    assert {path.suffix for path in tmp_path.iterdir()} == {".stl", ".3mf", ".inp", ".vtk", ".json"}
    mesh = trimesh.load(tmp_path / "part.stl")
    assert mesh.is_watertight and mesh.volume == pytest.approx(facts["volume_mm3"], rel=1e-4)
    with pytest.raises(InputError, match="expected calculix or abaqus"):
        write_part(tmp_path / "other", part, 114e3, solver="ansys")
    monkeypatch.setitem(sys.modules, "lib3mf", None)
    with pytest.raises(InputError, match="lib3mf cannot be loaded"):
        write_part(tmp_path / "other", part, 114e3)
    assert not list(tmp_path.glob("*other*"))
