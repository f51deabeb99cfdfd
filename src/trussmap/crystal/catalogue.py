"""The crystal-network catalogue (Lumpe & Stanković, PNAS 2021) in its text format.

A file is a sequence of entries, each headed by ``----- lattice_transition -----``. An entry holds
a name, the cell parameters a, b, c, α, β, γ (lengths relative to the longest, angles in degrees),
nodes in fractional coordinates of the closed cell, and bars between them. Struts are cut where they
leave the cell: the *window*. Two forms exist:

- the original catalogue: the window only, nodes numbered from 1;
- as homogenized by Grega et al. (ICLR 2024): nodes numbered from 0 and a *fundamental block*, with a
  row of two nodes for each strut of the infinite lattice, and a row of tessellation vectors: the
  cell of the second node (three whole numbers), or the cells of both nodes (six).

The second form may also hold, for several relative densities each,

- compliances (base material E = 1, ν = 0.3): the 21 of the upper triangle or all 36, in Mandel
  notation where the title says ``(Mandel)``, else in engineering Voigt notation;
- ``Fundamental edge radii``: a radius for each row of the fundamental block, in the unit of the cell
  lengths. All struts are alike where there are none.

``read_catalogue`` and ``take_catalogue`` read both forms, also mixed in one file, into periodic
graphs. Struts that cross where the file has no node are left unconnected, as the file has them.
``write_catalogue`` writes the second form.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import pairwise, product
from pathlib import Path
from typing import NamedTuple, TextIO

import numpy as np

from trussmap.base.errors import InputError
from trussmap.base.io import atomic_path
from trussmap.crystal.entries import (
    BARS,
    BASE_NAME,
    CELL,
    COMPLIANCE,
    EDGES,
    HEAD,
    NAME,
    NODES,
    RADII,
    VECTORS,
    Entry,
    read_entries,
)
from trussmap.lattice.graph import (
    PeriodicGraph,
    periodic_graph,
    strut_names,
    without_duplicates,
)
from trussmap.targets.reading import distinct
from trussmap.tensors.stiffness import MANDEL_WEIGHT, pack, unpack

#: Fractional distance within which nodes are the same one (coordinates carry five decimals).
TOLERANCE = 1e-4
#: Length of a cell over its longest one below which it is no cell.
FLATTEST = 1e-6
#: Sine of the largest angle between the two halves of a strut that was cut at a face.
CUT_SINE = 5e-3
#: Relative difference up to which relative densities of different decimals can be one.
SAME_DENSITY = 5e-3
#: Relative difference, beyond rounding, between a relative density and that of its radii.
DENSITY_OF_RADII = 0.01
#: Difference of S_ij and S_ji of a compliance, over √(S_ii S_jj), up to which it is rounding.
ASYMMETRY = 1e-3


@dataclass(frozen=True)
class CatalogueCell:
    """A cell of a catalogue.

    Attributes
    ----------
    name : name in the file
    graph : periodic graph; struts alike, whatever ``radii`` says
    compliance : {relative density: (6, 6) in Mandel notation, base modulus 1} of the file
    radii : {relative density: radii (m,) of the graph's struts in the unit of its cell}; empty
        where struts are alike
    line : line of the file at which the cell begins; 0 where it is from no file
    """

    name: str
    graph: PeriodicGraph
    compliance: dict[float, np.ndarray] = field(default_factory=dict)
    radii: dict[float, np.ndarray] = field(default_factory=dict)
    line: int = 0

    def at(self, relative_density: float) -> tuple[PeriodicGraph, float]:
        """The lattice at a relative density, and that density to all digits where radii are given.

        Raises InputError where there are radii, but none for this density.
        """
        if not self.radii:
            return self.graph, relative_density
        density = closest_density(self.radii, relative_density)
        if density is None:
            known = ", ".join(f"{each:.7g}" for each in self.radii)
            what = f"no radii for relative density {relative_density:.10g}"
            raise InputError(f"cell {self.name}: {what}; expected one of the file's: {known}.")
        radii = self.radii[density]
        return replace(self.graph, areas=radii**2), _density_of(self.graph, radii)


class Catalogue(NamedTuple):
    """Cells of a file, and what of it was not read.

    Attributes
    ----------
    cells : the cells that could be read
    faults : a sentence on each that was skipped
    notes : a sentence on each kind of section that was not read, and on each name that stands twice
    """

    cells: list[CatalogueCell]
    faults: list[str]
    notes: list[str]


def closest_density(densities: Iterable[float], relative_density: float) -> float | None:
    """The one of ``densities`` that is ``relative_density`` within the decimals of either.

    None where there is none, or where a second one is nearly as close.

    >>> closest_density([0.019182634854877166, 0.0205757756938637], 0.01918263)
    0.019182634854877166
    >>> closest_density([0.0192, 0.0206], 0.02), closest_density([0.02001, 0.02002], 0.02)
    (None, None)
    """
    gaps = sorted((abs(density - relative_density), density) for density in densities)
    if not gaps:
        return None
    gap, closest = gaps[0]
    decimals = min(_decimals(closest), _decimals(relative_density))
    tolerance = min(10.0**-decimals, SAME_DENSITY * closest)
    ambiguous = len(gaps) > 1 and gap > 0 and gaps[1][0] < 10 * gap and gaps[1][0] <= tolerance
    return None if gap > tolerance or ambiguous else closest


def _decimals(value: float) -> int:
    """Decimals in which a number is written in the fewest digits."""
    return -int(Decimal(repr(float(value))).as_tuple().exponent)


@np.errstate(over="ignore")  # an infinite density is none that the file states
def _density_of(graph: PeriodicGraph, radii: np.ndarray) -> float:
    """Relative density of struts of ``radii`` (m,), nodes not subtracted (architecture.md §3)."""
    return float(np.pi * (radii**2 @ graph.lengths) / graph.volume)


def read_catalogue(path: str | Path) -> list[CatalogueCell]:
    """Read a catalogue file in which every cell must be good; see `take_catalogue`.

    Raises InputError naming file, line and what was expected for the first that is not.
    """
    taken = take_catalogue(path)
    if taken.faults:
        raise InputError(taken.faults[0])
    return taken.cells


def take_catalogue(path: str | Path) -> Catalogue:
    """Take the cells of a catalogue file that can be taken.

    Raises InputError where there is none: no file, no text, no entry, or no good one.
    """
    entries = read_entries(path)
    good = []
    found: dict[int, list[str]] = {
        entry.line: [] for entry in entries
    }  # faults, in order of the file
    for entry in entries:
        with noting(found[entry.line]):
            entry.parse()
            good.append(entry)
    # A window without node 0 and without its last node shows its numbering through the others.
    known = {base for base in map(_certain_base, good) if base is not None}
    default = known.pop() if len(known) == 1 else 1

    count = Counter(entry.name for entry in good)
    cells = []
    for entry in good:
        with noting(found[entry.line]):
            cell = _cell(entry, default)
            # Imperfect variants of a cell share its base name; their full names differ.
            name = entry.full_name if count[entry.name] > 1 else entry.name
            cells.append(replace(cell, name=name))
    faults = [fault for each in found.values() for fault in each]
    if not cells:
        more = f"; none of the {len(entries)} cells can be read." if len(entries) > 1 else "."
        raise InputError(faults[0].removesuffix(".") + more)

    notes = _unread(path, entries)
    names = distinct([cell.name for cell in cells])
    for k, name in enumerate(names):
        if cells[k].name != name:
            twice = f"name '{cells[k].name}' stands twice; this cell is called '{name}'"
            notes.append(str(InputError(f"{path}, line {cells[k].line}: {twice}.")))
            cells[k] = replace(cells[k], name=name)
    return Catalogue(cells, faults, notes)


@contextmanager
def noting(faults: list[str], where: str = "") -> Iterator[None]:
    """Append ``where`` and the sentence of an InputError to ``faults`` instead of raising it."""
    try:
        yield
    except InputError as error:
        faults.append(f"{where}{error}")


def _unread(path: str | Path, entries: list[Entry]) -> list[str]:
    """A sentence on each title that was not read."""
    first: dict[str, int] = {}
    for entry in entries:
        for title, line in entry.unread.items():
            first.setdefault(title, line)
    return [
        str(InputError(f"{path}, line {line}: '{title[:60]}' is not understood and was not read."))
        for title, line in first.items()
    ]


def write_catalogue(
    cells: Iterable[CatalogueCell], path: str | Path, source: str | None = None
) -> None:
    """Write CatalogueCells to a file in the second form, which ``read_catalogue`` reads again.

    ``source``: a line that each entry carries about where it comes from. The cell's orientation is
    not kept: a file has a along x and b in the x–y plane.

    Raises InputError for a cell whose graph has cross-sections that no ``radii`` give.
    """
    with atomic_path(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
        for cell in cells:
            _write_cell(file, cell, source)


def _write_cell(file: TextIO, cell: CatalogueCell, source: str | None) -> None:
    graph = cell.graph
    if graph.areas is not None and not cell.radii:
        what = "struts of several cross-sections; expected radii for each density"
        raise InputError(f"cell {cell.name}: {what}.")
    lengths = np.linalg.norm(graph.cell, axis=0)
    cosines = (graph.cell.T @ graph.cell) / np.outer(lengths, lengths)
    angles = np.degrees(np.arccos(np.clip(cosines[[1, 0, 0], [2, 2, 1]], -1, 1)))
    nodes, bars, index = _window(graph)

    file.write(f"{HEAD}\n{NAME}: {cell.name}\n{BASE_NAME}: {cell.name}\n")
    file.write(f"Source: {source}\n" if source else "")
    _write_rows(file, f"{CELL} (a,b,c,alpha,beta,gamma):", [[*lengths, *angles]], ", ")
    vectors = {density: pack(compliance) for density, compliance in cell.compliance.items()}
    _write_by_density(file, f"{COMPLIANCE} (Mandel)", " (flattened upper triangular)", vectors)
    _write_by_density(file, RADII, "", cell.radii)
    _write_rows(file, f"{NODES}:", nodes)
    _write_rows(file, f"{BARS}:", bars)
    _write_rows(file, EDGES, index[graph.struts])
    _write_rows(file, VECTORS, graph.offsets)
    file.write("\n")


def _write_by_density(file: TextIO, title: str, form: str, rows: dict[float, np.ndarray]) -> None:
    if not rows:
        return
    file.write(f"\n{title} start{form}\n")
    for density, row in rows.items():
        file.write(f"-> at relative density {density}:\n")
        file.write(",".join(f"{value:.12g}" for value in row) + "\n")
    file.write(f"{title} end\n")


def _write_rows(
    file: TextIO,
    title: str,
    rows: Iterable[Iterable[float]],
    separator: str = " ",
) -> None:
    file.write(f"\n{title}\n")
    file.writelines(separator.join(f"{value:.12g}" for value in row) + "\n" for row in rows)


def _window(graph):
    """Struts cut at the faces of the closed cell: nodes (k, 3), bars (b, 2), and which nodes are
    the graph's (n,).
    """
    pieces = []
    for start, vector in zip(
        graph.nodes[graph.struts[:, 0]], graph.fractional_vectors, strict=True
    ):
        cuts = [0.0, 1.0]
        for x, dx in zip(start, vector, strict=True):
            faces = (
                np.arange(np.ceil(min(x, x + dx)), max(x, x + dx)) if abs(dx) > TOLERANCE else []
            )
            cuts += [(face - x) / dx for face in faces]
        cuts = np.unique(np.round(np.clip(cuts, 0, 1), 9))
        for first, last in pairwise(start + cuts[:, None] * vector):
            if np.abs(last - first).max() < TOLERANCE:
                continue  # its ends are the same node to a reader
            low = np.floor((first + last) / 2 + 1e-9)
            on_face = np.abs((first + last) / 2 - low) < 1e-9
            # A piece in a face stands on the opposite one too.
            for shift in product(*[(0, 1) if face else (0,) for face in on_face]):
                pieces += [first - low + shift, last - low + shift]
    points = np.round(np.concatenate([graph.nodes, *np.array(pieces)[:, None]]), 10).clip(0, 1)
    nodes, index = np.unique(points, axis=0, return_inverse=True)
    index = index.reshape(-1)
    bars = np.unique(np.sort(index[len(graph.nodes) :].reshape(-1, 2), axis=1), axis=0)
    return nodes, bars, index[: len(graph.nodes)]


def _certain_base(entry: Entry) -> int | None:
    """Whether nodes are numbered from 0 or from 1, where the entry itself shows it; else None."""
    nodes = entry.sections.get(NODES)
    try:
        bars, _ = entry.array(BARS if BARS in entry else EDGES, 2, whole=True)
    except InputError:
        return None
    if bars.min() <= 0:
        return 0
    return 1 if nodes and bars.max() >= len(nodes.rows) else None


def _cell(entry: Entry, default_base: int) -> CatalogueCell:
    cell = _cell_vectors(entry)
    nodes, lines = entry.array(NODES, 3)
    outside = np.flatnonzero((np.abs(nodes - 0.5) > 0.5 + TOLERANCE).any(1))
    if len(outside):
        expected = "expected fractional coordinates between 0 and 1"
        entry.fail(lines[outside[0]], f"a node outside the cell; {expected}")
    # The decimals of a file leave nodes of a face a little off it.
    nodes[(nodes > 1 - TOLERANCE) & (nodes < 1)] = 1.0
    nodes = np.maximum(nodes, 0.0)
    fundamental = EDGES in entry or VECTORS in entry or RADII in entry
    base = _certain_base(entry)
    if base is None:
        base = 0 if fundamental else default_base

    if BARS in entry or not fundamental:
        bars, bar_lines = _node_pairs(entry, BARS, len(nodes), base)
    if fundamental:
        graph, radii = _fundamental(entry, nodes, base, cell)
    else:
        graph = _from_window(entry, nodes, bars, bar_lines, cell)
        radii = {}
    return CatalogueCell(entry.name, graph, _compliance(entry), radii, entry.line)


def _fundamental(
    entry: Entry, nodes: np.ndarray, base: int, cell: np.ndarray
) -> tuple[PeriodicGraph, dict[float, np.ndarray]]:
    """The periodic graph of a fundamental block, each strut once, and its radii."""
    struts, lines = _node_pairs(entry, EDGES, len(nodes), base)
    cells, vector_lines = entry.array(VECTORS, 3, 6, whole=True)
    if len(struts) != len(cells):
        given = f"{len(cells)} tesselation vectors for {len(struts)} fundamental edges"
        entry.fail(vector_lines[0], f"{given}; expected one for each")
    # Of six numbers, the first three are the cell of the first node.
    offsets = cells[:, -3:] - (cells[:, :3] if cells.shape[1] == 6 else 0)
    # The tolerance is fractional: that of a cell of edges 1.
    graph = periodic_graph(nodes, struts, offsets, np.eye(3), TOLERANCE).mapped(cell)
    _check_lengths(entry, graph, lines)

    names = strut_names(graph.struts, graph.offsets)
    _, first, same = np.unique(names, axis=0, return_index=True, return_inverse=True)
    twins = first[same.reshape(-1)]
    once = without_duplicates(graph)
    radii = {}
    for density, (line, row) in entry.by_density(RADII, len(struts)).items():
        if not (row > 0).all():
            zero = f"radius {row.min():g} of edge {row.argmin() + 1}"
            entry.fail(line, f"{zero}; expected positive radii")
        for edge in np.flatnonzero(row != row[twins])[:1]:
            pair = f"edges {twins[edge] + 1} and {edge + 1} are one strut with two radii"
            entry.fail(line, f"{pair}; expected the same radius")
        radii[density] = row[np.sort(first)]
        if fault := _fault_of_density(once, radii[density], density):
            entry.fail(line, fault)
    return once, radii


def _fault_of_density(graph: PeriodicGraph, radii: np.ndarray, density: float) -> str | None:
    """What is wrong with radii that do not make up a density, rounding apart, or None."""
    unit = max(10.0 ** -_decimals(radius) for radius in radii)
    sum_of_struts = _density_of(graph, radii)
    if abs(sum_of_struts / density - 1) <= DENSITY_OF_RADII + unit / radii.mean():
        return None
    return (
        f"these radii make up a relative density of {sum_of_struts:.4g}, not {density:.4g}; "
        "expected radii, not diameters, in the unit of the cell lengths"
    )


def _compliance(entry: Entry) -> dict[float, np.ndarray]:
    """{relative density: compliance (6, 6) in Mandel notation} of an entry."""
    found = {}
    mandel = COMPLIANCE in entry and "mandel" in entry.sections[COMPLIANCE].brackets
    for density, (line, row) in entry.by_density(COMPLIANCE, 21, 36).items():
        matrix = unpack(row) if len(row) == 21 else row.reshape(6, 6)
        diagonal = np.abs(matrix.diagonal())
        if (np.abs(matrix - matrix.T) > ASYMMETRY * np.sqrt(np.outer(diagonal, diagonal))).any():
            entry.fail(line, "the compliance is not symmetric; expected C_ij = C_ji")
        vector = pack((matrix + matrix.T) / 2)
        found[density] = unpack(vector if mandel else vector / MANDEL_WEIGHT)
    return found


def _cell_vectors(entry):
    """Cell vectors as columns (3, 3): a along x, b in the x–y plane."""
    values, lines = entry.array(CELL, 6)
    lengths = values[0, :3]
    angles = np.radians(values[0, 3:])
    if (lengths <= FLATTEST * max(lengths.max(), FLATTEST)).any():
        entry.fail(lines[0], "cell lengths a, b, c; expected positive numbers of one magnitude")
    if ((angles <= 0) | (angles >= np.pi)).any():
        entry.fail(lines[0], "cell angles α, β, γ; expected values between 0 and 180 degrees")
    cos = np.where(np.abs(np.cos(angles)) < 1e-15, 0.0, np.cos(angles))
    sin_gamma = np.sin(angles[2])
    y = (cos[0] - cos[1] * cos[2]) / sin_gamma
    height2 = 1 - cos[1] ** 2 - y**2
    if height2 <= 1e-9:
        entry.fail(lines[0], "the angles α, β, γ span no volume; expected those of a cell")
    return np.array([[1, cos[2], cos[1]], [0, sin_gamma, y], [0, 0, np.sqrt(height2)]]) * lengths


def _node_pairs(entry, section, count, base):
    pairs, lines = entry.array(section, 2, whole=True)
    bad = np.flatnonzero(((pairs < base) | (pairs >= count + base)).any(1))
    if len(bad):
        entry.fail(
            lines[bad[0]],
            f"nodes {pairs[bad[0], 0]} and {pairs[bad[0], 1]}; expected numbers between {base} and "
            f"{count + base - 1}, for the {count} nodal positions",
        )
    return pairs - base, lines


def _check_lengths(entry, graph, lines):
    short = np.flatnonzero(np.abs(graph.fractional_vectors).max(1) < TOLERANCE)
    if len(short):
        entry.fail(lines[short[0]], "a strut without length; expected two different nodes")


def _from_window(entry, nodes, bars, lines, cell):
    """The periodic graph of a window: opposite faces identified, duplicates dropped, cut struts
    joined again.
    """
    whole = np.zeros((len(bars), 3), dtype=int)
    graph = periodic_graph(nodes, bars, whole, np.eye(3), TOLERANCE).mapped(cell)
    _check_lengths(entry, graph, lines)
    on_face = (np.minimum(nodes, 1 - nodes) < TOLERANCE).any(1)
    graph = without_duplicates(graph)
    ends = np.bincount(graph.struts.ravel(), minlength=len(graph.nodes))
    for node in np.flatnonzero(on_face):
        gap = graph.nodes - nodes[node]
        k = np.flatnonzero((np.abs(gap - np.rint(gap)) < TOLERANCE).all(1))
        if len(k) and ends[k[0]] < 2:
            entry.fail(
                entry.sections[NODES].rows[node][0],
                f"the node {np.round(nodes[node], 5).tolist()} cuts a strut that goes on nowhere; "
                "expected a node with the same position on the opposite face",
            )
    return _join_cut_struts(graph)


def _join_cut_struts(graph):
    """Remove nodes on faces in which just two collinear struts end: there the window cuts a strut."""
    struts = {
        k: (i, j, o)
        for k, ((i, j), o) in enumerate(zip(graph.struts.tolist(), graph.offsets, strict=True))
    }
    ends = {}
    for k, (i, j, _) in struts.items():
        ends.setdefault(i, []).append(k)
        ends.setdefault(j, []).append(k)
    for node in np.flatnonzero((graph.nodes < TOLERANCE).any(1)).tolist():
        here = ends[node]
        if len(here) != 2 or here[0] == here[1]:
            continue  # a joint, or a straight strut that closes on itself and needs a node
        # Turn both struts so that they start in this node.
        (first, o_first), (second, o_second) = (
            (j, o) if i == node else (i, -o) for i, j, o in (struts[k] for k in here)
        )
        a, b = (
            graph.cell @ (graph.nodes[far] + o - graph.nodes[node])
            for far, o in ((first, o_first), (second, o_second))
        )
        sine = np.linalg.norm(np.cross(a, b)) / (np.linalg.norm(a) * np.linalg.norm(b))
        # The rounding of five decimals turns a short half by more than a long one.
        rounding = 2 * TOLERANCE / min(np.linalg.norm(a), np.linalg.norm(b))
        if a @ b > 0 or sine > max(CUT_SINE, rounding):
            continue
        kept, dropped = here
        struts[kept] = (first, second, o_second - o_first)
        del struts[dropped]
        ends[second][ends[second].index(dropped)] = kept
        ends[node] = []
    rows = np.array([(i, j, *o) for i, j, o in struts.values()], dtype=int)
    used, index = np.unique(rows[:, :2], return_inverse=True)
    return without_duplicates(
        PeriodicGraph(graph.nodes[used], index.reshape(-1, 2), rows[:, 2:], graph.cell)
    )
