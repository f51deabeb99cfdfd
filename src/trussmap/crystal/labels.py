"""Stiffness of the cells of a catalogue, and its difference from the compliances of the file.

A *label* is a compliance that a file gives for a cell at a relative density. Ours is compared with
it by two relative differences in the norm of the tensor, which no rotation changes: of the
stiffness, ‖ΔC‖/‖C‖, in which stiff directions count, and of the compliance, ‖ΔS‖/‖S‖, in which soft
ones do.
"""

from typing import NamedTuple

import numpy as np

from trussmap.base.errors import InputError
from trussmap.crystal.catalogue import CatalogueCell, closest_density, noting
from trussmap.mechanics.homogenization import homogenize_cells
from trussmap.mechanics.homogenization.engine import mechanism
from trussmap.tensors.measures import relative_error
from trussmap.tensors.stiffness import (
    MANDEL_WEIGHT,
    POISSON_RATIO,
    check_admissible,
    mandel_compliance,
    pack,
)

# Lattices that are homogenized at once: bounds the memory for their factorizations.
_AT_ONCE = 64


class Row(NamedTuple):
    """A cell at one of its relative densities, and its stiffness (21,), base modulus 1."""

    cell: CatalogueCell
    relative_density: float
    stiffness: np.ndarray


def homogenize_catalogue(
    cells: list[CatalogueCell],
    relative_density: float | None = None,
    poisson_ratio: float = POISSON_RATIO,
    labelled: bool = False,
) -> tuple[list[Row], list[str]]:
    """Rows for cells at a relative density, and a sentence on each that could not be solved.

    Parameters
    ----------
    relative_density : of all cells; None: at every density that the file gives for a cell
    labelled : at the densities of labels alone
    """
    faults: list[str] = []
    tasks = []
    for cell in cells:
        where = f"line {cell.line}: "
        with noting(faults, where):
            if fault := mechanism(cell.graph):
                raise InputError(f"cell {cell.name} has no definite stiffness: {fault}.")
            for density in _densities(cell, relative_density, labelled):
                with noting(faults, where):
                    tasks.append((cell, density, *cell.at(density)))

    rows = []
    for start in range(0, len(tasks), _AT_ONCE):
        block = tasks[start : start + _AT_ONCE]
        densities = np.array([density for *_, density in block])
        graphs = [graph for _, _, graph, _ in block]
        stiffness = homogenize_cells(graphs, densities, poisson_ratio=poisson_ratio)
        for (cell, label, _, density), c in zip(block, stiffness, strict=True):
            with noting(faults):
                what = f"cell {cell.name} at relative density {label:g}, line"
                check_admissible(c[None], np.array([density]), what, cell.line, poisson_ratio)
                rows.append(Row(cell, label, c))
    return rows, faults


def _densities(cell: CatalogueCell, relative_density: float | None, labelled: bool) -> list[float]:
    """Relative densities at which a cell is homogenized; raises InputError where there is none."""
    given = cell.compliance if labelled else cell.radii
    if relative_density is None:
        if densities := [*(given or cell.compliance)]:
            return densities
        what = "the file gives no relative density; expected --relative-density"
        raise InputError(f"cell {cell.name}: {what}.")
    closest = closest_density(given, relative_density)
    if closest is None and labelled:
        known = ", ".join(f"{density:.7g}" for density in given)
        what = f"no compliance at relative density {relative_density:.10g}"
        raise InputError(f"cell {cell.name}: {what}; expected one of {known}.")
    return [relative_density if closest is None else closest]


def label_errors(row: Row) -> tuple[float, float]:
    """Relative differences of the stiffness and of the compliance of a Row from its label.

    The first is nan for a label that is not positive definite: five digits may be too few for a
    soft cell.
    """
    label = row.cell.compliance[row.relative_density]
    ours = mandel_compliance(row.stiffness)
    compliance_error = np.linalg.norm(ours - label) / np.linalg.norm(label)

    stiffness_error: float | np.ndarray = np.nan
    if np.linalg.eigvalsh(label)[0] > 0:
        stiffness = pack(np.linalg.inv(label)) / MANDEL_WEIGHT
        stiffness_error = relative_error(row.stiffness, stiffness)
    return float(stiffness_error), float(compliance_error)
