"""Parts: a box, or any closed surface, filled with a lattice and trimmed at its surface.

A part is first a framework of straight struts, cut where they leave the region, from which what hangs apart is dropped;
its solid is the union of these struts and their joints, cut by the region. All lengths are in mm.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import manifold3d
import numpy as np
import trimesh
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from trussmap.errors import InputError
from trussmap.lattice.graph import PeriodicGraph

#: Facets around a strut.
FACETS = 8
#: Struts that a part may have: a million would take an hour.
MOST_STRUTS = 300_000
# Share of the region's size below which two points are one.
_SAME = 1e-9


class Region(NamedTuple):
    """What is to be filled.

    Attributes
    ----------
    solid : its volume, a manifold3d.Manifold
    low, high : (3,) corners of its bounds
    box : whether it is the whole of its bounds
    """

    solid: object
    low: np.ndarray
    high: np.ndarray
    box: bool


def box(size: tuple[float, float, float]) -> Region:
    """A box in line with the axes, from the origin to ``size`` (3,).

    >>> box((10, 20, 5)).high.tolist()
    [10.0, 20.0, 5.0]
    """
    edges = np.asarray(size, float)
    if edges.shape != (3,) or not (np.isfinite(edges).all() and (edges > 0).all()):
        words = " × ".join(f"{edge:g}" for edge in np.ravel(edges))
        raise InputError(f"a box of {words} mm: expected three lengths above 0.")
    return Region(manifold3d.Manifold.cube(edges), np.zeros(3), edges, True)


def shape(path: str | Path) -> Region:
    """The inside of a surface in a file (STL and whatever else trimesh reads), in mm.

    Raises InputError for a file that cannot be read, and for a surface that is not closed.
    """
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file; expected a closed surface, such as an STL in mm.")
    try:
        mesh = trimesh.load(path, force="mesh")
    except Exception as error:  # readers of some thirty formats raise what they like
        raise InputError(f"{path}: cannot be read as a surface ({error}); expected an STL in mm.") from None
    if not len(mesh.faces):
        raise InputError(f"{path}: it has no faces; expected a closed surface, such as an STL in mm.")
    if not mesh.is_watertight:
        raise InputError(f"{path}: the surface is not closed; expected one without holes, so that it has an inside.")
    if mesh.volume < 0:
        mesh.invert()
    faces = manifold3d.Mesh(np.asarray(mesh.vertices, np.float32), np.asarray(mesh.faces, np.uint32))
    solid = manifold3d.Manifold(faces)
    if solid.status() != manifold3d.Error.NoError or solid.volume() <= 0:
        raise InputError(f"{path}: the surface bounds no volume; expected one that is closed and faces outwards.")
    low, high = mesh.bounds
    return Region(solid, low, high, False)


def inside(region: Region, points: np.ndarray, tolerance: float = 0.0) -> np.ndarray:
    """Which points (n, 3) lie in a region; those of a box also within ``tolerance`` of it, in mm."""
    within = ((points >= region.low - tolerance) & (points <= region.high + tolerance)).all(1)
    if region.box:
        return within
    away = np.array([0.0, 0.0, 2 * (region.high - region.low)[2]])
    for k in np.flatnonzero(within):
        within[k] = len(region.solid.ray_cast(points[k], points[k] + away)) % 2 == 1
    return within


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
    floating, floating_share : pieces that hung apart and were dropped, and their share of the length of all struts
    stubs : number of cut struts that were dropped, being shorter than thick or because none should end free
    region, graph : what was filled, and with what lattice
    copies : (k, 4) the struts of the lattice that the part has pieces of: cell and number
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

    @property
    def lengths(self) -> np.ndarray:
        """Lengths (m,) of the struts."""
        return np.linalg.norm(self.nodes[self.struts[:, 1]] - self.nodes[self.struts[:, 0]], axis=1)

    @cached_property
    def mesh(self) -> trimesh.Trimesh:
        """The surface of the solid, closed and in one piece.

        Struts are prisms of ``FACETS`` sides with the cross-section of the round strut, joints are spheres a little
        larger. Raises InputError where the union does not close.
        """
        solid = _solid(self) ^ self.region.solid
        parts = solid.simplify(1e-3 * self.radii.min()).decompose()
        mesh = _single_precision_mesh(max(parts, key=lambda part: part.volume()))
        if not mesh.is_watertight:
            raise InputError("the surface of the part does not close; try another cell size.")
        return mesh

    def remark(self) -> str:
        """What a person should know of how the part was trimmed, in words; empty where there is nothing to say."""
        said = []
        if self.free_ends:
            said.append(f"{self.free_ends} struts end free at the surface")
        if self.stubs:
            said.append(f"{self.stubs} stubs at the surface are dropped")
        if self.floating:
            said.append(f"{self.floating} pieces that hung apart are dropped, {self.floating_share:.2g} of all length")
        return "; ".join(said)


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
    graph : the lattice; a corner of its cell is put on the low corner of the region's bounds, its axes stay as they are
    cell_size_mm : edge of the cube that has the volume of one unit cell
    free_ends : whether struts that were cut at the surface stay; without them the part ends at whole joints

    Raises InputError for a size that cannot be built, and where nothing that holds together is left.
    """
    if not (np.isfinite(cell_size_mm) and cell_size_mm > 0):
        raise InputError(f"cell size {cell_size_mm} mm; expected a positive number.")
    if not 0 < relative_density < 1:
        raise InputError(f"relative density {relative_density}; expected a value between 0 and 1.")
    graph = graph.sized(cell_size_mm)
    expected = len(graph.struts) * np.prod(region.high - region.low) / graph.volume
    if expected > MOST_STRUTS:
        raise InputError(
            f"a cell size of {cell_size_mm:g} mm makes about {expected:,.0f} struts; expected {MOST_STRUTS:,} at most, "
            f"with cells from {cell_size_mm * (expected / MOST_STRUTS) ** (1 / 3):.3g} mm on."
        )
    radii = graph.radii(relative_density)
    copies = _copies(graph, region)
    start = (graph.nodes[graph.struts[copies[:, 3], 0]] + copies[:, :3]) @ graph.cell.T + region.low
    along = graph.vectors[copies[:, 3]]
    same = _SAME * np.linalg.norm(region.high - region.low)
    piece, first, last = (_clip_box if region.box else _clip_shape)(start, along, region, same)
    # Ends at joints have the name of the node, ends at the surface one of their own.
    tolerance = same / np.linalg.norm(along[piece], axis=1)
    names, points = [], []
    for end, parameter, whole in ((0, first, first < tolerance), (1, last, last > 1 - tolerance)):
        strut = copies[piece, 3]
        cell = copies[piece, :3] + (graph.offsets[strut] if end else 0)
        own = np.column_stack([cell, graph.struts[strut, end], np.zeros((len(piece), 2), int)])
        own[~whole] = np.column_stack([0 * cell, 0 * strut, piece + 1, np.arange(len(piece)) * 2 + end])[~whole]
        names.append(own)
        points.append(start[piece] + np.where(whole, end, parameter)[:, None] * along[piece])
    unique, at, struts = np.unique(np.concatenate(names), axis=0, return_index=True, return_inverse=True)
    nodes, cut = np.concatenate(points)[at], unique[:, 4] > 0
    struts = struts.reshape(2, -1).T
    lengths = np.linalg.norm(nodes[struts[:, 1]] - nodes[struts[:, 0]], axis=1)
    kept, stubs = _without_stubs(struts, lengths, radii[copies[piece, 3]], free_ends)
    label = _components(struts[kept], len(nodes))[struts[kept, 0]]
    weight = np.bincount(label, lengths[kept]) if len(label) else np.zeros(0)
    if not weight.any():
        words = " × ".join(f"{edge:.3g}" for edge in region.high - region.low)
        raise InputError(
            f"cells of {cell_size_mm:g} mm leave no strut in a region of {words} mm; expected a larger region "
            "or smaller cells."
        )
    main = label == weight.argmax()
    floating, share = int((weight > 0).sum()) - 1, 1 - weight.max() / weight.sum()
    kept = kept[main]
    used, struts = np.unique(struts[kept], return_inverse=True)
    nodes, cut = nodes[used], cut[used]
    struts = struts.reshape(-1, 2)
    if region.box:
        cut = (np.minimum(nodes - region.low, region.high - nodes) < same).any(1)
    degree = np.bincount(struts.ravel(), minlength=len(nodes))
    own = copies[piece[kept]]
    return Part(
        nodes,
        struts,
        radii[own[:, 3]],
        cut,
        int((degree == 1).sum()),
        floating,
        float(share),
        stubs,
        region,
        graph,
        np.unique(own, axis=0),
        radii,
    )


