"""Solids of struts: prisms and spheres, united or sewn together where struts are cut."""

from itertools import pairwise
from typing import NamedTuple, Protocol

import manifold3d
import numpy as np
import trimesh
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from trussmap.base.errors import InputError
from trussmap.lattice.graph import PeriodicGraph
from trussmap.parts.region import Region

#: Facets around a strut.
FACETS = 8
# Share of the thinnest radius up to which a surface may move to have fewer triangles.
_FINE = 1e-3


class CutLattice(Protocol):
    """Struts of a lattice in a region, such as `trussmap.parts.fill.Part`."""

    @property
    def graph(self) -> PeriodicGraph:
        """Lattice in mm."""
        ...

    @property
    def region(self) -> Region:
        """Region that is filled."""
        ...

    @property
    def radii(self) -> np.ndarray:
        """Radii of the struts in the region."""
        ...

    @property
    def copies(self) -> np.ndarray:
        """Struts of the lattice with pieces in the region: cell and number (k, 4)."""
        ...

    @property
    def lattice_radii(self) -> np.ndarray:
        """Radii of the struts of the lattice."""
        ...

    @property
    def whole_joints(self) -> bool:
        """Whether struts that end free were dropped."""
        ...


def solid_of(nodes: np.ndarray, struts: np.ndarray, radii: np.ndarray) -> trimesh.Trimesh:
    """Closed surface of struts (m, 2) of radii (m,) and their joints at nodes (n, 3).

    Raises InputError where the union does not close.
    """
    joints = np.zeros(len(nodes))
    np.maximum.at(joints, struts, radii[:, None])
    along = nodes[struts[:, 1]] - nodes[struts[:, 0]]
    shapes = [
        _prism(*strut)
        for strut in zip(_widths(along, radii), nodes[struts[:, 0]], along, strict=True)
    ]
    shapes += [_ball(*joint) for joint in zip(nodes, joints, strict=True)]
    mesh = largest_piece(_united(shapes).simplify(_FINE * radii.min()))
    if mesh is None:
        raise InputError("the surface of the structure does not close; try another cell size.")
    return mesh


def components(struts: np.ndarray, count: int) -> np.ndarray:
    """Number (count,) of the connected piece of each node."""
    graph = coo_matrix((np.ones(len(struts)), struts.T), (count, count))
    return connected_components(graph, directed=False)[1]


#: Circumradius of a prism over the radius of the round strut of the same cross-section; and that of
#: a joint's sphere, a little more, to cover the edges of the struts' ends.
_WIDER = np.sqrt(2 * np.pi / FACETS / np.sin(2 * np.pi / FACETS))
_BALL = 1.03 * _WIDER
# Where no node is likely to lie.
_BEGINNINGS = np.random.default_rng(0).uniform(0.1, 0.4, (4, 3))


def solid_of_part(part: CutLattice) -> manifold3d.Manifold:
    """Union of the part's struts, whole as they are in the lattice, and their joints; not yet cut."""
    graph = part.graph
    radii = part.lattice_radii
    joints = np.zeros(len(graph.nodes))
    np.maximum.at(joints, graph.struts, radii[:, None])
    widths = _widths(graph.vectors, radii)
    solid = _stitched(part, joints, widths)
    if solid is None and not part.whole_joints:
        # Where a cell begins is by chance; in some places the cuts differ, by an edge that one has
        # divided.
        solid = next(
            filter(None, (_tiled(part, joints, widths, begin) for begin in _BEGINNINGS)), None
        )
    return _united_cells(part, joints, widths) if solid is None else solid


def _knots(
    graph: PeriodicGraph, radii: np.ndarray, joints: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray] | None:
    """Knots: joints with the struts that merge with each other beyond them.

    They must be united, the rest can be sewn. Returns the number (n,) of the knot of each node, the
    cell (n, 3) of the node within its knot, which struts (m,) are whole parts of a knot, and where
    the others are cut in two (m,), so that each half touches struts of its own knot alone. None
    where a knot goes on for ever.
    """
    wide = 1.001 * _WIDER * radii
    reach = np.maximum(graph.overlaps(wide), 1.001 * _BALL * joints[graph.struts])
    free = graph.lengths - reach.sum(1)
    whole = free < 1e-3 * graph.lengths
    thick = 1.001 * _BALL * joints[graph.struts].max(1)  # with the spheres at their ends
    first, second, cell = graph.close_struts(2 * thick.max())
    near = graph.axis_distances(first, second, cell) < thick[first] + thick[second]
    first = first[near]
    second = second[near]
    cell = cell[near]
    whole[first] = whole[second] = True
    ties = np.concatenate(
        [graph.struts[whole], np.stack([graph.struts[first, 0], graph.struts[second, 0]], 1)]
    )
    offsets = np.concatenate([graph.offsets[whole], cell])
    label = components(ties, len(graph.nodes))
    place = np.zeros((len(graph.nodes), 3), int)
    known = np.zeros(len(graph.nodes), bool)
    known[np.unique(label, return_index=True)[1]] = True
    while not known.all():
        for (a, b), offset in zip(ties, offsets, strict=True):
            if known[a] and not known[b]:
                place[b] = place[a] + offset
                known[b] = True
            elif known[b] and not known[a]:
                place[a] = place[b] - offset
                known[a] = True
    if (place[ties[:, 0]] + offsets != place[ties[:, 1]]).any():
        return None
    i, j = graph.struts.T
    whole |= (label[i] == label[j]) & (place[i] + graph.offsets == place[j]).all(1)
    return label, place, whole, (reach[:, 0] + free / 2) / graph.lengths


