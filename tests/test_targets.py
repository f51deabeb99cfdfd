import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from given import read_file, read_whole_file

from trussmap.base.errors import InputError
from trussmap.lattice.descriptor import sample_designs
from trussmap.mechanics.homogenization import homogenize_designs
from trussmap.mechanics.homogenization.engine import homogenize_topologies
from trussmap.targets.faults import check_targets, symmetric_mean
from trussmap.targets.goal import Goal
from trussmap.targets.hints import compliance_hint, described, order_hint, soft_hint
from trussmap.targets.orders import ORDERS, in_voigt_order
from trussmap.tensors.elasticity import stiffness_of_moduli, symmetry_distances
from trussmap.tensors.material import Material
from trussmap.tensors.stiffness import COMPONENTS, admissibility, isotropic, pack, unpack

RESOURCES = Path(__file__).resolve().parents[1] / "resources"


@pytest.fixture
def table():
    """A readable table of targets in GPa, E = 114 GPa."""
    return pd.read_csv(RESOURCES / "bone_targets_gpa.csv")


def whole(path, youngs_modulus):
    """Stiffness and names of a file in which all targets are whole."""
    goal, names = read_whole_file(path, youngs_modulus, whole=True)
    return goal.targets, names


def read(tmp_path, table, youngs_modulus=114.0):
    path = tmp_path / "targets.csv"
    table.to_csv(path, index=False)
    return whole(path, youngs_modulus)


def test_targets_are_normalised_by_the_base_modulus(tmp_path, table):
    targets, names = read(tmp_path, table)
    assert names == table["name"].tolist()
    np.testing.assert_allclose(targets, table[COMPONENTS] / 114)


def test_names_are_optional_and_the_lower_triangle_welcome(tmp_path, table):
    lower = {f"C{j}{i}": table[f"C{i}{j}"] for i in range(1, 7) for j in range(i + 1, 7)}
    targets, names = read(tmp_path, table.assign(**lower).drop(columns="name"))
    assert names[0] == "target_1" and targets.shape == (4, 21)


def spoil(table, row, column, value):
    spoilt = (
        table.astype({column: object})
        if column in table
        else table.assign(**{column: table["C12"]})
    )
    spoilt.loc[row, column] = value
    return spoilt


@pytest.mark.parametrize(
    ("row", "column", "value", "says"),
    [
        (2, "C24", np.nan, ["row 3", "C24", "no value"]),
        (1, "C11", "soft", ["row 2", "C11", "'soft'"]),
        (0, "C33", "inf", ["row 1", "C33", "finite"]),
        (3, "C21", 7.0, ["row 4", "C21", "not symmetric"]),
        (1, "C44", -0.1, ["row 2", "C44", "not positive definite"]),
        (0, "C12", 0.9, ["row 1", "not positive definite"]),
        (2, "C33", 1260.0, ["row 3", "C33", "wrong unit"]),
    ],
)
def test_bad_targets_are_refused_by_row_and_column(tmp_path, table, row, column, value, says):
    with pytest.raises(InputError) as refusal:
        read(tmp_path, spoil(table, row, column, value))
    for part in ["targets.csv", *says]:
        assert part in str(refusal.value)


@pytest.mark.parametrize(
    ("share", "accepted"), [(1e-7, True), (0.001, True), (0.03, True), (0.08, False)]
)
def test_slight_asymmetry_becomes_the_mean_with_a_note(tmp_path, table, share, accepted):
    largest = table.loc[1, COMPONENTS].max()
    spoilt = spoil(table, 1, "C31", table.loc[1, "C13"] + share * largest)
    spoilt["C31"] = spoilt["C31"].where(spoilt.index == 1, table["C13"])
    path = tmp_path / "targets.csv"
    spoilt.to_csv(path, index=False)
    given = read_file(path, 114.0)
    if not accepted:
        assert "row 2, column C31" in given.faults[0] and "by more than 5%" in given.faults[0]
        return
    mean = table.loc[1, "C13"] + share * largest / 2 * (share > 1e-6)
    assert given.goal.targets[1, COMPONENTS.index("C13")] * 114 == pytest.approx(mean)
    assert [
        f"row 2: C_ij and C_ji differ by up to {share:.2g}" in note for note in given.notes
    ] == [True] * (share > 1e-6)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        whole(path, 114.0)
    assert len(warned) == (share > 1e-6)