def solid_of(nodes: np.ndarray, struts: np.ndarray, radii: np.ndarray) -> trimesh.Trimesh:
    """The closed surface of any struts (m, 2) of radii (m,) and their joints at nodes (n, 3), as in `Part.mesh`.

    Raises InputError where the union does not close.
    """
    joints = np.zeros(len(nodes))
    np.maximum.at(joints, struts, radii[:, None])
    along = nodes[struts[:, 1]] - nodes[struts[:, 0]]
    shapes = [_prism(*strut) for strut in zip(_widths(along, radii), nodes[struts[:, 0]], along, strict=True)]
    shapes += [_ball(*joint) for joint in zip(nodes, joints, strict=True)]
    solids = _united(shapes).simplify(1e-3 * radii.min()).decompose()
    mesh = _single_precision_mesh(max(solids, key=lambda part: part.volume()))
    if not mesh.is_watertight:
        raise InputError("the surface of the structure does not close; try another cell size.")
    return mesh


def _copies(graph, region):
    """Struts of the lattice that come near the region: cell and number (k, 4)."""
    corners = np.stack(np.meshgrid(*zip(np.zeros(3), region.high - region.low, strict=True), indexing="ij"), -1)
    corners = corners.reshape(-1, 3) @ np.linalg.inv(graph.cell).T
    ends = np.concatenate([graph.nodes[graph.struts[:, 0]], graph.nodes[graph.struts[:, 1]] + graph.offsets])
    low = np.floor(corners.min(0) - ends.max(0) - _SAME).astype(int)
    high = np.ceil(corners.max(0) - ends.min(0) + _SAME).astype(int)
    found = []
    for first in range(low[0], high[0] + 1):  # layer by layer, which bounds the memory
        axes = [np.array([first]), *(np.arange(low[k], high[k] + 1) for k in (1, 2))]
        cells = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 1, 3)
        start = (graph.nodes[graph.struts[:, 0]] + cells) @ graph.cell.T + region.low
        a, b = np.minimum(start, start + graph.vectors), np.maximum(start, start + graph.vectors)
        slack = _SAME * np.linalg.norm(region.high - region.low)
        near = ((a <= region.high + slack) & (b >= region.low - slack)).all(-1)
        cell, strut = np.nonzero(near)
        found.append(np.column_stack([cells[cell, 0], strut]))
    return np.concatenate(found)


