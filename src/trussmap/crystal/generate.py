"""A crystal-network catalogue of our own: random nets over space groups and special positions.

It takes the place of the catalogue of Lumpe & Stanković (PNAS 2021) where that is not at hand, and
is not theirs: each cell's name starts with ``generated``. A net is made in four steps:

1. a space group, at random within a random crystal system, and a random cell metric averaged over its point group;
2. one to three orbits, each from a random point drawn onto the symmetry elements close to it;
3. a strut from every node to its nearest neighbours, as far as the next gap in their distances;
4. the net is dropped if it is no truss: in several parts, not connected in three directions, with a node of fewer than
   three struts, with struts that meet in a sharp angle or pass each other closely, or with a soft
   mode.
"""

from itertools import count as integers

import numpy as np
from numba import njit

from trussmap.base.cache import compiled
from trussmap.crystal.catalogue import CatalogueCell
from trussmap.crystal.space_groups import SYSTEMS, crystal_system, operations, space_group
from trussmap.lattice.graph import PeriodicGraph, closest_points
from trussmap.mechanics.homogenization import homogenize_cells
from trussmap.mechanics.homogenization.engine import mechanism
from trussmap.tensors.stiffness import mandel_compliance

MOST_NODES = 40
MOST_STRUTS = 150
LEAST_DEGREE = 3
#: Least distance of two nodes, relative to (volume / nodes)^(1/3), and of two struts, relative to
#: their mean length.
NODE_DISTANCE = 0.4
STRUT_DISTANCE = 0.1
#: Least angle between struts that meet, degrees.
ANGLE = 20.0
#: A shell of neighbours ends where the next distance is larger by this factor.
SHELL_GAP = 1.05
#: Least ratio between the softest and the stiffest mode of a cell at ``DENSITY``.
SOFTEST = 1e-8
DENSITY = 0.01
#: Relative difference in the six eigenvalues of the stiffness below which two cells are the same.
SAME = 1e-6
_NEIGHBOURS = (3, 3, 3, 4, 4, 4, 5, 6, 7, 8)
_BATCH = 64

_closest_points = njit(closest_points)


def generate_catalogue(
    count: int, seed: int = 0, threads: int | None = None
) -> list[CatalogueCell]:
    """The first ``count`` cells of the generated catalogue ``seed``: a list of CatalogueCell, all
    distinct.

    Cell k depends on (seed, k) alone. A name such as ``generated_cub_Z06.0_sg221_17`` tells the
    crystal system, the mean number of struts at a node, the space group that the finished net has,
    and k.
    """
    cells: list[CatalogueCell] = []
    known = np.empty((0, 7))
    for first in integers(0, _BATCH):
        if len(cells) >= count:
            return cells
        nets = [
            net
            for net in (random_net(seed, attempt)[1] for attempt in range(first, first + _BATCH))
            if net
        ]
        stiffness = homogenize_cells(nets, DENSITY, threads=threads) if nets else np.empty((0, 21))
        for graph, features in zip(nets, _features(nets, stiffness), strict=True):
            soft = features[0] - features[5] < np.log(SOFTEST)
            if soft or len(cells) == count or (np.abs(known - features).max(1) < SAME).any():
                continue
            known = np.vstack([known, features])
            number = space_group(graph)
            label = f"{crystal_system(number)}_Z{features[6]:04.1f}_sg{number}_{len(cells) + 1}"
            cells.append(CatalogueCell(f"generated_{label}", graph))
    raise AssertionError("the attempts never end")


def _features(nets, stiffness):
    """What tells nets apart whatever their orientation and cell: (n, 7) log-eigenvalues of
    stiffness, mean degree.
    """
    eigenvalues = 1 / np.linalg.eigvalsh(mandel_compliance(stiffness))[:, ::-1]
    degree = [2 * len(net.struts) / len(net.nodes) for net in nets]
    return np.column_stack([np.log(np.maximum(eigenvalues, 1e-300)), degree])


def random_net(seed: int, attempt: int) -> tuple[int, PeriodicGraph | None]:
    """Space group, and a net as PeriodicGraph that has its symmetry, or None where the attempt made
    no truss.
    """
    rng = np.random.Generator(np.random.Philox(key=seed, counter=(attempt + 1) << 128))
    last = [0, *SYSTEMS.values()]
    system = rng.integers(len(SYSTEMS))
    number = int(rng.integers(last[system], last[system + 1])) + 1
    rotations, translations = operations(number)
    cell = _random_cell(rng, rotations)
    nodes = _random_nodes(rng, rotations, translations, cell)
    if nodes is None:
        return number, None
    graph = _bonded(nodes, cell, neighbours=rng.choice(_NEIGHBOURS), mutual=rng.random() < 0.5)
    return number, graph if graph and _is_truss(graph) else None


def _random_cell(rng, rotations):
    """Cell vectors as columns (3, 3), a along x and b in the x–y plane, the longest of length 1."""
    skewed = np.exp(0.4 * rng.normal(size=3))[:, None] * (
        np.eye(3) + 0.25 * rng.normal(size=(3, 3))
    )
    metric = np.mean(rotations.transpose(0, 2, 1) @ (skewed.T @ skewed) @ rotations, axis=0)
    return np.linalg.cholesky(metric).T / np.sqrt(np.diag(metric).max())


