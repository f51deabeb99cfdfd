"""`import trussmap as tm`: quick to import, and the same numbers, files and sentences as by the
command line.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import trimesh

import trussmap as tm
from trussmap.designs.table import read_designs_csv
from trussmap.lattice.descriptor import DESIGN_COLUMNS, sample_designs
from trussmap.mechanics.homogenization import homogenize_designs
from trussmap.mechanics.homogenization.reference import homogenize_reference
from trussmap.report.design import number
from trussmap.tensors.stiffness import COMPONENTS, isotropic, pack, unpack

CORNERS = np.stack(np.meshgrid(*[[0.0, 1.0]] * 3, indexing="ij"), -1).reshape(-1, 3)


@pytest.fixture(scope="module")
def table():
    return pd.DataFrame(sample_designs(12, 0, 6), columns=DESIGN_COLUMNS)


def test_importing_loads_nothing_until_asked():
    code = "import sys, trussmap; assert not {'numpy', 'pandas', 'torch', 'numba'} & {*sys.modules}; trussmap.Lattice"
    code += (
        "; assert not {'torch', 'matplotlib', 'trimesh'} & {*sys.modules}; print(*dir(trussmap))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert {*tm.__all__} <= {*run.stdout.split()}
    with pytest.raises(AttributeError, match="no attribute 'lattice_of'"):
        tm.lattice_of  # noqa: B018


def test_a_table_of_designs_and_its_lattices_have_the_same_stiffness(table):
    found = tm.homogenize(table, youngs_modulus=114.0, poisson_ratio=0.25)
    np.testing.assert_allclose(
        found.to_frame()[COMPONENTS],
        114 * homogenize_designs(table.to_numpy(), poisson_ratio=0.25),
        rtol=1e-12,
    )
    assert len(found) == len(table)
    again = tm.homogenize(found[:3], youngs_modulus=114.0, poisson_ratio=0.25)
    np.testing.assert_allclose(again.stiffness, found.stiffness[:3], rtol=1e-9, atol=1e-12)
    e1 = 1 / np.linalg.inv(found.stiffness)[:, 0, 0]
    np.testing.assert_allclose(found.to_frame()["E1"], e1)


def test_a_cell_as_it_is_drawn_is_the_lattice_that_it_tiles():
    """Struts on faces stand four times in the drawing, once in the lattice; a box that is no cube;
    two radii.
    """
    edges = [
        (i, j) for i in range(8) for j in range(i) if np.abs(CORNERS[i] - CORNERS[j]).sum() == 1
    ]
    diagonals = [(k, 8) for k in range(8)]
    nodes = np.vstack([CORNERS, [[0.5, 0.5, 0.5]]]) * [1.0, 2.0, 3.0]
    radii = [0.2] * len(edges) + [0.1] * len(diagonals)
    drawn = tm.Lattice.from_struts(nodes, edges + diagonals, 0.04, cell=[1, 2, 3], radii=radii)
    assert len(drawn.graph.nodes) == 2 and len(drawn.graph.struts) == 3 + 8
    ratio = drawn.radii / drawn.radii.min()
    assert sorted(np.round(ratio, 9)) == [1.0] * 8 + [2.0] * 3
    struts = drawn.to_frame()
    assert (struts["length"] * struts["radius"] ** 2 * np.pi).sum() == pytest.approx(0.04 * 6)
    expected = homogenize_reference(drawn.graph, 0.04)
    np.testing.assert_allclose(
        pack(tm.homogenize(drawn).stiffness[0]), expected, rtol=1e-8, atol=1e-12
    )
    offsets = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    by_offsets = tm.Lattice.from_struts([[0.3, 0.2, 0.1]], [[0, 0]] * 3, 0.03, offsets=offsets)
    cubic = tm.Lattice.from_elementary("simple_cubic", relative_density=0.03)
    np.testing.assert_allclose(tm.homogenize([by_offsets, cubic]).stiffness.std(0), 0, atol=1e-15)


def test_designs_are_those_of_the_command_line_in_the_units_of_the_target(tmp_path, table):
    target = 200.0 * unpack(homogenize_designs(table.to_numpy()[:1]))
    found = tm.design(target, youngs_modulus=200.0, keep=2)
    frame = found.to_frame()
    assert frame["rank"].tolist() == [1, 2] and frame["relative_error_percent"][0] < 1e-4
    assert np.abs(found.stiffness[0] / target[0] - 1).max() < 1e-4
    np.testing.assert_allclose(pack(found.stiffness), frame[COMPONENTS])
    pd.DataFrame(pack(target), columns=COMPONENTS).to_csv(tmp_path / "targets.csv", index=False)
    pd.testing.assert_frame_equal(
        tm.design(tmp_path / "targets.csv", youngs_modulus=200.0).to_frame(), frame
    )
    command = [Path(sys.executable).with_name("trussmap"), "design", tmp_path / "targets.csv"]
    command += ["--youngs-modulus", "200", "--out", tmp_path / "out"]
    subprocess.run([*map(str, command)], check=True, capture_output=True)
    written = read_designs_csv(tmp_path / "out" / "designs.csv")
    pd.testing.assert_frame_equal(written, frame, check_dtype=False)
    again = tm.homogenize(found[0], youngs_modulus=200.0)
    np.testing.assert_allclose(again.stiffness[0], found.stiffness[0], rtol=1e-6, atol=1e-8)
    page = found.to_html(tmp_path / "second.html", which=1, unit="MPa")
    assert (tmp_path / "second.html").read_text() == page
    c11 = number(target[0, 0, 0]), number(frame["C11"][1])
    assert r"<td>C11</td>" + "".join(f'<td class="n">{text}</td>' for text in c11) in page
    figure = found.plot(tmp_path / "best.png")
    assert (tmp_path / "best.png").stat().st_size > 10_000 and figure.axes
    part = found.to_stl(tmp_path / "best.stl", cell_size_mm=2.0, box=(2, 3, 2))
    mesh = trimesh.load(tmp_path / "best.stl")
    assert mesh.is_watertight and mesh.volume == pytest.approx(part.mesh.volume, rel=1e-4)


def test_compliances_are_inverted_and_asked_about_where_they_are_given_as_stiffness(table):
    stiffness = 200.0 * unpack(homogenize_designs(table.to_numpy()[:1]))
    quick = {"keep": 1, "draws": 10, "refine": "none"}
    found = tm.design(stiffness, 200.0, **quick).to_frame()
    inverted = tm.design(np.linalg.inv(stiffness), 200.0, compliance=True, **quick).to_frame()
    pd.testing.assert_frame_equal(inverted, found, rtol=1e-6)
    with pytest.raises(
        tm.InputError, match="columns S11…S66: the compliance is not positive definite"
    ):
        tm.design(pack(isotropic()) * [1, 3, 3, *[1] * 18], 1.0, compliance=True)
    with pytest.warns(UserWarning, match="look like compliances"):
        tm.design(np.linalg.inv(isotropic(5.0)), 100.0, **quick)


def test_only_topologies_that_networks_do_not_propose():
    octet = tm.homogenize(tm.Lattice.from_elementary("octet", relative_density=0.05)).stiffness[0]
    asked = {"yield_stress": 0.01, "load": [0, 0, -1e-4, 0, 0, 0], "diameter_error_percent": 5}
    found = tm.design(octet, 1.0, topologies=[0], keep=1, **asked).to_frame()
    assert found["topology"].tolist() == [0]
    assert found["relative_error_percent"].notna().all()
    assert found["load_yield_factor"][0] == pytest.approx(found["yield_stress_33"][0] / 1e-4)
    assert 1 < found["printing_relative_error_percent"][0] < 20


def test_torch_differentiates_own_lattices_and_topologies():
    own = tm.Lattice.from_elementary(
        "octet", relative_density=0.02, deformation=np.diag([1.0, 1.2, 0.9])
    )
    density = torch.tensor([0.02, 0.05], dtype=torch.float64, requires_grad=True)
    stretch = torch.eye(3, dtype=torch.float64).repeat(2, 1, 1).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda rho, a: tm.differentiable_stiffness([own, own], rho, a),
        (density, stretch),
        eps=1e-6,
        atol=1e-6,
    )
    value = tm.differentiable_stiffness([own, own], density)
    np.testing.assert_allclose(
        unpack(value.detach().numpy())[0], tm.homogenize(own).stiffness[0], rtol=1e-9, atol=1e-15
    )
    numbered = tm.differentiable_stiffness([0], torch.tensor([0.03], dtype=torch.float64))
    assert numbered[0, 0].item() == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (
            lambda: tm.Lattice.from_elementary("kagome", relative_density=0.1),
            "kagome: expected some of simple_cubic",
        ),
        (
            lambda: tm.Lattice.from_topology(197, 0.1),
            "topology 197: expected a number from 0 to 196",
        ),
        (lambda: tm.Lattice.from_topology(3, 1.5), "relative density 1.5"),
        (
            lambda: tm.Lattice.from_topology(3, 0.1).to_stl("a.pdf", 2.0),
            "a.pdf: expected a name that ends in .stl",
        ),
        (
            lambda: tm.homogenize(tm.Lattice.from_topology(3, 0.1)).plot("a.pdf"),
            "a.pdf: .* ends in .png",
        ),
        (lambda: tm.Lattice.from_topology(3, 0.1, np.zeros((3, 3))), "flattens the cell"),
        (
            lambda: tm.Lattice.from_struts([[0, 0]], [[0, 0]], 0.1),
            "nodes: expected n × 3 finite numbers",
        ),
        (
            lambda: tm.Lattice.from_struts([[0, 0, 0]], [[0, 1]], 0.1),
            "struts, row 1: expected two of the 1 nodes",
        ),
        (
            lambda: tm.Lattice.from_struts(CORNERS, [[0, 1], [2, 6]], 0.1),
            "connects to its periodic images in 2 of 3",
        ),
        (
            lambda: tm.Lattice.from_struts(CORNERS, [[0, 7]], 0.1, cell=[1, 1, 0]),
            "cell: it has no volume",
        ),
        (
            lambda: tm.Lattice.from_struts(CORNERS, [[0, 7]], 0.1, radii=[-1]),
            "radii, row 1: expected numbers above 0",
        ),
        (lambda: tm.homogenize(pd.DataFrame({"U1": [1.0]})), "missing column relative_density"),
        (
            lambda: tm.homogenize(tm.Lattice.from_topology(0, 0.1), poisson_ratio=0.5),
            "poisson_ratio 0.5",
        ),
        (
            lambda: tm.homogenize(tm.Lattice.from_topology(0, 0.1), youngs_modulus=-1),
            "youngs_modulus -1",
        ),
        (lambda: tm.design(np.eye(5), 1.0), "6 × 6 or 21 constants"),
        (lambda: tm.design("C11", 1.0), "no such file"),
        (lambda: tm.design(-isotropic(), 1000.0), "not positive definite"),
        (
            lambda: tm.design(np.arange(36.0).reshape(6, 6), 1000.0),
            "row 1: the matrix is not symmetric",
        ),
        (lambda: tm.design(isotropic(), 1.0), "Voigt bound"),
        (
            lambda: tm.design(isotropic(), 1000.0, order="nye"),
            "order nye: expected voigt, abaqus, ansys, mandel",
        ),
        (
            lambda: tm.design(isotropic(), 1000.0, refine="slow"),
            "refine slow: expected none, quick, thorough",
        ),
        (lambda: tm.design(isotropic(), 1000.0, family="all"), "family all"),
        (lambda: tm.design(isotropic(), 1000.0, buckling_length=3), "buckling_length 3"),
        (lambda: tm.design(isotropic(), 1000.0, load=[1, 2]), "load: expected 6 finite numbers"),
        (
            lambda: tm.differentiable_stiffness([400], torch.tensor([0.1])),
            "topologies from 0 to 196",
        ),
        (lambda: tm.differentiable_stiffness([4, 5], torch.tensor([0.1])), "expected \\(2,\\)"),
    ],
)
def test_bad_input_ends_in_one_sentence(call, says):
    with pytest.raises(tm.InputError, match=says) as caught:
        call()
    assert str(caught.value).count(". ") == 0


def test_words_are_those_of_the_command_line(table):
    """Each was once refused or unknown in Python, though the command and the docstring had it."""
    target = 200.0 * unpack(homogenize_designs(table.to_numpy()[:1]))
    quick = {"keep": 1, "draws": 10, "topologies": [0, 4]}
    words = {"closeness": "log-euclidean", "family": "areas", "minimise": "radius-ratio"}
    ratio = tm.design(target, 200.0, **words, **quick).to_frame()["radius_ratio"][0]
    assert (
        ratio
        <= tm.design(target, 200.0, **(words | {"minimise": None}), **quick).to_frame()[
            "radius_ratio"
        ][0]
    )
    with pytest.raises(tm.InputError, match="minimise mass"):
        tm.design(target, 200.0, **(words | {"minimise": "mass"}), **quick)
