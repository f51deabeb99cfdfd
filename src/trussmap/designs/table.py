"""Designs as a person takes them: a table with remarks, and a folder of lattices to read, to print and to look at."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from trussmap.base.errors import InputError
from trussmap.base.io import check_folder, write_csv
from trussmap.base.progress import progress_bar
from trussmap.base.resume import Partial
from trussmap.lattice.descriptor import (
    DENSITY_RANGE,
    DESIGN_COLUMNS,
    STRETCH_RANGE,
    V,
    design_graph,
)
from trussmap.lattice.graph import PeriodicGraph
from trussmap.lattice.symmetry import primitive_cell
from trussmap.mechanics.solids import crowding, solid_stiffness
from trussmap.mechanics.strength import LOAD_CASES, PINNED, strength
from trussmap.parts import files as export
from trussmap.parts.fill import Region, box, fill
from trussmap.search.design import lattices_of
from trussmap.search.objective import NO_LIMITS, PrintLimits
from trussmap.tensors.elasticity import extrema, means, moduli, universal_anisotropy
from trussmap.tensors.engineering import ENGINEERING
from trussmap.tensors.measures import modulus_error, relative_error
from trussmap.tensors.stiffness import COMPONENTS, MULTIPLICITY, POISSON_RATIO

#: Targets whose lattices are written as files of their own; of the others, the designs stand in
#: designs.csv.
MOST_LATTICES = 100

#: What is derived of stiffnesses beside engineering constants: ends of ranges over all directions,
#: Hill's mean of the bulk modulus, universal anisotropy.
DERIVED = ("E_min", "E_max", "G_min", "G_max", "nu_min", "nu_max", "K_hill", "universal_anisotropy")
#: What must be printed, in mm.
SIZES = ("strut_diameter_mm", "largest_diameter_mm", "smallest_gap_mm", "pore_size_mm")
#: Columns of designs.csv that stand first, where there are such.
FIRST = (
    *("target", "name", "rank", *SIZES),
    *(
        "relative_density",
        "relative_error_percent",
        "modulus_error_median_percent",
        "modulus_error_largest_percent",
    ),
    *(
        "relative_error",
        "modulus_error_median",
        "modulus_error_largest",
        "error",
        "remark",
        *ENGINEERING,
        *DERIVED,
        *COMPONENTS,
    ),
)
#: Diameter below which a strut is remarked on where nothing else is said: what laser powder-bed
#: fusion just makes.
THIN_MM = 0.2
_SLACK = 2e-3  # of what was asked for, as the search has it
# Names of the files of a lattice, and what a page that leads to designs has in it.
_LATTICE = re.compile(r"target\d+_rank\d+[._]")
_INDEX = "<title>designs · trussmap</title>"
# Columns of texts.
_TEXTS = ("name", "remark", "family", "strut_areas", "node_shifts")

#: Relative error from which a design counts as far from its target.
_FAR = 0.1
#: Share of its stiffness from which what a design gains as a solid is worth a word.
_STIFFER = 0.1


def write_targets(names: list[str], targets: np.ndarray, path: str | Path) -> None:
    """Write targets (n, 21) as CSV: ``name`` and ``C11`` … ``C66``."""
    table = pd.DataFrame(targets, columns=COMPONENTS)
    table.insert(0, "name", names)
    write_csv(table, path)


def write_designs(
    chunks: pd.DataFrame | Iterable[tuple[int, pd.DataFrame]],
    out: str | Path,
    names: list[str],
    targets: np.ndarray,
    youngs_modulus: float = 1.0,
    cell_size_mm: float | None = None,
    block: int = 2,
    picture: Callable | None = None,
    loads: dict | None = None,
    wanted_mm: PrintLimits = NO_LIMITS,
    in_units: bool = False,
    region: Region | None = None,
    pages: object = None,
    partial: Partial | None = None,
) -> None:
    """Write ``designs.csv`` and the folder ``lattices`` into ``out``; what a former run wrote there is replaced.

    Parameters
    ----------
    chunks : tables of `trussmap.search.design.design_chunks`, each with the number of targets
        that are complete with it, or a single table of all targets; the file also has the columns
        ``name`` and ``remark`` (`remarks`)
    names, targets, youngs_modulus : what the table was designed for, base modulus 1, and the base
        material's modulus
    cell_size_mm : if given, the columns of `printability`, all lengths of lattices in mm, and for
        each lattice, beside the CSV files, a part to print and to compute
        (`trussmap.parts.files.write_part`)
    block, region : what the parts fill: a cube of ``block`` cell sizes, unless there is a region
    loads : settings of `strength_columns`, which the file has for every design
    picture : if given, the function that draws each of these lattices (PNG),
        `trussmap.figures.cell.plot`
    wanted_mm : what a printer can make, in mm, for the remarks
    pages : if given, what writes a page of each of these lattices, and ``index.html`` that leads to
        them (`trussmap.report.design.Pages`)
    in_units : write stiffness in the units of ``youngs_modulus``, engineering constants beside it,
        and errors in % (`in_users_units`)
    partial : what a run that was stopped has completed already; ``chunks`` are the ones after it

    What is asked for first stands first: what can be printed, the errors, the remark, the
    stiffness. Each lattice of the first ``MOST_LATTICES`` targets is a set of CSV files
    ``target1_rank1_nodes.csv`` … (see `trussmap.parts.files.write_nodes_and_struts`), lengths in
    mm, or relative to the unit cell where no size is given.

    Until all is complete, the files are in ``designs.partial`` and those of a former run remain.
    Where there is a ``designs.csv``, the lattices beside it belong to it, even after a run that
    was killed. Files of other names stay.

    Raises InputError as `check_designs_folder` does, and where another process writes there.
    """
    what = "designing"
    if isinstance(chunks, pd.DataFrame):
        what = "writing"
        chunks = [(len(targets), chunks)]
    out = Path(out)
    check_designs_folder(out, bool(pages))
    parts = {"cell_size_mm": cell_size_mm, "picture": picture, "pages": pages}
    parts["youngs_modulus"] = youngs_modulus
    parts["poisson_ratio"] = (loads or {}).get("poisson_ratio", POISSON_RATIO)
    if cell_size_mm:
        parts["region"] = region or box([block * cell_size_mm] * 3)

    with partial or Partial(out) as partial:
        with progress_bar(what, len(targets), "target", done=partial.done) as bar:
            for done, designs in chunks:
                if len(designs):
                    limits = youngs_modulus, cell_size_mm, wanted_mm
                    designs = _with_remarks(designs, names, targets, *limits, loads)
                    table = in_users_units(designs, youngs_modulus) if in_units else designs
                    table = _ordered(table)
                    _write_lattices(designs, table, partial.lattices, **parts)
                    partial.append(table)
                partial.complete(done)
                bar.update(done - bar.n)
        if pages and not partial.final:
            index = partial.folder / "index.html"
            pages.index(index, read_designs_csv(partial.table, FIRST))
        _put_in_place(partial, out)


def _with_remarks(
    table: pd.DataFrame,
    names: list[str],
    targets: np.ndarray,
    youngs_modulus: float,
    cell_size_mm: float | None,
    wanted_mm: PrintLimits,
    loads: dict | None,
) -> pd.DataFrame:
    """Add names, what can be printed, remarks, and what the lattices carry."""
    if cell_size_mm:
        table = table.assign(**printability(table, cell_size_mm))
    remark = remarks(table, targets, youngs_modulus, cell_size_mm, wanted_mm)
    table = table.assign(remark=remark)
    table.insert(1, "name", np.asarray(names)[table["target"] - 1])
    carried = strength_columns(table, youngs_modulus, **(loads or {}))
    return pd.concat([table, pd.DataFrame(carried, index=table.index)], axis=1)


def _ordered(table: pd.DataFrame) -> pd.DataFrame:
    """Put the columns of ``FIRST`` first."""
    first = [name for name in FIRST if name in table]
    return table[first + [name for name in table if name not in first]]


def _write_lattices(
    designs: pd.DataFrame,
    table: pd.DataFrame,
    folder: Path,
    youngs_modulus: float,
    poisson_ratio: float,
    cell_size_mm: float | None = None,
    region: Region | None = None,
    picture: Callable | None = None,
    pages: object = None,
) -> None:
    """Write the files of the first targets' lattices.

    ``table`` has the rows of ``designs`` in the users' units.
    """
    off = designs["relative_error"]
    if "error" in designs:
        off = off.fillna(designs["error"] ** 0.5)
    some = table[table["target"] <= MOST_LATTICES]
    for index, row in progress_bar("files", len(some), "lattice", some.iterrows(), inner=True):
        graph = row_graph(row)
        density = row["relative_density"]
        part = None
        stem = folder / lattice_stem(row)
        if cell_size_mm:
            graph = graph.sized(cell_size_mm)
            part = fill(graph, density, cell_size_mm, region)
            export.write_part(stem, part, youngs_modulus, poisson_ratio)
        export.write_nodes_and_struts(graph, graph.radii(density), stem)
        if picture:
            title = f"target {row['target']}, rank {row['rank']}: off by {off[index]:.2%}"
            stiffness = designs.loc[index, COMPONENTS].to_numpy(float)
            picture(graph, density, stiffness, f"{stem}.png", title)
        if pages:
            pages.design(f"{stem}.html", row.to_dict(), part)


def _put_in_place(partial: Partial, out: Path) -> None:
    """Move complete files to their final places.

    Delete designs.csv first and write it last, so that its presence means the folder is complete.
    """
    if not partial.final:
        (out / "designs.csv").unlink(missing_ok=True)
        if _is_index(out / "index.html"):
            (out / "index.html").unlink()
        (out / "lattices").mkdir(exist_ok=True)
        for former in (out / "lattices").iterdir():
            if _LATTICE.match(former.name):
                former.unlink()
        partial.finalize()

    for path in partial.lattices.iterdir():
        path.rename(out / "lattices" / path.name)
    for name in ("index.html", "designs.csv"):
        if (partial.folder / name).exists():
            (partial.folder / name).rename(out / name)


def lattice_stem(row: Mapping[str, object]) -> str:
    """Name of the files of a row of designs.csv, without what tells them apart."""
    return f"target{row['target']}_rank{row['rank']}"


def read_designs_csv(
    path: str | Path,
    columns: Sequence[str] | None = None,
    rows: int | None = None,
) -> pd.DataFrame:
    """Read a designs.csv, or some of its columns and first rows.

    A name stays a text whatever it looks like.
    """
    header = pd.read_csv(path, nrows=0)
    present = [name for name in header if columns is None or name in columns]
    texts = [name for name in _TEXTS if name in present]
    empty = {name: [""] for name in present if name not in texts}
    form = {"dtype": dict.fromkeys(texts, str), "keep_default_na": False, "na_values": empty}
    return pd.read_csv(path, usecols=present, nrows=rows, **form)


def check_designs_folder(out: str | Path, pages: bool) -> None:
    """Raise InputError where `write_designs` could not write, or would write over an ``index.html`` of others."""
    check_folder(out)
    index = Path(out) / "index.html"
    if pages and index.exists() and not _is_index(index):
        raise InputError(
            f"{index}: not a page of trussmap's, and would be written over; expected another folder."
        )
    if (Path(out) / "lattices").is_file():
        raise InputError(f"{Path(out) / 'lattices'}: a file; expected another folder to write.")


def _is_index(path):
    return path.is_file() and _INDEX in path.read_text(encoding="utf-8", errors="replace")[:1000]


def in_users_units(table: pd.DataFrame, youngs_modulus: float) -> pd.DataFrame:
    """A table of designs with stiffness in the units of ``youngs_modulus``, and relative errors as ``…_percent``.

    ``C11`` … and ``predicted_C11`` … are multiplied by it, and ``E1`` … ``nu23`` and ``DERIVED`` of
    the former come in.
    """
    scaled = [
        *COMPONENTS,
        *(f"predicted_{name}" for name in COMPONENTS if f"predicted_{name}" in table),
    ]
    relative = [name for name in table if "relative_error" in name or "modulus_error" in name]
    table = table.assign(**{name: 100 * table[name] for name in relative})
    table = table.assign(**{name: youngs_modulus * table[name] for name in scaled})
    table = table.rename(columns={name: f"{name}_percent" for name in relative})
    table = table.copy()  # in one piece: pandas warns of tables put together column by column
    stiffness = table[COMPONENTS].to_numpy(float)
    own = dict(zip(ENGINEERING, moduli(stiffness).T, strict=True)) | derived(stiffness)
    rest = table.drop(columns=[name for name in own if name in table])
    return pd.concat([rest, pd.DataFrame(own, index=table.index)], axis=1)


def derived(stiffness: np.ndarray) -> dict[str, np.ndarray]:
    """``DERIVED`` (n,) of stiffnesses (n, 21)."""
    found = {name: end.value for name, end in extrema(stiffness).items()}
    found |= means(stiffness) | {"universal_anisotropy": universal_anisotropy(stiffness)}
    return {name: found[name] for name in DERIVED}


def remarks(
    table: pd.DataFrame,
    targets: np.ndarray,
    youngs_modulus: float = 1.0,
    cell_size_mm: float | None = None,
    wanted_mm: PrintLimits = NO_LIMITS,
) -> list[str]:
    """What a person should know of each design in a table of ``design_lattices``: a list of sentences, mostly empty.

    ``targets`` (n, 21) have the base modulus 1; ``youngs_modulus`` is the base material's, for
    advice in its units. With a cell size, struts and gaps beyond ``wanted_mm`` are told, or struts
    below ``THIN_MM`` where it says nothing of them, with the cell size that would cure it.
    """
    if cell_size_mm and "strut_diameter_mm" not in table:
        table = table.assign(**printability(table, cell_size_mm))
    sentences = []
    for _, row in table.iterrows():
        said = _beyond(row, cell_size_mm, wanted_mm) if cell_size_mm else []
        density, error = row["relative_density"], row["relative_error"]
        at_end = [bound for bound in DENSITY_RANGE if abs(np.log(density / bound)) < 0.005]
        if at_end:
            c, goal = row[COMPONENTS].to_numpy(float), targets[int(row["target"]) - 1]
            factor = (MULTIPLICITY * c * goal).sum() / (MULTIPLICITY * c * c).sum()
            stiffer = at_end[0] == DENSITY_RANGE[1]
            other = "stiffer" if stiffer else "softer"
            remark = f"relative density {density:.3g} is at the end of its range: a {other} base material"
            if error != error:  # of targets that leave constants free, which have no factor
                said.append(f"{remark} may do better")
            elif abs(factor - 1) > 0.01:
                if stiffer == (
                    factor > 1
                ):  # else something else is wrong, such as struts that must be thick
                    said.append(
                        f"{remark}, of Young's modulus {factor * youngs_modulus:.3g}, would do better"
                    )
            elif error > 1e-4:
                said.append(f"{remark} would do better")
        stretches = row[DESIGN_COLUMNS[V]].to_numpy(float)
        if (
            error > 1e-3
            and stretches.max() / stretches.min() > 0.995 * STRETCH_RANGE[1] / STRETCH_RANGE[0]
        ):
            said.append(
                "stretches V are at both ends of their range: a more anisotropic one would do better"
            )
        larger = row.get("larger_cell", 1.0)
        if error > _FAR and not larger > 1:
            which = "of this family"
            if row.get("family", "published") != "published" and any(wanted_mm):
                which = f"within these limits of printing in cells of {cell_size_mm:g} mm"
            said.append(
                f"the stiffness is still off by {error:.0%}: no lattice {which} seems to have it"
            )
        if larger > 1:
            said.append(
                f"a cell of {larger * (cell_size_mm or 1):.3g} {'mm' if cell_size_mm else 'times the size'} would have "
                "both the stiffness and the struts and gaps that were asked for"
            )
        if as_solid := _as_solid(row):
            said.append(as_solid)
        sentences.append("; ".join(said))
    return sentences


def _beyond(row, cell_size_mm, wanted):
    """What of the row's design is thinner, thicker or closer than a printer can make, in words, and what would do."""
    least, most, gap = (
        row["strut_diameter_mm"],
        row.get("largest_diameter_mm"),
        row["smallest_gap_mm"],
    )
    most = least if most is None else most
    limit = wanted.minimum_diameter or THIN_MM
    asked = (
        f"the {limit:g} mm asked for"
        if wanted.minimum_diameter
        else f"the {limit:g} mm that most printers need"
    )
    said, larger = [], 1.0
    if least < limit * (1 - _SLACK):
        said.append(f"its thinnest strut has {least:.3g} mm, less than {asked}")
        larger = limit / least
    if wanted.maximum_diameter and most > wanted.maximum_diameter * (1 + _SLACK):
        said.append(
            f"its thickest strut has {most:.3g} mm, more than the {wanted.maximum_diameter:g} mm asked for"
        )
        larger = np.nan if larger > 1 else wanted.maximum_diameter / most
    if wanted.minimum_gap and gap < wanted.minimum_gap * (1 - _SLACK):
        said.append(
            f"its smallest gap has {gap:.3g} mm, less than the {wanted.minimum_gap:g} mm asked for"
        )
        larger = max(larger, wanted.minimum_gap / gap) if larger >= 1 and gap > 0 else np.nan
    if said and larger == larger:
        # Rounded to three digits to the side on which it does.
        unit = 10.0 ** (np.floor(np.log10(larger * cell_size_mm)) - 2)
        rounded = unit * (np.ceil if larger > 1 else np.floor)(larger * cell_size_mm / unit)
        said[-1] += f" (the same lattice in cells of {rounded:.6g} mm would do)"
    return said