def _random_nodes(rng, rotations, translations, cell):
    """Nodes (n, 3) in [0, 1) of one to three orbits, or None where they are too many or too close."""
    nodes = np.empty((0, 3))
    spacing = (abs(np.linalg.det(cell)) / len(rotations)) ** (
        1 / 3
    )  # of the images of a general point
    for _ in range(rng.choice(3, p=[0.25, 0.4, 0.35]) + 1):
        point = rng.random(3)
        radius = spacing * rng.uniform(0.2, 1.8)
        for _ in range(
            8
        ):  # draw the point onto the symmetry elements within reach: the mean of its images there
            images = rotations @ point + translations
            images -= np.rint(images - point)
            near = np.linalg.norm((images - point) @ cell.T, axis=1) < radius
            point = images[near].mean(0)
        images = np.round((rotations @ point + translations) % 1.0, 12) % 1.0
        gap = images[:, None] - images
        same = (np.abs(gap - np.rint(gap)) < 1e-7).all(-1)
        nodes = np.concatenate([nodes, images[np.unique(same.argmax(1))]])
        if len(nodes) > MOST_NODES:
            return None
    return nodes


def _bonded(nodes, cell, neighbours, mutual):
    """The net in which every node is joined to its nearest ``neighbours``, or None where they
    cannot be told.

    More than these are taken up to the next gap in the distances. Where only one of two nodes
    counts the other among its neighbours, they are joined unless ``mutual``.
    """
    spacing = (abs(np.linalg.det(cell)) / len(nodes)) ** (1 / 3)
    reach = 1.8 * spacing
    images = np.ceil(reach * np.linalg.norm(np.linalg.inv(cell), axis=1) + 0.5).astype(int)
    shifts = np.stack(
        np.meshgrid(*[np.arange(-n, n + 1) for n in images], indexing="ij"), -1
    ).reshape(-1, 3)
    gap = nodes - nodes[:, None]
    offsets = shifts - np.rint(gap)[:, :, None].astype(int)
    distance = np.linalg.norm((gap[:, :, None] + offsets) @ cell.T, axis=-1)
    distance[np.arange(len(nodes)), np.arange(len(nodes)), len(shifts) // 2] = np.inf
    shell = np.sort(distance.reshape(len(nodes), -1), axis=1)[:, :20]
    ends = shell[:, neighbours:] > SHELL_GAP * shell[:, neighbours - 1 : -1]
    radius = shell[np.arange(len(nodes)), neighbours - 1 + ends.argmax(1)]
    if (
        shell[:, 0].min() < NODE_DISTANCE * spacing
        or not ends.any(1).all()
        or radius.max() > reach / SHELL_GAP
    ):
        return None
    near = distance <= 1.001 * radius[:, None, None]
    back = distance <= 1.001 * radius[None, :, None]
    i, j, k = np.nonzero(near & back if mutual else near | back)
    offset = offsets[i, j, k]
    first = offset[
        np.arange(len(i)), (offset != 0).argmax(1)
    ]  # of a strut and its reverse, take one
    once = (i < j) | ((i == j) & (first > 0))
    return PeriodicGraph(nodes, np.column_stack([i, j])[once], offset[once], cell)


def _is_truss(graph):
    degree = np.bincount(graph.struts.ravel(), minlength=len(graph.nodes))
    if degree.min() < LEAST_DEGREE or len(graph.struts) > MOST_STRUTS or mechanism(graph):
        return False
    start = graph.nodes[graph.struts[:, 0]] @ graph.cell.T
    vectors = graph.vectors
    clearance = STRUT_DISTANCE * graph.lengths.mean()
    heights = 1 / np.linalg.norm(np.linalg.inv(graph.cell), axis=1)
    images = np.ceil((graph.lengths.max() + clearance) / heights + 1).astype(int)
    return not _collide(start, vectors, graph.cell, images, clearance, np.cos(np.radians(ANGLE)))


@compiled(__name__)
def _collide(start, vectors, cell, images, clearance, cosine):
    """Whether any two struts come closer than ``clearance`` or meet in an angle of more than
    ``cosine``.
    """
    length = np.sqrt((vectors**2).sum(1))
    for x in range(-images[0], images[0] + 1):
        for y in range(-images[1], images[1] + 1):
            for z in range(-images[2], images[2] + 1):
                shift = cell[:, 0] * x + cell[:, 1] * y + cell[:, 2] * z
                home = x == 0 and y == 0 and z == 0
                for a in range(len(start)):
                    for b in range(a + 1 if home else a, len(start)):
                        u = vectors[a]
                        v = vectors[b]
                        middle = 0.0
                        for k in range(3):
                            middle += (
                                start[b, k] + shift[k] - start[a, k] + (v[k] - u[k]) / 2
                            ) ** 2
                        if middle > ((length[a] + length[b]) / 2 + clearance) ** 2:
                            continue
                        if _close(
                            start[b] + shift - start[a],
                            u,
                            v,
                            clearance,
                            cosine * length[a] * length[b],
                        ):
                            return True
    return False


@compiled(__name__)
def _close(gap, u, v, clearance, along):
    """Whether struts 0 + s u and ``gap`` + t v collide; ``along`` bounds u·v where they share an
    end.
    """
    tiny = 1e-12 * (u @ u)
    for at_u, sign_u in ((0.0, 1.0), (1.0, -1.0)):
        for at_v, sign_v in ((0.0, 1.0), (1.0, -1.0)):
            d = gap + at_v * v - at_u * u
            if d @ d < tiny:
                return sign_u * sign_v * (u @ v) > along
    s, t = _closest_points(u @ u, v @ v, u @ v, u @ gap, v @ gap)
    d = gap + t * v - s * u
    return d @ d < clearance * clearance
