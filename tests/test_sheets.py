"""Sheets of numbers in the forms that people have them, which all are the same matrix."""

import io
import re
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest

from trussmap.base.errors import InputError
from trussmap.targets.matrices import MATRIX
from trussmap.targets.shapes import ABAQUS_CARD
from trussmap.targets.sheets import read_sheet
from trussmap.tensors.stiffness import COLUMNS, COMPONENTS, ROWS, pack

C = np.round(
    np.cov(np.random.default_rng(1).normal(size=(6, 40))) * 100, 3
)  # symmetric, all entries different


def lines(matrix, separator):
    return "\n".join(separator.join(f"{value:g}" for value in row) for row in matrix)


TEXTS = {
    "blanks": lines(C, " "),
    "commas": lines(C, ", "),
    "tabs": lines(C, "\t"),
    "decimal commas and tabs": lines(C, "\t").replace(".", ","),
    "decimal commas and semicolons": lines(C, ";").replace(".", ","),
    "decimal commas and blanks": lines(C, "  ").replace(".", ","),
    "numpy": repr(C),
    "lists": str(C.tolist()),
    "MATLAB": "C = [" + "; ".join(" ".join(map(str, row)) for row in C.tolist()) + "];",
    "upper triangle": "\n".join(" ".join(map(str, C[i, i:])) for i in range(6)),
    "lower triangle": "\n".join(" ".join(map(str, C[i, : i + 1])) for i in range(6)),
    "zeros below": lines(np.triu(C), ","),
    "zeros above": lines(np.tril(C), ","),
    "21 in a row": " ".join(map(str, pack(C))),
    "36 in a row": ",".join(map(str, C.ravel())),
    "Byte order mark": "\ufeff" + lines(C, ";"),
    "header": ",".join(COMPONENTS) + "\n" + ",".join(map(str, pack(C))),
    "header in other words": "\t".join(f"c_{n[1:]} [GPa]" for n in COMPONENTS)
    + "\n"
    + "\t".join(map(str, pack(C))),
    "name with another mark": "name,"
    + ",".join(COMPONENTS)
    + "\na; b,"
    + ",".join(map(str, pack(C))),
    "title": "Bone of 2024\n"
    + ";".join(COMPONENTS)
    + "\n"
    + ";".join(map(str, pack(C))).replace(".", ","),
}


def values(sheet):
    assert not sheet.faults
    names = MATRIX if "C21" in sheet.table else COMPONENTS
    numbers = sheet.table[names].astype(float).to_numpy()
    return numbers.reshape(-1, 6, 6)[:, ROWS, COLUMNS] if names is MATRIX else numbers


@pytest.mark.parametrize("form", TEXTS)
def test_one_matrix_in_many_forms(tmp_path, monkeypatch, form):
    (tmp_path / "pasted.txt").write_text(TEXTS[form])
    np.testing.assert_allclose(values(read_sheet(tmp_path / "pasted.txt")), pack(C)[None])
    monkeypatch.setattr(
        sys, "stdin", io.TextIOWrapper(io.BytesIO(TEXTS[form].encode()), encoding="utf-8")
    )
    np.testing.assert_allclose(values(read_sheet("-")), pack(C)[None])


def test_workbooks_have_tables_or_matrices(tmp_path):
    pd.DataFrame(pack(C)[None], columns=COMPONENTS).to_excel(tmp_path / "table.xlsx", index=False)
    pd.DataFrame(np.triu(C)).to_excel(tmp_path / "matrix.xlsx", header=False, index=False)
    for name in ("table", "matrix"):
        np.testing.assert_allclose(values(read_sheet(tmp_path / f"{name}.xlsx")), pack(C)[None])


def test_several_matrices_with_and_without_names(tmp_path):
    (tmp_path / "two.txt").write_text(
        f"bone A\n{lines(C, ' ')}\n\n# bone B:\n{lines(2 * C, ' ')}\n"
    )
    sheet = read_sheet(tmp_path / "two.txt")
    np.testing.assert_allclose(values(sheet), [pack(C), 2 * pack(C)])
    assert (
        sheet.table["name"].tolist() == ["bone A", "bone B"]
        and sheet.places[1] == "matrix from line 10"
    )
    (tmp_path / "two.txt").write_text(f"{lines(C, ' ')}\n{lines(2 * C, ' ')}\n")
    np.testing.assert_allclose(values(read_sheet(tmp_path / "two.txt")), [pack(C), 2 * pack(C)])


