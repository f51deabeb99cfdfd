"""Stiffness targets: tables of 21 constants, read and checked."""

from pathlib import Path

import numpy as np
import pandas as pd

from trussmap.errors import InputError
from trussmap.goals import ENGINEERING, Goal
from trussmap.stiffness import COMPONENTS, admissibility

#: Densest lattice of the design space; no target can be stiffer than its Voigt bound.
MAXIMUM_DENSITY = 0.1
#: Relative difference between C_ij and C_ji (against the largest constant of the row) that passes as rounding.
SYMMETRY_TOLERANCE = 1e-6

_MIRROR = {f"C{j}{i}": f"C{i}{j}" for i in range(1, 7) for j in range(i + 1, 7)}


def read_targets(path: str | Path, youngs_modulus: float) -> tuple[np.ndarray, list[str]]:
    """Read stiffness targets from a CSV file.

    Parameters
    ----------
    path : file with the columns ``C11, C12, …, C66`` (Voigt order 11, 22, 33, 23, 13, 12, engineering shear strains)
        in the units of ``youngs_modulus``; optionally ``name``, and the lower triangle ``C21`` … ``C65``, which must
        then agree with the upper one. Other columns are ignored.
    youngs_modulus : Young's modulus of the base material

    Returns
    -------
    targets : (n, 21) stiffness divided by ``youngs_modulus``
    names : n names, ``target_1`` … where the file has none

    Raises
    ------
    InputError
        naming file, row (1 = first after the header) and column: a missing column, a value that is missing or not a
        number, a target that is not symmetric, not positive definite or above the Voigt bound of ρ = 0.1.
    """
    youngs_modulus = _check_modulus(youngs_modulus)
    table = _read_table(path)
    missing = [name for name in COMPONENTS if name not in table]
    if missing:
        raise InputError(
            f"{path}: missing column {', '.join(missing)}; expected the 21 constants C11, C12, …, C66 of each target."
        )
    for column in ("name", *COMPONENTS, *_MIRROR):
        if list(table.columns).count(column) > 1:
            raise InputError(f"{path}, column {column}: stands twice; expected each column once.")
    if not len(table):
        raise InputError(f"{path}: no target below the header; expected one row for each target.")
    targets = np.stack([_numbers(path, table, name) for name in COMPONENTS], axis=1)
    _check_symmetric(path, table, targets)
    targets = targets / youngs_modulus
    check_targets(targets, youngs_modulus, path)
    return targets, _names(table)


def read_goal(path: str | Path, youngs_modulus: float, kind: str = "frobenius") -> tuple[Goal, list[str]]:
    """Read targets that may leave constants free, or say how far each may be off, as a Goal, with n names.

    Besides what `read_targets` takes, a file may have

    - cells of the 21 constants left empty, or their columns left out: those are free;
    - ``C11_sd`` …, a positive standard deviation of a constant in the same units: the closer it must be met;
    - instead of all of these the engineering constants ``E1, E2, E3, G23, G13, G12, nu12, nu13, nu23``, or some.

    Raises InputError as `read_targets` does.
    """
    youngs_modulus = _check_modulus(youngs_modulus)
    table = _read_table(path)
    columns = set(table.columns)
    engineering = columns & set(ENGINEERING)
    blank = any(table[name].isna().any() or (table[name].str.strip() == "").any() for name in columns & set(COMPONENTS))
    deviations = [name for name in COMPONENTS if f"{name}_sd" in columns]
    if engineering and not columns & set(COMPONENTS):
        given = _partly(path, table, ENGINEERING)
        given[:, :6] /= youngs_modulus
        _check_some(path, given)
        bad = np.argwhere(given[:, :6] <= 0)
        if len(bad):
            row, column = bad[0]
            raise InputError(f"{path}, row {row + 1}, column {ENGINEERING[column]}: expected a positive modulus.")
        return Goal(np.ones((len(given), 21)), engineering=given), _names(table)
    if not (blank or deviations or set(COMPONENTS) - columns):
        targets, names = read_targets(path, youngs_modulus)
        return Goal(targets, kind), names
    if kind != "frobenius":
        raise InputError(f"{path}: free constants and deviations go with the closeness frobenius; expected no {kind}.")
    targets = _partly(path, table, COMPONENTS)
    _check_some(path, targets)
    given = np.isfinite(targets)
    weights = given.astype(float)
    if deviations:
        spread = _partly(path, table, [f"{name}_sd" for name in COMPONENTS])
        bad = np.argwhere(given & ~(spread > 0))
        if len(bad):
            row, column = bad[0]
            raise InputError(
                f"{path}, row {row + 1}, column {COMPONENTS[column]}_sd: expected a positive standard deviation for "
                "every constant that is given."
            )
        weights = np.where(given, 1 / spread, 0.0)
        weights /= np.nanmax(weights, axis=1, keepdims=True)
    targets = np.where(given, targets, 0.0) / youngs_modulus
    if given.all():
        check_targets(targets, youngs_modulus, path)
    return Goal(targets, weights=weights), _names(table)


