"""`trussmap …`: homogenize lattices and design new ones without running a study.

Bad input ends in one sentence on stderr and exit code 2, and leaves no file behind. Modules that
take long to load are imported inside the commands, so that `trussmap --help` answers at once.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from trussmap import __version__
from trussmap.base.console import as_text, never_fail_to_print
from trussmap.base.errors import InputError
from trussmap.base.io import check_folder
from trussmap.tensors.stiffness import POISSON_RATIO, check_poisson_ratio

if TYPE_CHECKING:
    from trussmap.crystal.catalogue import Catalogue, CatalogueCell
    from trussmap.crystal.labels import Row
    from trussmap.targets.reading import Intake

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
        help="Matrices and constants are compliances S11 … S66, per unit of Young's modulus, with S44 = 1/G23 (order "
        "mandel: as its notation has them); they are inverted.",
    ),
]

WorksheetOption = Annotated[
    str, typer.Option(help="Worksheet of an XLSX to read; default: the first that holds constants.")
]

# Designs homogenized while the ones before them are written.
_BLOCK = 65536

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """The command `trussmap`: InputError ends it with one sentence and exit code 2."""
    never_fail_to_print()
    try:
        app()
    except InputError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:  # a full disk, a folder that was taken away
        print(f"Error: {error.filename or 'files'}: {error.strerror or error}.", file=sys.stderr)
        sys.exit(2)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"trussmap {__version__}")
        raise typer.Exit


@app.callback()
def trussmap(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """From a stiffness tensor to truss lattices that have it.

    Stiffness is in Voigt order 11, 22, 33, 23, 13, 12 with engineering shear strains.
    """


@app.command()
def homogenize(
    designs: Annotated[
        Path, typer.Argument(help="A design per row in the published columns, .csv or .parquet.")
    ],
    stiffness: Annotated[
        Path, typer.Argument(help=".csv or .parquet to write: the same rows with C11 … C66 added.")
    ],
    orthotropic: Annotated[
        bool,
        typer.Option(
            "--orthotropic",
            help="Add C11_ort … C66_ort, after the stretch U alone; only these if the columns of the map are absent.",
        ),
    ] = False,
    poisson_ratio: Annotated[
        float, typer.Option(help="Poisson's ratio of the base material.")
    ] = POISSON_RATIO,
) -> None:
    """Effective stiffness of designs by finite elements, in units of the base material's Young's modulus."""
    from trussmap.data.tables import check_ending, read_designs, with_columns, write_table
    from trussmap.lattice.descriptor import DENSITY, DESIGN_COLUMNS
    from trussmap.mechanics.homogenization import homogenize_designs
    from trussmap.tensors.stiffness import (
        COMPONENTS,
        ORTHOTROPIC,
        ORTHOTROPIC_INDEX,
        check_admissible,
    )

    check_poisson_ratio(poisson_ratio, "--poisson-ratio")
    check_ending(stiffness)
    table, theta = read_designs(designs, orthotropic)
    whole = {*DESIGN_COLUMNS} <= {*table.column_names}

    def block(start):
        part = theta[start : start + _BLOCK]
        added = {}
        if whole:
            c = homogenize_designs(part, poisson_ratio=poisson_ratio)
            check_admissible(c, part[:, DENSITY], f"{designs}, row", start + 1, poisson_ratio)
            added |= dict(zip(COMPONENTS, c.T, strict=True))
        if orthotropic:
            c = homogenize_designs(part, orthotropic=True, poisson_ratio=poisson_ratio)
            check_admissible(c, part[:, DENSITY], f"{designs}, row", start + 1, poisson_ratio)
            added |= dict(
                zip([f"{name}_ort" for name in ORTHOTROPIC], c[:, ORTHOTROPIC_INDEX].T, strict=True)
            )
        return with_columns(table.slice(start, _BLOCK), added)

    write_table((block(start) for start in range(0, len(theta), _BLOCK)), stiffness)


@app.command()
def homogenize_cells(
    catalogue: Annotated[
        Path, typer.Argument(help="Catalogue of periodic lattices in text form (.lat).")
    ],
    stiffness: Annotated[
        Path,
        typer.Argument(
            help=".csv or .parquet to write: name, relative density and C11 … C66 of each cell.",
        ),
    ],
    relative_density: Annotated[
        float | None,
        typer.Option(
            help="Relative density of each cell. Where the file gives radii for each strut, it must "
            "be one of theirs. Default: all that the file gives for a cell, of its radii or else of "
            "its compliances; with --compare, of its compliances.",
        ),
    ] = None,
    poisson_ratio: Annotated[
        float, typer.Option(help="Poisson's ratio of the base material.")
    ] = POISSON_RATIO,
    compare: Annotated[
        bool,
        typer.Option(
            "--compare",
            help="Compare with the file's own compliances: writes the relative difference of each "
            "stiffness and compliance in the norm of the tensor; prints median, 90 % and worst.",
        ),
    ] = False,
) -> None:
    """Effective stiffness of the cells of a catalogue, over the base material's Young's modulus.

    Exit code 0: all cells written; 1: some could not be read and were skipped; 2: nothing written.
    """
    import pyarrow

    from trussmap.crystal.catalogue import take_catalogue
    from trussmap.crystal.labels import homogenize_catalogue, label_errors
    from trussmap.data.tables import check_ending, with_columns, write_table
    from trussmap.tensors.stiffness import COMPONENTS

    if relative_density is not None and not 0 < relative_density < 1:
        raise InputError(
            f"--relative-density {relative_density:g}: expected a number above 0 and below 1."
        )
    check_poisson_ratio(poisson_ratio, "--poisson-ratio")
    check_ending(stiffness)

    taken = take_catalogue(catalogue)
    cells, notes = _labelled(catalogue, taken) if compare else (taken.cells, taken.notes)
    rows, faults = homogenize_catalogue(cells, relative_density, poisson_ratio, labelled=compare)
    if not rows:
        more = "; none of the cells can be homogenized." if len(cells) > 1 else "."
        raise InputError(f"{catalogue}, {faults[0].removesuffix('.')}{more}")
    faults = [*taken.faults, *(f"{catalogue}, {fault}" for fault in faults)]
    for note in notes:
        print(f"Note: {note}", file=sys.stderr)
    for fault in faults:
        print(f"Skipped: {fault}", file=sys.stderr)

    table = pyarrow.table({"name": [row.cell.name for row in rows]})
    columns = {"relative_density": np.array([row.relative_density for row in rows])}
    columns |= dict(zip(COMPONENTS, np.array([row.stiffness for row in rows]).T, strict=True))
    if compare:
        errors = np.array([label_errors(row) for row in rows]).T
        columns |= dict(zip(("stiffness_error", "compliance_error"), errors, strict=True))
        _print_comparison(rows, errors)
    write_table([with_columns(table, columns)], stiffness)
    if faults:
        print(f"Error: {len(faults)} skipped, named above.", file=sys.stderr)
        raise typer.Exit(1)


def _labelled(path: Path, taken: "Catalogue") -> "tuple[list[CatalogueCell], list[str]]":
    """Cells that have compliances, and the notes on the file with one on the other cells."""
    cells = [cell for cell in taken.cells if cell.compliance]
    if not cells:
        raise InputError(f"{path}: no cell has a compliance; expected some to --compare with.")
    bare = [cell.name for cell in taken.cells if not cell.compliance]
    names = ", ".join(bare[:5]) + (" …" if len(bare) > 5 else "")
    note = f"{path}: no compliance to compare with: {names}."
    return cells, [*taken.notes, note] if bare else taken.notes


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


@app.command()
def design(
    targets: Annotated[
        str,
        typer.Argument(
            help="CSV or XLSX with C11 … C66 (or S11 … S66, E1, E2, E3, G23 … nu23, or E and nu), a target per row, "
            "and optionally a name; or 6×6 matrices as programs print them, rows of 21 constants, JSON, or *ELASTIC "
            "cards. - reads what is pasted or piped."
        ),
    ],
    youngs_modulus: Annotated[
        float,
        typer.Option(help="Young's modulus of the base material, in the units of the targets."),
    ],
    out: Annotated[
        Path, typer.Option(file_okay=False, help="Folder to write: designs.csv and the lattices.")
    ],
    order: Annotated[
        str,
        typer.Option(
            help="Order of the components: voigt 11,22,33,23,13,12; abaqus 11,22,33,12,13,23; ansys (VTK, LS-DYNA) "
            "and vasp 11,22,33,12,23,13, all with engineering shear strains; mandel, Voigt's with √2. Labels in the "
            "file, such as XX or xy, decide themselves."
        ),
    ] = "voigt",
    compliance: ComplianceOption = False,
    study: Annotated[
        str | None,
        typer.Option(
            help="Study whose networks design, the folder results/NAME; default: those that come along."
        ),
    ] = None,
    draws: Annotated[int, typer.Option(min=1, help="Candidates drawn for each target.")] = 300,
    temperature: Annotated[float, typer.Option(help="Diversity of the draws; above 0.")] = 1.0,
    keep: Annotated[
        int, typer.Option(min=1, help="Lattices kept of each target, all of different topology.")
    ] = 2,
    refine: Annotated[
        str, typer.Option(help="Search by finite elements: none, quick or thorough.")
    ] = "quick",
    cell_size_mm: Annotated[
        float | None,
        typer.Option(
            help="Edge of a cube of the unit cell's volume: writes STL, 3MF, INP, VTK, a picture and a page of each."
        ),
    ] = None,
    unit: Annotated[
        str,
        typer.Option(
            callback=as_text,
            help="Unit of stress of all numbers here, such as MPa. A file that names another is converted to it.",
        ),
    ] = "",
    worksheet: WorksheetOption = "",
    block: Annotated[
        int, typer.Option(min=1, max=20, help="Cell sizes along each edge of the printable cube.")
    ] = 2,
    box: BoxOption = None,
    shape: ShapeOption = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draws.")] = 0,
    poisson_ratio: Annotated[
        float | None,
        typer.Option(
            help=f"Poisson's ratio of the base material; default: that of the study, without one {POISSON_RATIO}."
        ),
    ] = None,
    family: Annotated[
        str,
        typer.Option(
            help="published; areas: every strut that symmetry tells apart has a cross-section of its own; "
            "geometry: nodes move too."
        ),
    ] = "published",
    minimise: Annotated[
        str | None,
        typer.Option(
            help="Among lattices that meet a target: density, radius-ratio, or of all: printed-error."
        ),
    ] = None,
    maximise: Annotated[
        str | None, typer.Option(help="Or: diameter, of the thinnest strut.")
    ] = None,
    radius_ratio: Annotated[
        float | None,
        typer.Option(help="Largest ratio of two struts' radii; 10 where nothing else is said."),
    ] = None,
    minimum_strut_mm: Annotated[
        float | None,
        typer.Option(
            help="Smallest strut diameter; in the published family it binds nothing but is remarked on."
        ),
    ] = None,
    maximum_strut_mm: Annotated[float | None, typer.Option(help="Largest strut diameter.")] = None,
    minimum_gap_mm: Annotated[
        float | None, typer.Option(help="Smallest gap between struts that do not meet.")
    ] = None,
    minimum_density: Annotated[
        float | None, typer.Option(help="Smallest relative density.")
    ] = None,
    maximum_density: Annotated[float | None, typer.Option(help="Largest relative density.")] = None,
    topologies: Annotated[
        str | None, typer.Option(help="Numbers of the topologies allowed, such as 0,4,17.")
    ] = None,
    closeness: Annotated[
        str, typer.Option(help="What counts as close: frobenius, log-euclidean, compliance.")
    ] = "frobenius",
    yield_stress: Annotated[
        float | None,
        typer.Option(help="Yield stress of the base material, in the units of the targets."),
    ] = None,
    buckling_length: Annotated[
        float,
        typer.Option(
            help="Buckling length of a strut over its length: 0.5 fixed, 1 hinged, to 2 for ends that sway."
        ),
    ] = 1.0,
    diameter_error_percent: Annotated[
        float | None, typer.Option(help="Standard deviation of a printed strut's diameter.")
    ] = None,
    diameter_error_mm: Annotated[
        float | None,
        typer.Option(
            help="The same in mm, whatever the diameter; both together where both are given."
        ),
    ] = None,
    node_error_mm: Annotated[
        float | None, typer.Option(help="Standard deviation of each coordinate of a printed node.")
    ] = None,
    load: Annotated[
        str | None,
        typer.Option(
            help="Macroscopic stress to carry, 11, 22, 33, 23, 13, 12 in the units of the targets: 0,0,-1,…"
        ),
    ] = None,
) -> None:
    """Lattices that have a given stiffness, best first, each verified by finite elements.

    Constants may be left empty (free), given with deviations (C11_sd …), or as E1, E2, E3, G23 …
    nu23.

    Exit code 0: all targets designed for; 1: some rows could not be read and were skipped;
    2: nothing written; 130 and 143: stopped by Ctrl-C or SIGTERM. The same command then goes on
    where it stopped, also after kill -9.
    """
    given = dict(locals())
    from trussmap.mechanics.strength import check_buckling_length
    from trussmap.targets.goal import KINDS
    from trussmap.targets.reading import described, take_targets

    if not temperature > 0:
        raise InputError(f"--temperature {temperature:g}: expected a number above 0.")
    if cell_size_mm is not None and not cell_size_mm > 0:
        raise InputError(f"--cell-size-mm {cell_size_mm:g}: expected a length above 0.")
    if refine not in ("none", "quick", "thorough"):
        raise InputError(f"--refine {refine}: expected none, quick or thorough.")
    if poisson_ratio is not None:
        check_poisson_ratio(poisson_ratio, "--poisson-ratio")
    if yield_stress is not None and not yield_stress > 0:
        raise InputError(f"--yield-stress {yield_stress:g}: expected a stress above 0.")
    check_buckling_length(buckling_length, "--buckling-length")
    stress = _stress(load)
    if closeness.replace("-", "_") not in KINDS:
        raise InputError(
            f"--closeness {closeness}: expected frobenius, log-euclidean or compliance."
        )
    if (
        minimise not in (None, "density", "radius-ratio", "printed-error")
        or maximise not in (None, "diameter")
        or (minimise and maximise)
    ):
        raise InputError(
            "expected one of --minimise density, radius-ratio or printed-error, and --maximise diameter."
        )
    study_dir = study and Path("results") / study
    if study and poisson_ratio is None:
        from trussmap.learning.study import trained_poisson_ratio

        base = trained_poisson_ratio(study_dir)
    else:
        base = POISSON_RATIO if poisson_ratio is None else poisson_ratio
    how = {"poisson_ratio": base, "compliance": compliance, "unit": unit, "worksheet": worksheet}
    taken = take_targets(targets, youngs_modulus, closeness.replace("-", "_"), order, **how)
    goal, names = taken.goal, taken.names
    unit = unit or taken.unit
    for fault in taken.faults:
        print(f"Skipped: {fault}", file=sys.stderr)
    # A slip in what was asked for is told before the networks' libraries are loaded, which takes
    # seconds.
    from trussmap.search.design import check_effort, design_chunks, fewer_than_asked, request_of

    settings = {
        "family": family,
        "objective": (minimise or maximise or "").replace("-", "_") or None,
        "radius_ratio": radius_ratio,
        "minimum_strut_mm": minimum_strut_mm,
        "maximum_strut_mm": maximum_strut_mm,
        "minimum_gap_mm": minimum_gap_mm,
        "minimum_density": minimum_density,
        "maximum_density": maximum_density,
        "topologies": _numbers(topologies),
        "diameter_error_percent": diameter_error_percent,
        "diameter_error_mm": diameter_error_mm,
        "node_error_mm": node_error_mm,
    }
    request = request_of(settings, cell_size_mm)
    region = _region(box, shape)
    if region and cell_size_mm is None:
        raise InputError(
            "--box and --shape need the size of the cells: expected --cell-size-mm as well."
        )
    check_effort(refine, request, goal)

    from trussmap.designs.table import (
        MOST_LATTICES,
        check_designs_folder,
        read_designs_csv,
        summary,
        told,
        write_designs,
    )

    check_designs_folder(out, cell_size_mm is not None)
    from trussmap.base.resume import Partial, stoppable
    from trussmap.learning.study import load_models
    from trussmap.search.objective import PrintLimits

    forward, inverse, trained = load_models(study_dir)
    if poisson_ratio is None:
        poisson_ratio = trained
    elif poisson_ratio != trained:
        print(
            f"the networks were trained at Poisson's ratio {trained:g}: they propose for it, "
            f"the finite elements {'judge' if refine == 'none' else 'refine and judge'} at {poisson_ratio:g}"
        )
    print("\n".join(described(taken, youngs_modulus, order, poisson_ratio=poisson_ratio)))
    options = {
        "draws": draws,
        "temperature": temperature,
        "keep": keep,
        "refine": refine,
        "seed": seed,
    }
    options |= {"poisson_ratio": poisson_ratio, "request": request, "goal": goal}
    c = goal.targets
    picture = pages = None
    if cell_size_mm is not None:
        from trussmap.figures.cell import plot as picture
        from trussmap.report.design import Pages

        made = {
            "Young's modulus of the base material": youngs_modulus,
            "its Poisson's ratio": poisson_ratio,
        }
        made |= {"family": family, "search": refine, "seed": seed, "cell size in mm": cell_size_mm}
        first = goal.take(slice(MOST_LATTICES))
        pages = Pages(first.asked(youngs_modulus), unit, cell_size_mm, made)
    loads = {"yield_stress": yield_stress, "effective_length": buckling_length, "load": stress}
    loads |= {"poisson_ratio": poisson_ratio}
    wanted = PrintLimits(minimum_strut_mm, maximum_strut_mm, minimum_gap_mm)
    how = {"loads": loads, "wanted_mm": wanted, "in_units": True, "region": region, "pages": pages}
    partial = Partial(out, _decisive(given, taken))
    if partial.done or partial.note:
        print(partial.note or f"going on after target {partial.done} of {len(goal)}")
    with stoppable(partial.words):
        chunks = design_chunks(c, forward, inverse, done=partial.done, **options)
        size = cell_size_mm, block, picture
        write_designs(chunks, out, names, c, youngs_modulus, *size, partial=partial, **how)

    written = out / "designs.csv"
    for row in read_designs_csv(written, rows=keep * MOST_LATTICES).to_dict("records"):
        if row["rank"] == 1 and row["target"] <= MOST_LATTICES:
            print(told(row))
    found = read_designs_csv(written, ("target", "rank", "relative_error_percent"))
    if len(goal) > MOST_LATTICES:
        print(summary(found))
    if fewer := fewer_than_asked(found, len(goal), keep, refine, request):
        print(fewer)
    print(
        f"written: {out / 'designs.csv'}, {len(found)} lattices"
        + (f"; to look at: {out / 'index.html'}" if pages else "")
    )
    if taken.faults:
        print(f"Error: {len(taken.faults)} of the targets skipped, named above.", file=sys.stderr)
        raise typer.Exit(1)


@app.command()
def part(
    designs: Annotated[
        Path, typer.Argument(help="A design per row, such as the designs.csv of `trussmap design`.")
    ],
    out: Annotated[
        Path,
        typer.Option(
            file_okay=False,
            help="Folder to write: part.stl, part.3mf, part.inp, part.vtk, part.json.",
        ),
    ],
    cell_size_mm: Annotated[float, typer.Option(help="Edge of a cube of the unit cell's volume.")],
    box: BoxOption = None,
    shape: ShapeOption = None,
    row: Annotated[int, typer.Option(min=1, help="Which design, by its row below the header.")] = 1,
    free_ends: Annotated[
        bool,
        typer.Option(
            help="Whether struts that are cut at the surface stay; else the part ends at whole joints."
        ),
    ] = True,
    solver: Annotated[
        str, typer.Option(help="What part.inp is for: calculix or abaqus.")
    ] = "calculix",
    elements: Annotated[
        int,
        typer.Option(
            min=1,
            help="Beam elements to a strut in part.inp; one will do unless struts are thick.",
        ),
    ] = 2,
    youngs_modulus: Annotated[
        float, typer.Option(help="Young's modulus of the base material, for part.inp.")
    ] = 1.0,
    poisson_ratio: Annotated[
        float, typer.Option(help="Poisson's ratio of the base material.")
    ] = POISSON_RATIO,
) -> None:
    """Fill a box or a closed surface with a lattice, to print and to compute.

    The low corner of a cell is on the low corner of the region. What hangs apart after the cut is
    dropped, and said.
    """
    from trussmap.data.tables import read_designs

    check_poisson_ratio(poisson_ratio, "--poisson-ratio")
    if not youngs_modulus > 0:
        raise InputError(f"--youngs-modulus {youngs_modulus:g}: expected a number above 0.")
    if (box is None) == (shape is None):
        raise InputError("expected one of --box X Y Z and --shape FILE, which say what to fill.")
    table, theta = read_designs(designs)
    if row > len(theta):
        raise InputError(f"--row {row}: {designs} has {len(theta)} rows; expected one of them.")
    check_folder(out)
    from trussmap.designs.table import row_graph
    from trussmap.parts.files import write_part
    from trussmap.parts.fill import fill

    own = table.slice(row - 1, 1).to_pylist()[0]
    filled = fill(
        row_graph(own), float(own["relative_density"]), cell_size_mm, _region(box, shape), free_ends
    )
    facts = write_part(out / "part", filled, youngs_modulus, poisson_ratio, solver, elements)
    said = f"{facts['struts']} struts, the thinnest {facts['strut_diameter_mm']:.3g} mm, {facts['volume_mm3']:.4g} mm³"
    print(said + (facts["remark"] and f"; {facts['remark']}"))
    print(f"written: {out / 'part.stl'}, .3mf, .inp, .vtk, .json")


@app.command()
def grade(
    sites: Annotated[
        Path,
        typer.Argument(
            help="Table with x_mm, y_mm, z_mm and C11 … C66 (or E1 … nu23) of each site, as `design` takes."
        ),
    ],
    youngs_modulus: Annotated[
        float, typer.Option(help="Young's modulus of the base material, in the units of the sites.")
    ],
    out: Annotated[
        Path,
        typer.Option(
            help="Folder to write: nodes.csv, struts.csv, structure.vtk and .3mf, path.csv, summary.json, graded.png."
        ),
    ],
    cell_size_mm: Annotated[
        float, typer.Option(help="Edge of a cube of a cell's volume; in a box, cells fit.")
    ],
    box: BoxOption = None,
    shape: ShapeOption = None,
    topologies: Annotated[
        str | None, typer.Option(help="Numbers of the topologies allowed, such as 8,69.")
    ] = None,
    radius_ratio: Annotated[
        float,
        typer.Option(
            min=1, max=10, help="Of the thickest to the thinnest strut of a cell, at most."
        ),
    ] = 3.0,
    stl: Annotated[
        bool, typer.Option("--stl", help="Also structure.stl, in about a minute for 10,000 struts.")
    ] = False,
    order: Annotated[
        str,
        typer.Option(
            help="Order of the components: voigt, abaqus, ansys, vasp or mandel, as in `design`."
        ),
    ] = "voigt",
    compliance: ComplianceOption = False,
    unit: Annotated[
        str,
        typer.Option(
            callback=as_text,
            help="Unit of stress of all numbers here, such as MPa. A file that names another is converted to it.",
        ),
    ] = "",
    worksheet: WorksheetOption = "",
    poisson_ratio: Annotated[
        float, typer.Option(help="Poisson's ratio of the base material.")
    ] = POISSON_RATIO,
) -> None:
    """A lattice whose stiffness changes in space: that of the sites, and between them their log-Euclidean mean.

    One topology carries all sites; the local cells as built are judged by finite elements on the
    way between them.
    """
    check_poisson_ratio(poisson_ratio, "--poisson-ratio")
    if (box is None) == (shape is None):
        raise InputError("expected one of --box X Y Z and --shape FILE, which say what to fill.")
    numbers = _numbers(topologies)
    import numpy as np

    from trussmap import grading
    from trussmap.base.io import write_json
    from trussmap.figures import graded as figure
    from trussmap.lattice.compound import topology_members

    count = len(topology_members()[0])
    if numbers is not None and not all(0 <= number < count for number in numbers):
        raise InputError(f"--topologies {topologies}: expected numbers from 0 to {count - 1}.")
    given = grading.read_sites(
        sites, youngs_modulus, order, poisson_ratio, compliance, unit, worksheet
    )
    for note in given.notes:
        print(f"note: {note}")
    check_folder(out)
    allowed = None if numbers is None else np.array(numbers)
    made = grading.grade(
        given, _region(box, shape), cell_size_mm, allowed, radius_ratio, poisson_ratio=poisson_ratio
    )
    grading.write_graded(made, out, stl, youngs_modulus)
    write_json(made.metrics, out / "summary.json")
    parts = (
        made.structure.nodes,
        made.structure.struts,
        made.structure.radii,
        made.structure.progress,
    )
    scale = youngs_modulus, unit or "in your units"
    figure.plot(*parts, made.path_table(), out / "graded.png", given.names, made.cell, scale)
    print("\n".join(grading.told(made)))
    surface = ", structure.stl" if stl else ""
    print(
        f"written: {out / 'struts.csv'}, nodes.csv, structure.vtk, structure.3mf{surface}, path.csv, summary.json, "
        "graded.png"
    )


@app.command()
def audit(
    study: Annotated[
        Path | None, typer.Argument(help="Folder of a finished study, such as results/smoke.")
    ] = None,
    sample: Annotated[
        int, typer.Option(min=1, help="Designs of each kind to homogenize by the plain solver.")
    ] = 24,
    seed: Annotated[int, typer.Option(min=0, help="Of the choice of these.")] = 0,
    quoted: Annotated[
        Path | None, typer.Option(help="Numbers that README quotes: docs/results/laptop.json.")
    ] = None,
    published: Annotated[
        Path | None,
        typer.Option(
            help="The authors' training.csv (doi 10.3929/ethz-b-000520254) to hold against finite elements."
        ),
    ] = None,
) -> None:
    """Check a finished study again: files, designs, networks, numbers, report; exit code 1 where anything is off.

    Run it in the folder of the Snakefile, whose resources are then compared too.
    """
    from trussmap.review.audit import audit, check_quoted, compare_published, outcome

    if study is None and published is None:
        raise InputError(
            "expected the folder of a study, or --published with the authors' training file."
        )
    if published is not None:
        print(compare_published(published))
    if study is None:
        return
    project = Path.cwd() if Path("Snakefile").is_file() else None
    tree = audit(study, sample, seed, project)
    if quoted is not None:
        tree["checks"].append(check_quoted(quoted, study))
        tree["mismatches"] += len(tree["checks"][-1]["off"])
    print(outcome(tree))
    if tree["mismatches"]:
        raise typer.Exit(1)


@app.command()
def export_crate(
    study: Annotated[
        Path, typer.Argument(help="Folder of a finished study, such as results/smoke.")
    ],
    out: Annotated[Path, typer.Option(help="Folder to write, which is not there yet.")],
) -> None:
    """Write a study for reviewers as a Workflow Run RO-Crate: its files, what made them, and the source.

    Run it in the folder of the Snakefile. It needs `pip install trussmap[study]`.
    """
    from trussmap.review.crate import write_crate

    print(f"written: {out / 'ro-crate-metadata.json'}, {write_crate(study, out, Path.cwd())} files")


def _decisive(options: dict[str, object], taken: "Intake") -> dict[str, str]:
    """Return all that decides the results of `design`, by name.

    By it a run recognizes what one that was stopped has completed.
    """
    import numpy as np

    from trussmap.base.cache import digest
    from trussmap.base.io import file_digest
    from trussmap.base.provenance import source_digest
    from trussmap.learning.models import pretrained

    study = options["study"]
    goal = vars(taken.goal).items()
    arrays = {name: value for name, value in goal if isinstance(value, np.ndarray)}
    decisive = {
        "targets": digest(arrays),
        "names": digest({"names": np.array(taken.names)}),
        "networks": file_digest(Path("results") / study / "models" if study else pretrained()),
        "version of trussmap": source_digest("trussmap.cli"),
    }
    if options["shape"]:
        decisive["shape"] = file_digest(options["shape"])
    others = options.keys() - {"targets", "out", "study", "shape"}
    return decisive | {f"--{name.replace('_', '-')}": str(options[name]) for name in sorted(others)}


def _region(box, shape):
    """What is to be filled, or None."""
    if box is None and shape is None:
        return None
    if box is not None and shape is not None:
        raise InputError("--box and --shape: expected one of them.")
    from trussmap.parts import fill as parts

    return parts.shape(shape) if box is None else parts.box(box)


def _stress(text):
    """The six numbers of a stress, or None."""
    try:
        stress = None if text is None else [float(word) for word in text.split(",")]
    except ValueError:
        stress = []
    if stress is not None and (len(stress) != 6 or not any(stress)):
        raise InputError(
            f"--load {text}: expected six numbers, not all of them 0, such as 0,0,-0.01,0,0,0."
        )
    return stress


def _numbers(text):
    """Numbers of a list such as 0,4,17, or None."""
    try:
        return None if text is None else [int(word) for word in text.split(",")]
    except ValueError:
        raise InputError(f"--topologies {text}: expected whole numbers, such as 0,4,17.") from None
