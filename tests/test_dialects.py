"""One matrix as programs and people write it comes out the same; what stays refused is named at its
line.
"""

import json

import numpy as np
import pandas as pd
import pytest
from given import read_file

from trussmap.base.errors import InputError
from trussmap.targets.matrices import MATRIX
from trussmap.targets.sheets import read_sheet
from trussmap.tensors.stiffness import COLUMNS, COMPONENTS, ROWS, pack, unpack

# Symmetric, positive definite, all constants different.
C = np.round(np.cov(np.random.default_rng(3).normal(size=(6, 50))), 3)
#: Young's modulus of a base material far stiffer than any of the targets.
MODULUS = 1e7
TENSOR = np.array([[0, 5, 4], [5, 1, 3], [4, 3, 2]])  # places of ij in Voigt order
VASP = [0, 1, 2, 5, 3, 4]
ABAQUS = [0, 1, 2, 5, 4, 3]


def lines(form="{:.3f}", between=" ", matrix=C):
    return [between.join(form.format(value) for value in row) for row in matrix]


def text(rows):
    return "\n".join(rows)


def labelled(labels, rows, form="{} {}"):
    return text(form.format(label, row) for label, row in zip(labels, rows, strict=True))


def named(form, between="\n"):
    return between.join(
        form.format(name=name, i=name[1], j=name[2], value=value)
        for name, value in zip(COMPONENTS, pack(C), strict=False)
    )


def wrapped(title, rows, labels=""):
    """Columns 1 to 4, then 5 and 6, each below a title."""
    halves = [[row.split()[cut] for row in rows] for cut in (slice(0, 4), slice(4, 6))]
    blocks = [
        [labels.format(k) + " ".join(half) for k, half in enumerate(part, 1)] for part in halves
    ]
    return "\n\n".join(
        f"{head}\n\n{text(block)}" for head, block in zip(title, blocks, strict=True)
    )


