"""Designs as a person takes them: a table in the user's units, with sizes, remarks and strength."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from trussmap.base.io import write_csv
from trussmap.designs.remarks import remarks_on
from trussmap.designs.strength import Loads, strength_columns
from trussmap.lattice.descriptor import DESIGN_COLUMNS, design_graph
from trussmap.lattice.graph import PeriodicGraph
from trussmap.lattice.symmetry import primitive_cell
from trussmap.search.design import Batch
from trussmap.search.lattices import Lattices, freedoms, plain_lattices
from trussmap.search.request import PUBLISHED, Request
from trussmap.targets.goal import Targets
from trussmap.tensors.elasticity import extrema, means, moduli, universal_anisotropy
from trussmap.tensors.engineering import ENGINEERING
from trussmap.tensors.material import Material
from trussmap.tensors.stiffness import COMPONENTS

#: Quantities derived of stiffnesses beside engineering constants: ends of ranges over all
#: directions, Hill's mean of the bulk modulus, universal anisotropy.
DERIVED = ("E_min", "E_max", "G_min", "G_max", "nu_min", "nu_max", "K_hill", "universal_anisotropy")
#: Sizes that matter for printing, in mm.
SIZES = ("strut_diameter_mm", "largest_diameter_mm", "smallest_gap_mm", "pore_size_mm")
#: Columns of designs.csv that stand first, where there are such.
FIRST = (
    "target",
    "name",
    "rank",
    *SIZES,
    "relative_density",
    "relative_error_percent",
    "modulus_error_median_percent",
    "modulus_error_largest_percent",
    "relative_error",
    "modulus_error_median",
    "modulus_error_largest",
    "error",
    "remark",
    *ENGINEERING,
    *DERIVED,
    *COMPONENTS,
)
# Columns of texts.
_TEXTS = ("name", "remark", "family", "strut_areas", "node_shifts")


@dataclass(frozen=True)
class Brief:
    """What lattices are designed for, and of which material.

    Attributes
    ----------
    targets : goal and names
    material : base material, in whose unit people read stiffness and stresses
    request : what lattices should be beyond their stiffness
    loads : what they have to carry
    """

    targets: Targets
    material: Material
    request: Request = PUBLISHED
    loads: Loads = field(default_factory=Loads)


@dataclass(frozen=True)
class Designs:
    """Lattices designed for a brief.

    Attributes
    ----------
    brief : what they were designed for
    batch : their table, base modulus 1, and lattices
    """

    brief: Brief
    batch: Batch

    def __len__(self) -> int:
        return len(self.batch.table)

    @property
    def lattices(self) -> Lattices:
        """Lattices of the rows."""
        return self.batch.lattices

    @cached_property
    def graphs(self) -> list[PeriodicGraph]:
        """Graphs of the lattices."""
        return graphs_of(self.lattices)

    @cached_property
    def table(self) -> pd.DataFrame:
        """Table of the designs, base modulus 1, with all that is known of them.

        Beside the columns of `trussmap.search.design.design` it has ``name``, the lattices as text
        (`lattice_columns`), ``remark``, `SIZES` where the cell's is known, and the columns of
        `trussmap.designs.strength.strength_columns`.
        """
        brief = self.brief
        table = _with_lattices(self.batch.table, self.lattices)
        density = table["relative_density"].to_numpy()
        if size := brief.request.cell_size_mm:
            sizes = printability(self.graphs, density, size)
            if "family" not in table:  # struts are alike, and the largest is the thinnest
                del sizes["largest_diameter_mm"]
            table = table.assign(**sizes)
        stiffness = brief.targets.stiffness
        remarks = [
            remarks_on(
                row,
                graph,
                stiffness[int(row["target"]) - 1],
                brief.material,
                brief.request,
            )
            for row, graph in zip(rows_of(table), self.graphs, strict=True)
        ]
        table = table.assign(remark=remarks)
        table.insert(1, "name", np.asarray(brief.targets.names)[table["target"] - 1])
        carried = strength_columns(self.graphs, density, brief.material, brief.loads)
        return pd.concat([table, pd.DataFrame(carried, index=table.index)], axis=1)

    def in_units(self) -> pd.DataFrame:
        """Table in the units of the base material, relative errors in %; see `in_users_units`."""
        return in_users_units(self.table, self.brief.material.youngs_modulus)


def rows_of(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a table by the names of its columns."""
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def graphs_of(lattices: Lattices) -> list[PeriodicGraph]:
    """Graphs of lattices; those of the published family as the paper's descriptor builds them."""
    if not lattices.areas.shape[1]:
        return [design_graph(theta) for theta in lattices.designs]
    return [lattices.graph(row) for row in range(len(lattices.designs))]


def lattice_columns(lattices: Lattices, family: str) -> dict[str, list[str]]:
    """Columns ``strut_areas`` and ``node_shifts``, numbers as text, of a free family."""
    struts, nodes = freedoms(lattices.topology, family)
    columns: dict[str, list[str]] = {"strut_areas": [], "node_shifts": []}
    for row in range(len(lattices.designs)):
        areas = lattices.areas[row, : struts[row]]
        shifts = lattices.shifts[row, : nodes[row]].ravel()
        columns["strut_areas"].append(" ".join(map(repr, areas.tolist())))
        columns["node_shifts"].append(" ".join(map(repr, shifts.tolist())))
    return columns


def _with_lattices(table: pd.DataFrame, lattices: Lattices) -> pd.DataFrame:
    """Table with the columns of `lattice_columns` after those of the family."""
    if "family" not in table or not len(table):
        return table.copy()
    columns = lattice_columns(lattices, table["family"].iloc[0])
    last = "larger_cell" if "larger_cell" in table else "radius_ratio"
    place = [*table.columns].index(last) + 1
    table = table.copy()
    for k, (name, values) in enumerate(columns.items()):
        table.insert(place + k, name, values)
    return table