class _Knot(NamedTuple):
    """The surface of a knot: what `_surface` makes, with its places.

    Attributes
    ----------
    cells : (k, 3) where it stands
    halves : (k, h) numbers of the copies of struts that it ends in
    vertices, triangles : its surface, closed
    ring : (h * FACETS,) vertices of the cuts; cap : triangle by triangle the cut that it closes, or
        -1
    """

    cells: np.ndarray
    halves: np.ndarray
    vertices: np.ndarray
    triangles: np.ndarray
    ring: np.ndarray
    cap: np.ndarray


def _stitched(
    part: CutLattice, joints: np.ndarray, widths: np.ndarray
) -> manifold3d.Manifold | None:
    """Solid of knots with halves of their struts, sewn together where the struts are cut.

    Knots with the same struts are alike, so few unions are made and the rest is arithmetic, in a
    fraction of the time that the union of all struts takes. None where that cannot be.
    """
    graph = part.graph
    strut = part.copies[:, 3]
    knots = _knots(graph, part.lattice_radii, joints)
    if knots is None:
        return None
    label, place, whole, cuts = knots
    middle = cuts[:, None] * graph.vectors
    corner = 2 * np.pi * np.arange(FACETS) / FACETS
    rings = middle[:, None] + np.stack([np.cos(corner), np.sin(corner)], -1) @ widths.swapaxes(1, 2)
    ends = (
        (part.copies[:, :3] + end * graph.offsets[strut], graph.struts[strut, end])
        for end in (0, 1)
    )
    places = np.unique(
        np.concatenate([np.column_stack([cell - place[n], label[n]]) for cell, n in ends]), axis=0
    )
    # Copies of struts have numbers.
    reach = abs(place).max(initial=0) + abs(graph.offsets).max(initial=0)
    low = places[:, :3].min(0) - reach
    high = places[:, :3].max(0) + reach

    def number(cells, strut):
        return np.ravel_multi_index(
            (*np.moveaxis(cells - low, -1, 0), strut), (*(high - low + 1), len(graph.struts))
        )

    kept = number(part.copies[:, :3], strut)
    surfaces = []
    for knot in range(label.max() + 1):
        halves = [
            (end, k)
            for end in (0, 1)
            for k in np.flatnonzero((label[graph.struts[:, end]] == knot) & ~whole)
        ]
        halves += [(2, k) for k in np.flatnonzero((label[graph.struts[:, 0]] == knot) & whole)]
        end, strut = np.array(halves).T
        at = place[graph.struts[strut, end % 2]] - (end == 1)[:, None] * graph.offsets[strut]
        cells = places[places[:, 3] == knot, :3]
        copies = number(cells[:, None] + at, np.broadcast_to(strut, (len(cells), len(strut))))
        there = np.isin(copies, kept)
        for pattern in np.unique(there, axis=0):
            same = (there == pattern).all(1)
            surface = _surface(
                part, end[pattern], strut[pattern], place, joints, widths, middle, rings
            )
            if surface is None:
                return None
            moved = cells[same] @ graph.cell.T + part.region.low
            near = (moved + surface[0].min(0) <= part.region.high) & (
                moved + surface[0].max(0) >= part.region.low
            )
            near = near.all(1)
            if near.any():
                surfaces.append(
                    _Knot(cells[same][near], copies[same][near][:, pattern & (end < 2)], *surface)
                )
    return _sewn(part, surfaces, rings, low, high)


