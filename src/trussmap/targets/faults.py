"""Checks of targets: faults as sentences that say what would be right."""

from collections.abc import Sequence

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
#: Magnitude that no number of a target reaches, in any unit; one below its inverse counts as 0.
#: Their fourth powers and ratios are numbers still.
LARGEST = 1e30
# Smallest eigenvalue of a compliance, over its largest constant, that can be inverted.
_SINGULAR = 1e-13
# How much stiffer than the solid a target is whose unit must be wrong; bone is 4 times as stiff
# with 1000 too many.
_WRONG_UNIT = 2.0
#: Places of C11, C22 … C66 among the 21 constants.
DIAGONAL = np.array([COMPONENTS.index(f"C{k}{k}") for k in range(1, 7)])


def inverted(compliances: np.ndarray, where: str) -> np.ndarray:
    """Invert compliances (n, 21) in engineering notation, in any order.

    Returns stiffnesses (n, 21). Raises InputError for the first that is not positive definite;
    ``where`` names its source.
    """
    stiffness, faults = invert_compliances(unpack(compliances), [None] * len(compliances))
    for k, fault in enumerate(faults):
        if fault:
            raise InputError(f"{where}, row {k + 1}{fault}")
    return pack(stiffness)


def invert_compliances(
    matrix: np.ndarray, faults: Sequence[str | None]
) -> tuple[np.ndarray, list[str | None]]:
    """Invert compliances (n, 6, 6) without a fault.

    Returns stiffnesses, nan where there is a fault, and the faults with those of the compliances.
    """
    stiffness = np.full_like(matrix, np.nan)
    faults = [*faults]
    for k, entries in enumerate(matrix):
        faults[k] = faults[k] or fault_of_constants(entries, None, False, "S")
        if faults[k]:
            continue
        compliance = unpack(pack(entries))
        lowest = np.linalg.eigvalsh(compliance)[0] / np.abs(compliance).max()
        if lowest <= _SINGULAR:
            faults[k] = (
                ", columns S11…S66: the compliance is not positive definite (its smallest "
                f"eigenvalue is {lowest:.2g} of its largest constant); expected a compliance with "
                "positive eigenvalues only."
            )
            continue
        stiffness[k] = np.linalg.inv(compliance)
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
    """Return a sentence on the numbers of a target, or None where all is well.

    Parameters
    ----------
    matrix : (6, 6) as it stands in its source, nan where nothing stands
    deviation : (21,) standard deviations, or None without any
    free : whether constants may be left out
    letter : of the constants' names
    """
    upper = pack(matrix)
    given = np.isfinite(upper)
    if not given.any():
        return f": no constant is given; expected {letter}11 … {letter}66, some of them."
    if not free and not given.all():
        name = letter + COMPONENTS[int(np.argmin(given))][1:]
        return f", column {name}: no value; expected a finite number."

    off = np.tril(np.nan_to_num(np.abs(matrix - matrix.T)))
    i, j = np.unravel_index(np.argmax(off), (6, 6))
    if off[i, j] > SYMMETRY_TOLERANCE * np.abs(upper[given]).max():
        return (
            f", column {letter}{i + 1}{j + 1}: {matrix[i, j]:g} differs from "
            f"{letter}{j + 1}{i + 1} = {matrix[j, i]:g}, so the target is not symmetric, by more "
            f"than {ASYMMETRY:.0%} of the largest constant or in sign; expected the same value in "
            "both, or the upper triangle alone."
        )
    for k, value in enumerate(matrix.diagonal(), 1):
        if value <= 0:
            return (
                f", column {letter}{k}{k}: {value:g}, so the target is not positive definite; "
                "expected a positive value on the diagonal."
            )
    if deviation is not None and (given & ~(deviation > 0)).any():
        name = COMPONENTS[int(np.argmax(given & ~(deviation > 0)))]
        return (
            f", column {name}_sd: expected a positive standard deviation for every constant that "
            "is given."
        )
    return None


