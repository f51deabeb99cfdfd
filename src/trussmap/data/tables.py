"""Tables of users, as CSV or Parquet by the ending of the file's name, and designs read from them.

A table is a ``pyarrow.Table``; columns that are not of the design pass through as they are. PyArrow
is imported where it is needed, for it takes long to load.
"""

import os
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from trussmap.base.errors import InputError
from trussmap.base.io import atomic_path
from trussmap.lattice.descriptor import (
    DESIGN_COLUMNS,
    ORTHOTROPIC_COLUMNS,
    R1,
    R2,
    REPS,
    check_designs,
)

if TYPE_CHECKING:
    import pyarrow as pa


#: What PyArrow says of a row that has more or fewer values than the header.
_RAGGED = re.compile(
    r"(Row #(?P<row>\d+): )?Expected (?P<expected>\d+) columns, got (?P<found>\d+)"
)
ENDINGS = (".csv", ".parquet")


def check_ending(path: str | Path) -> str:
    """The ending of a table's name; raises InputError if it is neither .csv nor .parquet.

    >>> check_ending("designs.CSV")
    '.csv'
    """
    ending = Path(path).suffix.lower()
    if ending not in ENDINGS:
        raise InputError(f"{path}: a table ends in .csv or .parquet, which says how it is written.")
    return ending


def read_table(path: str | Path) -> "pa.Table":
    """Read a table; raises InputError if it is absent, damaged, ragged, or has a column twice."""
    ending = check_ending(path)
    read, form = (_read_csv, "CSV") if ending == ".csv" else (_read_parquet, "Parquet")
    try:
        table = read(path)
        names = [name.strip() for name in table.column_names]
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; expected a table of designs in {form}.") from None
    except InputError:
        raise
    except Exception as error:  # of the many kinds that a damaged file ends in
        reason = str(error).strip().partition("\n")[0]
        raise InputError(f"{path}: not a readable {form} table ({reason}).") from error
    for name in names:
        if names.count(name) > 1:
            raise InputError(
                f"{path}, row 0, column {name}: stands twice; expected each column once."
            )
    return table.rename_columns(names)


def _read_csv(path):
    from pyarrow import csv

    def read(threads):
        options = csv.ReadOptions(use_threads=threads), csv.ParseOptions(newlines_in_values=True)
        with _opened(path) as file:
            return csv.read_csv(file, *options)

    try:
        return read(threads=True)
    except ValueError as error:
        if not _RAGGED.search(str(error)):
            raise
    try:
        return read(threads=False)  # rows are numbered by a single thread only
    except ValueError as error:
        found = _RAGGED.search(str(error))
        if not found or not found["row"]:
            raise
        raise InputError(
            f"{path}, row {int(found['row']) - 1}: {found['found']} values under "
            f"{found['expected']} columns; "
            "expected one value for each column."
        ) from error


def _opened(path, mode="r"):
    """A file of Arrow, which takes names for UTF-8 whatever the locale; the bytes of a name are the
    same in any.
    """
    import pyarrow as pa

    return pa.OSFile(os.fsencode(path), mode)


def _read_parquet(path):
    from pyarrow import parquet

    with _opened(path) as source, parquet.ParquetFile(source) as file:
        return (
            file.read().replace_schema_metadata()
        )  # what pandas notes there would contradict the columns added