def test_a_slip_in_sign_is_no_slight_asymmetry():
    matrix = isotropic(1.0)
    matrix[0, 3] = 0.02
    matrix[3, 0] = -0.02
    assert np.isinf(symmetric_mean(matrix[None])[1][0])
    matrix[3, 0] = 0.03
    mean, skew = symmetric_mean(matrix[None])
    assert mean[0, 0, 3] == mean[0, 3, 0] == 0.025 and 0 < skew[0] < 0.01
    matrix[3, 0] = np.nan
    np.testing.assert_array_equal(symmetric_mean(matrix[None])[0][0], matrix)


def test_a_wrong_unit_of_the_modulus_is_noticed(tmp_path, table):
    with pytest.raises(InputError, match="wrong unit"):
        read(tmp_path, table, youngs_modulus=0.114)


@pytest.mark.parametrize("youngs_modulus", [0, -1, np.nan, "stiff"])
def test_impossible_modulus(tmp_path, table, youngs_modulus):
    with pytest.raises(InputError, match="positive number"):
        read(tmp_path, table, youngs_modulus)


def test_missing_column_missing_file_and_empty_table(tmp_path, table):
    with pytest.raises(InputError, match="missing column C45"):
        read(tmp_path, table.drop(columns="C45"))
    with pytest.raises(InputError, match="no such file"):
        whole(tmp_path / "nothing.csv", 1.0)
    with pytest.raises(InputError, match="no target"):
        read(tmp_path, table.iloc[:0])
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(InputError, match="empty"):
        whole(tmp_path / "empty.csv", 1.0)
    (tmp_path / "ragged.csv").write_text("C11,C12\n1,2\n1,2,3\n")
    with pytest.raises(InputError, match="line 3"):
        whole(tmp_path / "ragged.csv", 1.0)


@pytest.mark.parametrize(
    ("file", "modulus", "density"), [("bone_targets_gpa", 114, 0.1), ("catalogue_targets", 1, 0.01)]
)
def test_targets_of_the_study_are_admissible(file, modulus, density):
    targets, names = whole(RESOURCES / f"{file}.csv", modulus)
    assert len(set(names)) == len(names) >= 4
    lowest, ratio = admissibility(targets, density)
    assert (lowest > 0).all() and (ratio < 1).all()


def goal_of(tmp_path, table, kind="frobenius"):
    path = tmp_path / "targets.csv"
    table.to_csv(path, index=False)
    return read_whole_file(path, 114.0, kind)


def test_targets_may_leave_constants_free_or_say_how_far_off_they_may_be(tmp_path, table):
    whole, names = goal_of(tmp_path, table)
    assert whole.whole and names == table["name"].tolist()
    np.testing.assert_array_equal(whole.targets, read(tmp_path, table)[0])
    free = table.drop(columns="C26").astype({"C13": object})
    free.loc[0, "C13"] = np.nan
    goal, _ = goal_of(tmp_path, free)
    assert not goal.whole
    assert (goal.weights[:, COMPONENTS.index("C26")] == 0).all()
    assert goal.weights[:, COMPONENTS.index("C13")].tolist() == [0, 1, 1, 1]
    goal, _ = goal_of(
        tmp_path, table.assign(**{f"{name}_sd": 0.01 for name in COMPONENTS} | {"C11_sd": 0.05})
    )
    assert goal.weights[0, 0] == pytest.approx(0.2) and goal.weights[0, 1] == 1
    goal, _ = goal_of(tmp_path, pd.DataFrame({"name": ["one"], "E1": [0.3], "nu12": [0.2]}))
    assert goal.engineering[0, 0] == pytest.approx(0.3 / 114) and goal.engineering[0, 6] == 0.2
    assert np.isnan(goal.engineering[0, 1:6]).all()