def _surface(
    part: CutLattice,
    end: np.ndarray,
    strut: np.ndarray,
    place: np.ndarray,
    joints: np.ndarray,
    widths: np.ndarray,
    middle: np.ndarray,
    rings: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray] | None:
    """Surface of a knot: halves of struts, at their first or second ``end``, and whole ones, 2.

    None where a cut did not come out of the union as it went in.
    """
    graph = part.graph
    vectors = part.graph.vectors
    centres = (graph.nodes + place) @ graph.cell.T
    nodes = np.unique(
        np.concatenate([graph.struts[strut[end != 1], 0], graph.struts[strut[end > 0], 1]])
    )
    shapes = [_ball(centres[k], joints[k]) for k in nodes]
    expected = []
    for e, k in zip(end, strut, strict=True):
        origin = centres[graph.struts[k, 1]] - vectors[k] if e == 1 else centres[graph.struts[k, 0]]
        first, last = ((0, middle[k]), (middle[k], vectors[k]), (0, vectors[k]))[e]
        shapes.append(_prism(widths[k], origin + first, last - first))
        if e < 2:
            expected.append(origin + rings[k])
    mesh = _united(shapes).simplify(_FINE * part.radii.min()).to_mesh64()
    vertices = mesh.vert_properties[:, :3]
    triangles = mesh.tri_verts.astype(int)
    slot = np.full(len(vertices), -1)
    ring = np.zeros(0, int)
    if expected:
        distance, ring = cKDTree(vertices).query(np.concatenate(expected))
        if distance.max() > 1e-6 * joints.max():
            return None
        slot[ring] = np.arange(len(ring)) // FACETS
    of_ring = slot[triangles]
    cap = np.where((of_ring == of_ring[:, :1]).all(1), of_ring[:, 0], -1)
    return (
        None
        if (cap >= 0).sum() != len(expected) * (FACETS - 2)
        else (vertices, triangles, ring, cap)
    )


def _sewn(
    part: CutLattice, knots: list[_Knot], rings: np.ndarray, low: np.ndarray, high: np.ndarray
) -> manifold3d.Manifold | None:
    """Solid of knots: cuts that two of them share are sewn.

    The others, outside of the region, stay closed.
    """
    graph = part.graph
    numbers, count = np.unique(
        np.concatenate([knot.halves.ravel() for knot in knots]), return_counts=True
    )
    *cells, strut = np.unravel_index(numbers, (*(high - low + 1), len(graph.struts)))
    start = (graph.nodes[graph.struts[strut, 0]] + np.stack(cells, -1) + low) @ graph.cell.T
    points = [(rings[strut] + start[:, None]).reshape(-1, 3)]
    faces = []
    total = len(points[0])
    for knot in knots:
        inner = np.ones(len(knot.vertices), bool)
        index = np.empty((len(knot.cells), len(knot.vertices)), int)
        inner[knot.ring] = False
        points.append((knot.vertices[inner] + (knot.cells @ graph.cell.T)[:, None]).reshape(-1, 3))
        index[:, inner] = total + np.arange(len(points[-1])).reshape(len(index), -1)
        half = np.searchsorted(numbers, knot.halves)
        index[:, knot.ring] = (FACETS * half[:, :, None] + np.arange(FACETS)).reshape(
            len(index), -1
        )
        faces.append(index[:, knot.triangles[knot.cap < 0]].reshape(-1, 3))
        for k, alone in enumerate((count[half] == 1).T):
            faces.append(index[alone][:, knot.triangles[knot.cap == k]].reshape(-1, 3))
        total += len(points[-1])
    places = np.concatenate(points) + part.region.low
    triangles = np.concatenate(faces).astype(np.uint64)
    solid = manifold3d.Manifold(manifold3d.Mesh64(places, triangles))
    return solid if solid.status() == manifold3d.Error.NoError else None


