from itertools import pairwise

import h5py
import numpy as np
import pandas as pd
import pytest

from trussmap.base import hdf5
from trussmap.base.errors import InputError
from trussmap.data.dataset import (
    PUBLISHED_DESIGNS,
    SPLITS,
    column_statistics,
    compare_moments,
    copy_without,
    merge_shards,
    open_dataset,
    read_shard,
    split_of,
    write_shard,
)
from trussmap.lattice.descriptor import DESIGN_COLUMNS, design_topology, sample_designs
from trussmap.tensors.rotation import rotation
from trussmap.tensors.stiffness import isotropic, pack, rotate, unpack_orthotropic

N = 3000
SHARES = {"validation_share": 0.05, "test_share": 0.1}
R2 = [DESIGN_COLUMNS.index(name) for name in ("R2_theta", "R2_rot_ax1", "R2_rot_ax2")]


@pytest.fixture(scope="module")
def content():
    """Designs and admissible stiffnesses that vary with them (an orthotropic one, rotated by R2)."""
    designs = sample_designs(5, 0, N)
    orthotropic = designs[:, :1] * np.linspace(0.05, 0.3, 9) * designs[:, 1:2]
    return designs, orthotropic, rotate(unpack_orthotropic(orthotropic), rotation(designs[:, R2]))


def shards(folder, content, edges):
    paths = []
    for a, b in pairwise(edges):
        designs, orthotropic, stiffness = (x[a:b] for x in content)
        paths.append(folder / f"{a}.h5")
        write_shard(paths[-1], designs, orthotropic, stiffness, first=a, settings={"seed": 5})
    return paths


def test_a_shard_reads_back_what_was_written(tmp_path, content):
    write_shard(tmp_path / "a.h5", content[0][:10], first=40, settings={"seed": 5, "study": "x"})
    shard = read_shard(tmp_path / "a.h5")
    assert np.array_equal(shard["designs"], content[0][:10])
    assert (shard["first"], shard["seed"], shard["settings"]["study"]) == (40, 5, "x")
    assert "stiffness" not in shard


def test_the_data_set_does_not_depend_on_the_cut_into_shards(tmp_path, content):
    files = []
    for name, edges in (("one", [0, N]), ("many", [0, 100, 1234, 2999, N])):
        folder = tmp_path / name
        paths = shards(folder, content, edges)
        merge_shards(paths[::-1], folder / "dataset.h5", SHARES, {"seed": 5})
        files.append((folder / "dataset.h5").read_bytes())
    assert files[0] == files[1]


def test_splits_are_disjoint_complete_and_of_the_asked_share(tmp_path, content):
    merge_shards(
        shards(tmp_path, content, [0, 1500, N]), tmp_path / "dataset.h5", SHARES, {"seed": 5}
    )
    with open_dataset(tmp_path / "dataset.h5") as data:
        numbers = {name: getattr(data, name).read(names=("number",))["number"] for name in SPLITS}
        assert len(data) == N
        assert np.array_equal(np.sort(np.concatenate(list(numbers.values()))), np.arange(N))
        assert abs(len(data.test) / N - 0.1) < 0.03 and abs(len(data.validation) / N - 0.05) < 0.02
        for index, name in enumerate(SPLITS):
            assert (split_of(numbers[name], 5, **SHARES) == index).all()
        assert np.array_equal(data.test.read()["designs"], content[0][numbers["test"]])
    assert not np.array_equal(
        split_of(np.arange(N), 5, **SHARES), split_of(np.arange(N), 6, **SHARES)
    )


def test_a_validation_split_takes_nothing_from_the_test_split():
    tested = [split_of(np.arange(N), 5, share, 0.1) == 2 for share in (0.0, 0.05)]
    assert np.array_equal(*tested)