@pytest.mark.parametrize(
    ("change", "kind", "says"),
    [
        ({"C12": np.nan}, "compliance", "closeness frobenius"),
        ({"C11_sd": 0.1}, "frobenius", "row 1, column C12_sd"),
        ({name: np.nan for name in COMPONENTS}, "frobenius", "row 1: no constant is given"),
        ({"C12": "soft"} | {"C13": np.nan}, "frobenius", "row 1, column C12: 'soft'"),
    ],
)
def test_goals_that_cannot_be_read(tmp_path, table, change, kind, says):
    with pytest.raises(InputError, match=says):
        goal_of(tmp_path, table.assign(**change), kind)


def written_in(order, c):
    """Stiffnesses (n, 21) as a person writes them in one of the orders."""
    place, shear = {
        "voigt": ([0, 1, 2, 3, 4, 5], 1),
        "abaqus": ([0, 1, 2, 5, 4, 3], 1),
        "ansys": ([0, 1, 2, 5, 3, 4], 1),
        "vasp": ([0, 1, 2, 5, 3, 4], 1),
        "mandel": ([0, 1, 2, 3, 4, 5], 2**0.5),
    }[order]
    scale = np.r_[np.ones(3), np.full(3, shear)]
    return pack((unpack(c) * scale[:, None] * scale)[:, place][:, :, place])


@pytest.mark.parametrize("order", ORDERS)
def test_orders_of_the_components_come_to_the_same(tmp_path, table, order):
    own = table.assign(
        **dict(zip(COMPONENTS, written_in(order, table[COMPONENTS].to_numpy()).T, strict=True))
    )
    own.to_csv(tmp_path / "targets.csv", index=False)
    goal, _ = read_whole_file(tmp_path / "targets.csv", 114.0, order=order)
    np.testing.assert_allclose(goal.targets, table[COMPONENTS] / 114, atol=1e-15)
    spread = own.assign(**{f"{name}_sd": own[name].abs() + 0.1 for name in COMPONENTS})
    spread.drop(columns="C16").to_csv(tmp_path / "targets.csv", index=False)
    goal, _ = read_whole_file(tmp_path / "targets.csv", 114.0, order=order)
    free = {"voigt": "C16", "abaqus": "C14", "ansys": "C15", "vasp": "C15", "mandel": "C16"}[order]
    assert [
        name for name, weight in zip(COMPONENTS, goal.weights[0], strict=True) if not weight
    ] == [free]


def test_a_mistaken_order_is_noticed_and_a_right_one_is_not():
    """Random lattices one by one: of 60 in a wrong order most are found, none is led astray."""
    c = homogenize_designs(sample_designs(3, 0, 15))
    hints = {
        order: [order_hint(Goal(row[None]), "voigt") for row in written_in(order, c)]
        for order in ORDERS
    }
    assert hints["voigt"] == [None] * 15
    for order in ("abaqus", "ansys", "mandel"):
        right = sum(f"--order {order}?" in (hint or "") for hint in hints[order])
        assert right >= 12 and sum(hint is not None for hint in hints[order]) == right


def test_symmetry_tells_the_order_where_cauchy_does_not():
    """Transversely isotropic about the third axis, C66 = (C11 − C12)/2, with shears far from
    Cauchy's relations.
    """
    c = np.zeros((6, 6))
    c[:3, :3] = [[4, 1, 2], [1, 4, 2], [2, 2, 9]]
    c[range(3, 6), range(3, 6)] = 0.5, 0.5, 1.5
    hint = order_hint(Goal(written_in("abaqus", 1e-3 * pack(c)[None])), "voigt")
    assert "hexagonal" in hint and "--order abaqus?" in hint
    assert order_hint(Goal(1e-3 * pack(c)[None]), "voigt") is None


def test_mandel_form_of_an_isotropic_material():
    """As read it is a cubic material of Zener ratio 2, as the octet truss is, which a note must not
    doubt.
    """
    c = isotropic(3.0)
    matrix = c * np.outer(*[[1, 1, 1, 2**0.5, 2**0.5, 2**0.5]] * 2)
    np.testing.assert_allclose(in_voigt_order(matrix, "mandel"), c)
    assert order_hint(Goal(1e-3 * pack(matrix)[None]), "voigt") is None


