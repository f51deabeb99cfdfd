"""Options of the commands, each with its help, and what they mean together."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trussmap.base.console import as_text
from trussmap.base.errors import InputError
from trussmap.tensors.stiffness import POISSON_RATIO, check_poisson_ratio

if TYPE_CHECKING:
    from trussmap.parts.region import Region

BoxOption = Annotated[
    tuple[float, float, float] | None,
    typer.Option(metavar="X Y Z", help="Edges in mm of a box to fill with lattice."),
]
ShapeOption = Annotated[
    Path | None,
    typer.Option(help="Instead of a box: a closed surface to fill, such as an STL in mm."),
]
ComplianceOption = Annotated[
    bool,
    typer.Option(
        "--compliance",
        help="Matrices and constants are compliances S11 … S66, per unit of Young's modulus, with "
        "S44 = 1/G23 (order mandel: as its notation has them); they are inverted.",
    ),
]
WorksheetOption = Annotated[
    str, typer.Option(help="Worksheet of an XLSX to read; default: the first that holds constants.")
]
UnitOption = Annotated[
    str,
    typer.Option(
        callback=as_text,
        help="Unit of stress of all numbers here, such as MPa. A file that names another is "
        "converted to it.",
    ),
]
OrderOption = Annotated[
    str,
    typer.Option(
        help="Order of the components: voigt 11,22,33,23,13,12; abaqus 11,22,33,12,13,23; ansys "
        "(VTK, LS-DYNA) and vasp 11,22,33,12,23,13, all with engineering shear strains; mandel, "
        "Voigt's with √2. Labels in the file, such as XX or xy, decide themselves."
    ),
]
PoissonRatioOption = Annotated[float, typer.Option(help="Poisson's ratio of the base material.")]


@dataclass(frozen=True)
class DesignOptions:
    """Options of `trussmap design`."""

    targets: Annotated[
        str,
        typer.Argument(
            help="CSV or XLSX with C11 … C66 (or S11 … S66, E1, E2, E3, G23 … nu23, or E and nu), "
            "a target per row, and optionally a name; or 6×6 matrices as programs print them, rows "
            "of 21 constants, JSON, or *ELASTIC cards. - reads what is pasted or piped."
        ),
    ]
    youngs_modulus: Annotated[
        float,
        typer.Option(help="Young's modulus of the base material, in the units of the targets."),
    ]
    out: Annotated[
        Path, typer.Option(file_okay=False, help="Folder to write: designs.csv and the lattices.")
    ]
    order: OrderOption = "voigt"
    compliance: ComplianceOption = False
    study: Annotated[
        str | None,
        typer.Option(
            help="Study whose networks design, the folder results/NAME; default: those that come "
            "with the package."
        ),
    ] = None
    draws: Annotated[int, typer.Option(min=1, help="Candidates drawn for each target.")] = 300
    temperature: Annotated[float, typer.Option(help="Diversity of the draws; above 0.")] = 1.0
    keep: Annotated[
        int, typer.Option(min=1, help="Lattices kept for each target, all of different topology.")
    ] = 2
    refine: Annotated[
        str, typer.Option(help="Search by finite elements: none, quick or thorough.")
    ] = "quick"
    cell_size_mm: Annotated[
        float | None,
        typer.Option(
            help="Edge of a cube of the unit cell's volume: writes STL, 3MF, INP, VTK, a picture "
            "and a page of each."
        ),
    ] = None
    unit: UnitOption = ""
    worksheet: WorksheetOption = ""
    block: Annotated[
        int, typer.Option(min=1, max=20, help="Cell sizes along each edge of the printable cube.")
    ] = 2
    box: BoxOption = None
    shape: ShapeOption = None
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draws.")] = 0
    poisson_ratio: Annotated[
        float | None,
        typer.Option(
            help="Poisson's ratio of the base material; default: that of the study, without one "
            f"{POISSON_RATIO}."
        ),
    ] = None
    family: Annotated[
        str,
        typer.Option(
            help="published; areas: every strut that symmetry tells apart has a cross-section of "
            "its own; geometry: nodes move too."
        ),
    ] = "published"
    minimise: Annotated[
        str | None,
        typer.Option(
            help="Among lattices that meet a target: density, radius-ratio, or of all: "
            "printed-error."
        ),
    ] = None
    maximise: Annotated[str | None, typer.Option(help="Or: diameter, of the thinnest strut.")] = (
        None
    )
    radius_ratio: Annotated[
        float | None, typer.Option(help="Largest ratio of two struts' radii; 10 by default.")
    ] = None
    minimum_strut_mm: Annotated[
        float | None,
        typer.Option(
            help="Smallest strut diameter; in the published family it leads to remarks only."
        ),
    ] = None
    maximum_strut_mm: Annotated[float | None, typer.Option(help="Largest strut diameter.")] = None
    minimum_gap_mm: Annotated[
        float | None, typer.Option(help="Smallest gap between struts that do not meet.")
    ] = None
    minimum_density: Annotated[float | None, typer.Option(help="Smallest relative density.")] = None
    maximum_density: Annotated[float | None, typer.Option(help="Largest relative density.")] = None
    topologies: Annotated[
        str | None, typer.Option(help="Numbers of the topologies allowed, such as 0,4,17.")
    ] = None
    closeness: Annotated[
        str, typer.Option(help="What counts as close: frobenius, log-euclidean, compliance.")
    ] = "frobenius"
    yield_stress: Annotated[
        float | None,
        typer.Option(help="Yield stress of the base material, in the units of the targets."),
    ] = None
    buckling_length: Annotated[
        float,
        typer.Option(
            help="Buckling length of a strut over its length: 0.5 fixed, 1 hinged, to 2 for ends "
            "that sway."
        ),
    ] = 1.0
    diameter_error_percent: Annotated[
        float | None, typer.Option(help="Standard deviation of a printed strut's diameter.")
    ] = None
    diameter_error_mm: Annotated[
        float | None,
        typer.Option(
            help="The same in mm, whatever the diameter; both together where both are given."
        ),
    ] = None
    node_error_mm: Annotated[
        float | None, typer.Option(help="Standard deviation of each coordinate of a printed node.")
    ] = None
    load: Annotated[
        str | None,
        typer.Option(
            help="Macroscopic stress to carry, 11, 22, 33, 23, 13, 12 in the units of the targets: "
            "0,0,-1,…"
        ),
    ] = None

    def check(self) -> None:
        """Raise InputError for a number that makes no sense by itself."""
        from trussmap.mechanics.strength import check_buckling_length
        from trussmap.search.request import EFFORTS

        if not self.temperature > 0:
            raise InputError(f"--temperature {self.temperature:g}: expected a number above 0.")
        if self.cell_size_mm is not None and not self.cell_size_mm > 0:
            raise InputError(f"--cell-size-mm {self.cell_size_mm:g}: expected a length above 0.")
        if self.refine not in EFFORTS:
            raise InputError(f"--refine {self.refine}: expected none, quick or thorough.")
        if self.poisson_ratio is not None:
            check_poisson_ratio(self.poisson_ratio, "--poisson-ratio")
        if self.yield_stress is not None and not self.yield_stress > 0:
            raise InputError(f"--yield-stress {self.yield_stress:g}: expected a stress above 0.")
        check_buckling_length(self.buckling_length, "--buckling-length")

    @property
    def study_folder(self) -> Path | None:
        """Folder of the study whose networks design, None for those of the package."""
        return Path("results") / self.study if self.study else None


def region_of(box: tuple[float, float, float] | None, shape: Path | None) -> "Region":
    """Region to fill, that of a box or of a shape."""
    from trussmap.parts import region

    if box is not None and shape is None:
        return region.box(box)
    if shape is not None and box is None:
        return region.shape(shape)
    raise InputError("expected one of --box X Y Z and --shape FILE, which say what to fill.")


def stress_of(text: str | None) -> list[float] | None:
    """Six numbers of a stress such as 0,0,-0.01,0,0,0, or None."""
    if text is None:
        return None
    try:
        stress = [float(word) for word in text.split(",")]
    except ValueError:
        stress = []
    if len(stress) != 6 or not any(stress):
        raise InputError(
            f"--load {text}: expected six numbers, not all of them 0, such as 0,0,-0.01,0,0,0."
        )
    return stress


def numbers_of(text: str | None) -> list[int] | None:
    """Numbers of a list such as 0,4,17, or None."""
    if text is None:
        return None
    try:
        return [int(word) for word in text.split(",")]
    except ValueError:
        raise InputError(f"--topologies {text}: expected whole numbers, such as 0,4,17.") from None