FORMS = {
    "VASP": "TOTAL ELASTIC MODULI\nDirection XX YY ZZ XY YZ ZX\n-----\n"
    + labelled(["XX", "YY", "ZZ", "XY", "YZ", "ZX"], lines(matrix=C[VASP][:, VASP])),
    "components as numbers": "11 22 33 12 13 23\n" + text(lines(matrix=C[ABAQUS][:, ABAQUS])),
    "components of rows alone": labelled(["xx", "yy", "zz", "yz", "xz", "xy"], lines()),
    "thermo_pw, CASTEP": " Elastic constants C_ij\n i j=   1  2  3  4  5  6\n"
    + labelled("123456", lines()),
    "numbers of rows": labelled(range(6), lines()),
    "numbers of rows, triangle": text(
        f"{k + 1} {' '.join(row.split()[k:])}" for k, row in enumerate(lines())
    ),
    "numbers of columns": "1 2 3 4 5 6\n" + text(lines()),
    "names of both": " C1 C2 C3 C4 C5 C6\n" + labelled([f"C{k}" for k in range(1, 7)], lines()),
    "CRYSTAL": "SYMMETRIZED ELASTIC CONSTANTS, ALL\n\n"
    + text("|" + " ".join(row.split()[k:]) + "|" for k, row in enumerate(lines())),
    "R": " [,1] [,2] [,3] [,4] [,5] [,6]\n" + labelled([f"[{k},]" for k in range(1, 7)], lines()),
    "R, wrapped": wrapped([" [,1] [,2] [,3] [,4]", " [,5] [,6]"], lines(), "[{},] "),
    "R code": "matrix(c(" + ", ".join(map(str, C.ravel())) + "), nrow=6, byrow=TRUE)",
    "Octave": "C =\n\n" + wrapped([" Columns 1 through 4:", " Columns 5 and 6:"], lines()),
    "MATLAB, a factor": "C =\n\n   1.0e+03 *\n\n" + text(lines("{:.6f}", matrix=C / 1000)),
    "Julia": "6×6 Matrix{Float64}:\n" + text(lines()),
    "Julia, code": "C = [" + "\n  ".join(lines()) + "]",
    "pandas": str(pd.DataFrame(C)),
    "pandas, Markdown": "|  | 0 | 1 | 2 | 3 | 4 | 5 |\n|---:|---|---|---|---|---|---|\n"
    + labelled(range(6), lines(between=" | "), "| {} | {} |"),
    "table in Markdown": f"| name | {' | '.join(COMPONENTS)} |\n{'|---' * 22}|\n"
    f"| a | {' | '.join(map(str, pack(C)))} |",
    "table of pandas": pd.DataFrame(pack(C)[None], columns=COMPONENTS).to_string(),
    "SymPy": "Matrix([\n" + ",\n".join(f"[{row}]" for row in lines(between=", ")) + "])",
    "Maple": "Matrix(6, 6, [" + ",".join(f"[{row}]" for row in lines(between=", ")) + "])",
    "NumPy scalars": str([[np.float64(value) for value in row] for row in C]),
    "NumPy, two": repr(np.array([C, C])),
    "Python with comments": "C = np.array([  # in order\n"
    + ",\n".join(f"  [{row}]" for row in lines(between=", "))
    + "],  # end\n dtype=float)",
    "C": "double c[6][6] = {\n" + ",\n".join(f"{{{row}}}" for row in lines(between=", ")) + "\n};",
    "a list in YAML": "tensor:\n" + text(f"  - [{row}]" for row in lines(between=", ")),
    "Mathematica": "{{" + "},\n{".join(lines("{:.3f}`", ", ")) + "}} // MatrixForm",
    "Mathematica, exponents": "c = {{" + "},\n{".join(lines("{:.3f}*^0", ", ")) + "}};",
    "LaTeX, bmatrix": "\\begin{bmatrix}\n"
    + " \\\\\n".join(lines(between=" & "))
    + "\n\\end{bmatrix}",
    "LaTeX, in one line": "$\\mathbf{C} = \\begin{pmatrix}"
    + " \\\\ ".join(lines(between=" & "))
    + "\\end{pmatrix}$",
    "LaTeX, array": "C_{ij} = \\left[\\begin{array}{cccccc}\n"
    + " \\\\[2pt]\n".join(lines("\\num{{{:.3f}}}", " & "))
    + "\n\\end{array}\\right]",
    "LaTeX, tabular": "\\begin{tabular}{lcccccc}\\hline\n & 1 & 2 & 3 & 4 & 5 & 6 \\\\ \\hline\n"
    + labelled(range(1, 7), lines("${:.3f}$", " & "), "{} & {} \\\\")
    + "\n\\end{tabular}",
    "LaTeX, symmetric": "\\begin{bmatrix}\n"
    + "\\\\\n".join(" & ".join("" if j < i else f"{C[i, j]}" for j in range(6)) for i in range(6))
    + "\n\\end{bmatrix}",
    "LaTeX, a factor": "10^3 \\times \\begin{bmatrix}"
    + "\\\\".join(lines("{:.6f}", " & ", C / 1000))
    + "\\end{bmatrix}",
    "dashes below": text(
        " ".join("-" if j < i else f"{C[i, j]}" for j in range(6)) for i in range(6)
    ),
    "JSON, a list": json.dumps(C.tolist()),
    "JSON, a name": json.dumps(
        {"id": 7, "femur": {"stiffness": C.tolist()}, "structure": [[1, 0, 0], [0, 1, 0]]}
    ),
    "JSON, constants": json.dumps([{"name": "a"} | dict(zip(COMPONENTS, pack(C), strict=False))]),
    "JSON, 3×3×3×3": json.dumps({"input_array": C[TENSOR[:, :, None, None], TENSOR].tolist()}),
    "JSON, compliance too": json.dumps(
        {"elastic_tensor": C.tolist(), "compliance_tensor": np.linalg.inv(C).tolist()}
    ),
    "a dict of Python": str({"raw": C.tolist()}),
    "constants by name": named("{name} = {value}"),
    "constants in a line": named("{name}={value}", ", "),
    "constants in LaTeX": named("C_{{{i}{j}}} = {value},"),
    "constants in Fortran": named("C({i},{j}) = {value}d0;"),
    "constants in two columns": "constant\tvalue\n" + named("{name}\t{value}"),
    "constants of LAMMPS": named("Elastic Constant {name}all = {value}"),
    "constants in a row each": ",femur,tibia\n" + named("{name},{value},{value}"),
    "Fortran": text(lines("{:.5e}")).replace("e", "D"),
    "Fortran without letter": text(lines("{:.3f}-000")),
    "minus signs": text(lines(between=";")).replace("-", "\u2212").replace(".", ","),
    "dashes and wide blanks": text(lines(between="\u2003")).replace("-", "\u2013"),
    "× 10^n": text(lines("{:.3f} × 10^0")),
    "comments behind": "% stiffness\n" + text(f"{row} % C{k}" for k, row in enumerate(lines(), 1)),
    "commas at the ends": text(f"{row}," for row in lines(between=", ")),
    "bars": text(lines(between=" | ")),
    "blank lines": "\n\n".join(lines()),
    "a heading with numbers": "Sample 1 of 3, E = 114 GPa\n" + text(lines()),
    "a heading with stars": "*** elastic constants ***\n" + text(lines()),
}


