"""The crystal-network catalogue (Lumpe & Stanković, PNAS 2021) in the text format in which it circulates.

A file is a sequence of entries, each headed by ``----- lattice_transition -----``. An entry holds a name, the cell
parameters a, b, c, α, β, γ (lengths relative to the longest, angles in degrees), nodes in fractional coordinates of
the closed cell, and bars between them. Struts are cut where they leave the cell: the *window*. Two forms exist:

- the original catalogue: the window only, nodes numbered from 1;
- as homogenized by Grega et al. (ICLR 2024): nodes numbered from 0, a fundamental block (one row of two nodes for each
  strut of the infinite lattice, and one row of three integers for the cell in which the second node lies), and
  compliances in Mandel notation (base material E = 1, ν = 0.3) at several relative densities.

``read_catalogue`` takes both, also mixed in one file, and returns periodic graphs. Struts that cross where the file
has no node are left unconnected, as the file has them. ``write_catalogue`` writes the second form.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise, product
from pathlib import Path

import numpy as np

from trussmap.errors import InputError
from trussmap.io import atomic_path
from trussmap.lattice.graph import PeriodicGraph, periodic_graph, without_duplicates
from trussmap.stiffness import COLUMNS, ROWS

#: Fractional distance within which nodes on opposite faces are the same node (coordinates carry five decimals).
TOLERANCE = 1e-4
#: Rows of a section beyond which a file is none of the catalogue, whose cells have some hundred at most.
MOST_ROWS = 10_000
#: Number beyond which a file is none of the catalogue.
LARGEST = 1e15
#: Sine of the largest angle between the two halves of a strut that was cut at a face.
CUT_SINE = 5e-3

_ENTRY = "lattice_transition"
_NODES, _BARS = "Nodal positions", "Bar connectivities"
_EDGES, _VECTORS = "Fundamental edge adjacency", "Fundamental tesselation vectors"
_CELL = "Normalized unit cell parameters"
_SECTIONS = (_CELL, _NODES, _BARS, _EDGES, _VECTORS)
_COMPLIANCE, _DENSITY = "Compliance tensors", "-> at relative density"


@dataclass(frozen=True)
class CatalogueCell:
    """One cell: its name, periodic graph and published compliances {relative density: (6, 6) in Mandel notation}."""

    name: str
    graph: PeriodicGraph
    compliance: dict = field(default_factory=dict)


def read_catalogue(path: str | Path) -> list[CatalogueCell]:
    """Read a catalogue file into a list of CatalogueCell.

    Raises InputError naming file, line and what was expected, where a section is missing or a line is malformed.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; expected a catalogue of lattices in text format.") from None
    except (UnicodeDecodeError, OSError) as error:
        raise InputError(f"{path}: cannot be read as text ({error}).") from None
    starts = [k for k, line in enumerate(lines) if _ENTRY in line]
    if not starts:
        raise InputError(f"{path}: no entry; expected entries headed by a line '----- {_ENTRY} -----'.")
    entries = [_Entry(path, first, lines[first:last]) for first, last in pairwise([*starts, len(lines)])]
    # A window without node 0 and without its last node tells its numbering through the rest of the file.
    known = {base for base in (_certain_base(entry) for entry in entries) if base is not None}
    default = known.pop() if len(known) == 1 else 1
    cells = [_cell(entry, default) for entry in entries]
    count = Counter(cell.name for cell in cells)
    # Imperfect variants of a cell share its base name; then the full name tells them apart.
    return [
        CatalogueCell(entry.full_name, cell.graph, cell.compliance) if count[cell.name] > 1 else cell
        for cell, entry in zip(cells, entries, strict=True)
    ]


