"""Compound lattices: elementary lattices superposed, split at every crossing and without
duplicates.

A compound depends on the *set* of its (type, tessellation) pairs alone. The 2,744 ordered choices
are 469 sets; many of these are the same geometry up to the scale of the tessellation, which leaves
197 topologies. The table of the topologies takes some ten seconds to build and is cached on disk
under a digest of what defines it.
"""

from functools import cache
from itertools import combinations

import numpy as np
from scipy.spatial import cKDTree

from trussmap.base.cache import cached_arrays
from trussmap.lattice.elementary import NAMES, elementary_lattice
from trussmap.lattice.graph import PeriodicGraph, undirected
from trussmap.lattice.symmetry import ReducedLattice, reduce_by_symmetry

# All coordinates of a compound are rationals; this common multiple of their denominators makes them
# integers.
_GRID = 2**6 * 3**3 * 5 * 7 * 11 * 13
_TOLERANCE = 1e-9

#: The elementary lattices at both tessellations, as (type, tessellation).
MEMBERS = [(number, rep) for number in range(len(NAMES)) for rep in (1, 2)]
#: Every set of up to three of them, in the order of their size.
LATTICE_SETS = [subset for size in (1, 2, 3) for subset in combinations(MEMBERS, size)]


def lattice_set(types: np.ndarray, reps: np.ndarray) -> tuple[tuple[int, int], ...]:
    """The set of (type, tessellation) pairs of a design, sorted.

    >>> lattice_set([4, 0, 4], [1, 2, 1])
    ((0, 2), (4, 1))
    """
    return tuple(sorted({(int(number), int(rep)) for number, rep in zip(types, reps, strict=True)}))


def superpose(graphs: list[PeriodicGraph]) -> PeriodicGraph:
    """Superpose lattices of the unit cube: split struts at crossings and at foreign nodes, drop
    duplicates.

    Raises ValueError where a crossing is not on the common grid of the elementary lattices'
    compounds.

    >>> centred, simple = elementary_lattice(2), elementary_lattice(0)
    >>> len(superpose([centred, simple]).struts)  # they share nodes, not struts
    11
    """
    start = np.concatenate([g.nodes[g.struts[:, 0]] for g in graphs])
    along = np.concatenate([g.fractional_vectors for g in graphs])
    origin, images, image_along = _close_images(start, along)
    parameter = _crossings(start[origin], along[origin], images, image_along)
    strut = np.repeat(np.arange(len(start)), 2)
    cuts = np.column_stack([np.repeat(origin, 2), parameter.round(9).ravel()])
    cuts = np.concatenate(
        [cuts[np.isfinite(cuts[:, 1])], np.column_stack([strut, np.tile([0.0, 1.0], len(start))])]
    )
    cuts = np.unique(cuts, axis=0)
    strut = cuts[:, 0].astype(int)
    points = _to_grid(start[strut] + cuts[:, 1:] * along[strut])
    piece = (strut[1:] == strut[:-1]) & np.any(points[1:] != points[:-1], axis=1)
    pieces = _canonical(points[:-1][piece], points[1:][piece])
    return _from_grid(sorted(pieces))


def _close_images(start, along):
    """Pairs of each strut with the periodic images of struts that come close enough to meet it.

    Returns the strut (n,), and start and vector (n, 3) of the image.
    """
    shifts = np.stack(np.meshgrid(*[np.arange(-2, 3)] * 3, indexing="ij"), -1).reshape(-1, 3)
    images = (start[:, None] + shifts).reshape(-1, 3)
    image_along = np.repeat(along, len(shifts), axis=0)
    low = np.minimum(start, start + along)
    high = np.maximum(start, start + along)
    image_low = images + np.minimum(0, image_along)
    image_high = images + np.maximum(0, image_along)
    reachable = (
        (image_low <= high.max(0) + _TOLERANCE) & (image_high >= low.min(0) - _TOLERANCE)
    ).all(1)
    images, image_along, image_low, image_high = (
        x[reachable] for x in (images, image_along, image_low, image_high)
    )
    length = np.linalg.norm(along, axis=1)
    tree = cKDTree(images + image_along / 2)
    near = tree.query_ball_point(start + along / 2, (length + length.max()) / 2 + _TOLERANCE)
    origin = np.repeat(np.arange(len(start)), [len(hits) for hits in near])
    hit = np.concatenate(near).astype(int)
    inside = (image_low[hit] <= high[origin] + _TOLERANCE) & (
        image_high[hit] >= low[origin] - _TOLERANCE
    )
    inside = inside.all(1)
    return origin[inside], images[hit[inside]], image_along[hit[inside]]