def taken(tmp_path, content, **choice):
    (tmp_path / "t.txt").write_text(content)
    return read_file(tmp_path / "t.txt", MODULUS, **choice)


@pytest.mark.parametrize("form", FORMS)
def test_one_matrix_in_the_forms_of_many_programs(tmp_path, form):
    found = taken(tmp_path, FORMS[form])
    assert not found.faults and len(found.names) == 1 + (
        form in ("NumPy, two", "constants in a row each")
    )
    for target in found.goal.targets:
        np.testing.assert_allclose(unpack(target) * MODULUS, C, atol=1e-9)


@pytest.mark.parametrize(
    "case",
    [
        "vasp_block.txt",
        "thermo_pw.txt",
        "row_index.txt",
        "markdown.txt",
        "fortran_d.txt",
        "mathematica.txt",
        "latex.txt",
        "unicode_minus.csv",
        "paren_unc.txt",
        "mp_json.json",
        "abaqus_card.inp",
        "asym_dft.txt",
    ],
)
@pytest.mark.parametrize("order", ["voigt", None])
def test_the_handed_cases_have_the_right_value(shared, case, order):
    own = {"vasp_block.txt": "ansys", "abaqus_card.inp": "abaqus"}.get(case, "voigt")
    found = read_file(shared / "cases" / case, 700.0, order=order or own, unit="GPa")
    right = np.zeros((6, 6))
    right[ROWS, COLUMNS] = [
        *(2, 0.8, 0.7, 0.02, -0.05, 0.01, 1.6, 0.6, 0.03, 0.01, -0.02),
        *(2.4, -0.01, 0.04, 0.02, 0.55, 0.02, 0.01, 0.45, 0.03, 0.7),
    ]
    tolerance = 0.0011 if case == "asym_dft.txt" else 1e-12
    for target in found.goal.targets:
        np.testing.assert_allclose(target * 700, pack(right), atol=tolerance)
    assert found.names == ["ieee_format", "raw"] or len(found.names) == 1


def test_labels_give_the_order_and_another_one_is_refused(tmp_path):
    found = taken(tmp_path, FORMS["VASP"], order="vasp")
    assert found.labelled and any("order ansys" in note for note in found.notes)
    with pytest.raises(
        InputError, match=r"the file gives its components in the order ansys.*no --order abaqus"
    ):
        taken(tmp_path, FORMS["VASP"], order="abaqus")
    with pytest.raises(InputError, match="line 2: rows and columns have labels in two orders"):
        taken(
            tmp_path,
            "xx yy zz yz xz xy\n" + labelled(["xx", "yy", "zz", "xy", "yz", "xz"], lines()),
        )
    with pytest.raises(InputError, match="labels in several orders, or with and without"):
        taken(tmp_path, FORMS["VASP"] + "\n\nanother\n" + text(lines()))
    scale = np.r_[np.ones(3), np.full(3, 2**0.5)]
    mandel = labelled(
        ["xx", "yy", "zz", "yz", "xz", "xy"], lines("{:.12g}", matrix=C * scale * scale[:, None])
    )
    np.testing.assert_allclose(
        taken(tmp_path, mandel, order="mandel").goal.targets[0] * MODULUS, pack(C)
    )


def test_deviations_in_parentheses_or_behind_a_sign(tmp_path):
    for form in (
        "{:.3f}(20)",
        "{:.3f} ± 0.02",
        "{:.3f}+/-0.02",
        "{:.3f}(0.02)",
        "({:.3f}±0.020)e0",
    ):
        sheet = read_sheet(_written(tmp_path, text(lines(form))))
        assert sheet.table[[f"{name}_sd" for name in COMPONENTS]].astype(
            float
        ).to_numpy() == pytest.approx(0.02)
        np.testing.assert_allclose(sheet.table[MATRIX].astype(float).to_numpy().reshape(6, 6), C)
    goal = taken(tmp_path, "C11,C12,C44\n2.00(1),0.5(2),1(1)\n").goal
    assert goal.weights[0, [0, 1, 15]].tolist() == pytest.approx([1, 0.05, 0.01])
    zero = text(lines("{:.2f}(3)")).replace(f"{C[0, 1]:.2f}(3)", "0")
    found = taken(tmp_path, zero)
    assert any(
        "constants are 0 without a deviation; the smallest one, 0.03" in note
        for note in found.notes
    )
    with pytest.raises(InputError, match="column C11_sd: a second deviation"):
        taken(tmp_path, "C11,C11_sd\n2.00(1),0.1\n")