def _as_solid(row):
    """What becomes of the row's design as a solid of its struts, in words, or None where beams are as good."""
    graph, density = primitive_cell(row_graph(row)), row["relative_density"]
    if crowded := crowding(graph, graph.radii(density)):
        return f"as a solid it is no truss: {crowded} (documentation, Beams or solids)"
    solid, beams = solid_stiffness(graph, density), solid_stiffness(graph, density, shares=(0, 0))
    gain, modulus = relative_error(solid, beams), modulus_error(solid, beams)[0]
    if max(gain, modulus) < _STIFFER:
        return None
    return (
        f"as a solid it is expected to be about {gain:.0%} stiffer than these beams, "
        f"and {modulus:.0%} in E(n), the median over directions (documentation, Beams or solids)"
    )


def printability(table: pd.DataFrame, cell_size_mm: float) -> dict[str, np.ndarray]:
    """Strut diameters, gaps and pores in mm, for unit cells of the volume cell_size_mm³: (n,) each.

    ``strut_diameter_mm`` of the thinnest and, where they differ, ``largest_diameter_mm`` of the
    thickest strut; ``smallest_gap_mm`` between two struts that share no node, negative where they
    overlap; ``pore_size_mm``, the diameter of the largest sphere that fits between the struts.
    """
    rows = [
        sizes_mm(row_graph(row), row["relative_density"], cell_size_mm)
        for row in table.to_dict("records")
    ]
    names = [name for name in SIZES if name != "largest_diameter_mm" or "strut_areas" in table]
    return {name: np.array([row[name] for row in rows]) for name in names}


