"""Regions filled with a lattice: nodes, struts and radii of a part, in mm."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import trimesh

from trussmap.base.errors import InputError
from trussmap.lattice.graph import PeriodicGraph
from trussmap.parts.region import Region
from trussmap.parts.solid import components, largest_piece, solid_of_part

#: Struts that a part may have: a million would take an hour.
MOST_STRUTS = 300_000
# Share of the region's size below which two points are one.
_SAME = 1e-9


@dataclass(frozen=True)
class Part:
    """A region filled with a lattice.

    Attributes
    ----------
    nodes : (n, 3)
    struts : (m, 2) nodes of each strut
    radii : (m,)
    on_surface : (n,) whether a node is where a strut was cut; of a box, whether it lies in a face
    free_ends : number of struts that end on the surface in nothing else
    floating, floating_share : pieces that hung apart and were dropped, and their share of the
        length of all struts
    stubs : number of cut struts that were dropped, being shorter than thick or because none should
        end free
    region, graph : what was filled, and with what lattice
    copies : (k, 4) the struts of the lattice that the part has pieces of: cell and number
    lattice_radii : (struts of the lattice,)
    whole_joints : whether struts that end free were dropped
    """

    nodes: np.ndarray
    struts: np.ndarray
    radii: np.ndarray
    on_surface: np.ndarray
    free_ends: int
    floating: int
    floating_share: float
    stubs: int
    region: Region
    graph: PeriodicGraph
    copies: np.ndarray
    lattice_radii: np.ndarray
    whole_joints: bool

    def __repr__(self) -> str:
        return f"Part({len(self.struts)} struts)"

    @property
    def lengths(self) -> np.ndarray:
        """Lengths (m,) of the struts."""
        return np.linalg.norm(self.nodes[self.struts[:, 1]] - self.nodes[self.struts[:, 0]], axis=1)

    @cached_property
    def mesh(self) -> trimesh.Trimesh:
        """Surface of the solid, closed and in one piece.

        Struts are prisms of ``FACETS`` sides with the cross-section of the round strut, joints are
        spheres a little larger. Where struts merge without an end, it is the largest piece of all
        that is solid in the region, which may have a little more than the struts. Raises InputError
        where the union does not close.
        """
        mesh = largest_piece(solid_of_part(self) ^ self.region.solid)
        if mesh is None:
            raise InputError("the surface of the part does not close; try another cell size.")
        return mesh

    def remark(self) -> str:
        """Sentence on how the part was trimmed; empty where there is nothing to say."""
        words = []
        if self.free_ends:
            words.append(f"{self.free_ends} struts end free at the surface")
        if self.stubs:
            words.append(f"{self.stubs} stubs at the surface are dropped")
        if self.floating:
            words.append(
                f"{self.floating} pieces that hung apart are dropped, "
                f"{self.floating_share:.2g} of all length"
            )
        return "; ".join(words)


def fill(
    graph: PeriodicGraph,
    relative_density: float,
    cell_size_mm: float,
    region: Region,
    free_ends: bool = True,
) -> Part:
    """Fill a region with a lattice.

    Parameters
    ----------
    graph : the lattice; a corner of its cell is put on the low corner of the region's bounds, its
        axes stay as they are
    cell_size_mm : edge of the cube that has the volume of one unit cell
    free_ends : whether struts that were cut at the surface stay; without them the part ends at
        whole joints

    Raises InputError for a size that cannot be built, and where nothing that holds together is
    left.
    """
    graph = _sized(graph, relative_density, cell_size_mm, region)
    radii = graph.radii(relative_density)
    copies = _copies(graph, region)
    same = float(_SAME * np.linalg.norm(region.high - region.low))
    nodes, on_surface, struts, piece = _pieces(graph, copies, region, same)
    copy = copies[piece]
    lengths = np.linalg.norm(nodes[struts[:, 1]] - nodes[struts[:, 0]], axis=1)
    kept, stubs = _without_stubs(struts, lengths, radii[copy[:, 3]], free_ends)

    label = components(struts[kept], len(nodes))[struts[kept, 0]]
    weight = np.bincount(label, lengths[kept]) if len(label) else np.zeros(0)
    if not weight.any():
        words = " × ".join(f"{edge:.3g}" for edge in region.high - region.low)
        raise InputError(
            f"cells of {cell_size_mm:g} mm leave no strut in a region of {words} mm; expected a "
            "larger region or smaller cells."
        )
    kept = kept[label == weight.argmax()]
    used, struts = np.unique(struts[kept], return_inverse=True)
    nodes = nodes[used]
    on_surface = on_surface[used]
    struts = struts.reshape(-1, 2)
    if region.box:
        on_surface = (np.minimum(nodes - region.low, region.high - nodes) < same).any(1)
    degree = np.bincount(struts.ravel(), minlength=len(nodes))
    copy = copy[kept]
    return Part(
        nodes,
        struts,
        radii[copy[:, 3]],
        on_surface,
        free_ends=int((degree == 1).sum()),
        floating=int((weight > 0).sum()) - 1,
        floating_share=float(1 - weight.max() / weight.sum()),
        stubs=stubs,
        region=region,
        graph=graph,
        copies=np.unique(copy, axis=0),
        lattice_radii=radii,
        whole_joints=not free_ends,
    )


def _sized(
    graph: PeriodicGraph, relative_density: float, cell_size_mm: float, region: Region
) -> PeriodicGraph:
    """Lattice in mm; raises InputError where its size, its density or the part cannot be built."""
    if not (np.isfinite(cell_size_mm) and cell_size_mm > 0):
        raise InputError(f"cell size {cell_size_mm} mm; expected a positive number.")
    if not 0 < relative_density < 1:
        raise InputError(f"relative density {relative_density}; expected a value between 0 and 1.")
    graph = graph.sized(cell_size_mm)
    expected = len(graph.struts) * np.prod(region.high - region.low) / graph.volume
    if expected > MOST_STRUTS:
        larger = cell_size_mm * (expected / MOST_STRUTS) ** (1 / 3)
        raise InputError(
            f"a cell size of {cell_size_mm:g} mm makes about {expected:,.0f} struts; expected "
            f"{MOST_STRUTS:,} at most, with cells from {larger:.3g} mm on."
        )
    return graph


def _pieces(
    graph: PeriodicGraph, copies: np.ndarray, region: Region, same: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Pieces of the copies of struts within the region.

    Returns nodes (n, 3), whether they were cut at the surface (n,), struts (m, 2), and the copy of
    each (m,).
    """
    strut_of_copy = copies[:, 3]
    first_node = graph.nodes[graph.struts[strut_of_copy, 0]] + copies[:, :3]
    start = first_node @ graph.cell.T + region.low
    along = graph.vectors[strut_of_copy]
    clip = _clip_box if region.box else _clip_shape
    piece, first, last = clip(start, along, region, same)

    # Ends at joints have the name of the node, ends at the surface one that no other has.
    tolerance = same / np.linalg.norm(along[piece], axis=1)
    strut = strut_of_copy[piece]
    names = []
    points = []
    for end, parameter, whole in ((0, first, first < tolerance), (1, last, last > 1 - tolerance)):
        cell = copies[piece, :3] + (graph.offsets[strut] if end else 0)
        name = np.column_stack([cell, graph.struts[strut, end], np.zeros((len(piece), 2), int)])
        alone = np.column_stack([0 * cell, 0 * strut, piece + 1, np.arange(len(piece)) * 2 + end])
        name[~whole] = alone[~whole]
        names.append(name)
        points.append(start[piece] + np.where(whole, end, parameter)[:, None] * along[piece])
    unique, at, struts = np.unique(
        np.concatenate(names), axis=0, return_index=True, return_inverse=True
    )
    return np.concatenate(points)[at], unique[:, 4] > 0, struts.reshape(2, -1).T, piece