def _partly(path, table, columns):
    """Numbers (n, k) of columns in which cells may be empty and which may be absent: nan there."""
    out = np.full((len(table), len(columns)), np.nan)
    for k, name in enumerate(columns):
        if name in table:
            filled = table[name].notna() & (table[name].fillna("").str.strip() != "")
            values = pd.to_numeric(table[name].where(filled), errors="coerce").to_numpy(float)
            bad = np.flatnonzero(filled.to_numpy() & ~np.isfinite(values))
            if len(bad):
                text = str(table[name].iloc[bad[0]]).strip()
                raise InputError(
                    f"{path}, row {bad[0] + 1}, column {name}: '{text}'; expected a finite number or nothing."
                )
            out[:, k] = values
    return out


def _check_some(path, given):
    bad = np.flatnonzero(~np.isfinite(given).any(1))
    if len(bad) or not len(given):
        row = f", row {bad[0] + 1}" if len(bad) else ""
        raise InputError(
            f"{path}{row}: no constant is given; expected C11 … C66 or E1, E2, E3, G23 … nu23, some of them."
        )


def _check_modulus(youngs_modulus):
    try:
        value = float(youngs_modulus)
    except (TypeError, ValueError):
        value = np.nan
    if not (np.isfinite(value) and value > 0):
        raise InputError(f"Young's modulus {youngs_modulus}: expected a positive number in the units of the targets.")
    return value


def _read_table(path):
    try:
        table = pd.read_csv(path, dtype=str, skipinitialspace=True, header=None, encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; expected a CSV table of stiffness targets.") from None
    except pd.errors.EmptyDataError:
        raise InputError(f"{path}: empty file; expected a header with the columns C11, C12, …, C66.") from None
    except (pd.errors.ParserError, UnicodeDecodeError, OSError) as error:
        reason = str(error).strip().removeprefix("Error tokenizing data. C error: ")
        raise InputError(f"{path}: cannot be read as a CSV table ({reason}).") from None
    # The header is taken as an ordinary row so that pandas renames no duplicate column.
    header = [str(name).strip() for name in table.iloc[0]]
    return table.iloc[1:].set_axis(header, axis=1).reset_index(drop=True)


def _numbers(path, table, column):
    values = pd.to_numeric(table[column], errors="coerce").to_numpy(float)
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        text = table[column].iloc[bad[0]]
        found = "no value" if pd.isna(text) else f"'{str(text).strip()}'"
        raise InputError(f"{path}, row {bad[0] + 1}, column {column}: {found}; expected a finite number.")
    return values


def _check_symmetric(path, table, targets):
    scale = np.abs(targets).max(axis=1)
    for lower, upper in _MIRROR.items():
        if lower in table:
            values = _numbers(path, table, lower)
            other = targets[:, COMPONENTS.index(upper)]
            bad = np.flatnonzero(np.abs(values - other) > SYMMETRY_TOLERANCE * scale)
            if len(bad):
                k = bad[0]
                raise InputError(
                    f"{path}, row {k + 1}, column {lower}: {values[k]:g} differs from {upper} = {other[k]:g}, "
                    "so the target is not symmetric; expected the same value in both."
                )


def check_targets(targets: np.ndarray, youngs_modulus: float, where: str) -> None:
    """Raise InputError for the first of targets (n, 21), base modulus 1, that no lattice of ``where`` can have."""
    _check_positive_definite(where, targets, youngs_modulus)
    _check_voigt_bound(where, targets, youngs_modulus)


def _check_positive_definite(path, targets, youngs_modulus):
    for name in ("C11", "C22", "C33", "C44", "C55", "C66"):
        values = targets[:, COMPONENTS.index(name)]
        bad = np.flatnonzero(values <= 0)
        if len(bad):
            raise InputError(
                f"{path}, row {bad[0] + 1}, column {name}: {values[bad[0]] * youngs_modulus:g}, so the target is "
                "not positive definite; expected a positive value on the diagonal."
            )
    lowest, _ = admissibility(targets, MAXIMUM_DENSITY)
    bad = np.flatnonzero(lowest <= 0)
    if len(bad):
        raise InputError(
            f"{path}, row {bad[0] + 1}, columns C11…C66: the target is not positive definite (its smallest eigenvalue "
            f"is {lowest[bad[0]]:.2g} of the largest); expected a stiffness with positive eigenvalues only."
        )


def _check_voigt_bound(path, targets, youngs_modulus):
    _, ratio = admissibility(targets, MAXIMUM_DENSITY)
    bad = np.flatnonzero(ratio > 1)
    if len(bad):
        k = bad[0]
        column = COMPONENTS[int(np.argmax(np.abs(targets[k])))]
        raise InputError(
            f"{path}, row {k + 1}, column {column}: the target is {ratio[k]:.3g} times the Voigt bound of relative "
            f"density {MAXIMUM_DENSITY} with Young's modulus {youngs_modulus:g}, which looks like a unit mistake; "
            "expected targets in the units of Young's modulus."
        )


def _names(table):
    default = [f"target_{k + 1}" for k in range(len(table))]
    if "name" not in table:
        return default
    given = table["name"].fillna("").astype(str).str.strip()
    return [name or other for name, other in zip(given, default, strict=True)]