def _tiled(
    part: CutLattice, joints: np.ndarray, widths: np.ndarray, begin: np.ndarray
) -> manifold3d.Manifold | None:
    """Solid as copies of what lies in one cell, sewn together in its faces.

    It serves struts that merge without an end. It has all of the lattice, with stubs, with pieces
    whose axes are not connected, and with what is beside the region. The cell begins at ``begin``
    (3,), in cell coordinates. None where the cuts in two opposite faces differ.
    """
    graph = part.graph
    inverse = np.linalg.inv(graph.cell)
    wide = 1.01 * _BALL * joints.max() * np.linalg.norm(inverse, axis=1)
    first = graph.nodes[graph.struts[:, 0]]
    last = first + graph.fractional_vectors
    least = np.minimum(first, last) - wide - begin
    most = np.maximum(first, last) + wide - begin
    low = np.floor(-most.max(0)).astype(int)
    high = np.ceil(1 - least.min(0)).astype(int)
    cells = np.stack(np.meshgrid(*map(np.arange, low, high + 1), indexing="ij"), -1).reshape(
        -1, 1, 3
    )
    cell, strut = np.nonzero(((least + cells < 1) & (most + cells > 0)).all(-1))
    met = np.column_stack([cells[cell, 0], strut])
    ends = [np.column_stack([met[:, :3], graph.struts[strut, 0]])]
    ends += [np.column_stack([met[:, :3] + graph.offsets[strut], graph.struts[strut, 1]])]
    start = (first[strut] + met[:, :3]) @ graph.cell.T
    shapes = [
        _prism(widths[k], origin, graph.vectors[k]) for k, origin in zip(strut, start, strict=True)
    ]
    for *cell, node in np.unique(np.concatenate(ends), axis=0):
        shapes.append(_ball(graph.cell @ (graph.nodes[node] + cell), joints[node]))
    block = manifold3d.Manifold.cube([1.0, 1.0, 1.0]).transform(
        np.column_stack([graph.cell, graph.cell @ begin])
    )
    mesh = (_united(shapes) ^ block).to_mesh64()
    points = mesh.vert_properties[:, :3]
    triangles = mesh.tri_verts.astype(int)
    own = points @ inverse.T - begin
    faces = [np.abs(own[:, axis] - side) < 1e-8 for axis in range(3) for side in (0, 1)]
    own[np.abs(own) < 1e-8] = 0
    # Points in faces are those of the neighbour's: one name, and a cell, for each.
    shift = np.where(np.any(faces, axis=0)[:, None], np.floor(own + 1e-8), 0).astype(int)
    wrapped = np.clip(own - shift, 0, 1 - 1e-12)
    name = np.arange(len(own))
    rim = np.flatnonzero(np.any(faces, axis=0))
    if len(rim):
        pairs = cKDTree(wrapped[rim], boxsize=1.0).query_pairs(1e-7, output_type="ndarray")
        if len(np.unique(pairs)) < len(rim):
            return None
        name[rim] = rim[_representatives(pairs, len(rim))]
    touched = [
        part.copies[part.copies[:, 3] == k, :3][:, None] - met[strut == k, :3]
        for k in range(len(graph.struts))
    ]
    cells = np.unique(np.concatenate([own.reshape(-1, 3) for own in touched]), axis=0)
    moved = (cells + begin) @ graph.cell.T + part.region.low
    corners = np.stack(np.meshgrid(*[[0, 1]] * 3, indexing="ij"), -1).reshape(-1, 3) @ graph.cell.T
    near = (moved + corners.min(0) <= part.region.high) & (
        moved + corners.max(0) >= part.region.low
    )
    cells = cells[near.all(1)]
    there = {tuple(cell) for cell in cells.tolist()}
    closing = np.full(len(triangles), -1)
    for k, face in enumerate(faces):
        closing[face[triangles].all(1)] = k
    found = []
    for k in range(-1, 6):
        step = np.zeros(3, int)
        if k >= 0:
            step[k // 2] = 2 * (k % 2) - 1
        alone = np.array([k < 0 or tuple(cell + step) not in there for cell in cells])
        where = cells[alone][:, None, None] + shift[triangles[closing == k]]
        names = np.broadcast_to(name[triangles[closing == k]][..., None], (*where.shape[:3], 1))
        found.append(np.concatenate([where, names], -1).reshape(-1, 4))
    rows = np.concatenate(found)
    origin = rows.min(0)
    key = np.ravel_multi_index((rows - origin).T, rows.max(0) - origin + 1)
    _, at, corners = np.unique(key, return_index=True, return_inverse=True)
    places = (wrapped[rows[at, 3]] + rows[at, :3] + begin) @ graph.cell.T + part.region.low
    solid = manifold3d.Manifold(manifold3d.Mesh64(places, corners.reshape(-1, 3).astype(np.uint64)))
    return solid if solid.status() == manifold3d.Error.NoError else None


def _representatives(pairs: np.ndarray, count: int) -> np.ndarray:
    """The first of each group of points (count,) that pairs (k, 2) hold together."""
    label = components(pairs, count)
    return np.unique(label, return_index=True)[1][label]


def _united_cells(part: CutLattice, joints: np.ndarray, widths: np.ndarray) -> manifold3d.Manifold:
    """Union of all struts and joints, cell by cell: for struts that merge beyond their joints."""
    graph = part.graph
    start = graph.nodes[graph.struts[:, 0]] @ graph.cell.T
    shapes = [_prism(*strut) for strut in zip(widths, start, graph.vectors, strict=True)]
    shapes += [_ball(*joint) for joint in zip(graph.nodes @ graph.cell.T, joints, strict=True)]
    cells = part.copies[:, :3]
    strut = part.copies[:, 3]
    ends = [np.column_stack([cells, graph.struts[strut, 0]])]
    ends += [np.column_stack([cells + graph.offsets[strut], graph.struts[strut, 1]])]
    joint = np.unique(np.concatenate(ends), axis=0)
    joint[:, 3] += len(graph.struts)
    members = np.concatenate([part.copies, joint])
    members = members[np.lexsort(members.T[::-1])]
    bounds = np.flatnonzero(np.r_[True, (members[1:, :3] != members[:-1, :3]).any(1), True])
    # Many cells are alike: the union of their struts is made once.
    known = {}
    solids = []
    for low, high in pairwise(bounds):
        key = members[low:high, 3].tobytes()
        if key not in known:
            known[key] = _united([shapes[k] for k in members[low:high, 3]])
        solids.append(known[key].translate(graph.cell @ members[low, :3] + part.region.low))
    return _united(solids)


def _widths(vectors: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """Half axes (m, 3, 2) of the prisms of struts along ``vectors`` (m, 3).

    Each is turned about its axis by another angle, so that no faces of two struts coincide and
    their union is well defined.
    """
    turn = np.random.default_rng(0).uniform(0, 2 * np.pi / FACETS, len(vectors))
    third = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    first = np.cross(np.eye(3)[np.argmin(np.abs(third), axis=1)], third)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(third, first)
    cos = np.cos(turn)[:, None]
    sin = np.sin(turn)[:, None]
    return (
        np.stack([cos * first + sin * second, cos * second - sin * first], -1)
        * (_WIDER * radii)[:, None, None]
    )


def _prism(width: np.ndarray, start: np.ndarray, along: np.ndarray) -> manifold3d.Manifold:
    """Prism of half axes ``width`` (3, 2) from ``start`` along a vector."""
    frame = np.column_stack([width, along, np.broadcast_to(start, 3)])
    return manifold3d.Manifold.cylinder(1.0, 1.0, 1.0, FACETS).transform(frame)


def _ball(centre: np.ndarray, radius: float) -> manifold3d.Manifold:
    """Sphere of a joint."""
    return manifold3d.Manifold.sphere(_BALL * radius, FACETS).translate(centre)


def _united(solids: list[manifold3d.Manifold]) -> manifold3d.Manifold:
    """Union of solids."""
    return manifold3d.Manifold.batch_boolean(solids, manifold3d.OpType.Add)


def volume(mesh: trimesh.Trimesh) -> float:
    """Volume within a closed surface.

    It takes a tenth of the time of `trimesh.Trimesh.volume`, which finds the inertia.
    """
    return float(_volumes(mesh.vertices, mesh.faces).sum())


def _volumes(points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Signed volumes (k,) between triangles (k, 3) and the first of the points."""
    a, b, c = (points[corner] - points[0] for corner in faces.T)
    return np.einsum("ij,ij->i", a, np.cross(b, c)) / 6


def largest_piece(solid: manifold3d.Manifold) -> trimesh.Trimesh | None:
    """Surface of the largest piece of a solid as an STL file holds it.

    Vertices that its single precision would fuse are moved apart; None where that fails.
    """
    mesh = solid.to_mesh64()
    points = mesh.vert_properties[:, :3]
    faces = mesh.tri_verts.astype(int)
    piece = components(np.concatenate([faces[:, :2], faces[:, 1:]]), len(points))[faces[:, 0]]
    faces = faces[piece == np.bincount(piece, _volumes(points, faces)).argmax()]
    used = np.zeros(len(points), bool)
    used[faces] = True
    points = points[used].astype(np.float32)
    faces = (np.cumsum(used) - 1)[faces]
    grain = np.float32(4) * np.spacing(np.abs(points).max())
    for _ in range(20):
        fused = _fused(points)
        if not fused.any():
            return trimesh.Trimesh(points.astype(float), faces, process=False)
        around = faces[fused[faces].any(1)]
        normals = trimesh.Trimesh(points, around, process=False).vertex_normals[fused]
        points[fused] -= (grain * normals).astype(np.float32)
        grain *= 2
    return None


def _fused(points: np.ndarray) -> np.ndarray:
    """Which of points (n, 3), in single precision, are where another one is: by a hash, which finds
    all of them.
    """
    words = (points + np.float32(0)).view(np.uint32).astype(np.uint64)  # -0 and 0 are one
    key = (
        words * np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)
    ).sum(1)
    _, group, count = np.unique(key, return_inverse=True, return_counts=True)
    return count[group] > 1