def test_isotropic_and_orthotropic_constants(tmp_path):
    (tmp_path / "t.csv").write_text("E,nu\n0.3,0.25\n")
    np.testing.assert_allclose(
        read_whole_file(tmp_path / "t.csv", 1.0 * 100)[0].targets[0], pack(isotropic(0.003, 0.25))
    )
    (tmp_path / "t.csv").write_text("name;E;G\nfoam;0,3;0,12\n")
    np.testing.assert_allclose(
        read_whole_file(tmp_path / "t.csv", 100)[0].targets[0], pack(isotropic(0.003, 0.25))
    )
    head = "E1,E2,E3,G23,G13,G12,nu12,nu13,nu23\n"
    (tmp_path / "t.csv").write_text(head + "1,2,4,.3,.4,.5,.1,.2,.3\n")
    goal, _ = read_whole_file(tmp_path / "t.csv", 100)
    s = np.linalg.inv(unpack(goal.targets[0]))
    assert goal.whole and s[0, 0] == pytest.approx(100) and s[1, 2] == pytest.approx(-0.3 * 50)
    # The minor Poisson's ratio is the other one by the ratio of the moduli.
    (tmp_path / "t.csv").write_text(head.replace("nu12", "nu21") + "1,2,4,.3,.4,.5,.2,.2,.3\n")
    np.testing.assert_allclose(read_whole_file(tmp_path / "t.csv", 100)[0].targets, goal.targets)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("E,nu\n1,0.6\n", "row 1: E = 1 and nu = 0.6"),
        ("E,nu\n1,\n", "row 1: an isotropic target needs two of E, G and nu"),
        ("E,G,nu\n1,1,0.3\n", "of no isotropic material"),
        ("E1,nu21\n1,0.3\n", "column nu21: expected E1 and E2 with it"),
        ("E1,E2,nu12,nu21\n1,1,0.3,0.2\n", "column nu21: 0.2 does not go with nu12 = 0.3"),
        ("E1,E2,E3,G23,G13,G12,nu12,nu13,nu23\n1,1,1,1,1,1,.9,.9,.9\n", "of no stable material"),
        ("E1\n-1\n", "column E1: expected a positive modulus"),
        ("E,nu,E1\n1,0.3,\n,,1\n", "this table has columns of both; expected a file for each"),
        ("E1\n50\n", "too stiff for this material"),
        ("C11\n500\n", "wrong unit"),
    ],
)
def test_constants_of_no_lattice_are_named(tmp_path, text, says):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(InputError, match=says):
        read_whole_file(tmp_path / "t.csv", 100)


def test_what_was_understood_is_said(tmp_path, table):
    table.astype({"C24": object}).assign(C24=["x", 1, 2, 3]).to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(InputError, match="row 1, column C24: 'x'"):
        read_whole_file(tmp_path / "t.csv", 114.0)
    table.loc[1, "C44"] = -1
    table.to_csv(tmp_path / "t.csv", index=False)
    given = read_file(tmp_path / "t.csv", 114.0)
    assert given.names == ["specimen_1", "specimen_3", "specimen_4"] and len(given.faults) == 1
    said = described(given, Material(114.0))
    assert "specimen_1: E1 0.226, E2 0.388, E3 0.512, G23 0.163" in said[1]
    assert "universal anisotropy 1.1; no symmetry within 5% (monoclinic within 9.5%" in said[1]
    assert soft_hint(given.goal, Material()) is None
    assert "in unit" in soft_hint(Goal(given.goal.targets / 1000), Material())


def test_names_stay_text_and_apart(tmp_path):
    names = ["femur", "femur", "=1+1", "@x", "", "target_5"]
    (tmp_path / "t.csv").write_text("name,E,nu\n" + "".join(f"{name},1,0.3\n" for name in names))
    expected = ["femur", "femur (2)", "'=1+1", "'@x", "target_5", "target_5 (2)"]
    assert read_file(tmp_path / "t.csv", 100).names == expected


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "text", ["E,nu\n1e308,0.4", "E,nu\n1e-320,0.4", "E,G\n1,0", "E1,E2,nu21\n1,1e99,1", "E1\n1e99"]
)
def test_numbers_beyond_what_can_be_computed_with_are_told(tmp_path, text):
    (tmp_path / "t.csv").write_text(text + "\n")
    with pytest.raises(
        InputError, match=r"row 1.*expected a (finite number, below 1e.30|positive modulus)"
    ):
        read_file(tmp_path / "t.csv", 1.0)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "modulus, factor", [(1.0, 1e300), (1.0, 1e-300), (1e-320, 1.0), (1e300, 1e300)]
)
def test_so_are_those_of_arrays(modulus, factor):
    with pytest.raises(InputError, match=r"targets.*expected (stiffness|a positive value)"):
        check_targets(factor * pack(isotropic(0.01))[None], Material(modulus), "targets")