def test_the_head_of_a_split_is_a_split(tmp_path, content):
    merge_shards(shards(tmp_path, content, [0, N]), tmp_path / "dataset.h5", SHARES, {"seed": 5})
    with open_dataset(tmp_path / "dataset.h5") as data:
        head = data.train.head(1000)
        assert len(head) == 1000 and len(data.train.head(10**9)) == len(data.train)
        rows = [len(block["designs"]) for block in head.blocks(300)]
        assert rows == [300, 300, 300, 100]
        numbers = np.concatenate([block["number"] for block in head.blocks(300, ("number",))])
        assert np.array_equal(numbers, data.train.read(slice(1000), ("number",))["number"])


def test_a_copy_without_topologies_keeps_all_else_and_the_test_split(
    tmp_path, content, monkeypatch
):
    monkeypatch.setattr("trussmap.data.dataset.BLOCK", 700)
    merge_shards(shards(tmp_path, content, [0, N]), tmp_path / "all.h5", SHARES, {"seed": 5})
    out = np.arange(0, 197, 2)
    copy_without(tmp_path / "all.h5", tmp_path / "some.h5", out)
    with open_dataset(tmp_path / "all.h5") as whole, open_dataset(tmp_path / "some.h5") as copy:
        for split in SPLITS:
            before, after = (
                getattr(data, split).read(names=("number", "designs", "stiffness"))
                for data in (whole, copy)
            )
            kept = np.full(len(before["number"]), True)
            if split != "test":
                kept = ~np.isin(design_topology(before["designs"]), out)
                assert 0.3 < kept.mean() < 0.7
            for name, rows in before.items():
                assert np.array_equal(rows[kept], after[name])
        assert whole.digest != copy.digest
        assert copy.settings["held_out_topologies"] == out.tolist()
    with pytest.raises(InputError, match="without 197 topologies"):
        copy_without(tmp_path / "all.h5", tmp_path / "none.h5", np.arange(197))


def test_column_statistics_agree_with_numpy(tmp_path, content, monkeypatch):
    monkeypatch.setattr("trussmap.data.dataset.BLOCK", 700)
    merge_shards(shards(tmp_path, content, [0, N]), tmp_path / "dataset.h5", SHARES, {"seed": 5})
    table = column_statistics(tmp_path / "dataset.h5").set_index("column")
    designs, orthotropic, stiffness = content
    before_r2 = unpack_orthotropic(orthotropic)
    for name, values in (
        ("U2", designs[:, 2]),
        ("C44_ort", orthotropic[:, 6]),
        ("C16", stiffness[:, 5]),
        ("C22_hat", before_r2[:, 6]),
    ):
        expected = [values.mean(), values.std(), values.min(), values.max()]
        assert np.allclose(
            table.loc[name, ["mean", "std", "min", "max"]].astype(float),
            expected,
            rtol=1e-9,
            atol=1e-12,
        )


