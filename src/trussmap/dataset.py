"""The data set of a study: HDF5 shards, merged into one file with a training, a validation and a test split.

A **shard** ``*.h5`` holds consecutive designs:

==========================  =========  ==================================================================
``designs``                 (n, 19)    float64, columns ``DESIGN_COLUMNS``, tessellations 1/2
``stiffness_orthotropic``   (n, 9)     float64, after U alone, ``ORTHOTROPIC`` order (absent before homogenization)
``stiffness``               (n, 21)    float64, after the whole map, ``COMPONENTS`` order (absent likewise)
==========================  =========  ==================================================================

The **data set** ``dataset.h5`` holds the same three in each of the groups ``train/``, ``validation/`` and ``test/``,
plus ``number`` (n,) int64, the number of each design. Networks learn from the first; what is chosen, such as a width or
a learning rate, is chosen by the second; the third is for what is reported. Stiffness is divided by the base
material's Young's modulus.

Attributes of both: ``kind``, ``settings`` (JSON; of what has stiffness, with the base material's ``poisson_ratio``),
``seed``, ``code_version``, ``source_digest`` (`trussmap.provenance`), ``units``, ``columns`` (JSON) and ``digest``
(SHA-256 of the arrays); of a shard also ``first``, the number of its first design; of a data set also
``validation_share`` and ``test_share``. The bytes of either are checked before they are read (`trussmap.hdf5`). Reading
and merging hold one shard, or ``BLOCK`` rows, in memory at a time.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from trussmap import __version__, hdf5
from trussmap.errors import InputError
from trussmap.lattice.descriptor import DESIGN_COLUMNS, design_topology, sample_designs
from trussmap.rotation import rotation
from trussmap.stiffness import COMPONENTS, ORTHOTROPIC, POISSON_RATIO, rotate

COLUMNS = {
    "designs": list(DESIGN_COLUMNS),
    "stiffness_orthotropic": [f"{name}_ort" for name in ORTHOTROPIC],
    "stiffness": COMPONENTS,
}
UNITS = "lengths relative to the unit cell, angles in rad, stiffness relative to the base material's Young's modulus"
SPLITS = ("train", "validation", "test")
#: Size of the published data set, whose moments alone are known here.
PUBLISHED_DESIGNS = 3_000_000
#: Rows that are read or written at once.
BLOCK = 65536
_CHUNK = 4096
# What a split of a data set holds.
_STORED = ("number", *COLUMNS)


# ----------------------------------------------------------------------------------------------------------- shards
def write_shard(
    path: str | Path,
    designs: np.ndarray,
    stiffness_orthotropic: np.ndarray | None = None,
    stiffness: np.ndarray | None = None,
    first: int = 0,
    settings: dict | None = None,
    source: str | None = None,
) -> None:
    """Write designs ``first … first + n - 1`` and, when known, their stiffness; ``settings["seed"]`` is recorded.

    ``source``: digest of the library's source that made them (`trussmap.provenance`).
    """
    arrays = {"designs": designs, "stiffness_orthotropic": stiffness_orthotropic, "stiffness": stiffness}
    arrays = {k: np.ascontiguousarray(v, dtype=np.float64) for k, v in arrays.items() if v is not None}
    for name, array in arrays.items():
        if array.shape != (len(designs), len(COLUMNS[name])):
            raise ValueError(f"{name} has shape {array.shape}, expected {(len(designs), len(COLUMNS[name]))}")
    digests = {name: hashlib.sha256(array) for name, array in arrays.items()}
    with hdf5.create(path) as file:
        for name, array in arrays.items():
            file.create_dataset(name, data=array, chunks=(min(_CHUNK, max(1, len(array))), array.shape[1]))
        _write_attributes(file, "shard", settings, digests, source)
        file.attrs["first"] = int(first)


def read_shard(path: str | Path) -> dict:
    """Arrays and attributes (``first``, ``seed``, ``settings``, …) of a shard as one dictionary.

    Raises InputError if the file is missing, truncated, damaged or not a shard.
    """
    with _open(path, "shard") as file:
        shard = {name: _read(path, file[name]) for name in COLUMNS if name in file}
        return shard | dict(file.attrs) | {"settings": json.loads(file.attrs["settings"])}


# --------------------------------------------------------------------------------------------------------- data set
def split_of(numbers: np.ndarray, seed: int, validation_share: float, test_share: float) -> np.ndarray:
    """Index in ``SPLITS`` (n,) of designs (n,) int: a function of (seed, number) and the shares alone.

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
    paths: list,
    out: str | Path,
    shares: dict,
    settings: dict,
    source: str | None = None,
    designs: int | None = None,
    made_by: str | None = None,
) -> None:
    """Merge homogenized shards into one data set, rows in the order of their design numbers.

    ``shares`` are the ``validation_share`` and the ``test_share`` of the designs. What the shards have to be: of the
    seed in ``settings``, if there is one, of so many ``designs`` and ``made_by`` the source with that digest.

    The result does not depend on how the designs were cut into shards. Raises InputError if a shard has no
    stiffness, if they are not the designs from 0 on that follow from the seed, each once and in order, if they stem
    from different seeds, sources or Poisson's ratios, or if no design is left in a split.
    """
    spans = []
    for path in paths:
        with _open(path, "shard") as file:
            for name in COLUMNS:
                if name not in file:
                    raise InputError(f"{path}: no `{name}` in it; expected a homogenized shard.")
            made = {"seed": int(file.attrs["seed"]), "Poisson's ratio": _poisson_ratio(file.attrs)}
            made["source digest"] = str(file.attrs["source_digest"])
            spans.append((int(file.attrs["first"]), len(file["designs"]), made, str(path)))
    if not spans:
        raise InputError("no shards to merge; expected at least one.")
    spans.sort(key=lambda span: span[0])
    common = dict(spans[0][2])
    common |= {"seed": settings["seed"]} if "seed" in settings else {}
    common |= {"source digest": made_by} if made_by else {}
    seed, following = common["seed"], 0
    for first, rows, made, path in spans:
        for what, value in common.items():
            if made[what] != value:
                raise InputError(
                    f"{path}: made with {what} {made[what]}, the others with {value}; expected one {what}."
                )
        if first != following:
            raise InputError(
                f"{path}: starts at design {first}, where {following} comes next; expected shards that follow each "
                "other, disjoint and without a gap."
            )
        following += rows
    if designs is not None and following != designs:
        raise InputError(f"{spans[-1][3]}: ends with design {following - 1} of {designs}; expected whole shards.")
    splits = [split_of(np.arange(first, first + rows), seed, **shares) for first, rows, _, _ in spans]
    sizes = dict(zip(SPLITS, np.bincount(np.concatenate(splits), minlength=len(SPLITS)).tolist(), strict=True))
    for split, size in sizes.items():
        if not size:
            stated = ", ".join(f"{name} {share}" for name, share in shares.items())
            raise InputError(
                f"{stated} of {sum(sizes.values())} designs leaves the {split} split empty; expected more designs or "
                "other shares."
            )

    def parts():
        for (first, rows, _, path), of_row in zip(spans, splits, strict=True):
            shard = read_shard(path) | {"number": np.arange(first, first + rows)}
            if not np.array_equal(shard["designs"], sample_designs(seed, first, first + rows)):
                raise InputError(
                    f"{path}: not the designs {first} to {first + rows - 1} of seed {seed}, in their order; make it "
                    "again."
                )
            for index, split in enumerate(SPLITS):
                yield split, {name: shard[name][of_row == index] for name in _STORED}

    settings = {"seed": seed, "poisson_ratio": common["Poisson's ratio"]} | dict(settings or {})
    _write_dataset(out, sizes, parts(), settings, shares, source)


