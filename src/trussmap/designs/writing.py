"""Designs as files: designs.csv, and a folder of lattices to read, to print and to look at."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from trussmap.base.errors import InputError
from trussmap.base.io import check_folder
from trussmap.base.progress import progress_bar
from trussmap.base.resume import Partial
from trussmap.designs.table import FIRST, Brief, Designs, ordered, read_designs_csv
from trussmap.lattice.graph import PeriodicGraph
from trussmap.parts.files import write_nodes_and_struts, write_part
from trussmap.parts.fill import Part, fill
from trussmap.parts.region import Region, box
from trussmap.search.design import Batch
from trussmap.tensors.stiffness import COMPONENTS

#: Targets whose lattices are written as files; of the others, the designs stand in designs.csv.
MOST_LATTICES = 100
# Names of the files of a lattice, and what a page that leads to designs has in it.
_LATTICE = re.compile(r"target\d+_rank\d+[._]")
_INDEX = "<title>designs · trussmap</title>"


class PageWriter(Protocol):
    """Writer of pages, such as `trussmap.report.design.Pages`."""

    def design(
        self,
        path: str | Path,
        row: Mapping[str, Any],
        graph: PeriodicGraph,
        part: Part | None = None,
    ) -> None:
        """Write the page of a row of designs.csv and its lattice."""
        ...

    def index(self, path: str | Path, table: pd.DataFrame) -> None:
        """Write the page of all rows of a designs.csv."""
        ...


@dataclass(frozen=True)
class Files:
    """Files that are written beside the nodes and struts of lattices.

    Attributes
    ----------
    region, block : what the parts to print fill, which need the size of the cell: a region, or a
        cube of ``block`` cell sizes
    picture : function that draws a lattice (PNG), such as `trussmap.figures.cell.plot`, or None
    pages : writer of a page for each lattice and of ``index.html`` that leads to them, or None
    in_units : write stiffness in the units of the base material, engineering constants beside it,
        and errors in % (`trussmap.designs.table.in_users_units`)
    """

    region: Region | None = None
    block: int = 2
    picture: Callable[..., Any] | None = None
    pages: PageWriter | None = None
    in_units: bool = False

    def filled(self, cell_size_mm: float) -> Region:
        """Region that parts fill."""
        return self.region or box([self.block * cell_size_mm] * 3)


NO_FILES = Files()


def write_designs(designs: Designs, out: str | Path, files: Files = NO_FILES) -> None:
    """Write all designs of a brief; see `write_batches`."""
    write_batches([designs.batch], designs.brief, out, files, words="writing")


def write_batches(
    batches: Iterable[Batch],
    brief: Brief,
    out: str | Path,
    files: Files = NO_FILES,
    partial: Partial | None = None,
    words: str = "designing",
) -> None:
    """Write ``designs.csv`` and the folder ``lattices`` into ``out`` as batches come.

    Files that a former run wrote there are replaced.

    Parameters
    ----------
    batches : of `trussmap.search.design.design`
    partial : what a run that was stopped has completed already; the batches are the ones after it
    words : what the bar of progress names

    The table is that of `trussmap.designs.table.Designs`. Each lattice of the first
    ``MOST_LATTICES`` targets is a set of CSV files ``target1_rank1_nodes.csv`` … (see
    `trussmap.parts.files.write_nodes_and_struts`), lengths in mm where the size of the cell is
    known, or relative to the unit cell. With a size there is also a part of each to print and to
    compute (`trussmap.parts.files.write_part`).

    Until all is complete, the files are in ``designs.partial`` and those of a former run remain.
    Where there is a ``designs.csv``, the lattices beside it belong to it, even after a run that
    was killed. Files of other names stay.

    Raises InputError as `check_designs_folder` does, and where another process writes there.
    """
    out = Path(out)
    check_designs_folder(out, files.pages is not None)
    with partial or Partial(out) as partial:
        count = len(brief.targets)
        with progress_bar(words, count, "target", done=partial.done) as bar:
            for batch in batches:
                if len(batch.table):
                    designs = Designs(brief, batch)
                    table = ordered(designs.in_units() if files.in_units else designs.table)
                    _write_lattices(designs, table, partial.lattices, files)
                    partial.append(table)
                partial.complete(batch.done)
                bar.update(batch.done - bar.n)
        if files.pages and not partial.final:
            table = read_designs_csv(partial.table, FIRST)
            files.pages.index(partial.folder / "index.html", table)
        _put_in_place(partial, out)


def _write_lattices(designs: Designs, table: pd.DataFrame, folder: Path, files: Files) -> None:
    """Write the files of the first targets' lattices; ``table`` is as it goes into designs.csv."""
    brief = designs.brief
    size = brief.request.cell_size_mm
    numbers = designs.table
    off = numbers["relative_error"]
    if "error" in numbers:
        off = off.fillna(numbers["error"] ** 0.5)
    rows = [k for k, target in enumerate(table["target"]) if target <= MOST_LATTICES]
    for k in progress_bar("files", len(rows), "lattice", rows, inner=True):
        row = table.iloc[k].to_dict()
        graph = designs.graphs[k]
        density = row["relative_density"]
        stem = folder / lattice_stem(row)
        part = None
        if size:
            graph = graph.sized(size)
            part = fill(graph, density, size, files.filled(size))
            write_part(stem, part, brief.material.youngs_modulus, brief.material.poisson_ratio)
        write_nodes_and_struts(graph, graph.radii(density), stem)
        if files.picture:
            title = f"target {row['target']}, rank {row['rank']}: off by {off.iloc[k]:.2%}"
            stiffness = numbers[COMPONENTS].iloc[k].to_numpy(float)
            files.picture(graph, density, stiffness, f"{stem}.png", title)
        if files.pages:
            files.pages.design(f"{stem}.html", row, designs.graphs[k], part)


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


def check_designs_folder(out: str | Path, pages: bool) -> None:
    """Raise InputError where designs could not be written.

    That is also where they would replace an ``index.html`` that is not trussmap's.
    """
    check_folder(out)
    index = Path(out) / "index.html"
    if pages and index.exists() and not _is_index(index):
        raise InputError(
            f"{index}: not a page of trussmap's, and would be written over; "
            "expected another folder."
        )
    if (Path(out) / "lattices").is_file():
        raise InputError(f"{Path(out) / 'lattices'}: a file; expected another folder to write.")


def _is_index(path: Path) -> bool:
    """Whether a file is the page of trussmap that leads to designs."""
    return path.is_file() and _INDEX in path.read_text(encoding="utf-8", errors="replace")[:1000]


def lattice_stem(row: Mapping[str, Any]) -> str:
    """Name of the files of a row of designs.csv, without what tells them apart."""
    return f"target{row['target']}_rank{row['rank']}"