def fault_of_stiffness(
    stiffness: np.ndarray,
    given: np.ndarray,
    material: Material,
    largest: str = "",
    otherwise: str = "",
) -> str | None:
    """Return a sentence on a stiffness that no lattice has, or None.

    Parameters
    ----------
    stiffness : (21,) base modulus 1
    given : (21,) which of its constants are given
    material : base material of the lattice
    largest : the user's name of the largest constant, or ''
    otherwise : what would do for a stiffness that looks like a compliance, or ''
    """
    if given.all():
        lowest, ratio = admissibility(stiffness[None], MAXIMUM_DENSITY, material.poisson_ratio)
        if lowest[0] <= 0:
            return (
                ", columns C11…C66: the target is not positive definite (its smallest eigenvalue "
                f"is {lowest[0]:.2g} of the largest); expected a stiffness with positive "
                "eigenvalues only."
            )
        fault = fault_of_size(ratio[0], largest and f", column {largest}", material)
        if fault and otherwise and resembles_compliance(stiffness[None])[0]:
            return f"{fault.removesuffix('.')}, or, if {otherwise}."
        return fault
    diagonal = np.where(given, stiffness, 0.0)[DIAGONAL]
    ratio = diagonal / material.relative[DIAGONAL] / MAXIMUM_DENSITY
    return fault_of_size(ratio.max(), "", material)


def fault_of_size(ratio: float, place: str, material: Material) -> str | None:
    """Return a sentence on a target that is too stiff, or None.

    ``ratio`` is its stiffness over the Voigt bound of the densest lattice, ``place`` begins the
    sentence.
    """
    if ratio <= 1:
        return None
    solid = ratio * MAXIMUM_DENSITY
    needed = ratio * material.youngs_modulus
    if solid > 1.001:
        fault = (
            f"{place}: the target is {solid:.3g} times as stiff as the solid base material with "
            f"{material}, "
        )
        if solid > _WRONG_UNIT:
            return fault + (
                "which looks like a wrong unit (1000 lies between MPa and GPa); expected targets "
                "in the units of Young's modulus."
            )
        return fault + (
            "too stiff for any lattice of it; expected a base material of Young's modulus "
            f"{needed:.3g} at least, or, if that is a matter of units, the target in its own."
        )
    return (
        f"{place}: the target is too stiff for this material: {ratio:.3g} times the Voigt bound of "
        f"relative density {MAXIMUM_DENSITY} with {material}; expected a base material of Young's "
        f"modulus {needed:.3g} at least, or a softer target."
    )


def check_targets(targets: np.ndarray, material: Material, where: str) -> None:
    """Raise InputError for the first target that no lattice has.

    Parameters
    ----------
    targets : (n, 21) base modulus 1
    material : base material of the lattices
    where : name of the source
    """
    targets = np.array(targets, float)
    youngs_modulus = material.youngs_modulus
    if not 1 / LARGEST < youngs_modulus < LARGEST or not (np.abs(targets) < LARGEST).all():
        raise InputError(
            f"{where}: numbers of no material; expected stiffness and Young's modulus below "
            f"{LARGEST:g}."
        )
    targets[np.abs(targets) < 1 / LARGEST] = 0.0
    for k, target in enumerate(targets):
        largest = COMPONENTS[int(np.argmax(np.abs(target)))]
        fault = fault_of_constants(unpack(target) * youngs_modulus, None, False)
        fault = fault or fault_of_stiffness(target, np.ones(21, bool), material, largest)
        if fault:
            raise InputError(f"{where}, row {k + 1}{fault}")


def check_modulus(youngs_modulus: object) -> float:
    """Return Young's modulus as a number.

    Raises InputError where it is none above 0.
    """
    try:
        # Whatever a user hands in is tried.
        value = float(youngs_modulus)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        value = np.nan
    if not 1 / LARGEST < value < LARGEST:
        raise InputError(
            f"Young's modulus {youngs_modulus}: expected a positive number in the units of the "
            "targets."
        )
    return value
