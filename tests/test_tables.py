"""Tables as CSV and Parquet: every digit comes back, and whatever is wrong is named by file, row
and column.
"""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from trussmap.base.errors import InputError
from trussmap.data.tables import read_designs, read_table, with_columns, write_table
from trussmap.lattice.compound import lattices_topology
from trussmap.lattice.descriptor import DESIGN_COLUMNS, R1, R2, REPS, sample_designs
from trussmap.mechanics.homogenization import homogenize_designs

TESSELLATION = DESIGN_COLUMNS[REPS]


@pytest.fixture
def designs():
    return pd.DataFrame(sample_designs(4, 0, 20), columns=DESIGN_COLUMNS)


@pytest.fixture
def save(tmp_path):
    """Writes a DataFrame or text to a file of the given ending, and returns its path."""

    def write(content, ending=".csv"):
        path = tmp_path / f"designs{ending}"
        if isinstance(content, bytes | str):
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        elif ending == ".csv":
            content.to_csv(path, index=False)
        else:
            content.to_parquet(path)
        return path

    return write


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_every_bit_comes_back(tmp_path, ending):
    bits = np.random.default_rng(0).integers(0, 2**63, 20_000).view(float)
    values = np.concatenate(
        [bits[np.isfinite(bits)], [5e-324, 1.7976931348623157e308, -0.0, 0.1, 1 / 3]]
    )
    write_table(
        [pa.table({"x": values, "name": [f'a, "{k}"\nb' for k in range(len(values))]})],
        tmp_path / f"t{ending}",
    )
    table = read_table(tmp_path / f"t{ending}")
    assert np.array_equal(table["x"].to_numpy().view(np.int64), values.view(np.int64))
    assert table["name"][1].as_py() == 'a, "1"\nb'


def test_added_columns_replace_those_of_the_same_name():
    table = with_columns(
        pa.table({"C11": [1.0], "a": [2]}), {"C11": np.array([3.0]), "C12": np.array([4.0])}
    )
    assert table.to_pylist() == [{"a": 2, "C11": 3.0, "C12": 4.0}]
    assert table.column_names == ["a", "C11", "C12"]


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_designs_are_read_exactly_and_other_columns_kept(designs, save, ending):
    path = save(designs.assign(name="cell", batch=range(20)), ending)
    table, theta = read_designs(path)
    assert np.array_equal(theta, designs)
    assert table["name"].to_pylist() == ["cell"] * 20
    assert table["batch"].to_pylist() == list(range(20))


def test_parquet_of_other_numbers_and_with_an_index_is_read(designs, save):
    whole = {name: np.int8 for name in DESIGN_COLUMNS[4:10]}
    table, theta = read_designs(
        save(designs.astype(np.float32).astype(whole).set_index("U1"), ".parquet")
    )
    assert np.array_equal(theta, designs.astype(np.float32))
    path = save("", ".parquet")
    write_table([with_columns(table, {"C11": np.zeros(20)})], path)
    assert pd.read_parquet(path).columns[-1] == "C11"


@pytest.mark.parametrize("prefix", ["\ufeff", ""])
@pytest.mark.parametrize("line_end", ["\r\n", "\n\n"])
def test_byte_order_mark_spaces_and_line_ends_are_no_obstacle(designs, save, prefix, line_end):
    text = designs.to_csv(index=False, sep=";").replace(";", " , ").replace("\n", line_end)
    assert np.array_equal(read_designs(save(prefix + text))[1], designs)


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_angles_of_any_finite_size_are_those_within_one_turn(designs, save, ending):
    turns = pd.DataFrame({"R1_theta": -1.0, "R2_theta": 3.0}, index=designs.index) * 2 * np.pi
    other = designs.assign(**{name: designs[name] + turns[name] for name in turns})
    _, theta = read_designs(save(other, ending))
    assert theta[:, R1.start].max() < 0 and theta[:, R2.start].min() > 2 * np.pi
    np.testing.assert_allclose(
        homogenize_designs(theta), homogenize_designs(designs.to_numpy()), rtol=1e-9, atol=1e-15
    )


def test_designs_as_the_published_prediction_tool_writes_them(shared):
    """Angles from -π to π, types as decimals, a column ``sample`` in front."""
    _, theta = read_designs(shared / "cases" / "authors_full_pred_negative_angle.csv")
    within = theta.copy()
    within[:, [R1.start, R2.start]] %= 2 * np.pi
    assert theta[0, R1.start] == -2.7716985
    np.testing.assert_allclose(
        homogenize_designs(theta), homogenize_designs(within), rtol=1e-9, atol=1e-15
    )