def _clip_box(start, along, region, same):
    """Pieces of struts within the region: their struts (p,), and parameters (p,) at which they begin and end."""
    still = np.abs(along) < same
    with np.errstate(divide="ignore", invalid="ignore"):
        a, b = (region.low - start) / along, (region.high - start) / along
    inside = (start > region.low - same) & (start < region.high + same)
    first = np.where(still, np.where(inside, -np.inf, np.inf), np.minimum(a, b)).max(1).clip(0)
    last = np.where(still, np.where(inside, np.inf, -np.inf), np.maximum(a, b)).min(1).clip(max=1)
    piece = np.flatnonzero((last - first) * np.linalg.norm(along, axis=1) > 10 * same)
    return piece, first[piece], last[piece]


def _clip_shape(start, along, region, same):
    """As `_clip_box`, of a region of any shape: between the hits of a ray, from outside the region on."""
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


def _components(struts, count):
    graph = coo_matrix((np.ones(len(struts)), struts.T), (count, count))
    return connected_components(graph, directed=False)[1]


def _without_stubs(struts, lengths, radii, free_ends):
    """Struts (k,) without those that end free and are shorter than thick, or all that end free; how many those are."""
    kept = np.arange(len(struts))
    while True:
        degree = np.bincount(struts[kept].ravel(), minlength=struts.max(initial=0) + 1)
        free = (degree[struts[kept]] == 1).any(1)
        if free_ends:
            free &= lengths[kept] < radii[kept]
        if not free.any():
            return kept, len(struts) - len(kept)
        kept = kept[~free]


#: Circumradius of a prism over the radius of the round strut of the same cross-section; and that of a joint's sphere,
#: a little more, to cover the edges of the struts' ends.
_WIDER = np.sqrt(2 * np.pi / FACETS / np.sin(2 * np.pi / FACETS))
_BALL = 1.03 * _WIDER


def _solid(part):
    """Union of the part's struts, whole as they are in the lattice, and their joints; not yet cut."""
    graph, radii = part.graph, part.lattice_radii
    joints = np.zeros(len(graph.nodes))
    np.maximum.at(joints, graph.struts, radii[:, None])
    widths = _widths(graph.vectors, radii)
    solid = _stitched(part, joints, widths)
    return _united_cells(part, joints, widths) if solid is None else solid