def write_catalogue(cells: Iterable[CatalogueCell], path: str | Path, source: str | None = None) -> None:
    """Write CatalogueCells to a file in the second form, which ``read_catalogue`` reads again.

    ``source``: a line that each entry carries about where it comes from. The cell's orientation is not kept: a file has
    a along x and b in the x–y plane.
    """
    with atomic_path(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
        for cell in cells:
            file.write(f"----- {_ENTRY} -----\nName: {cell.name}\nBase name: {cell.name}\n")
            file.write(f"Source: {source}\n" if source else "")
            lengths = np.linalg.norm(cell.graph.cell, axis=0)
            cosines = (cell.graph.cell.T @ cell.graph.cell) / np.outer(lengths, lengths)
            angles = np.degrees(np.arccos(np.clip(cosines[[1, 0, 0], [2, 2, 1]], -1, 1)))
            nodes, bars, index = _window(cell.graph)
            _write_rows(file, f"{_CELL} (a,b,c,alpha,beta,gamma):", [[*lengths, *angles]], ", ")
            if cell.compliance:
                file.write(f"\n{_COMPLIANCE} (Mandel) start (flattened upper triangular)\n")
                for density, compliance in cell.compliance.items():
                    file.write(f"{_DENSITY} {density}:\n")
                    file.write(",".join(f"{value:.10g}" for value in compliance[ROWS, COLUMNS]) + "\n")
                file.write(f"{_COMPLIANCE} (Mandel) end\n")
            _write_rows(file, f"{_NODES}:", nodes)
            _write_rows(file, f"{_BARS}:", bars)
            _write_rows(file, _EDGES, index[cell.graph.struts])
            _write_rows(file, _VECTORS, cell.graph.offsets)
            file.write("\n")


def _write_rows(file, title, rows, separator=" "):
    file.write(f"\n{title}\n")
    file.writelines(separator.join(f"{value:.12g}" for value in row) + "\n" for row in rows)


def _window(graph):
    """Struts cut at the faces of the closed cell: nodes (k, 3), bars (b, 2), and which nodes are the graph's (n,)."""
    pieces = []
    for start, vector in zip(graph.nodes[graph.struts[:, 0]], graph.fractional_vectors, strict=True):
        cuts = [0.0, 1.0]
        for x, dx in zip(start, vector, strict=True):
            faces = np.arange(np.ceil(min(x, x + dx)), max(x, x + dx)) if abs(dx) > TOLERANCE else []
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


class _Entry:
    """The sections of one entry, as lists of (line number, text)."""

    def __init__(self, path, first, lines):
        self.path, self.first = path, first + 1
        self.full_name = self.name = None
        self.sections, self.compliance = {}, {}
        rows, density, in_compliance, after_blank = None, None, False, True
        for number, line in enumerate(lines[1:], self.first + 1):
            text = line.strip()
            if not text:
                after_blank = True
                continue
            header = next((key for key in _SECTIONS if text.startswith(key)), None)
            if density is not None:
                values = self.numbers(number, text, 21)
                self.compliance[density] = np.zeros((6, 6))
                self.compliance[density][ROWS, COLUMNS] = self.compliance[density][COLUMNS, ROWS] = values
                density = None
            elif text.startswith(_COMPLIANCE):
                rows, in_compliance = None, not text.endswith("end")
            elif in_compliance:
                if not text.startswith(_DENSITY):
                    self.fail(number, f"'{text[:40]}'; expected '{_DENSITY} R:' or '{_COMPLIANCE} … end'")
                density = self.numbers(number, text[len(_DENSITY) :].rstrip(": "), 1)[0]
                if not 0 < density < 1:
                    self.fail(number, f"relative density {density:g}; expected a value between 0 and 1")
            elif header:
                if header in self.sections:
                    self.fail(number, f"section '{header}' stands twice; expected it once in each entry")
                rows = self.sections[header] = []
            elif text.startswith("Name:"):
                self.full_name = text.partition(":")[2].strip()
            elif text.startswith("Base name:"):
                self.name = text.partition(":")[2].strip()
            elif ":" in text or (after_blank and text[0].isalpha()):
                rows = None  # a fact or a section that this reader does not need
            elif rows is not None:
                rows.append((number, text))
            after_blank = False
        if in_compliance:
            self.fail(self.first, f"the compliances are cut short; expected '{_COMPLIANCE} … end'")
        self.full_name = self.full_name or self.name
        self.name = self.name or self.full_name
        if not self.name:
            self.fail(self.first, "the entry has no name; expected a line 'Name: …'")

    def fail(self, number, what):
        name = f" (cell {self.name})" if self.name else ""
        raise InputError(f"{self.path}, line {number}{name}: {what}.")

    def numbers(self, number, text, count, number_type=float):
        """The ``count`` finite numbers of a line."""
        expected = f"expected {count} {'integer' if number_type is int else 'number'}{'s' if count > 1 else ''}"
        try:
            values = [number_type(word) for word in text.replace(",", " ").split()]
        except ValueError:
            self.fail(number, f"'{text}'; {expected}")
        if len(values) != count or not all(abs(value) < LARGEST for value in values):
            self.fail(number, f"'{text}'; {expected}")
        return values

    def array(self, section, count, number_type=float):
        """Numbers (rows, count) of a section and their line numbers."""
        rows = self.sections.get(section)
        if rows and len(rows) > MOST_ROWS:
            self.fail(rows[0][0], f"{len(rows)} rows in section '{section}'; expected at most {MOST_ROWS}")
        if not rows:
            state = "missing" if rows is None else "empty"
            self.fail(self.first, f"section '{section}' is {state}; expected rows of {count} numbers below that title")
        return np.array([self.numbers(*row, count, number_type) for row in rows]), [number for number, _ in rows]


def _certain_base(entry):
    """Whether the nodes are numbered from 0 or from 1, where the entry itself shows it; else None."""
    bars, _ = entry.array(_BARS, 2, int)
    if bars.min() <= 0:
        return 0
    return 1 if bars.max() >= len(entry.sections.get(_NODES, [])) else None


def _cell(entry, default_base):
    cell = _cell_vectors(entry)
    nodes, lines = entry.array(_NODES, 3)
    outside = np.flatnonzero((np.abs(nodes - 0.5) > 0.5 + TOLERANCE).any(1))
    if len(outside):
        entry.fail(lines[outside[0]], "a node outside the cell; expected fractional coordinates between 0 and 1")
    # The decimals of a file leave nodes of a face a little off it.
    nodes[(nodes > 1 - TOLERANCE) & (nodes < 1)] = 1.0
    nodes = np.maximum(nodes, 0.0)
    fundamental = _EDGES in entry.sections or _VECTORS in entry.sections
    base = _certain_base(entry)
    if base is None:
        base = 0 if fundamental else default_base
    bars, bar_lines = _node_pairs(entry, _BARS, len(nodes), base)
    if not fundamental:
        return CatalogueCell(entry.name, _from_window(entry, nodes, bars, bar_lines, cell), entry.compliance)
    struts, edge_lines = _node_pairs(entry, _EDGES, len(nodes), base)
    offsets, vector_lines = entry.array(_VECTORS, 3, int)
    if len(struts) != len(offsets):
        entry.fail(
            vector_lines[0],
            f"{len(offsets)} tesselation vectors for {len(struts)} fundamental edges; expected one for each",
        )
    # The tolerance is fractional: that of a cell of edges 1.
    graph = periodic_graph(nodes, struts, offsets, np.eye(3), TOLERANCE).mapped(cell)
    _check_lengths(entry, graph, edge_lines)
    return CatalogueCell(entry.name, without_duplicates(graph), entry.compliance)


def _cell_vectors(entry):
    """Cell vectors as columns (3, 3): a along x, b in the x–y plane."""
    values, lines = entry.array(_CELL, 6)
    lengths, angles = values[0, :3], np.radians(values[0, 3:])
    if (lengths <= 0).any():
        entry.fail(lines[0], "cell lengths a, b, c; expected positive numbers")
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
    pairs, lines = entry.array(section, 2, int)
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
    """The periodic graph of a window: opposite faces identified, duplicates dropped, cut struts joined again."""
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
                entry.sections[_NODES][node][0],
                f"the node {np.round(nodes[node], 5).tolist()} cuts a strut that goes on nowhere; "
                "expected a node with the same position on the opposite face",
            )
    return _join_cut_struts(graph)


def _join_cut_struts(graph):
    """Remove nodes on faces in which just two collinear struts end: there the window cuts a strut."""
    struts = {k: (i, j, o) for k, ((i, j), o) in enumerate(zip(graph.struts.tolist(), graph.offsets, strict=True))}
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
            graph.cell @ (graph.nodes[far] + o - graph.nodes[node]) for far, o in ((first, o_first), (second, o_second))
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
    return without_duplicates(PeriodicGraph(graph.nodes[used], index.reshape(-1, 2), rows[:, 2:], graph.cell))