def sizes_mm(
    graph: PeriodicGraph, relative_density: float, cell_size_mm: float
) -> dict[str, float]:
    """``SIZES`` of one lattice, in mm, for unit cells of the volume cell_size_mm³."""
    primitive = primitive_cell(graph)
    radii = primitive.radii(relative_density)
    found = (
        2 * radii.min(),
        2 * radii.max(),
        primitive.smallest_gap(radii),
        primitive.largest_void(radii),
    )
    scale = cell_size_mm / graph.volume ** (1 / 3)
    return {name: float(scale * length) for name, length in zip(SIZES, found, strict=True)}


def told(row: dict) -> str:
    """Lines on a row of a table as `write_designs` returns it in users' units, for a terminal."""
    if row["relative_error_percent"] == row["relative_error_percent"]:
        said = f"{row['name']}: stiffness off by {row['relative_error_percent']:.3g} %, "
        said += f"E(n) by {row['modulus_error_median_percent']:.3g} % in the median and "
        said += f"{row['modulus_error_largest_percent']:.3g} % in the worst direction"
    else:
        said = f"{row['name']}: what is given is off by {100 * row['error'] ** 0.5:.3g} %"
    facts = [f"relative density {row['relative_density']:.3g}"]
    if "strut_diameter_mm" in row:
        struts = f"{row['strut_diameter_mm']:.3g}"
        if "largest_diameter_mm" in row:
            struts += f" to {row['largest_diameter_mm']:.3g}"
        facts.append(f"struts of {struts} mm")
        facts.append(
            f"smallest gap {row['smallest_gap_mm']:.3g} mm, pores of {row['pore_size_mm']:.3g} mm"
        )
    elif "radius_ratio" in row:
        facts.append(f"radii within a factor of {row['radius_ratio']:.3g}")
    if isinstance(row.get("strut_areas"), str):
        absent = sum(float(area) == 0 for area in row["strut_areas"].split())
        if absent:
            facts.append(f"{absent} of {len(row['strut_areas'].split())} kinds of struts left out")
    facts.append(strength_sentence(row))
    if "printing_relative_error_percent" in row:
        facts.append(
            f"errors of the printer change the stiffness by {row['printing_relative_error_percent']:.3g} % in the "
            f"mean, and in 5 % of cells by more than {row['printing_relative_error_p95_percent']:.3g} %"
        )
    notes = [f"  note: {note}" for note in row["remark"].split("; ") if note]
    return "\n".join([said, f"  {'; '.join(facts)}", *notes])