def _knots(graph, radii, joints):
    """Joints with the struts that merge with each other beyond them: what must be united, the rest can be sewn.

    Returns a number (n,) for the knot of each node and the cell (n, 3) in which it stands in its knot, which struts
    (m,) are whole parts of a knot, and where the others are cut in two (m,), so that each half touches struts of its
    own knot alone. None where a knot goes on for ever.
    """
    wide = 1.001 * _WIDER * radii
    reach = np.maximum(graph.overlaps(wide), 1.001 * _BALL * joints[graph.struts])
    free = graph.lengths - reach.sum(1)
    whole = free < 1e-3 * graph.lengths
    thick = 1.001 * _BALL * joints[graph.struts].max(1)  # with the spheres at their ends
    first, second, cell = graph.close_struts(2 * thick.max())
    near = graph.axis_distances(first, second, cell) < thick[first] + thick[second]
    first, second, cell = first[near], second[near], cell[near]
    whole[first] = whole[second] = True
    ties = np.concatenate([graph.struts[whole], np.stack([graph.struts[first, 0], graph.struts[second, 0]], 1)])
    offsets = np.concatenate([graph.offsets[whole], cell])
    label, place = _components(ties, len(graph.nodes)), np.zeros((len(graph.nodes), 3), int)
    known = np.zeros(len(graph.nodes), bool)
    known[np.unique(label, return_index=True)[1]] = True
    while not known.all():
        for (a, b), offset in zip(ties, offsets, strict=True):
            if known[a] and not known[b]:
                place[b], known[b] = place[a] + offset, True
            elif known[b] and not known[a]:
                place[a], known[a] = place[b] - offset, True
    if (place[ties[:, 0]] + offsets != place[ties[:, 1]]).any():
        return None
    i, j = graph.struts.T
    whole |= (label[i] == label[j]) & (place[i] + graph.offsets == place[j]).all(1)
    return label, place, whole, (reach[:, 0] + free / 2) / graph.lengths


def _stitched(part, joints, widths):
    """The solid as surfaces of knots with halves of their struts, sewn together where the struts are cut.

    Knots with the same struts are alike, so few unions are made and the rest is arithmetic, in a fraction of the time
    that the union of all struts takes. None where that cannot be.
    """
    graph, copies = part.graph, part.copies
    knots = _knots(graph, part.lattice_radii, joints)
    if knots is None:
        return None
    label, place, whole, cuts = knots
    centres, middle = (graph.nodes + place) @ graph.cell.T, cuts[:, None] * graph.vectors
    corner = 2 * np.pi * np.arange(FACETS) / FACETS
    rings = middle[:, None] + np.stack([np.cos(corner), np.sin(corner)], -1) @ widths.swapaxes(1, 2)
    # What knots are made of: cell and number of the knot, kind (a half at a strut's first or second end, a whole strut,
    # a joint), its number, and which copy of the strut it is.
    strut = copies[:, 3]
    ends = [(copies[:, :3], graph.struts[strut, 0]), (copies[:, :3] + graph.offsets[strut], graph.struts[strut, 1])]
    members = []
    for end, (cell, node) in enumerate(ends):
        kind = np.where(whole[strut], 2, end)
        rows = np.column_stack([cell - place[node], label[node], kind, strut, np.arange(len(copies))])
        members += [rows[(kind < 2) | (end == 0)]]
        members += [np.column_stack([rows[:, :4], np.full(len(node), 3), node, np.full(len(node), -1)])]
    members = np.unique(np.concatenate(members), axis=0)
    bounds = np.flatnonzero(np.r_[True, (members[1:, :4] != members[:-1, :4]).any(1), True])
    alike = {}
    for low, high in pairwise(bounds):
        alike.setdefault(members[low:high, 3:6].tobytes(), []).append(range(low, high))
    start = (graph.nodes[graph.struts[strut, 0]] + copies[:, :3]) @ graph.cell.T
    points = [(rings[strut] + start[:, None]).reshape(-1, 3)]
    faces, count = [], len(points[0])
    for rows in map(np.array, alike.values()):
        shapes, expected, halves = [], [], []
        for position, (kind, k) in enumerate(members[rows[0], 4:6]):
            if kind == 3:
                shapes.append(_ball(centres[k], joints[k]))
                continue
            origin = centres[graph.struts[k, 0]] if kind != 1 else centres[graph.struts[k, 1]] - graph.vectors[k]
            spans = ((0 * middle[k], middle[k]), (middle[k], graph.vectors[k]), (0 * middle[k], graph.vectors[k]))
            begin, end = spans[kind]
            shapes.append(_prism(widths[k], origin + begin, end - begin))
            if kind < 2:
                expected.append(origin + rings[k])
                halves.append(position)
        mesh = _united(shapes).to_mesh64()
        vertices, triangles = mesh.vert_properties[:, :3], mesh.tri_verts.astype(int)
        slot, ring = np.full(len(vertices), -1), np.zeros(0, int)
        if halves:
            distance, ring = cKDTree(vertices).query(np.concatenate(expected))
            if distance.max() > 1e-6 * joints.max():
                return None  # a cut did not come out of the union as it went in
            slot[ring] = np.arange(len(ring)) // FACETS
        of_ring = slot[triangles]
        cap = (of_ring == of_ring[:, :1]).all(1) & (of_ring[:, 0] >= 0)
        if cap.sum() != len(halves) * (FACETS - 2):
            return None
        inner, number = slot < 0, np.empty((len(rows), len(vertices)), int)
        points.append((vertices[inner] + (members[rows[:, 0], :3] @ graph.cell.T)[:, None]).reshape(-1, 3))
        number[:, inner] = count + np.arange(len(points[-1])).reshape(len(rows), -1)
        copy = members[rows[:, halves], 6] if halves else np.zeros((len(rows), 0), int)
        number[:, ring] = (FACETS * copy[:, :, None] + np.arange(FACETS)).reshape(len(rows), -1)
        faces.append(number[:, triangles[~cap]].reshape(-1, 3))
        count += len(points[-1])
    faces, points = np.concatenate(faces), np.concatenate(points) + part.region.low
    used, faces = np.unique(faces, return_inverse=True)  # whole struts have no cut
    solid = manifold3d.Manifold(manifold3d.Mesh64(points[used], faces.reshape(-1, 3).astype(np.uint64)))
    return solid if solid.status() == manifold3d.Error.NoError else None