def cubic(zener, coupling=0.3):
    """Cubic stiffness (21,) with C11 = 0.01."""
    c = np.zeros((6, 6))
    c[:3, :3] = coupling
    c[range(6), range(6)] = [1, 1, 1, *[zener * (1 - coupling) / 2] * 3]
    return 0.01 * pack(c)


def test_right_tensors_of_a_class_are_not_doubted_by_a_higher_one():
    """The octet truss and other cubic materials near Zener ratio 2 would be isotropic in Mandel's
    order.
    """
    octet = homogenize_topologies(np.array([60]), np.eye(3)[None], np.array([0.05]))
    plain = homogenize_topologies(
        np.arange(0, 197, 9), np.tile(np.eye(3), (22, 1, 1)), np.full(22, 0.03)
    )
    for c in [*octet, *plain, *map(cubic, (0.5, 1.8, 1.95, 2.0, 2.05, 2.4))]:
        for order in ORDERS:
            assert order_hint(Goal(c[None]), order) is None


def test_a_transversely_isotropic_tensor_names_both_orders_that_read_the_same():
    c = stiffness_of_moduli(np.array([[0.01, 0.01, 0.03, 0.009, 0.009, 0.01 / 2.6, 0.3, 0.1, 0.1]]))
    written = written_in("abaqus", c)
    assert np.allclose(written, written_in("ansys", c))
    hint = order_hint(Goal(written), "voigt")
    assert "--order abaqus?" in hint and "--order ansys?" in hint and "--order mandel" not in hint


def test_one_target_of_several_in_another_order_makes_no_note():
    c = homogenize_designs(sample_designs(3, 0, 4))
    wrong = written_in("ansys", c)
    assert "--order ansys?" in order_hint(Goal(wrong), "voigt")
    assert order_hint(Goal(np.vstack([wrong[:1], c[1:]])), "voigt") is None


def compliance_file(folder, constants, order="voigt"):
    """File of the compliances of engineering constants (n, 9), in one of the orders; their
    stiffnesses (n, 21).
    """
    c = stiffness_of_moduli(np.array(constants))
    matrices = np.linalg.inv(unpack(written_in(order, c)))
    path = folder / "compliance.txt"
    path.write_text(
        "\n\n".join("\n".join(" ".join(f"{x:.12g}" for x in row) for row in m) for m in matrices)
    )
    return path, c


BONE = [0.5, 0.6, 0.9, 0.2, 0.18, 0.15, 0.25, 0.2, 0.22]
SOFT_BONE = [0.3, 0.4, 0.7, 0.12, 0.11, 0.1, 0.2, 0.25, 0.18]


@pytest.mark.parametrize("order", ORDERS)
def test_compliances_are_inverted_in_every_order(tmp_path, order):
    path, c = compliance_file(tmp_path, [BONE, SOFT_BONE], order)
    given = read_file(path, 70.0, order=order, compliance=True)
    np.testing.assert_allclose(given.goal.targets, c / 70, rtol=1e-9, atol=1e-15)
    said = described(given, Material(70.0))
    assert "as compliances and inverted" in said[0] and not any("note" in line for line in said)


def test_a_compliance_given_as_stiffness_is_asked_about(tmp_path):
    path, _ = compliance_file(tmp_path, [BONE, SOFT_BONE])
    said = described(read_file(path, 2000.0), Material(2000.0))
    assert any(
        "2 of 2 targets look like compliances" in line and "--compliance" in line for line in said
    )
    with pytest.raises(InputError, match=r"too stiff.*if these are compliances, --compliance"):
        read_file(path, 70.0)


def test_a_stiffness_given_as_compliance_is_asked_about(tmp_path):
    np.savetxt(tmp_path / "c.txt", unpack(stiffness_of_moduli(np.array([BONE]))[0]))
    said = described(read_file(tmp_path / "c.txt", 200.0, compliance=True), Material(200.0))
    assert any("leave out --compliance" in line for line in said)