def test_the_difference_of_means_counts_the_errors_of_both_samples():
    statistics = pd.DataFrame(
        {"column": ["C11", "lattice_rep1"], "mean": [1.003, 1.5], "std": [2.0, 0.5]}
    )
    published = statistics.assign(mean=[1.0, 0.5], min=0.0, max=1.0)
    table = compare_moments(statistics, published, PUBLISHED_DESIGNS // 3).set_index("column")
    assert table.loc["C11", "mean_z"] == pytest.approx(0.003 / (2 * (4 / PUBLISHED_DESIGNS) ** 0.5))
    assert table.loc["lattice_rep1", "mean_z"] == 0


def test_unusable_files_are_named(tmp_path, content):
    good, other = shards(tmp_path, content, [0, 1500, N])
    cases = {}
    (tmp_path / "cut.h5").write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    cases["cut.h5"] = "truncated"
    (tmp_path / "text.h5").write_text("designs")
    cases["text.h5"] = "not a trussmap shard"
    with h5py.File(tmp_path / "foreign.h5", "w") as file:
        file["x"] = [1.0]
    cases["foreign.h5"] = "not a trussmap shard"
    damaged = bytearray(good.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (tmp_path / "damaged.h5").write_bytes(damaged)
    cases["damaged.h5"] = "digest"
    cases["absent.h5"] = "no such file"
    for name, words in cases.items():
        with pytest.raises(InputError, match=words) as error:
            read_shard(tmp_path / name)
        assert name in str(error.value)
        with pytest.raises(InputError):
            merge_shards([tmp_path / name, other], tmp_path / "dataset.h5", SHARES, {})
    with pytest.raises(InputError, match="not a trussmap dataset"):
        open_dataset(good)
    assert not (tmp_path / "dataset.h5").exists()


def test_shards_that_do_not_belong_together_are_refused(tmp_path, content):
    first, _ = shards(tmp_path, content, [0, 1500, N])
    rest = [x[1500:] for x in content]
    swapped = [x[[1, 0, *range(2, len(x))]] for x in rest]
    written = {
        "overlap": (rest, {"first": 1400}, "disjoint"),
        "gap": (rest, {"first": 1501}, "without a gap"),
        "half": ([x[:700] for x in rest], {}, "ends with design 2199 of 3000"),
        "permuted": (swapped, {}, "not the designs 1500 to 2999 of seed 5"),
        "seed": (rest, {"settings": {"seed": 6}}, "one seed"),
        "source": (rest, {"source": "another"}, "one source digest"),
        "material": (rest, {"settings": {"seed": 5, "poisson_ratio": 0.2}}, "one Poisson's ratio"),
        "bare": ([rest[0], None, None], {}, "homogenized"),
    }
    for name, (arrays, how, words) in written.items():
        write_shard(
            tmp_path / f"{name}.h5", *arrays, **{"first": 1500, "settings": {"seed": 5}} | how
        )
        with pytest.raises(InputError, match=words) as error:
            merge_shards(
                [first, tmp_path / f"{name}.h5"],
                tmp_path / "dataset.h5",
                SHARES,
                {"seed": 5},
                designs=N,
            )
        assert name in str(error.value)
    for plan, words in (
        ({"settings": {"seed": 7}}, "one seed"),
        ({"settings": {}, "made_by": "x"}, "one source digest"),
    ):
        with pytest.raises(InputError, match=words):
            merge_shards([first], tmp_path / "dataset.h5", SHARES, **plan)
    with pytest.raises(InputError, match="split empty"):
        merge_shards(
            [first], tmp_path / "dataset.h5", {"validation_share": 1e-9, "test_share": 0.1}, {}
        )


def test_every_byte_of_a_file_counts(tmp_path, content):
    path, *_ = shards(tmp_path, content, [0, 100, N])
    whole = path.read_bytes()
    random = np.random.default_rng(1)
    for position in [*range(80), 300, 511, *random.integers(512, len(whole), 200)]:
        altered = bytearray(whole)
        altered[position] ^= 1 << random.integers(8)
        path.write_bytes(altered)
        with pytest.raises(InputError, match=r"0\.h5: "):
            read_shard(path)
    path.write_bytes(whole)
    assert read_shard(path)["seed"] == 5


def test_what_another_program_wrote_is_told(tmp_path):
    for name, content in (
        ("narrow", np.zeros((3, 18))),
        ("single", np.zeros((3, 19), np.float32)),
        ("scalar", 1.0),
    ):
        with hdf5.create(tmp_path / f"{name}.h5") as file:
            file.attrs.update({"kind": "trussmap shard", "settings": "{}", "seed": 1, "first": 0})
            file["designs"] = content
        with pytest.raises(InputError, match=f"{name}.h5: .*expected a shard"):
            read_shard(tmp_path / f"{name}.h5")


def test_a_failed_write_leaves_nothing(tmp_path):
    with pytest.raises(ValueError):
        write_shard(
            tmp_path / "a.h5", np.zeros((3, 19)), stiffness=np.tile(pack(isotropic()), (2, 1))
        )
    assert list(tmp_path.iterdir()) == []