def copy_without(path: str | Path, out: str | Path, topologies: np.ndarray, source: str | None = None) -> None:
    """Copy a data set without the designs of some topologies in its training and validation split.

    The test split stays whole. Raises InputError if no design is left in a split.
    """

    def parts():
        for split in SPLITS:
            for block in getattr(data, split).blocks(names=_STORED):
                left = np.full(len(block["number"]), True)
                if split != "test":
                    left = ~np.isin(design_topology(block["designs"]), topologies)
                yield split, {name: rows[left] for name, rows in block.items()}

    with open_dataset(path) as data:
        sizes = dict.fromkeys(SPLITS, 0)
        for split, block in parts():
            sizes[split] += len(block["number"])
        if not all(sizes.values()):
            raise InputError(f"{path}: without {len(topologies)} topologies a split is empty; expected fewer.")
        shares = {key: data.attrs[key] for key in ("validation_share", "test_share")}
        settings = data.settings | {"held_out_topologies": [int(k) for k in topologies]}
        _write_dataset(out, sizes, parts(), settings, shares, source)


def _write_dataset(out, sizes, parts, settings, shares, source):
    """Write pairs of a split and a dictionary of rows, with ``sizes`` rows in all, as a data set."""
    with hdf5.create(out) as file:
        hashes = {}
        for split, size in sizes.items():
            for name in _STORED:
                tail = (len(COLUMNS[name]),) if name in COLUMNS else ()
                dtype = np.float64 if name in COLUMNS else np.int64
                file.create_dataset(f"{split}/{name}", (size, *tail), dtype, chunks=(min(_CHUNK, size), *tail))
                hashes[f"{split}/{name}"] = hashlib.sha256()
        written = dict.fromkeys(sizes, 0)
        for split, part in parts:
            start, count = written[split], len(part["number"])
            for name, rows in part.items():
                rows = np.ascontiguousarray(rows)
                file[f"{split}/{name}"][start : start + count] = rows
                hashes[f"{split}/{name}"].update(rows)
            written[split] += count
        _write_attributes(file, "dataset", settings, hashes, source)
        file.attrs.update(shares)