def _crossings(p, a, q, b):
    """Parameters (n, 2) on struts p + s·a at which they meet struts q + t·b; nan where they do not.

    Crossing struts meet in one point; parallel ones that overlap meet at the ends of the other.
    """
    gap = q - p
    normal = np.cross(a, b)
    square = (normal**2).sum(1)
    parallel = square < 1e-12
    safe = np.where(parallel, 1.0, square)
    s = (np.cross(gap, b) * normal).sum(1) / safe
    t = (np.cross(gap, a) * normal).sum(1) / safe
    apart = np.linalg.norm(p + s[:, None] * a - q - t[:, None] * b, axis=1)
    meets = (
        ~parallel
        & (apart < 1e-7)
        & (np.minimum(s, t) > -_TOLERANCE)
        & (np.maximum(s, t) < 1 + _TOLERANCE)
    )
    length2 = (a**2).sum(1)
    collinear = parallel & (np.linalg.norm(np.cross(gap, a), axis=1) < 1e-7)
    ends = np.stack([(gap * a).sum(1), ((gap + b) * a).sum(1)], 1) / length2[:, None]
    on_strut = collinear[:, None] & (ends > 0) & (ends < 1)
    return np.where(on_strut, ends, np.where(meets, s, np.nan)[:, None])


def _to_grid(points):
    scaled = points * _GRID
    grid = np.rint(scaled).astype(np.int64)
    if np.abs(scaled - grid).max() > 0.1:
        raise ValueError("a crossing of struts lies off the common grid of the elementary lattices")
    return grid


