"""`trussmap part`: a region filled with a lattice."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from trussmap.base.errors import InputError
from trussmap.base.io import check_folder
from trussmap.cli.commands import app, takes
from trussmap.cli.options import (
    BoxOption,
    PoissonRatioOption,
    ShapeOption,
    region_of,
)
from trussmap.tensors.stiffness import POISSON_RATIO, check_poisson_ratio


@dataclass(frozen=True)
class PartOptions:
    """Options of `trussmap part`."""

    designs: Annotated[
        Path, typer.Argument(help="A design per row, such as the designs.csv of `trussmap design`.")
    ]
    out: Annotated[
        Path,
        typer.Option(
            file_okay=False,
            help="Folder to write: part.stl, part.3mf, part.inp, part.vtk, part.json.",
        ),
    ]
    cell_size_mm: Annotated[float, typer.Option(help="Edge of a cube of the unit cell's volume.")]
    box: BoxOption = None
    shape: ShapeOption = None
    row: Annotated[int, typer.Option(min=1, help="Which design, by its row below the header.")] = 1
    free_ends: Annotated[
        bool,
        typer.Option(
            help="Whether struts that are cut at the surface stay; else the part ends at whole "
            "joints."
        ),
    ] = True
    solver: Annotated[str, typer.Option(help="What part.inp is for: calculix or abaqus.")] = (
        "calculix"
    )
    elements: Annotated[
        int,
        typer.Option(
            min=1,
            help="Beam elements to a strut in part.inp; one will do unless struts are thick.",
        ),
    ] = 2
    youngs_modulus: Annotated[
        float, typer.Option(help="Young's modulus of the base material, for part.inp.")
    ] = 1.0
    poisson_ratio: PoissonRatioOption = POISSON_RATIO


@app.command()
@takes(PartOptions)
def part(options: PartOptions) -> None:
    """Fill a box or a closed surface with a lattice, to print and to compute.

    The low corner of a cell is on the low corner of the region. Pieces that are not
    connected after the cut are dropped, and the command prints how many.
    """
    from trussmap.data.tables import read_designs

    check_poisson_ratio(options.poisson_ratio, "--poisson-ratio")
    modulus = options.youngs_modulus
    if not modulus > 0:
        raise InputError(f"--youngs-modulus {modulus:g}: expected a number above 0.")
    region = region_of(options.box, options.shape)
    table, theta = read_designs(options.designs)
    if options.row > len(theta):
        raise InputError(
            f"--row {options.row}: {options.designs} has {len(theta)} rows; expected one of them."
        )
    check_folder(options.out)
    from trussmap.designs.table import row_graph
    from trussmap.parts.files import write_part
    from trussmap.parts.fill import fill

    row = table.slice(options.row - 1, 1).to_pylist()[0]
    size = options.cell_size_mm
    density = float(row["relative_density"])
    filled = fill(row_graph(row), density, size, region, options.free_ends)
    stem = options.out / "part"
    facts = write_part(
        stem, filled, modulus, options.poisson_ratio, options.solver, options.elements
    )
    thinnest = f"{facts['strut_diameter_mm']:.3g} mm"
    print(
        f"{facts['struts']} struts, the thinnest {thinnest}, {facts['volume_mm3']:.4g} mm³"
        + (f"; {facts['remark']}" if facts["remark"] else "")
    )
    print(f"written: {options.out / 'part.stl'}, .3mf, .inp, .vtk, .json")