def _written(tmp_path, content):
    (tmp_path / "t.txt").write_text(content)
    return tmp_path / "t.txt"


@pytest.mark.parametrize(
    ("content", "unit", "factor", "found"),
    [
        ("C_ij (kBar)\n{}", "", 1, "kbar"),
        ("C_ij (kBar)\n{}", "GPa", 0.1, "GPa"),
        ("moduli in N/mm²\n{}", "GPa", 1e-3, "GPa"),
        ("stiffness [Mbar]:\n{}", "GPa", 100, "GPa"),
        ("\\begin{{pmatrix}}{}\\end{{pmatrix}}\\,\\mathrm{{GPa}}", "MPa", 1000, "MPa"),
        ("{}", "MPa", 1, ""),
        ("{}", "my own unit", 1, ""),
    ],
)
def test_a_unit_that_the_file_names_is_converted_or_printed(tmp_path, content, unit, factor, found):
    rows = " \\\\ ".join(lines(between=" & ")) if "pmatrix" in content else text(lines())
    sheet = taken(tmp_path, content.format(rows), unit=unit)
    np.testing.assert_allclose(unpack(sheet.goal.targets[0]) * MODULUS, C * factor)
    assert sheet.unit == found and bool(sheet.notes) == bool(found)


def test_units_of_columns_of_cells_and_of_several_kinds(tmp_path):
    assert taken(tmp_path, "E (GPa),nu\n10,0.3\n", unit="MPa").goal.targets[
        0, 15
    ] * MODULUS == pytest.approx(1e4 / 2.6)
    assert taken(tmp_path, text(lines("{:.3f} MPa"))).unit == "MPa"
    mixed = taken(tmp_path, "E1 [GPa],E2 [MPa],nu12\n1,1000,0.3\n")
    assert mixed.goal.engineering[0, :2].tolist() == [1 / MODULUS, 1 / MODULUS]
    for content, says in (
        ("C (10^3 MPa)\n" + text(lines()), "line 1: a power of ten with the unit"),
        ("E [10^3 MPa],nu\n1,0.3\n", r"column E: \[10\^3 MPa\]; expected a unit of stress"),
        ("C11 [1/GPa] C12 [GPa]\n1 2\n", r"column C11: \[1/GPa\]"),
        ("E [GPa],nu\n1 MPa,0.3\n\n1,0.2", ""),
    ):
        if says:
            with pytest.raises(InputError, match=says):
                taken(tmp_path, content)
    with pytest.raises(
        InputError, match="names the unit kbar, which cannot be converted to furlong"
    ):
        taken(tmp_path, "C (kbar)\n" + text(lines()), unit="furlong")
    noted = taken(tmp_path, "C in GPa or MPa\n" + text(lines())).notes
    assert noted == [
        "line 1: the units GPa and MPa in one heading; expected one; none of them is taken"
    ]


@pytest.mark.parametrize(
    ("content", "unit", "factor"),
    [
        ("# all constants in MPa\nC11,C12,C44\n2000,800,600\n", "GPa", 1e-3),
        ("# tissue modulus 18 GPa\nC11,C12,C44\n2000,800,600\n", "", 1),
        ("name,C11,C12,C44\n,MPa,MPa,MPa\na,2000,800,600\n", "GPa", 1e-3),
        ("name;C11 / MPa;C12 / MPa;C44 / MPa\na;2000;800;600\n", "GPa", 1e-3),
        ("units: MPa\nC11 = 2000\nC12 = 800\nC44 = 600\n", "GPa", 1e-3),
        ("C11 [MPa] = 2000\nC12 [MPa] = 800\nC44 [MPa] = 600\n", "GPa", 1e-3),
        ("a bar of PA\nC11 = 2000\nC12 = 800\nC44 = 600\n", "", 1),
    ],
)
def test_units_above_below_and_beside_names_of_constants(tmp_path, content, unit, factor):
    found = taken(tmp_path, content, unit="GPa")
    assert found.unit == unit
    assert found.goal.targets[0, 0] * MODULUS == pytest.approx(2000 * factor)


