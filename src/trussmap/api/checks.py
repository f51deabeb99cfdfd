"""Checks of what people hand to functions."""

import sys
from numbers import Real
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from trussmap.base.errors import InputError
from trussmap.lattice.descriptor import DESIGN_COLUMNS, check_designs

#: A file or folder by its name.
FileName = str | Path


def floats(values: ArrayLike) -> np.ndarray:
    """Values as an array of floats, NaN for what is not an array of real numbers."""
    try:
        numbers = np.asanyarray(values)
        if numbers.dtype.kind in "iufOUS" and not np.ma.is_masked(numbers):
            return np.asarray(numbers, float)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        pass
    return np.array(np.nan)


def array(values: ArrayLike, shape: tuple[int | None, ...], what: str) -> np.ndarray:
    """Finite numbers of a shape, in which None is any length."""
    numbers = floats(values)
    fits = numbers.ndim == len(shape) and all(
        n in (None, m) for n, m in zip(shape, numbers.shape, strict=True)
    )
    if not (fits and np.isfinite(numbers).all()):
        size = " × ".join("n" if n is None else str(n) for n in shape)
        raise InputError(f"{what}: expected {size} finite numbers.")
    return numbers


def positive(value: float, what: str) -> float:
    """A finite number above 0."""
    number = isinstance(value, Real) and not isinstance(value, bool)
    if not (number and 0 < value <= sys.float_info.max):
        raise InputError(f"{what} {value}: expected a number above 0.")
    return float(value)


def strut_ends(struts: ArrayLike, count: int) -> np.ndarray:
    """Numbers (m, 2) of two of ``count`` nodes for each strut."""
    pairs = array(struts, (None, 2), "struts")
    if not len(pairs):
        raise InputError("struts: none; expected one at least.")
    bad = np.flatnonzero(((pairs < 0) | (pairs >= count) | (pairs != np.rint(pairs))).any(1))
    if len(bad):
        raise InputError(
            f"struts, row {bad[0] + 1}: expected two of the {count} nodes, numbered from 0."
        )
    return pairs.astype(int)


def radii_of(values: ArrayLike, count: int, what: str = "radii") -> np.ndarray:
    """Numbers (count,) above 0."""
    radii = array(values, (count,), what)
    if not (radii > 0).all():
        raise InputError(f"{what}, row {int(np.argmin(radii > 0)) + 1}: expected numbers above 0.")
    return radii


def cell_vectors(cell: ArrayLike | None) -> np.ndarray:
    """Cell vectors as columns (3, 3) of edges (3,) or rows (3, 3); the unit cube of None."""
    if cell is None:
        return np.eye(3)
    edges = floats(cell).ndim == 1
    vectors = np.diag(array(cell, (3,), "cell")) if edges else array(cell, (3, 3), "cell").T
    if not abs(np.linalg.det(vectors)) > 1e-9 * np.linalg.norm(vectors) ** 3:
        raise InputError(
            "cell: it has no volume; expected the edges of a box or three vectors that span one."
        )
    return vectors


def with_ending(path: FileName, ending: str) -> FileName:
    """Name of a file, which ends in ``ending``."""
    if Path(path).suffix.lower() != ending:
        raise InputError(f"{path}: expected a name that ends in {ending}.")
    return path


def designs(table: pd.DataFrame) -> np.ndarray:
    """Descriptors (n, 19) of a table with the published columns."""
    missing = [name for name in DESIGN_COLUMNS if name not in table]
    if missing:
        raise InputError(
            f"designs: missing column {', '.join(missing)}; expected the columns of a design."
        )
    theta = array(table[DESIGN_COLUMNS], (None, len(DESIGN_COLUMNS)), "designs")
    check_designs(theta, "designs")
    return theta
