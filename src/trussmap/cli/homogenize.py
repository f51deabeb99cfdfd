"""`trussmap homogenize` and `homogenize-cells`: stiffness of designs and of catalogues."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from trussmap.base.errors import InputError
from trussmap.cli.commands import app, takes
from trussmap.cli.options import PoissonRatioOption
from trussmap.tensors.stiffness import POISSON_RATIO, check_poisson_ratio

if TYPE_CHECKING:
    import pyarrow

    from trussmap.crystal.catalogue import Catalogue, CatalogueCell
    from trussmap.crystal.labels import Row

# Designs homogenized while the ones before them are written.
_BLOCK = 65536
# Names that a note lists.
_MOST_NAMES = 5


@dataclass(frozen=True)
class HomogenizeOptions:
    """Options of `trussmap homogenize`."""

    designs: Annotated[
        Path, typer.Argument(help="A design per row in the published columns, .csv or .parquet.")
    ]
    stiffness: Annotated[
        Path, typer.Argument(help=".csv or .parquet to write: the same rows with C11 … C66 added.")
    ]
    orthotropic: Annotated[
        bool,
        typer.Option(
            "--orthotropic",
            help="Add C11_ort … C66_ort, after the stretch U alone; only these if the columns of "
            "the map are absent.",
        ),
    ] = False
    poisson_ratio: PoissonRatioOption = POISSON_RATIO


@app.command()
@takes(HomogenizeOptions)
def homogenize(options: HomogenizeOptions) -> None:
    """Effective stiffness of designs by finite elements, over the base material's Young's modulus."""
    from trussmap.data.tables import check_ending, read_designs, with_columns, write_table
    from trussmap.lattice.descriptor import DESIGN_COLUMNS

    check_poisson_ratio(options.poisson_ratio, "--poisson-ratio")
    check_ending(options.stiffness)
    table, theta = read_designs(options.designs, options.orthotropic)
    whole = {*DESIGN_COLUMNS} <= {*table.column_names}

    def block(start: int) -> "pyarrow.Table":
        columns = _columns(theta[start : start + _BLOCK], start, whole, options)
        return with_columns(table.slice(start, _BLOCK), columns)

    write_table((block(start) for start in range(0, len(theta), _BLOCK)), options.stiffness)


def _columns(
    theta: np.ndarray, start: int, whole: bool, options: HomogenizeOptions
) -> dict[str, np.ndarray]:
    """Columns of the stiffness of designs, of which the first is row ``start`` of the file."""
    from trussmap.lattice.descriptor import DENSITY
    from trussmap.mechanics.homogenization import homogenize_designs
    from trussmap.tensors.stiffness import (
        COMPONENTS,
        ORTHOTROPIC,
        ORTHOTROPIC_INDEX,
        check_admissible,
    )

    ratio = options.poisson_ratio
    where = f"{options.designs}, row"
    columns: dict[str, np.ndarray] = {}
    if whole:
        c = homogenize_designs(theta, poisson_ratio=ratio)
        check_admissible(c, theta[:, DENSITY], where, start + 1, ratio)
        columns |= dict(zip(COMPONENTS, c.T, strict=True))
    if options.orthotropic:
        c = homogenize_designs(theta, orthotropic=True, poisson_ratio=ratio)
        check_admissible(c, theta[:, DENSITY], where, start + 1, ratio)
        names = [f"{name}_ort" for name in ORTHOTROPIC]
        columns |= dict(zip(names, c[:, ORTHOTROPIC_INDEX].T, strict=True))
    return columns


@dataclass(frozen=True)
class HomogenizeCellsOptions:
    """Options of `trussmap homogenize-cells`."""

    catalogue: Annotated[
        Path, typer.Argument(help="Catalogue of periodic lattices in text form (.lat).")
    ]
    stiffness: Annotated[
        Path,
        typer.Argument(
            help=".csv or .parquet to write: name, relative density and C11 … C66 of each cell.",
        ),
    ]
    relative_density: Annotated[
        float | None,
        typer.Option(
            help="Relative density of each cell. Where the file gives radii for each strut, it "
            "must "
            "be one of theirs. Default: all that the file gives for a cell, of its radii or else "
            "of "
            "its compliances; with --compare, of its compliances.",
        ),
    ] = None
    poisson_ratio: PoissonRatioOption = POISSON_RATIO
    compare: Annotated[
        bool,
        typer.Option(
            "--compare",
            help="Compare with the file's own compliances: writes the relative difference of each "
            "stiffness and compliance in the norm of the tensor; prints median, 90 % and worst.",
        ),
    ] = False


@app.command()
@takes(HomogenizeCellsOptions)
def homogenize_cells(options: HomogenizeCellsOptions) -> None:
    """Effective stiffness of the cells of a catalogue, over the base material's Young's modulus.

    Exit code 0: all cells written; 1: some could not be read and were skipped; 2: nothing written.
    """
    from trussmap.crystal.catalogue import take_catalogue
    from trussmap.crystal.labels import homogenize_catalogue
    from trussmap.data.tables import check_ending, write_table

    density = options.relative_density
    if density is not None and not 0 < density < 1:
        raise InputError(f"--relative-density {density:g}: expected a number above 0 and below 1.")
    check_poisson_ratio(options.poisson_ratio, "--poisson-ratio")
    check_ending(options.stiffness)

    path = options.catalogue
    catalogue = take_catalogue(path)
    cells = catalogue.cells
    notes = catalogue.notes
    if options.compare:
        cells, notes = _labelled(path, catalogue)
    rows, faults = homogenize_catalogue(
        cells, density, options.poisson_ratio, labelled=options.compare
    )
    if not rows:
        more = "; none of the cells can be homogenized." if len(cells) > 1 else "."
        raise InputError(f"{path}, {faults[0].removesuffix('.')}{more}")
    faults = [*catalogue.faults, *(f"{path}, {fault}" for fault in faults)]
    for note in notes:
        print(f"Note: {note}", file=sys.stderr)
    for fault in faults:
        print(f"Skipped: {fault}", file=sys.stderr)
    write_table([_table(rows, options.compare)], options.stiffness)
    if faults:
        print(f"Error: {len(faults)} skipped, named above.", file=sys.stderr)
        raise typer.Exit(1)


def _labelled(path: Path, catalogue: "Catalogue") -> "tuple[list[CatalogueCell], list[str]]":
    """Cells that have compliances, and the notes on the file with one on the other cells."""
    cells = [cell for cell in catalogue.cells if cell.compliance]
    if not cells:
        raise InputError(f"{path}: no cell has a compliance; expected some to --compare with.")
    bare = [cell.name for cell in catalogue.cells if not cell.compliance]
    if not bare:
        return cells, catalogue.notes
    names = ", ".join(bare[:_MOST_NAMES]) + (" …" if len(bare) > _MOST_NAMES else "")
    return cells, [*catalogue.notes, f"{path}: no compliance to compare with: {names}."]


def _table(rows: "list[Row]", compare: bool) -> "pyarrow.Table":
    """Table of homogenized cells; with ``compare``, prints their errors."""
    import pyarrow

    from trussmap.crystal.labels import label_errors
    from trussmap.data.tables import with_columns
    from trussmap.tensors.stiffness import COMPONENTS

    table = pyarrow.table({"name": [row.cell.name for row in rows]})
    columns = {"relative_density": np.array([row.relative_density for row in rows])}
    columns |= dict(zip(COMPONENTS, np.array([row.stiffness for row in rows]).T, strict=True))
    if compare:
        errors = np.array([label_errors(row) for row in rows]).T
        columns |= dict(zip(("stiffness_error", "compliance_error"), errors, strict=True))
        _print_comparison(rows, errors)
    return with_columns(table, columns)


def _print_comparison(rows: "list[Row]", errors: np.ndarray) -> None:
    """Print median, 90 % and worst of the errors (2, n) of stiffness and compliance of rows."""
    from trussmap.report.text import percent

    cells = len({row.cell.name for row in rows})
    print(f"{len(rows)} compliances of {cells} cells; relative difference, norm of the tensor:")
    for name, each in zip(("stiffness", "compliance"), errors, strict=True):
        known = each[np.isfinite(each)]
        if not len(known):
            print(f"  {name}: none, for no compliance of the file is positive definite")
            continue
        worst = rows[int(np.nanargmax(each))]
        median, most, largest = (percent(np.quantile(known, q)) for q in (0.5, 0.9, 1.0))
        print(
            f"  {name}: median {median}, 90th percentile {most}, worst {largest} "
            f"({worst.cell.name}, relative density {worst.relative_density:.7g})"
        )
    if without := len(rows) - int(np.isfinite(errors[0]).sum()):
        print(f"  {without} of the compliances are not positive definite and have no stiffness")