def lattices_of(table: pd.DataFrame) -> Lattices:
    """Lattices of a table of designs that was written to a file and read again."""
    designs = table[DESIGN_COLUMNS].to_numpy(float)
    if "strut_areas" not in table:
        return plain_lattices(designs)
    areas = _padded(table["strut_areas"], 1.0)
    shifts = _padded(table["node_shifts"], 0.0)
    return Lattices(designs, areas, shifts.reshape(len(designs), -1, 3))


def _padded(texts: pd.Series, filling: float) -> np.ndarray:
    """Numbers (n, most) of texts, as wide as the longest."""
    rows = [np.array(text.split() if isinstance(text, str) else [], dtype=float) for text in texts]
    width = max(map(len, rows), default=0)
    return np.array([np.pad(row, (0, width - len(row)), constant_values=filling) for row in rows])


def row_graph(row: Mapping[str, Any]) -> PeriodicGraph:
    """Lattice of a row of a table of designs, by the names of its columns."""
    if isinstance(row.get("strut_areas"), str):
        return lattices_of(pd.DataFrame([row])).graph(0)
    return design_graph(np.array([row[column] for column in DESIGN_COLUMNS], float))


def printability(
    graphs: Sequence[PeriodicGraph], density: np.ndarray, cell_size_mm: float
) -> dict[str, np.ndarray]:
    """Strut diameters, gaps and pores in mm, for cells of the volume cell_size_mm³, (n,) each.

    ``strut_diameter_mm`` of the thinnest and ``largest_diameter_mm`` of the thickest strut;
    ``smallest_gap_mm`` between two struts that share no node, negative where they overlap;
    ``pore_size_mm``, the diameter of the largest sphere that fits between the struts.
    """
    rows = [
        sizes_mm(graph, relative_density, cell_size_mm)
        for graph, relative_density in zip(graphs, density, strict=True)
    ]
    return {name: np.array([row[name] for row in rows]) for name in SIZES}


def sizes_mm(
    graph: PeriodicGraph, relative_density: float, cell_size_mm: float
) -> dict[str, float]:
    """``SIZES`` of one lattice, in mm, for unit cells of the volume cell_size_mm³."""
    primitive = primitive_cell(graph)
    radii = primitive.radii(relative_density)
    lengths = (
        2 * radii.min(),
        2 * radii.max(),
        primitive.smallest_gap(radii),
        primitive.largest_void(radii),
    )
    scale = cell_size_mm / graph.volume ** (1 / 3)
    return {name: float(scale * length) for name, length in zip(SIZES, lengths, strict=True)}


def in_users_units(table: pd.DataFrame, youngs_modulus: float) -> pd.DataFrame:
    """Table of designs in the units of ``youngs_modulus``, relative errors as ``…_percent``.

    ``C11`` … and ``predicted_C11`` … are multiplied by it, and ``E1`` … ``nu23`` and ``DERIVED`` of
    the former come in.
    """
    predicted = [f"predicted_{name}" for name in COMPONENTS if f"predicted_{name}" in table]
    names = [str(name) for name in table]
    relative = [name for name in names if "relative_error" in name or "modulus_error" in name]
    table = table.assign(**{name: 100 * table[name] for name in relative})
    table = table.assign(
        **{name: youngs_modulus * table[name] for name in (*COMPONENTS, *predicted)}
    )
    table = table.rename(columns={name: f"{name}_percent" for name in relative})
    table = table.copy()  # in one piece: pandas warns of tables put together column by column
    stiffness = table[COMPONENTS].to_numpy(float)
    constants = dict(zip(ENGINEERING, moduli(stiffness).T, strict=True)) | derived(stiffness)
    rest = table.drop(columns=[name for name in constants if name in table])
    return pd.concat([rest, pd.DataFrame(constants, index=table.index)], axis=1)


def derived(stiffness: np.ndarray) -> dict[str, np.ndarray]:
    """``DERIVED`` (n,) of stiffnesses (n, 21)."""
    quantities = {name: end.value for name, end in extrema(stiffness).items()}
    quantities |= means(stiffness)
    quantities["universal_anisotropy"] = universal_anisotropy(stiffness)
    return {name: quantities[name] for name in DERIVED}


def ordered(table: pd.DataFrame) -> pd.DataFrame:
    """Table with the columns of ``FIRST`` first."""
    first = [name for name in FIRST if name in table]
    return table[first + [name for name in table if name not in first]]


def read_designs_csv(
    path: str | Path, columns: Sequence[str] | None = None, rows: int | None = None
) -> pd.DataFrame:
    """Read a designs.csv, or some of its columns and first rows.

    A name stays a text whatever it looks like.
    """
    header = pd.read_csv(path, nrows=0)
    present = [str(name) for name in header if columns is None or name in columns]
    texts = [name for name in _TEXTS if name in present]
    empty = {name: [""] for name in present if name not in texts}
    return pd.read_csv(
        path,
        usecols=present,
        nrows=rows,
        dtype=dict.fromkeys(texts, str),
        keep_default_na=False,
        na_values=empty,
    )


def write_targets(targets: Targets, path: str | Path) -> None:
    """Write targets as CSV: ``name`` and ``C11`` … ``C66``, base modulus 1."""
    table = pd.DataFrame(targets.stiffness, columns=COMPONENTS)
    table.insert(0, "name", targets.names)
    write_csv(table, path)