@pytest.mark.parametrize("kind", ["octet", "body-centred", "isotropic", "copper"])
def test_compliances_of_usual_materials_resemble_compliances_and_auxetic_stiffnesses_do_not(kind):
    c = {
        "octet": cubic(2.0, 0.5),
        "body-centred": cubic(20.0, 0.9),
        "isotropic": pack(isotropic(0.01, 0.3)),
        "copper": cubic(3.2, 0.72),
    }[kind]
    assert compliance_hint(Goal(pack(np.linalg.inv(unpack(c)))[None])) is not None
    assert compliance_hint(Goal(c[None])) is None
    for poisson_ratio in (-0.1, -0.3, -0.6):
        assert compliance_hint(Goal(pack(isotropic(0.01, poisson_ratio))[None])) is None


@pytest.mark.parametrize(
    ("text", "compliance", "says"),
    [
        ("S11,S12,S44\n2,-0.5,4\n", False, "column S11: a compliance; expected --compliance"),
        (
            "S11,S12,S44\n2,-1.5,4\n",
            True,
            "row 1, columns S11…S66: the compliance is not positive definite",
        ),
        (
            "S11,S12,S44\n2,-0.5,-4\n",
            True,
            "row 1, column S44: -4, so the target is not positive definite",
        ),
        ("S11,S12,S44\n2,,4\n", True, "row 1, column S12: no value"),
        ("S11,S12,S13,S44\n2,-0.5,,4\n", True, "missing column S14.*inverted as a whole"),
        ("S11,S12,S44,S11_sd\n2,-0.5,4,0.1\n", True, "column S11_sd: deviations of a compliance"),
        ("E,nu\n1,0.3\n", True, "no compliance is given"),
        (
            "S11,S12,S44\n1e-5,-2e-6,2e-5\n",
            True,
            "row 1: inverted, the target is .* per unit of Young's modulus",
        ),
    ],
)
def test_compliances_that_cannot_be_taken_are_named_by_their_letter(
    tmp_path, text, compliance, says
):
    (tmp_path / "s.csv").write_text(text)
    with pytest.raises(InputError, match=says):
        read_file(tmp_path / "s.csv", 100.0, compliance=compliance)


NINE = {
    "C11": 0.6,
    "C12": 0.2,
    "C13": 0.21,
    "C22": 0.7,
    "C23": 0.19,
    "C33": 0.9,
    "C44": 0.2,
    "C55": 0.18,
    "C66": 0.15,
}


def test_the_nine_orthotropic_constants_mean_zeros_and_empty_columns_are_free(tmp_path):
    path = tmp_path / "t.csv"
    pd.DataFrame([NINE]).to_csv(path, index=False)
    given = read_file(path, 100.0)
    assert given.goal.whole and "orthotropic stiffness: all others are 0" in given.notes[0]
    c = given.goal.targets[0] * 100
    assert {
        name: round(value, 9) for name, value in zip(COMPONENTS, c, strict=True) if value
    } == NINE
    pd.DataFrame([NINE | {"C14": ""}]).to_csv(path, index=False)
    free = read_file(path, 100.0)
    assert not free.notes and free.goal.weights[0].sum() == 9
    pd.DataFrame([NINE | {"C12": ""}]).to_csv(path, index=False)
    weights = read_file(path, 100.0).goal.weights[0]
    assert [name for name, weight in zip(COMPONENTS, weights, strict=True) if not weight] == ["C12"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("C11 C12 C44", {"C33": 6, "C23": 2, "C66": 3}),
        ("C11 C12 C13 C33 C44", {"C22": 6, "C23": 2.5, "C55": 3, "C66": 2}),
        ("C11 C12 C13 C33 C44 C66", {"C22": 6, "C23": 2.5, "C66": 1.5}),
        ("C11 C12 C13 C14 C33 C44", {"C24": -0.4, "C56": 0.4, "C66": 2}),
    ],
)
def test_constants_of_a_crystal_class_give_the_others(tmp_path, given, expected):
    values = {"C11": 6, "C12": 2, "C13": 2.5, "C14": 0.4, "C33": 8, "C44": 3, "C66": 1.5}
    names = given.split()
    (tmp_path / "t.csv").write_text(
        ",".join(names) + "\n" + ",".join(str(values[name]) for name in names) + "\n"
    )
    targets = read_file(tmp_path / "t.csv", 1000.0)
    c = dict(zip(COMPONENTS, targets.goal.targets[0] * 1000, strict=True))
    assert targets.goal.whole and "follow from its symmetry" in targets.notes[0]
    assert {name: pytest.approx(c[name]) for name in expected} == expected
    assert (
        c["C16"] == 0
        and min(
            symmetry_distances(
                targets.goal.targets[0], ["cubic", "hexagonal", "tetragonal", "trigonal"]
            ).values()
        )
        < 1e-6
    )
    if given != "C11 C12 C44":
        with pytest.raises(InputError, match="in the order voigt; expected that order"):
            read_file(tmp_path / "t.csv", 1000.0, order="abaqus")


