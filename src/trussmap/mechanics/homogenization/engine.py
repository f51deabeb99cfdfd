"""The entry points: designs, topologies under arbitrary maps, and any periodic strut lattice."""

from functools import cache
from typing import Literal, overload

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from trussmap.base.cache import cached_arrays
from trussmap.base.errors import InputError
from trussmap.base.parallel import in_threads, slices, thread_count
from trussmap.lattice import compound, descriptor
from trussmap.lattice.graph import PeriodicGraph
from trussmap.lattice.symmetry import reduce_by_symmetry
from trussmap.mechanics.homogenization import kernel
from trussmap.mechanics.homogenization.simd import LANES
from trussmap.mechanics.homogenization.sparse import homogenize_sparse
from trussmap.mechanics.homogenization.symbolic import SymbolicFactorization, concatenate, factorize
from trussmap.tensors.stiffness import POISSON_RATIO

# Nodes of a primitive cell, those of an inversion counted once, up to which the engine solves. For
# one solve it orders and factorizes in Python: 0.1 to 0.5 s at 100 nodes and 17 s at 500, where the
# sparse solver takes 0.01 and 0.13 s.
ENGINE_NODES = 100
# Designs that a thread works on at once: bounds the memory whatever the size of a shard.
_CHUNK = 65536


def homogenize_designs(
    designs: np.ndarray,
    orthotropic: bool = False,
    threads: int | None = None,
    poisson_ratio: float = POISSON_RATIO,
) -> np.ndarray:
    """Effective stiffness (n, 21) of designs (n, 19), base modulus 1; with ``orthotropic``, after
    the map U alone.

    ``poisson_ratio`` here and below is the base material's, as `check_poisson_ratio` has it.

    >>> homogenize_designs(descriptor.sample_designs(2022, 0, 5)).shape
    (5, 21)
    """
    maps = descriptor.orthotropic_map if orthotropic else descriptor.deformation_map
    out = np.empty((len(designs), 21))
    parts = slices(len(designs), _CHUNK, threads)

    def solve(part):
        own = designs[part]
        inner = threads if len(parts) == 1 else 1
        keys = descriptor.design_topology(own)
        density = own[:, descriptor.DENSITY]
        out[part] = homogenize_topologies(
            keys, maps(own), density, inner, poisson_ratio=poisson_ratio
        )

    in_threads(solve, parts, threads)
    return out


@overload
def homogenize_topologies(
    topology: np.ndarray,
    maps: np.ndarray,
    relative_density: np.ndarray,
    threads: int | None = None,
    *,
    gradient: Literal[True],
    poisson_ratio: float = POISSON_RATIO,
    areas: np.ndarray | None = None,
    shifts: np.ndarray | None = None,
    lattices: SymbolicFactorization | None = None,
) -> tuple[np.ndarray, np.ndarray]: ...
@overload
def homogenize_topologies(
    topology: np.ndarray,
    maps: np.ndarray,
    relative_density: np.ndarray,
    threads: int | None = None,
    *,
    poisson_ratio: float = POISSON_RATIO,
    areas: np.ndarray | None = None,
    shifts: np.ndarray | None = None,
    lattices: SymbolicFactorization | None = None,
) -> np.ndarray: ...
def homogenize_topologies(
    topology: np.ndarray,
    maps: np.ndarray,
    relative_density: np.ndarray,
    threads: int | None = None,
    *,
    gradient: bool = False,
    poisson_ratio: float = POISSON_RATIO,
    areas: np.ndarray | None = None,
    shifts: np.ndarray | None = None,
    lattices: SymbolicFactorization | None = None,
) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
    """Effective stiffness (n, 21) of topologies (n,) under maps (n, 3, 3) at relative densities
    (n,).

    Parameters
    ----------
    gradient : also its derivatives (n, 21, 10) by the nine entries of the map, row by row, and by
        the relative density, followed by those by ``areas`` and by ``shifts``, (n, 21, 10 + struts
        + 3 · nodes), as far as they are given
    areas : (n, struts) cross-sections relative to each other of the struts that symmetry tells
        apart (the ``struts`` of a `trussmap.lattice.symmetry.ReducedLattice`); columns that a
        lattice does not need are not read, and the derivatives by them are 0. The topology's own by
        default.
    shifts : (n, nodes, 3) by which the nodes that may move (its ``moving`` ones) stand off their
        places in the topology, before the map
    lattices : what ``topology`` numbers; the 197 topologies of the design space by default
    """
    lattices = topology_factorizations() if lattices is None else lattices
    return _run(
        lattices, topology, maps, relative_density, threads, gradient, poisson_ratio, areas, shifts
    )