def test_the_whole_print_of_a_code_with_what_stands_between(tmp_path):
    """As thermo_pw: labels, a line on units that equal each other, then the compliances."""
    table = "i j=   1  2  3  4  5  6\n" + labelled("123456", lines())
    middle = "1 bar = 10^5 Pa; 10 kbar = 1 GPa; 1 atm = 1.01325 bar\n1 Mbar = 10^11 Pa"
    found = taken(
        tmp_path, f"Elastic constants C_ij (Kbar)\n{table}\n\n{middle}\n\nS_ij (1/Mbar)\n{table}\n"
    )
    assert found.names == ["Elastic constants C_ij"] and found.unit == "kbar" and not found.faults
    np.testing.assert_allclose(unpack(found.goal.targets[0]) * MODULUS, C)


def test_compliances_by_their_headings_are_left_out(tmp_path):
    both = (
        f"Elastic stiffness (GPa)\n{text(lines())}\n\nElastic compliance (1/GPa)\n{text(lines())}\n"
    )
    found = taken(tmp_path, both)
    assert (
        found.names == ["Elastic stiffness"]
        and "a compliance by its heading, left out" in found.notes[0]
    )
    with pytest.raises(InputError, match="matrix from line 2: a compliance by its heading"):
        taken(tmp_path, "Compliance tensor\n" + text(lines()))
    inverse = text(lines("{:.12g}", matrix=np.linalg.inv(C)))
    both = f"Stiffness (GPa)\n{text(lines())}\n\nCompliances S_ij (1/TPa)\n{inverse}\n"
    found = taken(tmp_path, both, compliance=True, unit="GPa")
    np.testing.assert_allclose(unpack(found.goal.targets[0]) * MODULUS, 1000 * C, atol=1e-6)
    with pytest.raises(
        InputError, match="the unit GPa is of a stiffness; expected no --compliance"
    ):
        taken(tmp_path, "moduli in GPa\n" + text(lines()), compliance=True)
    table = (
        ",".join(f"S{name[1:]} [1/TPa]" for name in COMPONENTS)
        + "\n"
        + ",".join(map(str, pack(np.linalg.inv(C))))
    )
    found = taken(tmp_path, table, compliance=True, unit="GPa")
    np.testing.assert_allclose(unpack(found.goal.targets[0]) * MODULUS, 1000 * C, atol=1e-6)


DECK = """** a deck
*Heading
 two materials
*MATERIAL, NAME=iso
*Elastic
210., 0.3, 20.
200., 0.3, 400.
*Density
7.8e-9,
*material,
 name = "weave"
*ELASTIC, TYPE = ENGINEERING CONSTANTS
1., 2., 4., 0.1, 0.2, 0.3, 0.5, 0.6,
0.7
*MATERIAL, NAME=ortho
*ELASTIC,TYPE=ORTHO
2., 0.8, 1.6, 0.7, 0.6, 2.4, 0.7, 0.45
0.55, 20.
*MATERIAL, NAME=aniso
*ELASTIC, TYPE=ANISOTROPIC
{}
*SOLID SECTION, MATERIAL=aniso, ELSET=all
1.,
"""


def test_cards_of_all_types_among_other_keywords(tmp_path):
    order = np.lexsort((ROWS, COLUMNS))
    numbers = [f"{value}" for value in pack(C[np.ix_(ABAQUS, ABAQUS)])[order]]
    card = ",\n".join(", ".join(numbers[k : k + 8]) for k in (0, 8, 16))
    found = taken(tmp_path, DECK.format(card), order="abaqus")
    assert (
        found.names == ["iso at 20", "iso at 400", "weave", "ortho", "aniso"] and not found.faults
    )
    iso, _, weave, ortho, aniso = unpack(found.goal.targets) * MODULUS
    assert np.linalg.inv(iso)[0, 0] == pytest.approx(1 / 210) and iso[3, 3] == pytest.approx(
        210 / 2.6
    )
    assert np.linalg.inv(weave).diagonal() == pytest.approx(1 / np.array([1, 2, 4, 0.7, 0.6, 0.5]))
    assert np.linalg.inv(weave)[0, 2] == pytest.approx(-0.2)
    assert ortho.diagonal() == pytest.approx([2, 1.6, 2.4, 0.55, 0.45, 0.7]) and ortho[
        0, 2
    ] == pytest.approx(0.7)
    np.testing.assert_allclose(aniso, C)
    assert taken(tmp_path, DECK.format(card)).names == found.names
    with pytest.raises(InputError, match=r"in the order abaqus.*no --order ansys"):
        taken(tmp_path, DECK.format(card), order="ansys")