def test_whole_numbers_become_fractions_far_down(save):
    """The type of a column is that of all its rows, not of the first ones."""
    path = save("x\n" + "1\n" * 600_000 + "2.5\n")
    assert read_table(path)["x"].to_numpy()[-1] == 2.5


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        (b"", ["Empty"]),
        (b"relative_density\n", ["column U1 is missing"]),
        (b"\0\1\2", []),
        (b'"a,b\nc', []),
        (b"a,b\n1,2\n\n3,4,5\n6\n", ["row 2", "3 values under 2 columns"]),
        (b"a,b\n1,2\n3\n", ["row 2", "1 values under 2 columns"]),
        (b"a,b\n" + b"1,2\n" * 600_000 + b"3\n", ["row 600001", "1 values under 2 columns"]),
        (b"a,b, a\n1,2,3\n", ["row 0", "column a", "twice"]),
        ("relative_density,U1\n1,2\n".encode("utf-16"), []),
        (b"\xe9,b\n1,2\n", []),
    ],
)
def test_csv_that_is_no_table_of_designs_is_named(save, content, parts):
    with pytest.raises(InputError) as error:
        read_designs(save(content))
    assert all(str(error.value).count(part) == 1 for part in ["designs.csv", *parts])
    assert "\n" not in str(error.value)


def test_parquet_that_is_none_is_named(designs, save):
    whole = save(designs, ".parquet").read_bytes()
    for content in (
        b"",
        b"a,b\n1,2\n",
        whole[:-100],
        whole[: len(whole) // 2],
        b"PAR1" + b"x" * 99 + b"\x10\0\0\0PAR1",
    ):
        with pytest.raises(
            InputError, match=r"designs.parquet: not a readable Parquet table"
        ) as error:
            read_designs(save(content, ".parquet"))
        assert "\n" not in str(error.value)


def test_damage_inside_a_parquet_file_is_named(designs, save):
    content = bytearray(save(designs, ".parquet").read_bytes())
    content[4:400] = bytes(396)
    with pytest.raises(InputError, match=r"designs.parquet"):
        read_designs(save(bytes(content), ".parquet"))


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([None, 1.0, 1.0], "row 1, column U2: a missing value is not a number"),
        ([1.0, 1.0, float("inf")], "row 3, column U2: inf is not a number"),
        (["1", "wide", "1"], "row 2, column U2: 'wide' is not a number"),
        ([True, False, True], "row 1, column U2: True is not a number"),
        ([[1.0], [], [1.0]], "row 1, column U2: [1.0] is not a number"),
        ([{"x": 1.0}] * 3, "row 1, column U2: {'x': 1.0} is not a number"),
    ],
)
def test_parquet_of_wrong_types_is_named(designs, save, values, found):
    table = pa.Table.from_pandas(designs[:3].drop(columns="U2")).append_column(
        "U2", pa.array(values)
    )
    path = save(b"", ".parquet")
    parquet.write_table(table, path)
    with pytest.raises(InputError) as error:
        read_designs(path)
    assert str(error.value) == f"{path}, {found}."


@pytest.mark.parametrize("name", ["designs.xlsx", "designs", "designs.csv.gz"])
def test_unknown_ending_is_named(tmp_path, name):
    for use in (read_table, lambda path: write_table([pa.table({"a": [1]})], path)):
        with pytest.raises(InputError, match=rf"{name}: a table ends in .csv or .parquet"):
            use(tmp_path / name)
    assert not any(tmp_path.iterdir())


def test_failed_writing_leaves_nothing(tmp_path):
    with pytest.raises(InputError, match=r"t.csv: the table cannot be written there"):
        write_table([pa.table({"a": [1.0], "nested": [[1.0]]})], tmp_path / "t.csv")
    assert not any(tmp_path.iterdir())
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(InputError, match=r"folder.csv"):
        write_table([pa.table({"a": [1.0]})], tmp_path / "folder.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["folder.csv"]


# ----------------------------------------------------------------------------------------------------
# tessellations
def test_tessellations_may_be_written_0_and_1(designs, save):
    published = designs.assign(**{name: designs[name] - 1 for name in TESSELLATION})
    assert np.array_equal(read_designs(save(published))[1], designs)


def test_tessellations_of_only_1s_mean_the_same_written_either_way():
    """All at 1x or all at 2x: for every choice of types one topology, hence one stiffness to the
    last bit.
    """
    types = np.array([*np.ndindex(7, 7, 7)])
    assert np.array_equal(
        lattices_topology(types, np.full_like(types, 1)),
        lattices_topology(types, np.full_like(types, 2)),
    )


def test_a_file_with_0_and_2_is_neither(designs, save):
    changed = designs.assign(**dict.fromkeys(TESSELLATION, 2))
    changed.loc[6, "lattice_rep2"] = 0
    with pytest.raises(
        InputError, match="row 7, column lattice_rep2: 0 is not a whole number from 1 to 2"
    ):
        read_designs(save(changed))