def test_compliances_of_a_crystal_class_are_those_of_its_stiffness(tmp_path):
    c = {"C11": 6, "C12": 2, "C13": 2.5, "C14": 0.4, "C33": 8, "C44": 3}
    (tmp_path / "c.csv").write_text(",".join(c) + "\n" + ",".join(map(str, c.values())) + "\n")
    stiffness = read_file(tmp_path / "c.csv", 1000.0).goal.targets
    s = dict(zip(COMPONENTS, pack(np.linalg.inv(1000 * unpack(stiffness[0]))), strict=True))
    names = ",".join(name.replace("C", "S") for name in c)
    (tmp_path / "s.csv").write_text(
        names + "\n" + ",".join(repr(float(s[name])) for name in c) + "\n"
    )
    np.testing.assert_allclose(
        read_file(tmp_path / "s.csv", 1000.0, compliance=True).goal.targets,
        stiffness,
        atol=1e-15,
    )


def test_deviations_of_constants_of_a_class_go_with_them(tmp_path):
    text = "C11,C12,C44,C11_sd,C12_sd,C44_sd\n6,2,3,0.2,0.1,0.4\n"
    (tmp_path / "t.csv").write_text(text)
    weights = dict(
        zip(COMPONENTS, read_file(tmp_path / "t.csv", 1000.0).goal.weights[0], strict=True)
    )
    assert [weights[name] for name in ("C33", "C23", "C66", "C14")] == pytest.approx(
        [0.5, 1, 0.25, 1]
    )


@pytest.mark.parametrize(
    ("text", "taken_at", "refused_at"),
    [
        (
            "E,nu\n0.09,0.45\n",
            0.45,
            0.3,
        ),  # 0.9 of the Voigt bound at 0.45: its bulk modulus is above that at 0.3
        ("C11,C12,C44\n0.2,0.17,0.01\n", 0.45, 0.3),
        ("C11,C12,C44\n0.095,0,0.045\n", 0.0, 0.3),  # a shear modulus above that of ν = 0.3
        ("G12\n0.045\n", 0.0, 0.3),
        ("C44,C55\n0.045,0.01\n", 0.0, 0.3),
    ],
)
def test_poissons_ratio_of_the_base_material_bounds_targets(tmp_path, text, taken_at, refused_at):
    (tmp_path / "t.csv").write_text(text)
    assert len(read_file(tmp_path / "t.csv", 1.0, poisson_ratio=taken_at).names) == 1
    with pytest.raises(
        InputError, match=f"too stiff for this material.*Poisson's ratio {refused_at:g}"
    ):
        read_file(tmp_path / "t.csv", 1.0, poisson_ratio=refused_at)


def test_poissons_ratio_bounds_arrays_and_what_counts_as_soft():
    stiff = pack(isotropic(0.09, 0.45))[None]
    check_targets(stiff, Material(poisson_ratio=0.45), "targets")
    with pytest.raises(InputError, match="too stiff"):
        check_targets(stiff, Material(), "targets")
    soft = Goal(pack(isotropic(1.5e-4, 0.45))[None])
    assert soft_hint(soft, Material()) is None
    assert "softer" in soft_hint(Goal(soft.targets / 2), Material(poisson_ratio=0.45))