def homogenize_lattice(
    graph: PeriodicGraph,
    maps: np.ndarray,
    relative_density: np.ndarray,
    threads: int | None = None,
    poisson_ratio: float = POISSON_RATIO,
) -> np.ndarray:
    """Effective stiffness (n, 21) of one periodic strut lattice under maps (n, 3, 3) at relative
    densities (n,).

    >>> cubic = compound.topologies()[0][0]
    >>> homogenize_lattice(cubic, np.array([np.eye(3), np.diag([2.0, 1, 1])]), np.array([0.03, 0.03]))[:, 0].round(6)
    array([0.01 , 0.015])
    """
    lattice = reduce_by_symmetry(graph)
    return _solve(
        [lattice], np.zeros(len(maps), int), maps, relative_density, threads, False, poisson_ratio
    )


def homogenize_cells(
    graphs: list[PeriodicGraph],
    relative_density: float | np.ndarray,
    threads: int | None = None,
    poisson_ratio: float = POISSON_RATIO,
) -> np.ndarray:
    """Effective stiffness (n, 21) of any periodic strut lattices at relative densities (n,) or one,
    base modulus 1.

    Raises
    ------
    InputError : a strut without length, a lattice in several parts or one not connected in all
        three directions, whose stiffness is not defined or singular; the message names the
        lattice's number from 1. Also one whose factorization does not fit into memory.

    >>> from trussmap.lattice.elementary import elementary_lattice
    >>> homogenize_cells([elementary_lattice(0)], 0.03)[0, 0].round(12)  # simple cubic: a third of the struts along x
    np.float64(0.01)
    """
    density = np.broadcast_to(np.asarray(relative_density, float), len(graphs))
    maps = np.broadcast_to(np.eye(3), (len(graphs), 3, 3))
    stiffness = homogenize_graphs(graphs, maps, density, threads, False, poisson_ratio)
    assert isinstance(stiffness, np.ndarray), "derivatives come only where they are asked for"
    return stiffness


def homogenize_graphs(
    graphs: list[PeriodicGraph],
    maps: np.ndarray,
    relative_density: np.ndarray,
    threads: int | None = None,
    gradient: bool = False,
    poisson_ratio: float = POISSON_RATIO,
) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
    """Effective stiffness (n, 21) of any periodic strut lattices, each under a map (n, 3, 3) at a
    density (n,).

    With ``gradient`` also its derivatives (n, 21, 10) by map and density, as of
    `homogenize_topologies`. Raises InputError as `homogenize_cells` does.
    """
    for number, graph in enumerate(graphs, 1):
        fault = mechanism(graph)
        if fault:
            raise InputError(f"lattice {number}: {fault}.")
    lattices = [reduce_by_symmetry(graph) for graph in graphs]
    return _solve(
        lattices, np.arange(len(graphs)), maps, relative_density, threads, gradient, poisson_ratio
    )


def _solve(lattices, which, maps, density, threads, gradient, poisson_ratio):
    """Stiffness, and derivatives where asked for, of the lattices that ``which`` (n,) numbers."""
    stiffness = np.empty((len(which), 21))
    derivatives = np.empty((len(which), 21, 10)) if gradient else None
    large = np.array([len(lattice.moving) > ENGINE_NODES for lattice in lattices], bool)[which]

    rows = np.flatnonzero(~large)
    if len(rows):
        numbers, which_small = np.unique(which[rows], return_inverse=True)
        small = concatenate([factorize(lattices[number]) for number in numbers])
        solved = _run(
            small, which_small, maps[rows], density[rows], threads, gradient, poisson_ratio
        )
        stiffness[rows] = solved[0] if gradient else solved
        if gradient:
            derivatives[rows] = solved[1]
    for row in np.flatnonzero(large):
        lattice = lattices[which[row]]
        solved = homogenize_sparse(lattice, maps[row], density[row], gradient, poisson_ratio)
        stiffness[row] = solved[0]
        if gradient:
            derivatives[row] = solved[1]
    return (stiffness, derivatives) if gradient else stiffness