class Split:
    """The training or the test part of a data set; rows are read only when asked for."""

    def __init__(self, path, group, limit=None):
        self.path, self._group = path, group
        rows = len(group["designs"])
        self._rows = rows if limit is None else min(limit, rows)

    def __len__(self):
        return self._rows

    def head(self, rows: int | None) -> "Split":
        """The first rows as a split of their own."""
        return Split(self.path, self._group, rows)

    def read(self, rows: slice = slice(None), names: Sequence[str] = tuple(COLUMNS)) -> dict[str, np.ndarray]:
        """Arrays of a slice of rows, as a dictionary."""
        rows = slice(*rows.indices(len(self)))
        return {name: _read(self.path, self._group[name], rows) for name in names}

    def blocks(self, size: int = BLOCK, names: Sequence[str] = tuple(COLUMNS)) -> Iterator[dict[str, np.ndarray]]:
        """All rows in order, in dictionaries of at most ``size`` rows."""
        for start in range(0, len(self), size):
            yield self.read(slice(start, start + size), names)


class Dataset:
    """An open data set: ``train``, ``validation`` and ``test`` splits, ``attrs``, ``settings``, ``digest``.

    It is a context manager; ``len`` is the number of all designs.
    """

    def __init__(self, path):
        self._file = _open(path, "dataset")
        self.train, self.validation, self.test = (Split(path, self._file[name]) for name in SPLITS)
        self.attrs = dict(self._file.attrs)
        self.settings = json.loads(self.attrs["settings"])
        #: Of the base material.
        self.poisson_ratio = _poisson_ratio(self.attrs)
        self.digest = self.attrs["digest"]

    def __len__(self):
        return len(self.train) + len(self.validation) + len(self.test)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()


def open_dataset(path: str | Path) -> Dataset:
    """Open a data set for streaming; raises InputError if it is missing, truncated or something else."""
    return Dataset(path)


def column_statistics(path: str | Path) -> pd.DataFrame:
    """Mean, standard deviation, minimum and maximum of every column, all splits together.

    Columns and names are those of the published data set: the design, the stiffness after U (``C11_ort``), the whole
    stiffness (``C11``) and the stiffness before the last rotation R2 (``C11_hat``). The standard deviation is the
    population's. Read in blocks; moments are merged by Chan's update (Chan, Golub, LeVeque 1983).
    """
    names = [*COLUMNS["designs"], *COLUMNS["stiffness_orthotropic"], *COMPONENTS, *(f"{c}_hat" for c in COMPONENTS)]
    angles = [COLUMNS["designs"].index(name) for name in ("R2_theta", "R2_rot_ax1", "R2_rot_ax2")]
    count, mean, squares = 0, np.zeros(len(names)), np.zeros(len(names))
    lowest, highest = np.full(len(names), np.inf), np.full(len(names), -np.inf)
    with open_dataset(path) as data:
        for block in (block for split in SPLITS for block in getattr(data, split).blocks()):
            back = rotation(block["designs"][:, angles]).swapaxes(-1, -2)
            values = np.hstack([*block.values(), rotate(block["stiffness"], back)])
            rows, block_mean = len(values), values.mean(0)
            delta = block_mean - mean
            squares += ((values - block_mean) ** 2).sum(0) + delta**2 * count * rows / (count + rows)
            mean += delta * rows / (count + rows)
            count += rows
            lowest, highest = np.minimum(lowest, values.min(0)), np.maximum(highest, values.max(0))
    table = {"column": names, "mean": mean, "std": np.sqrt(squares / count), "min": lowest, "max": highest}
    return pd.DataFrame(table)