def test_the_card_of_abaqus_goes_column_by_column(tmp_path):
    """D1111, D1122, D2222, D1133, … on lines of eight."""
    words = [str(value) for value in pack(C)[ABAQUS_CARD]]
    assert [COMPONENTS[k] for k in ABAQUS_CARD[:6]] == ["C11", "C12", "C22", "C13", "C23", "C33"]
    (tmp_path / "card.inp").write_text("\n".join(", ".join(words[k : k + 8]) for k in (0, 8, 16)))
    np.testing.assert_allclose(
        values(read_sheet(tmp_path / "card.inp", column_by_column=True)), pack(C)[None]
    )


def test_engineering_constants_by_other_names(tmp_path):
    (tmp_path / "t.csv").write_text(
        "Specimen;Ex (MPa);e_2;G31;ν12;vxz;nu_zx;remark\na;1,5;2;3;0,1;0,2;0,3;soft\n"
    )
    table = read_sheet(tmp_path / "t.csv").table
    assert table.columns.tolist() == ["name", "E1", "E2", "G13", "nu12", "nu13", "nu31", "remark"]
    assert table.iloc[0].tolist() == ["a", "1.5", "2", "3", "0.1", "0.2", "0.3", "soft"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty file"),
        ("\n \n", "empty file"),
        ("C11,C12,c_11\n1,2,3\n", "column C11: stands twice"),
        ("soft bone\n", "no number"),
        ("PK\3\4", "name that ends in .xlsx"),
        ("\0\1\2", "not a text"),
    ],
)
def test_what_is_no_sheet_is_named(tmp_path, text, says):
    (tmp_path / "targets.csv").write_text(text)
    with pytest.raises(InputError, match=rf"targets\.csv.*{says}"):
        read_sheet(tmp_path / "targets.csv")


def test_a_workbook_without_worksheets_is_named(tmp_path):
    pd.DataFrame(C).to_excel(tmp_path / "whole.xlsx")
    with (
        zipfile.ZipFile(tmp_path / "whole.xlsx") as whole,
        zipfile.ZipFile(tmp_path / "none.xlsx", "w") as none,
    ):
        for name in whole.namelist():
            content = whole.read(name)
            if name == "xl/workbook.xml":
                content = re.sub(rb"<sheet [^>]*/>", b"", content)
            none.writestr(name, content)
    with pytest.raises(
        InputError, match=r"none\.xlsx: (a workbook without worksheets|cannot be read)"
    ):
        read_sheet(tmp_path / "none.xlsx")


def test_damaged_and_absent_workbooks_and_folders_are_named(tmp_path):
    (tmp_path / "damaged.xlsx").write_text("C11,C12")
    for name, says in (
        ("damaged.xlsx", "workbook"),
        ("absent.xlsx", "no such file"),
        (".", "cannot be read"),
    ):
        with pytest.raises(InputError, match=says):
            read_sheet(tmp_path / name)


def test_parts_that_are_no_target_are_faults_of_their_own(tmp_path):
    (tmp_path / "t.txt").write_text(f"{lines(C, ' ')}\n\n1 2 3\n4 5 6\n")
    sheet = read_sheet(tmp_path / "t.txt")
    assert len(sheet.table) == 1 and "line 8: 3, 3 numbers" in sheet.faults[0]
    (tmp_path / "t.csv").write_text("C11,C12\n1,2\n1,2,3\n")
    sheet = read_sheet(tmp_path / "t.csv")
    assert len(sheet.table) == 1 and "row 2 (line 3): 3 values under 2 columns" in sheet.faults[0]
    (tmp_path / "t.csv").write_text("name,C11,C12\nwhole,1,2\ncut,3\nfree,4,\n")
    sheet = read_sheet(tmp_path / "t.csv")
    assert sheet.table["name"].tolist() == ["whole", "free"]
    assert "row 2 (line 3): 2 values under 3 columns" in sheet.faults[0]