def _united_cells(part, joints, widths):
    """The solid as the union of all struts and joints, cell by cell: for struts that merge beyond their joints."""
    graph = part.graph
    start = graph.nodes[graph.struts[:, 0]] @ graph.cell.T
    shapes = [_prism(*strut) for strut in zip(widths, start, graph.vectors, strict=True)]
    shapes += [_ball(*joint) for joint in zip(graph.nodes @ graph.cell.T, joints, strict=True)]
    cells, strut = part.copies[:, :3], part.copies[:, 3]
    ends = [np.column_stack([cells, graph.struts[strut, 0]])]
    ends += [np.column_stack([cells + graph.offsets[strut], graph.struts[strut, 1]])]
    joint = np.unique(np.concatenate(ends), axis=0)
    joint[:, 3] += len(graph.struts)
    members = np.concatenate([part.copies, joint])
    members = members[np.lexsort(members.T[::-1])]
    bounds = np.flatnonzero(np.r_[True, (members[1:, :3] != members[:-1, :3]).any(1), True])
    # Many cells are alike: the union of their struts is made once.
    known, solids = {}, []
    for low, high in pairwise(bounds):
        key = members[low:high, 3].tobytes()
        if key not in known:
            known[key] = _united([shapes[k] for k in members[low:high, 3]])
        solids.append(known[key].translate(graph.cell @ members[low, :3] + part.region.low))
    return _united(solids)


def _widths(vectors, radii):
    """Half axes (m, 3, 2) of the prisms of struts along ``vectors`` (m, 3).

    Each is turned about its axis by another angle, so that no faces of two struts coincide and their union is well
    defined.
    """
    turn = np.random.default_rng(0).uniform(0, 2 * np.pi / FACETS, len(vectors))
    third = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    first = np.cross(np.eye(3)[np.argmin(np.abs(third), axis=1)], third)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(third, first)
    cos, sin = np.cos(turn)[:, None], np.sin(turn)[:, None]
    return np.stack([cos * first + sin * second, cos * second - sin * first], -1) * (_WIDER * radii)[:, None, None]


def _prism(width, start, along):
    frame = np.column_stack([width, along, np.broadcast_to(start, 3)])
    return manifold3d.Manifold.cylinder(1.0, 1.0, 1.0, FACETS).transform(frame)


def _ball(centre, radius):
    return manifold3d.Manifold.sphere(_BALL * radius, FACETS).translate(centre)


def _united(parts):
    return manifold3d.Manifold.batch_boolean(parts, manifold3d.OpType.Add)


def _single_precision_mesh(solid):
    """The mesh as an STL file holds it: vertices that its single precision would fuse are moved apart."""
    mesh = solid.to_mesh()
    points = mesh.vert_properties[:, :3].astype(np.float32)
    faces = mesh.tri_verts
    grain = np.float32(4) * np.spacing(np.abs(points).max())
    for _ in range(20):
        _, group, count = np.unique(points, axis=0, return_inverse=True, return_counts=True)
        fused = np.flatnonzero(count[group] > 1)
        if not len(fused):
            break
        normals = trimesh.Trimesh(points, faces, process=False).vertex_normals[fused]
        points[fused] -= (grain * normals).astype(np.float32)
        grain *= 2
    return trimesh.Trimesh(points.astype(float), faces)
