"""Designs as a person takes them: a table with remarks, and a folder of lattices to read, to print and to look at."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pandas as pd

from trussmap import export
from trussmap.inverse_design import lattices_of
from trussmap.io import write_csv
from trussmap.lattice.descriptor import DENSITY_RANGE, DESIGN_COLUMNS, STRETCH_RANGE, V, design_graph
from trussmap.lattice.graph import PeriodicGraph
from trussmap.lattice.symmetry import primitive_cell
from trussmap.measures import modulus_error, relative_error
from trussmap.stiffness import COMPONENTS, MULTIPLICITY, POISSON_RATIO
from trussmap.strength import LOAD_CASES, PINNED, strength
from trussmap.tailoring import diameters_and_gap
from trussmap.validity import crowding, solid_stiffness

#: Targets whose lattices are written as files of their own; of the others, the designs stand in designs.csv.
MOST_LATTICES = 100

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
    table: pd.DataFrame,
    out: str | Path,
    names: list[str],
    targets: np.ndarray,
    youngs_modulus: float = 1.0,
    cell_size_mm: float | None = None,
    block: int = 2,
    picture: Callable | None = None,
    loads: dict | None = None,
) -> pd.DataFrame:
    """Write ``designs.csv`` and the folder ``lattices`` into ``out``; what it held of a former run is replaced.

    Parameters
    ----------
    table : that of `trussmap.inverse_design.design_lattices`; the file also has the columns ``name`` and ``remark``
        (`remarks`)
    names, targets, youngs_modulus : what the table was designed for, base modulus 1, and the base material's modulus
    cell_size_mm : if given, the columns ``strut_diameter_mm`` and ``smallest_gap_mm`` (`printability`), and for each
        lattice, beside the CSV files, a block of ``block``³ cells to print (STL) and to see in ParaView (VTK), in mm
    loads : settings of `strength_columns`, which the file has for every design
    picture : if given, the function that draws each of these lattices (PNG), `trussmap.figures.cell.plot`

    Each lattice of the first ``MOST_LATTICES`` targets is a set of CSV files ``target1_rank1_nodes.csv`` … (see
    `trussmap.export.write_nodes_and_struts`), lengths relative to the unit cell. Where there is a ``designs.csv``,
    the lattices beside it are its own, even after a run that was killed.

    Returns the table as written.
    """
    table = table.assign(remark=remarks(table, targets, youngs_modulus, cell_size_mm))
    table.insert(1, "name", np.asarray(names)[table["target"] - 1])
    carried = strength_columns(table, youngs_modulus, **(loads or {}))
    table = pd.concat([table, pd.DataFrame(carried, index=table.index)], axis=1)
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    staging = Path(mkdtemp(dir=out, prefix=".designs-"))
    lattices = staging / "lattices"
    try:
        lattices.mkdir()
        for row in table[table["target"] <= MOST_LATTICES].to_dict("records"):
            graph = row_graph(row)
            stem = lattices / f"target{int(row['target'])}_rank{int(row['rank'])}"
            export.write_nodes_and_struts(graph, graph.radii(row["relative_density"]), stem)
            if cell_size_mm:
                _write_prints(graph, row["relative_density"], stem, cell_size_mm, block)
            if picture:
                stiffness = np.array([row[component] for component in COMPONENTS])
                off = row["relative_error"] if row["relative_error"] == row["relative_error"] else row["error"] ** 0.5
                title = f"target {int(row['target'])}, rank {int(row['rank'])}: off by {off:.2%}"
                picture(graph, row["relative_density"], stiffness, f"{stem}.png", title)
        if cell_size_mm:
            table = table.assign(**printability(table, cell_size_mm))
        write_csv(table, staging / "designs.csv")
        # The table vouches for the folder: it is the first to go and the last to come.
        (out / "designs.csv").unlink(missing_ok=True)
        shutil.rmtree(out / "lattices", ignore_errors=True)
        lattices.rename(out / "lattices")
        (staging / "designs.csv").rename(out / "designs.csv")
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return table


def _write_prints(graph, density, stem, cell_size_mm, block):
    scaled = graph.mapped(np.eye(3) * cell_size_mm / graph.volume ** (1 / 3))
    nodes, struts = export.block(scaled, block)
    export.write_vtk(f"{stem}.vtk", nodes, struts, np.tile(scaled.radii(density), block**3))
    export.write_stl(f"{stem}.stl", graph, density, block, cell_size_mm)


def remarks(
    table: pd.DataFrame, targets: np.ndarray, youngs_modulus: float = 1.0, cell_size_mm: float | None = None
) -> list[str]:
    """What a person should know of each design in a table of ``design_lattices``: a list of sentences, mostly empty.

    ``targets`` (n, 21) have the base modulus 1; ``youngs_modulus`` is the base material's, for advice in its units;
    """
    sentences = []
    for _, row in table.iterrows():
        said = []
        density, error = row["relative_density"], row["relative_error"]
        at_end = [bound for bound in DENSITY_RANGE if abs(np.log(density / bound)) < 0.005]
        if at_end:
            c, goal = row[COMPONENTS].to_numpy(float), targets[int(row["target"]) - 1]
            factor = (MULTIPLICITY * c * goal).sum() / (MULTIPLICITY * c * c).sum()
            other = "stiffer" if at_end[0] == DENSITY_RANGE[1] else "softer"
            remark = f"relative density {density:.3g} is at the end of its range: a {other} base material"
            if abs(factor - 1) > 0.01:
                said.append(f"{remark}, of Young's modulus {factor * youngs_modulus:.3g}, would do better")
            elif error > 1e-4:
                said.append(f"{remark} would do better")
        stretches = row[DESIGN_COLUMNS[V]].to_numpy(float)
        if error > 1e-3 and stretches.max() / stretches.min() > 0.995 * STRETCH_RANGE[1] / STRETCH_RANGE[0]:
            said.append("stretches V are at both ends of their range: a more anisotropic one would do better")
        larger = row.get("larger_cell", 1.0)
        if error > _FAR and not larger > 1:
            said.append(f"the stiffness is still off by {error:.0%}: no lattice of this family seems to have it")
        if larger > 1:
            said.append(
                f"a cell of {larger * (cell_size_mm or 1):.3g} {'mm' if cell_size_mm else 'times the size'} would have "
                "both the stiffness and the struts and gaps that were asked for"
            )
        if as_solid := _as_solid(row):
            said.append(as_solid)
        sentences.append("; ".join(said))
    return sentences


def _as_solid(row):
    """What becomes of the row's design as a solid of its struts, in words, or None where beams are as good."""
    graph, density = primitive_cell(row_graph(row)), row["relative_density"]
    if crowded := crowding(graph, graph.radii(density)):
        return f"as a solid it is no truss: {crowded} (docs/validity.md)"
    solid, beams = solid_stiffness(graph, density), solid_stiffness(graph, density, shares=(0, 0))
    gain, modulus = relative_error(solid, beams), modulus_error(solid, beams)[0]
    if max(gain, modulus) < _STIFFER:
        return None
    return (
        f"as a solid it is expected to be about {gain:.0%} stiffer than these beams, "
        f"and {modulus:.0%} in E(n), the median over directions (docs/validity.md)"
    )