def _canonical(p, q):
    """One name for each strut from p to q (n, 3) and all its periodic images: the smaller of its
    two directed forms.
    """
    forward, backward = (
        np.concatenate([a % _GRID, b - a // _GRID * _GRID], axis=1) for a, b in ((p, q), (q, p))
    )
    return set(map(tuple, undirected(forward, backward).tolist()))


def _from_grid(pieces):
    ends = np.array(pieces).reshape(-1, 2, 3)
    offsets = ends // _GRID
    nodes, index = np.unique((ends - offsets * _GRID).reshape(-1, 3), axis=0, return_inverse=True)
    return PeriodicGraph(nodes / _GRID, index.reshape(-1, 2), offsets[:, 1])


def canonical_struts(lattice: PeriodicGraph) -> frozenset:
    """The strut set of a lattice of the unit cube, equal for equal geometry."""
    start = lattice.nodes[lattice.struts[:, 0]]
    return frozenset(_canonical(_to_grid(start), _to_grid(start + lattice.fractional_vectors)))


def _without_doubling(lattice):
    """The lattice of which this one is the 2×2×2 tessellation, or the lattice itself."""
    struts = np.array(sorted(canonical_struts(lattice))).reshape(-1, 2, 3) * 2
    halved = _canonical(struts[:, 0], struts[:, 1])
    smaller = _from_grid(sorted(halved))
    if len(halved) * 8 == len(struts) and canonical_struts(smaller.tiled(2)) == canonical_struts(
        lattice
    ):
        return _without_doubling(smaller)
    return lattice


def build_topologies() -> tuple[list[PeriodicGraph], np.ndarray, np.ndarray]:
    """All distinct compounds, the topology (469,) of every lattice set, and whether that is doubled
    in it (469,).
    """
    singles = {(k, rep): elementary_lattice(k).tiled(rep) for k, rep in MEMBERS}
    known: dict[frozenset, int] = {}
    graphs: list[PeriodicGraph] = []
    topology: list[int] = []
    doubled: list[bool] = []
    for subset in LATTICE_SETS:
        lattice = superpose([singles[member] for member in subset])
        single = _without_doubling(lattice)
        key = canonical_struts(single)
        if key not in known:
            known[key] = len(graphs)
            graphs.append(single)
        topology.append(known[key])
        doubled.append(single is not lattice)
    return graphs, np.array(topology), np.array(doubled)


@cache
def topologies() -> tuple[list[PeriodicGraph], np.ndarray, np.ndarray]:
    """What ``build_topologies`` makes, cached on disk."""

    def build():
        graphs, topology, doubled = build_topologies()
        sizes = np.array([(len(g.nodes), len(g.struts)) for g in graphs])
        arrays = {
            name: np.concatenate([getattr(g, name) for g in graphs])
            for name in ("nodes", "struts", "offsets")
        }
        return {"sizes": sizes, "topology": topology, "doubled": doubled, **arrays}

    table = cached_arrays("topologies", build, __name__)
    node_ends, strut_ends = np.cumsum(table["sizes"], axis=0)[:-1].T
    parts = zip(
        np.split(table["nodes"], node_ends),
        np.split(table["struts"], strut_ends),
        np.split(table["offsets"], strut_ends),
        strict=True,
    )
    return [PeriodicGraph(*part) for part in parts], table["topology"], table["doubled"]


@cache
def reduced_topology(number: int) -> ReducedLattice:
    """What symmetry leaves of a topology."""
    return reduce_by_symmetry(topologies()[0][number])


@cache
def _topology_table():
    """Topology of every ordered choice, indexed [type1, type2, type3, rep1-1, rep2-1, rep3-1]."""
    table = np.empty((len(NAMES),) * 3 + (2,) * 3, dtype=int)
    of_set = dict(zip(LATTICE_SETS, topologies()[1], strict=True))
    for index in np.ndindex(table.shape):
        table[index] = of_set[lattice_set(index[:3], np.array(index[3:]) + 1)]
    return table


def lattices_topology(types: np.ndarray, reps: np.ndarray) -> np.ndarray:
    """Topology number (n,) in 0..196 of lattice types (n, 3) and tessellations (n, 3), equal for
    equal geometry.

    >>> one, other = lattices_topology([[0, 1, 1], [1, 1, 0]], [[1, 1, 2], [1, 2, 1]])
    >>> bool(one == other)
    True
    """
    types = np.asarray(types).astype(int)
    reps = np.asarray(reps).astype(int)
    return _topology_table()[(*np.moveaxis(types, -1, 0), *np.moveaxis(reps - 1, -1, 0))]


@cache
def topology_members() -> tuple[np.ndarray, np.ndarray]:
    """Lattice types (197, 3) and tessellations (197, 3) that make each topology, with the fewest
    lattices.

    >>> types, reps = topology_members()
    >>> types.shape, reps.shape
    ((197, 3), (197, 3))
    """
    topology = topologies()[1]
    first = [LATTICE_SETS[int(np.argmax(topology == key))] for key in range(topology.max() + 1)]
    padded = np.array([(subset * 3)[:3] for subset in first])
    return padded[..., 0], padded[..., 1]


def compound(types: np.ndarray, reps: np.ndarray) -> PeriodicGraph:
    """The compound lattice of up to three types (0..6) and tessellations (1 or 2), on the unit
    cube.

    A compound of doubled lattices alone is returned doubled, as it is listed.

    >>> len(compound([0, 2, 2], [1, 1, 1]).struts)
    11
    """
    members = lattice_set(types, reps)
    graphs, topology, doubled = topologies()
    own = LATTICE_SETS.index(members)
    if doubled[own]:
        return superpose([elementary_lattice(number).tiled(rep) for number, rep in members])
    return graphs[topology[own]]
