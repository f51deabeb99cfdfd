"""Checks of targets: what is wrong with one, in a sentence that says what would be right."""

import numpy as np

from trussmap.base.errors import InputError
from trussmap.tensors.elasticity import (
    resembles_compliance,
)
from trussmap.tensors.material import Material
from trussmap.tensors.stiffness import (
    COMPONENTS,
    admissibility,
    pack,
    unpack,
)

#: Densest lattice of the design space; no target can be stiffer than its Voigt bound.
MAXIMUM_DENSITY = 0.1
#: Difference between C_ij and C_ji, over the largest constant, that passes as rounding.
SYMMETRY_TOLERANCE = 1e-6
#: The same up to which the mean of both is taken, with a note. Stresses that a code computes from
#: strains of a per cent leave some per cent; a digit or a row out of place makes more.
ASYMMETRY = 0.05
# Magnitude that no number of a target reaches, in any unit; one below its inverse counts as 0.
# Their fourth powers and ratios are numbers still.
LARGEST = 1e30
# Smallest eigenvalue of a compliance, over its largest constant, that can be inverted.
_SINGULAR = 1e-13
# How much stiffer than the solid a target is whose unit must be wrong; bone is 4 times as stiff
# with 1000 too many.
_WRONG_UNIT = 2.0
DIAGONAL = np.array([COMPONENTS.index(f"C{k}{k}") for k in range(1, 7)])


def inverted(compliances: np.ndarray, where: str) -> np.ndarray:
    """Stiffnesses (n, 21) of compliances (n, 21) in engineering notation, in any order.

    Raises InputError for the first that is not positive definite; ``where`` names its source.
    """
    stiffness, faults = invert_compliances(unpack(compliances), [None] * len(compliances))
    for k, fault in enumerate(faults):
        if fault:
            raise InputError(f"{where}, row {k + 1}{fault}")
    return pack(stiffness)


def invert_compliances(
    matrix: np.ndarray, faults: list[str | None]
) -> tuple[np.ndarray, list[str | None]]:
    """Inverses (n, 6, 6) of compliances without a fault, and the faults with those of the others."""
    stiffness = np.full_like(matrix, np.nan)
    faults = [*faults]
    for k, own in enumerate(matrix):
        faults[k] = faults[k] or fault_of_constants(own, None, False, "S")
        if faults[k]:
            continue
        own = unpack(pack(own))
        lowest = np.linalg.eigvalsh(own)[0] / np.abs(own).max()
        if lowest <= _SINGULAR:
            faults[k] = (
                ", columns S11…S66: the compliance is not positive definite (its smallest "
                "eigenvalue is "
                f"{lowest:.2g} of its largest constant); expected a compliance with positive "
                f"eigenvalues only."
            )
            continue
        stiffness[k] = np.linalg.inv(own)
    return stiffness, faults


