"""Large lattices: CPU time and peak memory by number of struts, beside the engine.

    python benchmarks/big_lattices.py > docs/results/big_lattices.json    # 15 CPU minutes, 5 GB
    python benchmarks/big_lattices.py --one voronoi 10000 sparse          # one of its lattices

Every lattice is solved in its own process, on one thread. Noise of a tenth of a strut takes the
symmetry from tiled cells, so that the solver gets all of their struts. Random networks are the
edges of the Delaunay and of the Voronoi tessellation of random points in a periodic cube.

Prediction, written after runs up to 20,000 struts: time grows with the square of the number of
struts and memory with its power 4/3 (nested dissection of a three-dimensional network), so that
40,000 struts of the cubic network take 100 s and 154 million numbers in both factors.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from dataclasses import replace
from itertools import product

import numpy as np
from scipy.spatial import Delaunay, Voronoi, cKDTree

from trussmap.lattice.elementary import elementary_lattice
from trussmap.lattice.graph import PeriodicGraph, strut_names
from trussmap.lattice.symmetry import reduce_by_symmetry
from trussmap.mechanics.homogenization import homogenize_cells, homogenize_topologies
from trussmap.mechanics.homogenization.engine import mechanism
from trussmap.mechanics.homogenization.sparse import homogenize_sparse
from trussmap.mechanics.homogenization.symbolic import concatenate, factorize

DENSITY = 0.05
SIZES = (500, 1_000, 2_000, 5_000, 10_000, 20_000, 40_000)
#: Struts up to which the engine runs beside the sparse solver.
ENGINE_STRUTS = 1_000
# All cells around the first, itself in front.
_CELLS = np.array(sorted(product((-1, 0, 1), repeat=3), key=lambda cell: np.abs(cell).sum()))


def noisy(number: int, struts: int) -> PeriodicGraph:
    """A tiled elementary lattice of about so many struts, its nodes moved at random."""
    cell = elementary_lattice(number)
    graph = cell.tiled(round((struts / len(cell.struts)) ** (1 / 3)))
    shortest = np.linalg.norm(graph.fractional_vectors, axis=1).min()
    noise = np.random.default_rng(0).uniform(-1, 1, graph.nodes.shape)
    return replace(graph, nodes=graph.nodes + 0.1 * shortest * noise)


def _network(nodes, ends, cells):
    """Graph of nodes (n, 3) in the cell and struts between ends (m, 2) in cells (m, 2, 3)."""
    names = strut_names(ends, cells[:, 1] - cells[:, 0])
    names = np.unique(names[(cells == 0).all(-1).any(1)], axis=0)
    return PeriodicGraph(nodes, names[:, :2], names[:, 2:])


def delaunay(struts: int) -> PeriodicGraph:
    """Edges of the Delaunay tessellation of random points; 15.5 of them meet in a node."""
    points = np.random.default_rng(0).random((round(struts / 7.77), 3))
    simplices = Delaunay((_CELLS[:, None] + points).reshape(-1, 3)).simplices
    edges = np.concatenate([simplices[:, [a, b]] for a in range(4) for b in range(a)])
    cell, node = np.divmod(edges, len(points))
    return _network(points, node, _CELLS[cell])


def voronoi(struts: int) -> PeriodicGraph:
    """Edges of the Voronoi cells of random points, an open foam; 4 of them meet in a node."""
    points = np.random.default_rng(0).random((round(struts / 13.54), 3))
    diagram = Voronoi((_CELLS[:, None] + points).reshape(-1, 3))
    rings = [ring for ring in diagram.ridge_vertices if -1 not in ring]
    pairs = [zip(ring, ring[1:] + ring[:1], strict=True) for ring in rings]
    edges = np.array([edge for ring in pairs for edge in ring])
    cells = np.floor(diagram.vertices).astype(int)
    near = (np.abs(cells) <= 1).all(1)
    edges = edges[near[edges].all(1)]

    nodes = diagram.vertices[(cells == 0).all(1)]
    places = np.where(near[:, None], diagram.vertices, 0) % 1
    _, node = cKDTree(nodes, boxsize=1.0).query(places)
    cells = np.rint(diagram.vertices - nodes[node])
    return _network(nodes, node[edges], np.where(near[:, None], cells, 0).astype(int)[edges])


NETWORKS = {
    "cubic": lambda struts: noisy(0, struts),
    "octet": lambda struts: noisy(1, struts),
    "delaunay": delaunay,
    "voronoi": voronoi,
}


def measure(kind: str, struts: int, solver: str) -> dict[str, object]:
    """Solve one lattice: CPU seconds of everything after its graph, and peak memory of the process."""
    graph = NETWORKS[kind](struts)
    if solver == "engine":
        homogenize_cells([elementary_lattice(0)], DENSITY, 1)  # loads its machine code
    before = time.process_time()
    fault = mechanism(graph)
    assert fault is None, fault
    if solver == "engine":
        lattices = concatenate([factorize(reduce_by_symmetry(graph))])
        density = np.array([DENSITY])
        stiffness = homogenize_topologies([0], np.eye(3)[None], density, 1, lattices=lattices)[0]
    else:
        stiffness = homogenize_sparse(reduce_by_symmetry(graph), np.eye(3), DENSITY)[0]
    return {
        "struts": len(graph.struts),
        "nodes": len(graph.nodes),
        "cpu_seconds": time.process_time() - before,
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "stiffness": stiffness.tolist(),
    }


def _run(kind, struts, solver):
    """What `measure` returns, of a process of its own."""
    command = [sys.executable, __file__, "--one", kind, str(struts), solver]
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    return json.loads(subprocess.check_output(command, env=os.environ | threads))


def table(kind: str) -> list[dict[str, float]]:
    """A row for each size of a kind of lattice."""
    rows = []
    for struts in SIZES:
        row = _run(kind, struts, "sparse")
        if rows and row["struts"] == rows[-1]["struts"]:
            continue  # the same tiles
        stiffness = np.array(row.pop("stiffness"))
        if struts <= ENGINE_STRUTS:
            engine = _run(kind, struts, "engine")
            off = np.abs(stiffness - engine["stiffness"]).max() / np.abs(stiffness).max()
            row["engine_cpu_seconds"] = engine["cpu_seconds"]
            row["engine_peak_gib"] = engine["peak_gib"]
            row["difference"] = float(off)
        for name, value in row.items():
            row[name] = float(f"{value:.3g}") if isinstance(value, float) else value
        rows.append(row)
        print(kind, rows[-1], file=sys.stderr, flush=True)
    return rows


def slope(rows: list[dict[str, float]], name: str, least: int) -> float:
    """Power of the number of struts with which a column grows, for lattices of at least so many."""
    kept = [row for row in rows if row["struts"] >= least]
    struts, values = (np.log([row[key] for row in kept]) for key in ("struts", name))
    return round(float(np.polyfit(struts, values, 1)[0]), 2)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--one", nargs=3, metavar=("KIND", "STRUTS", "SOLVER"))
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(given.one[0], int(given.one[1]), given.one[2])))
    else:
        lattices = {kind: table(kind) for kind in NETWORKS}
        slopes = {
            kind: {
                "time": slope(rows, "cpu_seconds", 0),
                "time_from_10000": slope(rows, "cpu_seconds", 8_000),
                "memory_from_10000": slope(rows, "peak_gib", 8_000),
            }
            for kind, rows in lattices.items()
        }
        machine = f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.0f}"
        print(json.dumps({"machine": machine, "slopes": slopes, "lattices": lattices}, indent=1))