@pytest.mark.parametrize(
    ("card", "says"),
    [
        (
            "*ELASTIC, TYPE=LAMINA\n1,1,0.3,0.4,0.4,0.4\n",
            "line 1: .*TYPE=LAMINA holds no stiffness of a solid",
        ),
        ("*ELASTIC, TYPE=ANISO\n1,2,3\n", "line 2: 3 numbers from here on; expected 21"),
        ("*ELASTIC, TYPE=ORTHO\n1,2,x\n", "line 2: 'x' is not a number; expected 9"),
        ("*ELASTIC\n1,0.6\n", "line 2: E = 1 and nu = 0.6"),
        ("*ELASTIC\n*DENSITY\n1.\n", "line 1: .*without numbers"),
        (
            "*ELASTIC, TYPE=ENGINEERING CONSTANTS\n1,0,1,0,0,0,1,1\n1\n",
            "line 2: E2 = 0; expected a positive modulus",
        ),
        ("TB,ANEL,1\nTBDATA,1,2.0\n", "line 1: cards of another program"),
    ],
)
def test_cards_of_no_stiffness_are_named(tmp_path, card, says):
    with pytest.raises(InputError, match=says):
        taken(tmp_path, card)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (text(lines()).replace(f"{C[1, 1]:.3f}", "soft"), "line 2: 'soft' is not a number"),
        (
            text(lines(between=",")).replace(f"{C[1, 1]:.3f}", "1.6x"),
            "line 2: '1.6x' is not a number",
        ),
        (text(lines()).replace("-", "- "), "line 1: '-' is not a number"),
        (text(lines()).replace(" ", "", 1), "line 1: '.*' is not a number|5, 6, 6"),
        (text(lines()[:5]), "line 1: 6, 6, 6, 6, 6 numbers in the lines from here on"),
        (labelled("abcdef", lines()), "line 1: labels a, b, c, d, e, f in front of the rows"),
        ("C = [[1 2 ... 6]\n [2 3 ... 7]]", "line 1: '...' is not a number"),
        (f"C = {C.tolist()} * 1e9", r"line 1: '\* 1e9' behind a matrix"),
        (
            "C =\n Columns 1 through 4:\n" + text(" ".join(row.split()[:4]) for row in lines()),
            "without the rest",
        ),
        ('{"C": [[1, 2],\n [3,}', "line 2: not valid JSON"),
        (json.dumps({"C": C.tolist()[:5]}), "C: 6, 6, 6, 6, 6 numbers"),
        (json.dumps({"C": [["x", *row[1:]] for row in C.tolist()]}), "C: labels x, x"),
        (json.dumps({"lattice": [[1, 0], [0, 1]]}), "no stiffness in it"),
        ("[" * 3000, "lists within lists"),
        ("C11 = 1\nC12 = 0.1\nC11, C22 = 3 4\n", "line 3: 'C11, C22 = 3 4' is no constant by name"),
    ],
)
def test_what_stays_refused_is_refused_for_its_own_reason(tmp_path, content, says):
    with pytest.raises(InputError, match=says):
        taken(tmp_path, content)


def test_the_sheet_of_a_workbook_that_holds_constants_is_read(tmp_path):
    with pd.ExcelWriter(tmp_path / "t.xlsx") as book:
        pd.DataFrame({"note": ["see the next sheet"]}).to_excel(
            book, sheet_name="about", index=False
        )
        labels = ["XX", "YY", "ZZ", "XY", "YZ", "ZX"]
        vasp = pd.DataFrame(C[VASP][:, VASP], columns=labels, index=labels)
        vasp.to_excel(book, sheet_name="moduli", startrow=2, startcol=1)
        pd.DataFrame(2 * C).to_excel(book, sheet_name="second", header=False, index=False)
    found = read_file(tmp_path / "t.xlsx", MODULUS)
    np.testing.assert_allclose(unpack(found.goal.targets[0]) * MODULUS, C)
    assert "the worksheet moduli is read, about, second left out" in found.notes
    found = read_file(tmp_path / "t.xlsx", MODULUS, worksheet="second")
    np.testing.assert_allclose(unpack(found.goal.targets[0]) * MODULUS / 2, C)
    with pytest.raises(
        InputError, match="no worksheet third; expected one of about, moduli, second"
    ):
        read_file(tmp_path / "t.xlsx", MODULUS, worksheet="third")
    with pytest.raises(InputError, match="worksheet about"):
        read_file(tmp_path / "t.xlsx", MODULUS, worksheet="about")
