"""Goals of sheets with engineering constants, isotropic or not."""

import numpy as np

from trussmap.base.errors import InputError
from trussmap.targets.columns import MINOR
from trussmap.targets.faults import DIAGONAL, MAXIMUM_DENSITY, fault_of_size, fault_of_stiffness
from trussmap.targets.goal import Goal
from trussmap.targets.values import Sheet, numbers_of
from trussmap.tensors.elasticity import stiffness_of_moduli
from trussmap.tensors.engineering import ENGINEERING
from trussmap.tensors.material import Material
from trussmap.tensors.stiffness import COMPONENTS, admissibility, isotropic, pack


def goal_of_moduli(
    sheet: Sheet, material: Material, kind: str, whole: bool
) -> tuple[Goal, list[str | None]]:
    """Goal and faults of a sheet of engineering constants, isotropic or not."""
    columns = {*sheet.table.columns}
    isotropic_columns = {"E", "G", "nu"} & columns
    if whole:
        raise InputError(
            f"{sheet.where}: missing column {', '.join(COMPONENTS)}; expected the 21 constants of "
            "each."
        )
    if isotropic_columns and {*ENGINEERING, *MINOR} & columns:
        raise InputError(
            f"{sheet.where}: two of E, G and nu are of isotropic targets, E1 … nu23 of others, and "
            "this table has columns of both; expected a file for each."
        )
    if isotropic_columns:
        return _isotropic(sheet, material, kind)
    if {*ENGINEERING} & columns:
        return _engineering(sheet, material, kind)
    raise InputError(
        f"{sheet.where}: no constant is given; expected the columns C11 … C66, E1, E2, E3, G23 … "
        "nu23, or E and nu, or a 6×6 matrix."
    )


def _isotropic(sheet: Sheet, material: Material, kind: str) -> tuple[Goal, list[str | None]]:
    """Goal and faults of a sheet of two of E, G and nu."""
    values, faults = numbers_of(sheet.table, ("E", "G", "nu"))
    targets = np.zeros((len(values), 21))
    for k, (e, g, nu) in enumerate(values):
        if faults[k]:
            continue
        if np.isfinite(values[k]).sum() < 2:
            faults[k] = ": an isotropic target needs two of E, G and nu; expected two of them."
            continue
        if g == 0:
            faults[k] = ", column G: 0; expected a positive modulus."
            continue
        e = 2 * g * (1 + nu) if np.isnan(e) else e
        nu = e / (2 * g) - 1 if np.isnan(nu) else nu
        if not (e > 0 and -1 < nu < 0.5):
            faults[k] = (
                f": E = {e:g} and nu = {nu:.4g}; expected a positive modulus, and a nu above -1 "
                f"and below 0.5."
            )
        elif np.isfinite(g) and abs(e / (2 * g * (1 + nu)) - 1) > 0.01:
            faults[k] = (
                f": E = {e:g}, G = {g:g} and nu = {nu:g} are of no isotropic material; expected "
                f"two of them."
            )
        else:
            targets[k] = pack(isotropic(e / material.youngs_modulus, nu))
            faults[k] = fault_of_stiffness(targets[k], np.ones(21, bool), material)
    return Goal(targets, kind), faults


def _engineering(sheet: Sheet, material: Material, kind: str) -> tuple[Goal, list[str | None]]:
    """Goal and faults of a sheet of engineering constants."""
    values, faults = numbers_of(sheet.table, (*ENGINEERING, *MINOR))
    given = values[:, :9]
    other = values[:, 9:]
    for k, (i, j) in enumerate(((0, 1), (0, 2), (1, 2))):  # nu_ij / E_i = nu_ji / E_j
        with np.errstate(divide="ignore", invalid="ignore"):  # a modulus of 0 is refused below
            turned = other[:, k] * given[:, i] / given[:, j]
        told = np.isfinite(other[:, k])
        for row in np.flatnonzero(told):
            if not np.isfinite(turned[row]):
                faults[row] = (
                    faults[row] or f", column {MINOR[k]}: expected E{i + 1} and E{j + 1} with it."
                )
            elif abs(given[row, 6 + k] - turned[row]) > 0.01 * max(1.0, abs(turned[row])):
                faults[row] = faults[row] or (
                    f", column {MINOR[k]}: {other[row, k]:g} does not go with "
                    f"{ENGINEERING[6 + k]} = "
                    f"{given[row, 6 + k]:g}; expected E{i + 1} {MINOR[k]} = E{j + 1} "
                    f"{ENGINEERING[6 + k]}."
                )
        given[:, 6 + k] = np.where(told & np.isnan(given[:, 6 + k]), turned, given[:, 6 + k])
    given[:, :6] /= material.youngs_modulus
    bound = np.array([1, 1, 1, *material.relative[DIAGONAL[3:]]])
    for k, row in enumerate(given):
        if faults[k]:
            continue
        bad = np.flatnonzero(row[:6] <= 0)
        if not np.isfinite(row).any():
            faults[k] = ": no constant is given; expected E1, E2, E3, G23 … nu23, some of them."
        elif len(bad):
            faults[k] = f", column {ENGINEERING[bad[0]]}: expected a positive modulus."
        else:
            ratio = np.nan_to_num(row[:6] / bound) / MAXIMUM_DENSITY
            faults[k] = fault_of_size(ratio.max(), "", material)
    good = np.array([fault is None for fault in faults], bool)
    if np.isfinite(given[good]).all() and good.any():  # all that makes up an orthotropic stiffness
        targets = np.zeros((len(given), 21))
        for k in np.flatnonzero(good).tolist():
            try:
                targets[k] = stiffness_of_moduli(given[k : k + 1])[0]
                stable = admissibility(targets[k : k + 1], MAXIMUM_DENSITY)[0][0] > 0
            except np.linalg.LinAlgError:
                stable = False
            if not stable:
                faults[k] = (
                    ", columns E1…nu23: of no stable material; expected smaller Poisson's ratios."
                )
        return Goal(targets, kind), faults
    return Goal(np.ones((len(given), 21)), engineering=given), faults
