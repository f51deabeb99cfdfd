"""The entry points: designs, topologies under arbitrary maps, and any periodic strut lattice."""

from functools import cache

import numba
import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from trussmap.errors import InputError
from trussmap.homogenization import kernel
from trussmap.homogenization.program import compile_program
from trussmap.homogenization.simd import LANES
from trussmap.lattice import compound, descriptor
from trussmap.lattice.symmetry import reduce_by_symmetry

# Designs worked on at once: bounds the memory whatever the size of a shard.
_CHUNK = 65536


def homogenize_designs(designs, orthotropic=False, threads=None):
    """Effective stiffness (n, 21) of designs (n, 19), base modulus 1; with ``orthotropic``, after the map U alone."""
    maps = descriptor.orthotropic_map if orthotropic else descriptor.deformation_map
    keys = descriptor.topology_keys(designs)
    out = np.empty((len(designs), 21))
    for start in range(0, len(designs), _CHUNK):
        part = slice(start, start + _CHUNK)
        out[part] = homogenize_topologies(keys[part], maps(designs[part]), designs[part, 0], threads)
    return out


def homogenize_topologies(topology, maps, relative_density, threads=None, gradient=False):
    """Effective stiffness (n, 21) of topologies (n,) under maps (n, 3, 3) at relative densities (n,).

    With ``gradient`` also its derivatives (n, 21, 10) by the nine entries of the map, row by row, and by the relative
    density.
    """
    return _run(_topology_programs(), topology, maps, relative_density, threads, gradient)


def homogenize_cells(graphs, relative_density, areas=None, threads=None):
    """Effective stiffness (n, 21) of any periodic strut lattices, base modulus 1.

    Parameters
    ----------
    graphs : list of PeriodicGraph
    relative_density : scalar or (n,)
    areas : list of (m,) relative strut cross-sections, all alike by default

    Raises
    ------
    InputError : a strut without length, a lattice in several parts or one not connected in all three directions, whose
        stiffness is not defined or singular; the message names the lattice's number from 1.
    """
    areas = areas or [None] * len(graphs)
    for number, graph in enumerate(graphs, 1):
        fault = mechanism(graph)
        if fault:
            raise InputError(f"lattice {number}: {fault}.")
    programs = [
        compile_program(reduce_by_symmetry(graph, area), area) for graph, area in zip(graphs, areas, strict=True)
    ]
    density = np.broadcast_to(np.asarray(relative_density, float), len(graphs))
    maps = np.broadcast_to(np.eye(3), (len(graphs), 3, 3))
    return _run(_concatenate(programs), np.arange(len(graphs)), maps, density, threads, False)


def mechanism(graph):
    """What leaves a lattice without a definite stiffness, in words, or None.

    Struts are rigidly joined beams, so a lattice in one part that connects to its images in three directions has none.
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
    _, label = connected_components(coo_matrix((np.ones(len(i)), (i, j)), (size, size)), directed=False)
    parts = label.max() + 1
    if parts > 1:
        return f"it falls into {parts} parts that no strut joins, free to move against each other"
    # Give each node a cell along a spanning tree; what the other struts fail to close spans the periodic directions.
    cell, known = np.zeros((size, 3), int), np.zeros(size, bool)
    known[0] = True
    while not known.all():
        forward, backward = known[i] & ~known[j], known[j] & ~known[i]
        cell[j[forward]], known[j[forward]] = (cell[i] + graph.offsets)[forward], True
        backward &= ~known[i]
        cell[i[backward]], known[i[backward]] = (cell[j] - graph.offsets)[backward], True
    rank = np.linalg.matrix_rank(cell[i] + graph.offsets - cell[j])
    if rank < 3:
        return f"it connects to its periodic images in {rank} of 3 directions only and carries no load in the others"
    return None


@cache
def _topology_programs():
    return _concatenate([compile_program(reduce_by_symmetry(graph)) for graph in compound.topologies()[0]])


def _concatenate(programs):
    """Arguments of the kernel that describe the lattices: offsets of each one's parts, and the parts end to end."""

    def join(name):
        return np.ascontiguousarray(np.concatenate([getattr(p, name) for p in programs]))

    parts = ("vectors", "adds", "targets", "pairs", "rows", "below")
    lengths = np.array([[len(getattr(p, name)) for name in parts] for p in programs])
    extents = np.zeros((len(programs) + 1, 7), dtype=np.int64)
    extents[1:, :6] = np.cumsum(lengths, axis=0)
    extents[:-1, 6] = [p.blocks for p in programs]
    volume = np.repeat([p.volume for p in programs], lengths[:, 0])
    return {
        "extents": extents,
        "geometry": np.column_stack([join("vectors"), join("weights"), join("areas"), volume]),
        **{name: join(name) for name in ("adds", "factors", "targets", "pairs", "rows", "below", "below_end", "ends")},
        "strain_blocks": np.stack([p.strain_blocks for p in programs]),
    }


def _aligned_zeros(*shape):
    """Zeros that start on a vector's boundary, as the vector instructions need."""
    size = int(np.prod(shape))
    raw = np.zeros(size + LANES)
    first = -(raw.ctypes.data // 8) % LANES
    return raw[first : first + size].reshape(shape)


def _lane_groups(topology):
    """Designs sorted by topology, and groups (g, 3) of at most LANES of one: topology, first and last position."""
    order = np.argsort(topology, kind="stable")
    kinds, first, count = np.unique(topology[order], return_index=True, return_counts=True)
    groups = [
        np.column_stack([np.full_like(begin, kind), begin, np.minimum(begin + LANES, start + size)])
        for kind, start, size in zip(kinds, first, count, strict=True)
        for begin in [np.arange(start, start + size, LANES)]
    ]
    return order, np.concatenate(groups).astype(np.int64)


def _run(programs, topology, maps, density, threads, gradient):
    count = len(topology)
    stiffness, derivative = np.empty((count, 21)), np.empty((count if gradient else 0, 21, 10))
    if count:
        order, groups = _lane_groups(np.asarray(topology))
        extents = programs["extents"]
        struts, columns = np.diff(extents[:, 0]).max(), np.diff(extents[:, 4]).max()
        available = numba.config.NUMBA_NUM_THREADS
        used = max(1, min(threads or available, available))
        numba.set_num_threads(used)
        # Each thread gets one run of the groups: deal them out, for large topologies stand together.
        groups = np.concatenate([groups[first::used] for first in range(used)])
        kernel.run(
            groups,
            order,
            np.ascontiguousarray(maps, dtype=float),
            np.ascontiguousarray(density, dtype=float),
            *programs.values(),
            _aligned_zeros(available, extents[:, 6].max() + kernel.KINDS, 9, LANES),
            _aligned_zeros(available, struts, 3, LANES),
            _aligned_zeros(available, columns if gradient else 1, 18, LANES),
            _aligned_zeros(available, kernel.SCRATCH, LANES),
            stiffness,
            derivative,
        )
    return (stiffness, derivative) if gradient else stiffness