def compare_moments(statistics: pd.DataFrame, published: pd.DataFrame, designs: int) -> pd.DataFrame:
    """`column_statistics` of ``designs`` beside those of the published data set, as ``published_mean`` and so on.

    ``published``: ``column``, ``mean``, ``std``, ``min``, ``max`` of ``PUBLISHED_DESIGNS``, tessellations as 0 and 1.
    ``mean_z`` is the difference of the means in its standard errors, those of both samples together.
    """
    published = published.set_index("column")
    tessellation = published.index.str.startswith("lattice_rep")
    published.loc[tessellation, ["mean", "min", "max"]] += 1
    table = statistics.join(published.add_prefix("published_"), on="column")
    error = (table["std"] ** 2 / designs + table["published_std"] ** 2 / PUBLISHED_DESIGNS) ** 0.5
    return table.assign(mean_z=(table["mean"] - table["published_mean"]) / error)


# ---------------------------------------------------------------------------------------------------------- helpers
def _open(path, kind):
    """An HDF5 file of a kind, whose arrays and attributes are what this module says."""
    file = hdf5.open_checked(path, kind)
    try:
        found = str(file.attrs.get("kind"))
        if found != f"trussmap {kind}":
            raise InputError(f"{path}: HDF5, but not a trussmap {kind} (it says '{found}'); expected a {kind}.")
        settings = json.loads(file.attrs["settings"])
        whole = {"seed": int(file.attrs["seed"]), "poisson_ratio": float(settings.get("poisson_ratio", POISSON_RATIO))}
        if kind == "shard":
            whole["first"] = int(file.attrs["first"])
            groups = [[name for name in COLUMNS if name == "designs" or name in file]]
        else:
            groups = [[f"{split}/{name}" for name in _STORED] for split in SPLITS]
        for names in groups:
            rows = {len(file[name]) for name in names}
            for name in names:
                tail = COLUMNS.get(name.split("/")[-1])
                good = file[name].dtype == (np.int64 if tail is None else np.float64)
                if len(rows) > 1 or not good or file[name].shape[1:] != (() if tail is None else (len(tail),)):
                    raise InputError(f"{path}: `{name}` is {file[name].dtype} {file[name].shape}; expected a {kind}.")
    except InputError:
        file.close()
        raise
    except Exception as error:  # whatever HDF5 says of a file that another program wrote
        file.close()
        raise InputError(f"{path}: HDF5, but not a trussmap {kind} ({error}); expected a {kind}.") from error
    return file


def _read(path, dataset, rows=slice(None)):
    try:
        return dataset[rows]
    except OSError as error:
        raise InputError(f"{path}: `{dataset.name}` cannot be read, the file is damaged; make it again.") from error


def _digest(hashes):
    """One digest of several: the SHA-256 of their names and hex digests."""
    return hashlib.sha256("".join(f"{name}:{h.hexdigest()}\n" for name, h in hashes.items()).encode()).hexdigest()


def _poisson_ratio(attributes):
    return json.loads(attributes["settings"]).get("poisson_ratio", POISSON_RATIO)


def _write_attributes(file, kind, settings, hashes, source):
    settings = dict(settings or {})
    file.attrs["kind"] = f"trussmap {kind}"
    file.attrs["settings"] = json.dumps(settings, sort_keys=True)
    file.attrs["seed"] = int(settings.get("seed", 0))
    file.attrs["code_version"] = __version__
    file.attrs["source_digest"] = source or "unknown"
    file.attrs["units"] = UNITS
    file.attrs["columns"] = json.dumps(COLUMNS)
    file.attrs["digest"] = _digest(hashes)