def summary(table: pd.DataFrame) -> str:
    """Line on a designs.csv of more than ``MOST_LATTICES`` targets, for a terminal."""
    off = table.loc[table["rank"] == 1, "relative_error_percent"].dropna()
    text = f"… and the targets from {MOST_LATTICES + 1} on in designs.csv"
    if len(off):
        text += (
            f"; the best lattices of {len(off)} targets are off by {off.median():.3g} % "
            f"in the median, 90 % of them by less than {off.quantile(0.9):.3g} %, "
            f"and the worst by {off.max():.3g} %"
        )
    return text


def strength_columns(
    table: pd.DataFrame,
    youngs_modulus: float = 1.0,
    yield_stress: float | None = None,
    effective_length: float = PINNED,
    load: np.ndarray | None = None,
    poisson_ratio: float = POISSON_RATIO,
) -> dict[str, np.ndarray]:
    """Columns (n,) of what designs carry, in units of ``youngs_modulus``.

    For every ``case`` of `trussmap.mechanics.strength.LOAD_CASES`:

    ``peak_stress_<case>`` is the largest stress of a strut over the macroscopic one,
    ``buckling_stress_<case>`` the least macroscopic stress of either sign under which a strut
    reaches its Euler load, for struts of ``effective_length`` times their length
    (`trussmap.mechanics.strength.strength`); with the base material's ``yield_stress``,
    ``yield_stress_<case>`` at which a strut begins to yield. For a macroscopic stress ``load``
    (6,), in Voigt order, ``load_buckling_factor`` and ``load_yield_factor`` are the multiples of
    it, of its own sign, that do so.
    """
    cases = (
        dict(LOAD_CASES)
        if load is None
        else {**LOAD_CASES, "load": np.asarray(load, float) / youngs_modulus}
    )
    options = np.array(list(cases.values())), effective_length, poisson_ratio
    found = [
        strength(row_graph(row), row["relative_density"], *options)
        for row in table.to_dict("records")
    ]
    peak = np.array([own.peak_stress for own in found]).reshape(-1, len(cases))
    buckling = np.array([own.buckling for own in found]).reshape(-1, len(cases), 2)
    columns = {}
    for k, case in enumerate(LOAD_CASES):
        columns[f"peak_stress_{case}"] = peak[:, k]
        columns[f"buckling_stress_{case}"] = youngs_modulus * buckling[:, k].min(1)
        if yield_stress:
            columns[f"yield_stress_{case}"] = yield_stress / peak[:, k]
    if load is not None:
        columns["load_buckling_factor"] = buckling[:, -1, 0]
        if yield_stress:
            columns["load_yield_factor"] = yield_stress / youngs_modulus / peak[:, -1]
    return columns


def strength_sentence(row: dict) -> str:
    """What a row with the columns of `strength_columns` carries, in words: the least of all load cases."""
    said = []
    for name, verb in (("buckling", "buckle"), ("yield", "yield")):
        values = {
            case: row[f"{name}_stress_{case}"]
            for case in LOAD_CASES
            if f"{name}_stress_{case}" in row
        }
        if values:
            case = min(values, key=values.get)
            text = f"{verb} from a stress of {values[case]:.3g} ({case})"
            factor = row.get(f"load_{name}_factor")
            said.append(text if factor is None else f"{text} and at {factor:.3g} times the load")
    return "struts " + ", ".join(said)


def row_graph(row: Mapping[str, object]) -> PeriodicGraph:
    """The lattice of a row of a table of designs, by the names of its columns."""
    if isinstance(row.get("strut_areas"), str):
        return lattices_of(pd.DataFrame([row])).graph(0)
    return design_graph(np.array([row[column] for column in DESIGN_COLUMNS], float))
