"""`trussmap grade`: a lattice whose stiffness changes in space."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from trussmap.base.errors import InputError
from trussmap.base.io import check_folder
from trussmap.cli.commands import app, takes
from trussmap.cli.options import (
    BoxOption,
    ComplianceOption,
    OrderOption,
    PoissonRatioOption,
    ShapeOption,
    UnitOption,
    WorksheetOption,
    numbers_of,
    region_of,
)
from trussmap.tensors.stiffness import POISSON_RATIO, check_poisson_ratio

if TYPE_CHECKING:
    from trussmap.grading import Graded


@dataclass(frozen=True)
class GradeOptions:
    """Options of `trussmap grade`."""

    sites: Annotated[
        Path,
        typer.Argument(
            help="Table with x_mm, y_mm, z_mm and C11 … C66 (or E1 … nu23) of each site, as "
            "`design` reads."
        ),
    ]
    youngs_modulus: Annotated[
        float, typer.Option(help="Young's modulus of the base material, in the units of the sites.")
    ]
    out: Annotated[
        Path,
        typer.Option(
            help="Folder to write: nodes.csv, struts.csv, structure.vtk and .3mf, path.csv, "
            "summary.json, graded.png."
        ),
    ]
    cell_size_mm: Annotated[
        float, typer.Option(help="Edge of a cube of a cell's volume; in a box, cells fit.")
    ]
    box: BoxOption = None
    shape: ShapeOption = None
    topologies: Annotated[
        str | None, typer.Option(help="Numbers of the topologies allowed, such as 8,69.")
    ] = None
    radius_ratio: Annotated[
        float,
        typer.Option(
            min=1, max=10, help="Of the thickest to the thinnest strut of a cell, at most."
        ),
    ] = 3.0
    stl: Annotated[
        bool, typer.Option("--stl", help="Also structure.stl, in about a minute for 10,000 struts.")
    ] = False
    order: OrderOption = "voigt"
    compliance: ComplianceOption = False
    unit: UnitOption = ""
    worksheet: WorksheetOption = ""
    poisson_ratio: PoissonRatioOption = POISSON_RATIO


@app.command()
@takes(GradeOptions)
def grade(options: GradeOptions) -> None:
    """A lattice whose stiffness changes in space: that of the sites, interpolated between them.

    The stiffness between sites is their log-Euclidean mean. One topology suits all sites; the local
    cells as built are judged by finite elements on the way between them.
    """
    check_poisson_ratio(options.poisson_ratio, "--poisson-ratio")
    region = region_of(options.box, options.shape)
    topologies = _topologies(options.topologies)
    from trussmap import grading
    from trussmap.mechanics.solver import Solver
    from trussmap.targets.orders import Layout
    from trussmap.tensors.material import Material

    material = Material(options.youngs_modulus, options.poisson_ratio, unit=options.unit)
    layout = Layout(options.order, options.compliance, options.worksheet)
    sites = grading.read_sites(options.sites, material, layout)
    for note in sites.notes:
        print(f"note: {note}")
    check_folder(options.out)
    graded = grading.grade(
        sites,
        region,
        options.cell_size_mm,
        Solver(material),
        topologies,
        options.radius_ratio,
    )
    _write(graded, options)


def _topologies(text: str | None) -> np.ndarray | None:
    """Numbers of the topologies allowed, or None for all."""
    numbers = numbers_of(text)
    if numbers is None:
        return None
    from trussmap.lattice.compound import topology_members

    count = len(topology_members()[0])
    if not all(0 <= number < count for number in numbers):
        raise InputError(f"--topologies {text}: expected numbers from 0 to {count - 1}.")
    return np.array(numbers)


def _write(graded: "Graded", options: GradeOptions) -> None:
    """Write the files and the figure of a graded structure, and print what it is worth."""
    from trussmap import grading
    from trussmap.base.io import write_json
    from trussmap.figures import graded as figure

    out = options.out
    grading.write_graded(graded, out, options.stl, options.youngs_modulus)
    write_json(graded.metrics, out / "summary.json")
    structure = graded.structure
    figure.plot(
        structure.nodes,
        structure.struts,
        structure.radii,
        structure.progress,
        graded.path_table(),
        out / "graded.png",
        graded.sites.names,
        graded.cell,
        (options.youngs_modulus, options.unit or "in your units"),
    )
    print("\n".join(grading.result_lines(graded)))
    surface = ", structure.stl" if options.stl else ""
    print(
        f"written: {out / 'struts.csv'}, nodes.csv, structure.vtk, structure.3mf{surface}, "
        "path.csv, summary.json, graded.png"
    )