def _copies(graph: PeriodicGraph, region: Region) -> np.ndarray:
    """Copies (k, 4) of struts that come near the region: cell and number of the strut."""
    corners = np.stack(
        np.meshgrid(*zip(np.zeros(3), region.high - region.low, strict=True), indexing="ij"), -1
    )
    corners = corners.reshape(-1, 3) @ np.linalg.inv(graph.cell).T
    ends = np.concatenate(
        [graph.nodes[graph.struts[:, 0]], graph.nodes[graph.struts[:, 1]] + graph.offsets]
    )
    low = np.floor(corners.min(0) - ends.max(0) - _SAME).astype(int)
    high = np.ceil(corners.max(0) - ends.min(0) + _SAME).astype(int)
    layers = []
    # Layer by layer, which bounds the memory.
    for first in range(low[0], high[0] + 1):
        axes = [np.array([first]), *(np.arange(low[k], high[k] + 1) for k in (1, 2))]
        cells = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 1, 3)
        start = (graph.nodes[graph.struts[:, 0]] + cells) @ graph.cell.T + region.low
        a = np.minimum(start, start + graph.vectors)
        b = np.maximum(start, start + graph.vectors)
        slack = _SAME * np.linalg.norm(region.high - region.low)
        near = ((a <= region.high + slack) & (b >= region.low - slack)).all(-1)
        cell, strut = np.nonzero(near)
        layers.append(np.column_stack([cells[cell, 0], strut]))
    return np.concatenate(layers)


