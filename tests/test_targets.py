from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from trussmap.errors import InputError
from trussmap.stiffness import COMPONENTS, admissibility
from trussmap.targets import read_goal, read_targets

RESOURCES = Path(__file__).resolve().parents[1] / "resources"


@pytest.fixture
def table():
    """A readable table of targets in GPa, E = 114 GPa."""
    return pd.read_csv(RESOURCES / "bone_targets_gpa.csv")


def read(tmp_path, table, youngs_modulus=114.0):
    path = tmp_path / "targets.csv"
    table.to_csv(path, index=False)
    return read_targets(path, youngs_modulus)


def test_targets_are_normalised_by_the_base_modulus(tmp_path, table):
    targets, names = read(tmp_path, table)
    assert names == table["name"].tolist()
    np.testing.assert_allclose(targets, table[COMPONENTS] / 114)


def test_names_are_optional_and_the_lower_triangle_welcome(tmp_path, table):
    lower = {f"C{j}{i}": table[f"C{i}{j}"] for i in range(1, 7) for j in range(i + 1, 7)}
    targets, names = read(tmp_path, table.assign(**lower).drop(columns="name"))
    assert names[0] == "target_1" and targets.shape == (4, 21)


def spoil(table, row, column, value):
    spoilt = table.astype({column: object}) if column in table else table.assign(**{column: table["C12"]})
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
        read_targets(tmp_path / "nothing.csv", 1.0)
    with pytest.raises(InputError, match="no target"):
        read(tmp_path, table.iloc[:0])
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(InputError, match="empty"):
        read_targets(tmp_path / "empty.csv", 1.0)
    (tmp_path / "ragged.csv").write_text("C11,C12\n1,2\n1,2,3\n")
    with pytest.raises(InputError, match="line 3"):
        read_targets(tmp_path / "ragged.csv", 1.0)


@pytest.mark.parametrize(
    ("file", "modulus", "density"), [("bone_targets_gpa", 114, 0.1), ("catalogue_targets", 1, 0.01)]
)
def test_targets_of_the_study_are_admissible(file, modulus, density):
    targets, names = read_targets(RESOURCES / f"{file}.csv", modulus)
    assert len(set(names)) == len(names) >= 4
    lowest, ratio = admissibility(targets, density)
    assert (lowest > 0).all() and (ratio < 1).all()


def goal_of(tmp_path, table, kind="frobenius"):
    path = tmp_path / "targets.csv"
    table.to_csv(path, index=False)
    return read_goal(path, 114.0, kind)


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
    goal, _ = goal_of(tmp_path, table.assign(**{f"{name}_sd": 0.01 for name in COMPONENTS} | {"C11_sd": 0.05}))
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