def write_table(blocks: "Iterable[pa.Table]", path: str | Path) -> None:
    """Write the blocks of a table (an iterable) atomically, each while the next one is made.

    Floats are written in the fewest digits that give back the same float64. Raises InputError if
    the name's ending is unknown or the file cannot be written.
    """
    ending = check_ending(path)
    try:
        with atomic_path(path) as temporary, ThreadPoolExecutor(1) as pool:
            blocks = iter(blocks)
            block = next(blocks)
            new_writer = _csv_writer if ending == ".csv" else _parquet_writer
            with _opened(temporary, "w") as file, new_writer(file, block.schema) as writer:
                while block is not None:
                    written = pool.submit(writer.write_table, block)
                    block = next(blocks, None)
                    written.result()
    except InputError:
        raise
    except (OSError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise InputError(f"{path}: the table cannot be written there ({reason}).") from error


def _csv_writer(file, schema):
    from pyarrow import csv

    plain = not any({*name} & {*',"\r\n'} for name in schema.names)
    return csv.CSVWriter(
        file, schema, write_options=csv.WriteOptions(quoting_header="none" if plain else "needed")
    )


def _parquet_writer(file, schema):
    from pyarrow import parquet

    return parquet.ParquetWriter(file, schema)


def with_columns(table: "pa.Table", columns: dict[str, np.ndarray]) -> "pa.Table":
    """The table with the ``columns`` (a dictionary of arrays) at its end, in place of those of the
    same name.
    """
    table = table.drop_columns([name for name in columns if name in table.column_names])
    for name, values in columns.items():
        table = table.append_column(name, [np.ascontiguousarray(values)])
    return table


def numbers_of(table: "pa.Table", name: str, path: str | Path) -> np.ndarray:
    """A column as float64 (n,); raises InputError naming the row of the first value that is no
    finite number.
    """
    from pyarrow import types

    column = table[name]
    if types.is_integer(column.type) or types.is_floating(column.type):
        values = column.cast("float64", safe=False).to_numpy()
    else:
        values = np.array([_number(value) for value in column.to_pylist()], float)
    finite = np.isfinite(values)
    if not finite.all():
        row = int(np.argmin(finite))
        found = column[row].as_py()
        found = "a missing value" if found is None else f"{found!r:.60}"
        raise InputError(f"{path}, row {row + 1}, column {name}: {found} is not a number.")
    return values


def _number(value):
    try:
        return np.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return np.nan


def read_designs(path: str | Path, orthotropic_only: bool = False) -> "tuple[pa.Table, np.ndarray]":
    """Read a table of designs.

    Tessellations may be written 1/2 or, as in the published training file, 0/1, which a 0 without a
    2 tells. Where all are 1, either is meant and nothing depends on it: lattices that are all
    doubled are those that are not, at half the scale, and have the same topology number and
    stiffness.

    Parameters
    ----------
    path : a .csv or .parquet file with the columns of the design, and any others
    orthotropic_only : columns beyond U, types and tessellations may be absent, all together; they
        are then those of the identity map

    Returns
    -------
    table : pyarrow.Table as read
    designs : (n, 19), tessellations 1/2

    Raises
    ------
    InputError : a file that is no table, a missing column, an empty table, a value that is no
        number or out of range.
    """
    table = read_table(path)
    return table, _designs(table, path, orthotropic_only)


def read_design_blocks(
    path: str | Path, orthotropic_only: bool = False, rows: int = 65536
) -> "Iterator[tuple[pa.Table, np.ndarray]]":
    """The same block by block, for files that are larger than memory; rows in errors are counted
    from their block's.
    """
    import pyarrow as pa

    blocks = _csv_blocks(path) if check_ending(path) == ".csv" else _parquet_blocks(path, rows)
    first = 0
    try:
        for block in blocks:
            table = pa.Table.from_batches([block])
            table = table.rename_columns([name.strip() for name in table.column_names])
            yield (
                table,
                _designs(table, f"{path}, after {first} rows" if first else path, orthotropic_only),
            )
            first += table.num_rows
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; expected a table of designs.") from None
    except Exception as error:  # of the many kinds that a damaged file ends in
        reason = str(error).strip().partition("\n")[0]
        raise InputError(f"{path}: not a readable table, after {first} rows ({reason}).") from error


def _csv_blocks(path):
    from pyarrow import csv

    with open(path, encoding="utf-8", errors="replace") as file:
        names = [name.strip().strip('"') for name in file.readline().split(",")]
    # A column whose first block happens to have whole numbers is one of floats all the same.
    types = csv.ConvertOptions(column_types=dict.fromkeys(names, "float64"))
    options = csv.ReadOptions(block_size=1 << 24)
    with _opened(path) as source, csv.open_csv(source, options, convert_options=types) as reader:
        yield from reader


def _parquet_blocks(path, rows):
    from pyarrow import parquet

    with _opened(path) as source, parquet.ParquetFile(source) as file:
        yield from file.iter_batches(rows)


def _designs(table, path, orthotropic_only):
    """Designs (n, 19) of a table, tessellations 1/2."""
    present = [name for name in DESIGN_COLUMNS if name in table.column_names]
    whole = not orthotropic_only or not {*present} <= {*ORTHOTROPIC_COLUMNS}
    needed = DESIGN_COLUMNS if whole else ORTHOTROPIC_COLUMNS
    missing = [name for name in needed if name not in present]
    if missing:
        raise InputError(
            f"{path}: column {missing[0]} is missing; a design has {', '.join(needed)}."
        )
    if not table.num_rows:
        raise InputError(f"{path}, row 1: the table has no designs below its header.")
    designs = np.ones((table.num_rows, len(DESIGN_COLUMNS)))
    designs[:, R1] = designs[:, R2] = 0.0
    for name in present:
        designs[:, DESIGN_COLUMNS.index(name)] = numbers_of(table, name, path)
    if (designs[:, REPS] == 0).any() and (designs[:, REPS] <= 1).all():
        designs[:, REPS] += 1
    check_designs(designs, path, present)
    return designs