def _clip_box(
    start: np.ndarray, along: np.ndarray, region: Region, same: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pieces of struts (k, 3) within a box.

    Returns their struts (p,), and the parameters (p,) at which they begin and end.
    """
    still = np.abs(along) < same
    with np.errstate(divide="ignore", invalid="ignore"):
        a = (region.low - start) / along
        b = (region.high - start) / along
    inside = (start > region.low - same) & (start < region.high + same)
    first = np.where(still, np.where(inside, -np.inf, np.inf), np.minimum(a, b)).max(1).clip(0)
    last = np.where(still, np.where(inside, np.inf, -np.inf), np.maximum(a, b)).min(1).clip(max=1)
    piece = np.flatnonzero((last - first) * np.linalg.norm(along, axis=1) > 10 * same)
    return piece, first[piece], last[piece]


def _clip_shape(
    start: np.ndarray, along: np.ndarray, region: Region, same: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pieces as of `_clip_box` in a region of any shape.

    They lie between the hits of a ray, from outside the region on.
    """
    pieces = []
    reach = 2 * np.linalg.norm(region.high - region.low)
    for k, (p, v) in enumerate(zip(start, along, strict=True)):
        length = np.linalg.norm(v)
        back = reach / length
        hits = region.solid.ray_cast(p - back * v, p + v)
        at = np.array([hit.distance for hit in hits]) * (back + 1) - back
        at = np.append(at, 1.0) if len(at) % 2 else at
        for first, last in at.reshape(-1, 2).clip(0):
            if (last - first) * length > 10 * same:
                pieces.append((k, first, last))
    piece, first, last = np.array(pieces).reshape(-1, 3).T
    return piece.astype(int), first, last


def _without_stubs(
    struts: np.ndarray, lengths: np.ndarray, radii: np.ndarray, free_ends: bool
) -> tuple[np.ndarray, int]:
    """Struts (k,) without stubs, and how many these are.

    Stubs end free and are shorter than thick; without ``free_ends`` all that end free are.
    """
    kept = np.arange(len(struts))
    while True:
        degree = np.bincount(struts[kept].ravel(), minlength=struts.max(initial=0) + 1)
        free = (degree[struts[kept]] == 1).any(1)
        if free_ends:
            free &= lengths[kept] < radii[kept]
        if not free.any():
            return kept, len(struts) - len(kept)
        kept = kept[~free]