def mechanism(graph: PeriodicGraph) -> str | None:
    """What leaves a lattice without a definite stiffness, in words, or None.

    Struts are rigidly joined beams, so a lattice in one part that connects to its images in three
    directions has none.
    """
    if len(graph.struts) == 0:
        return "it has no struts"
    if graph.lengths.min() < 1e-9 * graph.volume ** (1 / 3):
        return f"strut {int(graph.lengths.argmin()) + 1} has no length"
    i, j = graph.struts.T
    size = len(graph.nodes)
    used = np.unique(graph.struts)
    if len(used) < size:
        return f"node {int(np.setdiff1d(np.arange(size), used)[0]) + 1} has no strut"
    _, label = connected_components(
        coo_matrix((np.ones(len(i)), (i, j)), (size, size)), directed=False
    )
    parts = label.max() + 1
    if parts > 1:
        return f"it falls into {parts} parts that no strut joins, free to move against each other"
    rank = np.linalg.matrix_rank(cycles(graph))
    if rank < 3:
        return f"it connects to its periodic images in {rank} of 3 directions only and carries no load in the others"
    return None


def cycles(graph: PeriodicGraph) -> np.ndarray:
    """Cells (m, 3) by which each strut of a connected graph fails to close a way through the others
    back to its start.

    They span the directions in which the lattice connects to its images, and all of the cells only
    where it is one piece and not several that interpenetrate.
    """
    ways: list[list[tuple[int, int, int]]] = [[] for _ in graph.nodes]
    for strut, (first, second) in enumerate(graph.struts.tolist()):
        ways[first].append((second, strut, 1))
        ways[second].append((first, strut, -1))
    # Give each node a cell along a spanning tree.
    cell = np.zeros((len(graph.nodes), 3), int)
    known = {0}
    reached = [0]
    for node in reached:
        for other, strut, sign in ways[node]:
            if other not in known:
                known.add(other)
                reached.append(other)
                cell[other] = cell[node] + sign * graph.offsets[strut]
    i, j = graph.struts.T
    return cell[i] + graph.offsets - cell[j]


@cache
def topology_factorizations() -> SymbolicFactorization:
    """The symbolic factorizations of the 197 topologies, cached on disk."""

    def build():
        return concatenate(
            [factorize(reduce_by_symmetry(graph)) for graph in compound.topologies()[0]]
        )._asdict()

    return SymbolicFactorization(**cached_arrays("factorizations", build, __name__))


@cache
def _spare_workspaces(poisson_ratio):
    """Workspaces for the 197 topologies that no thread uses: getting their memory takes as long as
    a small batch.
    """
    return []


def lane_groups(topology: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Order (n,) of the designs by their topology (n,), and groups (g,) of at most LANES of one, as
    GROUP.
    """
    order = np.argsort(topology, kind="stable")
    present, first, count = np.unique(topology[order], return_index=True, return_counts=True)
    sizes = -(-count // LANES)
    groups = np.empty(sizes.sum(), kernel.GROUP)
    within = np.arange(len(groups)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    groups["topology"] = np.repeat(present, sizes)
    groups["first"] = np.repeat(first, sizes) + LANES * within
    groups["last"] = np.minimum(groups["first"] + LANES, np.repeat(first + count, sizes))
    return order, groups


def _run(
    factorization, topology, maps, density, threads, gradient, poisson_ratio, areas=None, shifts=None
):  # fmt: skip
    count = len(topology)
    # What has no columns is not given: an array without rows says so to the kernel.
    areas = np.empty((0, 0)) if areas is None or not areas.shape[1] else areas
    shifts = np.empty((0, 0, 3)) if shifts is None or not shifts.shape[1] else shifts
    columns = 10 + areas.shape[1] + 3 * shifts.shape[1]
    stiffness = np.empty((count, 21))
    derivative = np.empty((count if gradient else 0, 21, columns))
    if count:
        order, groups = lane_groups(np.asarray(topology))
        # Arrays of one type whatever came in, also where one may not write: the kernel is compiled
        # for these alone.
        inputs = [
            np.require(array, float, ["C", "A", "W"]) for array in (maps, density, areas, shifts)
        ]

        def solve(own):
            spare = (
                _spare_workspaces(poisson_ratio)
                if factorization is topology_factorizations()
                else []
            )
            try:
                work = spare.pop()
            except IndexError:
                work = kernel.workspace(factorization, poisson_ratio)
            kernel.run(own, order, *inputs, factorization, work, stiffness, derivative)
            spare.append(work)

        threads = thread_count(threads)
        # Large topologies stand together, so the groups are dealt out.
        in_threads(
            solve,
            [groups[first::threads].copy() for first in range(min(threads, len(groups)))],
            threads,
        )
    return (stiffness, derivative) if gradient else stiffness