def symmetric_mean(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Make matrices symmetric that are nearly so.

    Parameters
    ----------
    matrix : (n, 6, 6), nan where nothing stands

    Returns
    -------
    matrix : (n, 6, 6), the mean with the transposed one where both differ by ``ASYMMETRY`` of the
        largest constant at most; the same as before where they differ by rounding, by more, or by
        sign alone
    skew : (n,) largest difference over the largest constant; infinite where two constants of more
        than a fifth of ``ASYMMETRY`` have opposite signs, as after a slip
    """
    other = matrix.swapaxes(1, 2)
    largest = np.nan_to_num(np.abs(matrix)).max((1, 2))
    scale = np.maximum(largest, 1 / LARGEST)[:, None, None]
    skew = np.nan_to_num(np.abs(matrix - other) / scale)
    opposite = (matrix * other < 0) & (
        np.minimum(np.abs(matrix), np.abs(other)) > ASYMMETRY / 5 * scale
    )
    skew = np.where(opposite, np.inf, skew).max((1, 2))
    near = (skew > SYMMETRY_TOLERANCE) & (skew <= ASYMMETRY)
    both = np.isfinite(matrix) & np.isfinite(other)
    mean = np.where(both, (matrix + other) / 2, matrix)
    return np.where(near[:, None, None], mean, matrix), skew


def fault_of_constants(
    matrix: np.ndarray, deviation: np.ndarray | None, free: bool, letter: str = "C"
) -> str | None:
    """What is wrong with the numbers of a target as they stand, (6, 6) with nan where none stands,
    or None.
    """
    upper = pack(matrix)
    given = np.isfinite(upper)
    if not given.any():
        return f": no constant is given; expected {letter}11 … {letter}66, some of them."
    if not free and not given.all():
        return f", column {letter}{COMPONENTS[int(np.argmin(given))][1:]}: no value; expected a finite number."
    off = np.tril(np.nan_to_num(np.abs(matrix - matrix.T)))
    i, j = np.unravel_index(np.argmax(off), (6, 6))
    if off[i, j] > SYMMETRY_TOLERANCE * np.abs(upper[given]).max():
        return (
            f", column {letter}{i + 1}{j + 1}: {matrix[i, j]:g} differs from "
            f"{letter}{j + 1}{i + 1} = "
            f"{matrix[j, i]:g}, so the target is not symmetric, by more than {ASYMMETRY:.0%} of "
            f"the largest constant "
            "or in sign; expected the same value in both, or the upper triangle alone."
        )
    for name, value in zip(
        [f"{letter}{k}{k}" for k in range(1, 7)], matrix.diagonal(), strict=True
    ):
        if value <= 0:
            return (
                f", column {name}: {value:g}, so the target is not positive definite; expected a "
                f"positive value on the "
                "diagonal."
            )
    if deviation is not None and (given & ~(deviation > 0)).any():
        name = COMPONENTS[int(np.argmax(given & ~(deviation > 0)))]
        return f", column {name}_sd: expected a positive standard deviation for every constant that is given."
    return None


def fault_of_stiffness(
    c: np.ndarray, given: np.ndarray, material: Material, largest: str = "", otherwise: str = ""
) -> str | None:
    """What is wrong with a stiffness (21,), base modulus 1, some of whose constants are given, or
    None.

    ``largest`` is the user's name of the largest constant, ``otherwise`` what would do for one that
    looks like a compliance.
    """
    if given.all():
        lowest, ratio = admissibility(c[None], MAXIMUM_DENSITY, material.poisson_ratio)
        if lowest[0] <= 0:
            return (
                f", columns C11…C66: the target is not positive definite (its smallest eigenvalue "
                f"is {lowest[0]:.2g} "
                "of the largest); expected a stiffness with positive eigenvalues only."
            )
        fault = fault_of_size(ratio[0], largest and f", column {largest}", material)
        if fault and otherwise and resembles_compliance(c[None])[0]:
            return f"{fault.removesuffix('.')}, or, if {otherwise}."
        return fault
    ratio = np.where(given, c, 0.0)[DIAGONAL] / material.relative[DIAGONAL] / MAXIMUM_DENSITY
    return fault_of_size(ratio.max(), "", material)


def fault_of_size(ratio: float, what: str, material: Material) -> str | None:
    """Why a target that has ``ratio`` times the Voigt bound of the densest lattice cannot be met,
    or None.
    """
    if ratio <= 1:
        return None
    solid = ratio * MAXIMUM_DENSITY
    needed = ratio * material.youngs_modulus
    if solid > 1.001:
        said = f"{what}: the target is {solid:.3g} times as stiff as the solid base material with {material}, "
        if solid > _WRONG_UNIT:
            return said + (
                "which looks like a wrong unit (1000 lies between MPa and GPa); expected targets "
                "in the units of "
                "Young's modulus."
            )
        return said + (
            f"too stiff for any lattice of it; expected a base material of Young's modulus "
            f"{needed:.3g} at least, or, "
            "if that is a matter of units, the target in its own."
        )
    return (
        f"{what}: the target is too stiff for this material: {ratio:.3g} times the Voigt bound of "
        f"relative density "
        f"{MAXIMUM_DENSITY} with {material}; expected a base material of Young's modulus "
        f"{needed:.3g} at least, or a "
        "softer target."
    )


def check_targets(targets: np.ndarray, material: Material, where: str) -> None:
    """Raise InputError for the first of targets (n, 21), base modulus 1, that no lattice of
    ``where`` can have.
    """
    targets = np.array(targets, float)
    youngs_modulus = material.youngs_modulus
    if not 1 / LARGEST < youngs_modulus < LARGEST or not (np.abs(targets) < LARGEST).all():
        raise InputError(
            f"{where}: numbers of no material; expected stiffness and Young's modulus below "
            f"{LARGEST:g}."
        )
    targets[np.abs(targets) < 1 / LARGEST] = 0.0
    for k, c in enumerate(targets):
        fault = fault_of_constants(unpack(c) * youngs_modulus, None, False)
        largest = COMPONENTS[int(np.argmax(np.abs(c)))]
        if fault := fault or fault_of_stiffness(c, np.ones(21, bool), material, largest):
            raise InputError(f"{where}, row {k + 1}{fault}")


def check_modulus(youngs_modulus: object) -> float:
    """Young's modulus as a number; raises InputError where it is none above 0."""
    try:
        value = float(youngs_modulus)  # type: ignore[arg-type]  # whatever a user hands in
    except (TypeError, ValueError):
        value = np.nan
    if not 1 / LARGEST < value < LARGEST:
        raise InputError(
            f"Young's modulus {youngs_modulus}: expected a positive number in the units of the "
            f"targets."
        )
    return value
