"""Data set of a study: HDF5 shards, merged into one file of three splits.

A **shard** ``*.h5`` holds consecutive designs:

==========================  =======  ==================================================
``designs``                 (n, 19)  columns ``DESIGN_COLUMNS``, tessellations 1/2
``stiffness_orthotropic``   (n, 9)   after U alone, ``ORTHOTROPIC`` order
``stiffness``               (n, 21)  after the whole map, ``COMPONENTS`` order
==========================  =======  ==================================================

All are float64. The last two are absent before homogenization.

The **data set** ``dataset.h5`` holds the same three in each of the groups ``train/``,
``validation/`` and ``test/``, plus ``number`` (n,) int64, the number of each design. Networks learn
from the first; choices, such as that of a width or a learning rate, are made by the second; the
third is for reported numbers. Stiffness is divided by the base material's Young's modulus.

Attributes of both: ``kind``, ``settings`` (JSON; with stiffness, the base material's
``poisson_ratio`` is among them), ``seed``, ``code_version``, ``source_digest``
(`trussmap.base.provenance`), ``units``, ``columns`` (JSON) and ``digest`` (SHA-256 of the arrays).
A shard also has ``first``, the number of its first design; a data set ``validation_share`` and
``test_share``. The bytes of either are checked before they are read (`trussmap.base.hdf5`). Reading
and merging hold one shard, or ``BLOCK`` rows, in memory at a time.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import h5py
import numpy as np
import pandas as pd

from trussmap import __version__
from trussmap.base import hdf5
from trussmap.base.errors import InputError
from trussmap.lattice.descriptor import DESIGN_COLUMNS, design_topology, sample_designs
from trussmap.tensors.rotation import rotation
from trussmap.tensors.stiffness import COMPONENTS, ORTHOTROPIC, POISSON_RATIO, rotate

if TYPE_CHECKING:
    from hashlib import _Hash

COLUMNS = {
    "designs": list(DESIGN_COLUMNS),
    "stiffness_orthotropic": [f"{name}_ort" for name in ORTHOTROPIC],
    "stiffness": COMPONENTS,
}
UNITS = (
    "lengths relative to the unit cell, angles in rad, stiffness relative to the base material's "
    "Young's modulus"
)
SPLITS = ("train", "validation", "test")
#: Size of the published data set, of which only the moments are known here.
PUBLISHED_DESIGNS = 3_000_000
#: Rows that are read or written at once.
BLOCK = 65536
_CHUNK = 4096
# Arrays of a split of a data set.
_STORED = ("number", *COLUMNS)

#: Arrays by name, with equal first dimension.
Arrays = dict[str, np.ndarray]


# ------------------------------------------------------------------------------------------ shards
def write_shard(
    path: str | Path,
    designs: np.ndarray,
    stiffness_orthotropic: np.ndarray | None = None,
    stiffness: np.ndarray | None = None,
    first: int = 0,
    settings: Mapping[str, Any] | None = None,
    source: str | None = None,
) -> None:
    """Write designs and, when known, their stiffness.

    Their numbers are ``first … first + n - 1``. ``settings["seed"]`` is recorded. ``source`` is the
    digest of the library's source that computed them (`trussmap.base.provenance`). Raises
    ValueError where the shapes do not fit.
    """
    given = {
        "designs": designs,
        "stiffness_orthotropic": stiffness_orthotropic,
        "stiffness": stiffness,
    }
    arrays = {
        name: np.ascontiguousarray(array, dtype=np.float64)
        for name, array in given.items()
        if array is not None
    }
    for name, array in arrays.items():
        shape = (len(designs), len(COLUMNS[name]))
        if array.shape != shape:
            raise ValueError(f"{name} has shape {array.shape}, expected {shape}")

    digests = {name: hashlib.sha256(array.data) for name, array in arrays.items()}
    with hdf5.create(path) as file:
        for name, array in arrays.items():
            chunks = (min(_CHUNK, max(1, len(array))), array.shape[1])
            file.create_dataset(name, data=array, chunks=chunks)
        _write_attributes(file, "shard", settings, digests, source)
        file.attrs["first"] = int(first)


def read_shard(path: str | Path) -> dict[str, Any]:
    """Read arrays and attributes of a shard.

    These are ``first``, ``seed``, ``settings`` and all others. Raises InputError if the file is
    missing, truncated, damaged or not a shard.
    """
    with _open(path, "shard") as file:
        shard = {name: _read(path, file[name]) for name in COLUMNS if name in file}
        return shard | dict(file.attrs) | {"settings": json.loads(file.attrs["settings"])}


# ---------------------------------------------------------------------------------------- data set
def split_of(
    numbers: np.ndarray, seed: int, validation_share: float, test_share: float
) -> np.ndarray:
    """Index in ``SPLITS`` (n,) of designs (n,) int.

    It is a function of (seed, number) and the shares alone.

    >>> shares = np.bincount(split_of(np.arange(10_000), 2022, 0.1, 0.2)) / 10_000
    >>> shares.round(1)  # SPLITS: train, validation, test
    array([0.7, 0.1, 0.2])
    """
    offset = (int(seed) * 0x9E3779B97F4A7C15 + 0x632BE59BD9B4E019) % 2**64
    with np.errstate(over="ignore"):  # splitmix64 (Steele, Lea, Flood 2014), wraps on purpose
        z = np.asarray(numbers, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(offset)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    uniform = (z >> np.uint64(11)).astype(float) / 2**53
    return np.select([uniform < test_share, uniform < test_share + validation_share], [2, 1], 0)


def merge_shards(
    paths: Sequence[str | Path],
    out: str | Path,
    shares: Mapping[str, float],
    settings: Mapping[str, Any],
    source: str | None = None,
    designs: int | None = None,
    made_by: str | None = None,
) -> None:
    """Merge homogenized shards into one data set.

    Its rows are in the order of their design numbers. The result does not depend on how the designs
    were cut into shards. Raises InputError if a shard has no stiffness, if the shards are not the
    designs from 0 on that follow from the seed, each once and in order, if they stem from different
    seeds, sources or Poisson's ratios, or if no design is left in a split.

    Parameters
    ----------
    paths : of the shards, in any order
    out : path of the data set
    shares : ``validation_share`` and ``test_share`` of the designs
    settings : recorded; where there is a ``seed``, the shards must be of it
    source : digest of the library's source that merges them, recorded
    designs : required number of designs
    made_by : required digest of the source that computed the shards
    """
    shards = sorted((_shard_of(path) for path in paths), key=lambda shard: shard.first)
    if not shards:
        raise InputError("no shards to merge; expected at least one.")

    origin = dict(shards[0].origin)
    if "seed" in settings:
        origin["seed"] = settings["seed"]
    if made_by:
        origin["source digest"] = made_by
    _check_shards(shards, origin, designs)

    seed = origin["seed"]
    splits = [
        split_of(np.arange(shard.first, shard.first + shard.rows), seed, **shares)
        for shard in shards
    ]
    counts = np.bincount(np.concatenate(splits), minlength=len(SPLITS)).tolist()
    sizes = dict(zip(SPLITS, counts, strict=True))
    for split, size in sizes.items():
        if not size:
            stated = ", ".join(f"{name} {share}" for name, share in shares.items())
            raise InputError(
                f"{stated} of {sum(counts)} designs leaves the {split} split empty; expected more "
                "designs or other shares."
            )

    recorded = {"seed": seed, "poisson_ratio": origin["Poisson's ratio"]} | dict(settings or {})
    _write_dataset(out, sizes, _rows_by_split(shards, splits, seed), recorded, shares, source)


class _Shard(NamedTuple):
    """Design numbers and origin of a shard."""

    first: int
    rows: int
    origin: dict[str, Any]
    path: str


def _shard_of(path: str | Path) -> _Shard:
    """Read design numbers and origin of a homogenized shard."""
    with _open(path, "shard") as file:
        for name in COLUMNS:
            if name not in file:
                raise InputError(f"{path}: no `{name}` in it; expected a homogenized shard.")
        origin = {
            "seed": int(file.attrs["seed"]),
            "Poisson's ratio": _poisson_ratio(file.attrs),
            "source digest": str(file.attrs["source_digest"]),
        }
        return _Shard(int(file.attrs["first"]), len(file["designs"]), origin, str(path))


def _check_shards(shards: Sequence[_Shard], origin: Mapping[str, Any], designs: int | None) -> None:
    """Raise InputError unless shards follow each other and have one origin."""
    following = 0
    for shard in shards:
        for name, value in origin.items():
            if shard.origin[name] != value:
                raise InputError(
                    f"{shard.path}: made with {name} {shard.origin[name]}, the others with "
                    f"{value}; expected one {name}."
                )
        if shard.first != following:
            raise InputError(
                f"{shard.path}: starts at design {shard.first}, where {following} comes next; "
                "expected shards that follow each other, disjoint and without a gap."
            )
        following += shard.rows
    if designs is not None and following != designs:
        raise InputError(
            f"{shards[-1].path}: ends with design {following - 1} of {designs}; "
            "expected whole shards."
        )


def _rows_by_split(
    shards: Sequence[_Shard], splits: Sequence[np.ndarray], seed: int
) -> Iterator[tuple[str, Arrays]]:
    """Yield split and rows of shards, whose rows are in the ``splits`` given."""
    for (first, rows, _, path), split_index in zip(shards, splits, strict=True):
        shard = read_shard(path) | {"number": np.arange(first, first + rows)}
        if not np.array_equal(shard["designs"], sample_designs(seed, first, first + rows)):
            raise InputError(
                f"{path}: not the designs {first} to {first + rows - 1} of seed {seed}, in their "
                "order; make it again."
            )
        for index, split in enumerate(SPLITS):
            yield split, {name: shard[name][split_index == index] for name in _STORED}


def copy_without(
    path: str | Path, out: str | Path, topologies: np.ndarray, source: str | None = None
) -> None:
    """Copy a data set without some topologies.

    They are left out of training and validation split; the test split stays whole. Raises
    InputError if no design is left in a split.
    """

    def kept_rows(data: Dataset) -> Iterator[tuple[str, Arrays]]:
        for split in SPLITS:
            for block in data.split(split).blocks(names=_STORED):
                keep = np.full(len(block["number"]), True)
                if split != "test":
                    keep = ~np.isin(design_topology(block["designs"]), topologies)
                yield split, {name: rows[keep] for name, rows in block.items()}

    with open_dataset(path) as data:
        sizes = dict.fromkeys(SPLITS, 0)
        for split, block in kept_rows(data):
            sizes[split] += len(block["number"])
        if not all(sizes.values()):
            raise InputError(
                f"{path}: without {len(topologies)} topologies a split is empty; expected fewer."
            )
        shares = {key: data.attrs[key] for key in ("validation_share", "test_share")}
        settings = data.settings | {"held_out_topologies": [int(k) for k in topologies]}
        _write_dataset(out, sizes, kept_rows(data), settings, shares, source)


def _write_dataset(
    out: str | Path,
    sizes: Mapping[str, int],
    blocks: Iterable[tuple[str, Arrays]],
    settings: Mapping[str, Any],
    shares: Mapping[str, float],
    source: str | None,
) -> None:
    """Write blocks of rows, each with its split, as a data set.

    ``sizes`` are the numbers of rows of the splits.
    """
    with hdf5.create(out) as file:
        hashes = {}
        for split, size in sizes.items():
            for name in _STORED:
                tail = (len(COLUMNS[name]),) if name in COLUMNS else ()
                dtype = np.float64 if name in COLUMNS else np.int64
                chunks = (min(_CHUNK, size), *tail)
                file.create_dataset(f"{split}/{name}", (size, *tail), dtype, chunks=chunks)
                hashes[f"{split}/{name}"] = hashlib.sha256()

        written = dict.fromkeys(sizes, 0)
        for split, block in blocks:
            start = written[split]
            written[split] += len(block["number"])
            for name, rows in block.items():
                contiguous = np.ascontiguousarray(rows)
                file[f"{split}/{name}"][start : written[split]] = contiguous
                hashes[f"{split}/{name}"].update(contiguous.data)
        _write_attributes(file, "dataset", settings, hashes, source)
        file.attrs.update(shares)


class Split:
    """Training, validation or test split of a data set.

    Rows are read only when they are needed.
    """

    def __init__(self, path: str | Path, group: h5py.Group, limit: int | None = None) -> None:
        self.path = path
        self._group = group
        rows = len(group["designs"])
        self._rows = rows if limit is None else min(limit, rows)

    def __len__(self) -> int:
        return self._rows

    def head(self, rows: int | None) -> "Split":
        """Take the first rows as a split."""
        return Split(self.path, self._group, rows)

    def read(self, rows: slice = slice(None), names: Sequence[str] = tuple(COLUMNS)) -> Arrays:
        """Read arrays of a slice of rows."""
        rows = slice(*rows.indices(len(self)))
        return {name: _read(self.path, self._group[name], rows) for name in names}

    def blocks(self, size: int = BLOCK, names: Sequence[str] = tuple(COLUMNS)) -> Iterator[Arrays]:
        """Read all rows in order, at most ``size`` rows at a time."""
        for start in range(0, len(self), size):
            yield self.read(slice(start, start + size), names)


class Dataset:
    """Open data set, to use as a context manager; ``len`` counts all designs.

    Attributes
    ----------
    train, validation, test : splits
    attrs, settings : of the file
    poisson_ratio : of the base material
    digest : SHA-256 of the arrays
    """

    def __init__(self, path: str | Path) -> None:
        self._file = _open(path, "dataset")
        self.train, self.validation, self.test = (Split(path, self._file[name]) for name in SPLITS)
        self.attrs: dict[str, Any] = dict(self._file.attrs)
        self.settings: dict[str, Any] = json.loads(self.attrs["settings"])
        self.poisson_ratio = _poisson_ratio(self.attrs)
        self.digest: str = self.attrs["digest"]

    def __len__(self) -> int:
        return len(self.train) + len(self.validation) + len(self.test)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def split(self, name: str) -> Split:
        """Return the split of a name, one of ``SPLITS``."""
        return {"train": self.train, "validation": self.validation, "test": self.test}[name]


def open_dataset(path: str | Path) -> Dataset:
    """Open a data set for streaming.

    Raises InputError if it is missing, truncated or something else.
    """
    return Dataset(path)


# -------------------------------------------------------------------------------------- statistics
def column_statistics(path: str | Path) -> pd.DataFrame:
    """Compute the moments and the range of every column of all splits.

    The table has a row per ``column``, with ``mean``, ``std``, ``min`` and ``max``. Columns are
    named as in the published data set: the design, the stiffness after U (``C11_ort``), the whole
    stiffness (``C11``) and the stiffness before the last rotation R2 (``C11_hat``). The standard
    deviation is the population's. The data set is read in blocks; moments are merged by Chan's
    update (Chan, Golub, LeVeque 1983).
    """
    hat = [f"{name}_hat" for name in COMPONENTS]
    names = [*COLUMNS["designs"], *COLUMNS["stiffness_orthotropic"], *COMPONENTS, *hat]
    angles = [COLUMNS["designs"].index(name) for name in ("R2_theta", "R2_rot_ax1", "R2_rot_ax2")]
    count = 0
    mean = np.zeros(len(names))
    squares = np.zeros(len(names))
    lowest = np.full(len(names), np.inf)
    highest = np.full(len(names), -np.inf)
    with open_dataset(path) as data:
        for block in (block for split in SPLITS for block in data.split(split).blocks()):
            back = rotation(block["designs"][:, angles]).swapaxes(-1, -2)
            values = np.hstack([*block.values(), rotate(block["stiffness"], back)])

            rows = len(values)
            block_mean = values.mean(0)
            delta = block_mean - mean
            between = delta**2 * count * rows / (count + rows)
            squares += ((values - block_mean) ** 2).sum(0) + between
            mean += delta * rows / (count + rows)
            count += rows
            lowest = np.minimum(lowest, values.min(0))
            highest = np.maximum(highest, values.max(0))
    deviation = np.sqrt(squares / count)
    return pd.DataFrame(
        {"column": names, "mean": mean, "std": deviation, "min": lowest, "max": highest}
    )


def compare_moments(
    statistics: pd.DataFrame, published: pd.DataFrame, designs: int
) -> pd.DataFrame:
    """Join `column_statistics` with those of the published data set.

    Parameters
    ----------
    statistics : of a data set of this library
    published : ``column``, ``mean``, ``std``, ``min``, ``max`` of ``PUBLISHED_DESIGNS``,
        tessellations as 0 and 1
    designs : number of designs of the data set

    Returns
    -------
    ``statistics`` with further columns ``published_mean`` and so on, and ``mean_z``, the difference
    of the means in its standard errors, those of both samples together.
    """
    published = published.set_index("column")
    tessellation = published.index.str.startswith("lattice_rep")
    published.loc[tessellation, ["mean", "min", "max"]] += 1
    table = statistics.join(published.add_prefix("published_"), on="column")
    error = (table["std"] ** 2 / designs + table["published_std"] ** 2 / PUBLISHED_DESIGNS) ** 0.5
    return table.assign(mean_z=(table["mean"] - table["published_mean"]) / error)


# ----------------------------------------------------------------------------------------- helpers
def _open(path: str | Path, kind: str) -> h5py.File:
    """Open an HDF5 file of a kind and check its arrays and attributes."""
    file = hdf5.open_checked(path, kind)
    try:
        _check(file, path, kind)
    except InputError:
        file.close()
        raise
    except Exception as error:  # HDF5 may raise anything for a file of another program
        file.close()
        raise InputError(
            f"{path}: HDF5, but not a trussmap {kind} ({error}); expected a {kind}."
        ) from error
    return file


def _check(file: h5py.File, path: str | Path, kind: str) -> None:
    """Raise InputError, or another error, unless a file is of a kind."""
    stated = str(file.attrs.get("kind"))
    if stated != f"trussmap {kind}":
        raise InputError(
            f"{path}: HDF5, but not a trussmap {kind} (it says '{stated}'); expected a {kind}."
        )

    # Conversions that raise an error where an attribute is absent or no number.
    int(file.attrs["seed"])
    float(json.loads(file.attrs["settings"]).get("poisson_ratio", POISSON_RATIO))
    if kind == "shard":
        int(file.attrs["first"])
        groups = [[name for name in COLUMNS if name == "designs" or name in file]]
    else:
        groups = [[f"{split}/{name}" for name in _STORED] for split in SPLITS]

    for names in groups:
        rows = {len(file[name]) for name in names}
        for name in names:
            columns = COLUMNS.get(name.split("/")[-1])
            tail = () if columns is None else (len(columns),)
            right_type = file[name].dtype == (np.int64 if columns is None else np.float64)
            if len(rows) > 1 or not right_type or file[name].shape[1:] != tail:
                raise InputError(
                    f"{path}: `{name}` is {file[name].dtype} {file[name].shape}; expected a {kind}."
                )


def _read(path: str | Path, dataset: h5py.Dataset, rows: slice = slice(None)) -> np.ndarray:
    """Read rows of an array."""
    try:
        return dataset[rows]
    except OSError as error:
        raise InputError(
            f"{path}: `{dataset.name}` cannot be read, the file is damaged; make it again."
        ) from error


def _digest(hashes: Mapping[str, "_Hash"]) -> str:
    """SHA-256 of the names and hex digests of several hashes."""
    lines = "".join(f"{name}:{h.hexdigest()}\n" for name, h in hashes.items())
    return hashlib.sha256(lines.encode()).hexdigest()


def _poisson_ratio(attributes: Mapping[str, Any]) -> float:
    """Poisson's ratio of the base material, from the attributes of a file."""
    return json.loads(attributes["settings"]).get("poisson_ratio", POISSON_RATIO)


def _write_attributes(
    file: h5py.File,
    kind: str,
    settings: Mapping[str, Any] | None,
    hashes: Mapping[str, "_Hash"],
    source: str | None,
) -> None:
    """Write the attributes of a shard or a data set."""
    settings = dict(settings or {})
    file.attrs["kind"] = f"trussmap {kind}"
    file.attrs["settings"] = json.dumps(settings, sort_keys=True)
    file.attrs["seed"] = int(settings.get("seed", 0))
    file.attrs["code_version"] = __version__
    file.attrs["source_digest"] = source or "unknown"
    file.attrs["units"] = UNITS
    file.attrs["columns"] = json.dumps(COLUMNS)
    file.attrs["digest"] = _digest(hashes)