def printability(table: pd.DataFrame, cell_size_mm: float) -> dict[str, np.ndarray]:
    """Strut diameters and smallest gap between struts in mm, for unit cells of the volume cell_size_mm³: (n,) each.

    ``strut_diameter_mm`` of the thinnest and, where they differ, ``largest_diameter_mm`` of the thickest strut;
    ``smallest_gap_mm`` between two struts that share no node, negative where they overlap.
    """
    sizes = np.array(
        [diameters_and_gap(row_graph(row), row["relative_density"]) for row in table.to_dict("records")]
    ).reshape(-1, 3)
    least, most, gap = cell_size_mm * sizes.T
    larger = {"largest_diameter_mm": most} if "strut_areas" in table else {}
    return {"strut_diameter_mm": least, **larger, "smallest_gap_mm": gap}


def strength_columns(
    table: pd.DataFrame,
    youngs_modulus: float = 1.0,
    yield_stress: float | None = None,
    effective_length: float = PINNED,
    load: np.ndarray | None = None,
    poisson_ratio: float = POISSON_RATIO,
) -> dict[str, np.ndarray]:
    """What designs carry, (n,) each, for every ``case`` of `trussmap.strength.LOAD_CASES`; stresses in units of E.

    ``peak_stress_<case>`` is the largest stress of a strut over the macroscopic one, ``buckling_stress_<case>`` the
    least macroscopic stress of either sign under which a strut reaches its Euler load, for struts of
    ``effective_length`` times their length (`trussmap.strength.strength`); with the base material's ``yield_stress``,
    ``yield_stress_<case>`` at which a strut begins to yield. For a macroscopic stress ``load`` (6,), in Voigt order,
    ``load_buckling_factor`` and ``load_yield_factor`` are the multiples of it, of its own sign, that do so.
    """
    cases = dict(LOAD_CASES) if load is None else {**LOAD_CASES, "load": np.asarray(load, float) / youngs_modulus}
    options = np.array(list(cases.values())), effective_length, poisson_ratio
    found = [strength(row_graph(row), row["relative_density"], *options) for row in table.to_dict("records")]
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
        values = {case: row[f"{name}_stress_{case}"] for case in LOAD_CASES if f"{name}_stress_{case}" in row}
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
