"""Speed of homogenization: the engine beside three other solvers, what bounds it, and what a
topology costs.

``make benchmark`` runs it and prints tables in Markdown, which docs/benchmarks.md quotes. All
solvers get designs of the same stream and are checked against each other; they take turns, so that
other work on the machine meets all.
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = (
    "1"  # before NumPy: two threads are two processes of the NumPy solvers
)

import inspect
import multiprocessing
import platform
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from pathlib import Path

import dense
import general_fe
import numba
import numpy as np

from trussmap.lattice import compound, descriptor
from trussmap.lattice.symmetry import reduce_by_symmetry
from trussmap.mechanics.homogenization import (
    engine,
    homogenize_designs,
    homogenize_topologies,
    kernel,
)
from trussmap.mechanics.homogenization.reference import homogenize_reference
from trussmap.mechanics.homogenization.simd import LANES, aligned_zeros, lanes
from trussmap.mechanics.homogenization.symbolic import factorize

SEED, ROUNDS = 7, 3
# Designs of one measurement: the engine's are a shard of the study, the others' as many as take
# about two seconds.
ENGINE_DESIGNS, DENSE_DESIGNS, CELL_DESIGNS = 100_000, 10_000, 100


def solve_engine(designs, threads=1):
    """Stiffness (n, 2, 21) after U and in full, like all solvers here."""
    return np.stack(
        [homogenize_designs(designs, orthotropic, threads) for orthotropic in (True, False)], 1
    )


def table(header, rows):
    print("| " + " | ".join(header) + " |\n" + "|---" * len(header) + "|")
    for row in rows:
        print("| " + " | ".join(row) + " |")


def _cell_by_cell(solve, designs):
    graphs = compound.topologies()[0]
    keys, maps = (
        descriptor.design_topology(designs),
        (descriptor.orthotropic_map, descriptor.deformation_map),
    )
    rows = zip(
        keys, designs[:, descriptor.DENSITY], *[stage(designs) for stage in maps], strict=True
    )
    return np.array(
        [[solve(graphs[key].mapped(a), density) for a in stages] for key, density, *stages in rows]
    )


def solve_sparse(designs):
    return _cell_by_cell(homogenize_reference, designs)


def solve_general_fe(designs):
    module, _ = general_fe.load()
    return _cell_by_cell(
        lambda graph, density: general_fe.homogenize(module, graph, density), designs
    )


def timed(function, *arguments):
    wall, cpu = time.perf_counter(), time.process_time()
    result = function(*arguments)
    return time.perf_counter() - wall, time.process_time() - cpu, result


def compare(pool):
    """Designs per second of all solvers on one and two threads, and how far they are apart."""
    solvers = [
        ("engine", solve_engine, ENGINE_DESIGNS),
        ("NumPy, dense batches, same symmetry reduction", dense.homogenize, DENSE_DESIGNS),
        ("scipy.sparse, cell by cell", solve_sparse, CELL_DESIGNS),
    ]
    try:
        solvers.append((general_fe.load()[1] + ", cell by cell", solve_general_fe, CELL_DESIGNS))
    except ImportError as error:
        print(f"{error}.\n")
    designs = descriptor.sample_designs(SEED, 0, ENGINE_DESIGNS)
    exact = solve_engine(designs, 2)
    for _, solve, _ in solvers[1:]:  # warm up
        list(pool.map(solve, [designs[:20]] * 2))
    seconds = {name: [] for name, _, _ in solvers}
    apart = {}
    for _ in range(ROUNDS):
        for name, solve, count in solvers:
            wall, cpu, result = timed(solve, designs[:count])
            if solve is solve_engine:
                double = timed(solve, designs, 2)[0]
            else:
                double = timed(
                    lambda solve=solve, n=count: list(
                        pool.map(solve, np.array_split(designs[:n], 2))
                    )
                )[0]
            seconds[name].append((wall / count, double / count, cpu / count))
            apart[name] = (
                np.abs(result - exact[:count]).max(-1) / np.abs(exact[:count]).max(-1)
            ).max()
    own, rows = np.min(seconds["engine"], axis=0), []
    for name in seconds:
        one, two, cpu = best = np.min(seconds[name], axis=0)
        factors = [f"{factor:,.0f}" for factor in best / own]
        rows.append(
            [
                name,
                f"{1 / one:,.0f}",
                f"{1 / two:,.0f}",
                f"{cpu * 1e6:,.1f}",
                *factors,
                f"{apart[name]:.0e}",
            ]
        )
    header = [
        "solver",
        "designs/s, 1 thread",
        "2 threads",
        "CPU µs/design",
        "engine faster, 1 thread",
        "2 threads",
    ]
    table([*header, "by CPU time", "differs by"], rows)
    ratios = np.array(seconds[solvers[1][0]]) / np.array(seconds["engine"])
    by_round = "; ".join(f"{one:.0f}, {two:.0f}" for one, two, _ in ratios)
    print(
        f"\nBest of {ROUNDS} rounds, solvers in turns; a design is two solves, after U and in "
        f"full. The engine over"
    )
    print(f"dense NumPy round by round, 1 and 2 threads: {by_round}.\n")


class _Count:
    """Stands for `simd.Lanes` and for the arrays of a kernel function; counts its arithmetic."""

    flops = 0

    def _operation(self, *_):
        _Count.flops += 1
        return self

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __rtruediv__ = sqrt = _operation

    def __neg__(self):
        return self

    def block(self, *_):
        return self

    def __getitem__(self, _):
        return self

    def __setitem__(self, *_):
        pass


def _flops(function):
    _Count.flops = 0
    function.body(*[_Count() for _ in inspect.signature(function.body).parameters])
    return _Count.flops


def count_flops(factorizations):
    """Operations (t, 2) of one solve, assembly and elimination: + − × ÷ √ count one each, so a
    fused one two.
    """
    strut, diagonal, below = (
        _flops(f) for f in (kernel.element_blocks, kernel.invert_factor, kernel.times_factor)
    )
    counts = []
    for f in factorizations:
        on_diagonal = f.eliminations["block"] == f.eliminations["diagonal"]
        scaled = (f.eliminations["diagonal"] >= 0) & ~on_diagonal
        eliminate = 54 * len(f.products) + diagonal * on_diagonal.sum() + below * scaled.sum()
        counts.append((strut * len(f.vectors) + 18 * len(f.contributions), eliminate))
    return np.array(counts, float)


@numba.njit(error_model="numpy")
def _repeat(times, eliminate, factorization, work):
    for _ in range(times):
        work.matrix[:] = 0.0
        kernel.assemble(factorization, work)
        if eliminate:
            kernel.eliminate(factorization, work.matrix)


def stage_seconds(factorizations, times=30):
    """CPU seconds (t, 2) of assembly and elimination of one solve, one thread."""
    out = []
    for f in factorizations:
        work = kernel.workspace(f)
        work.vectors[:], work.areas[:] = f.vectors[:, :, None], 1.0
        work.area[:] = 0.05 * f.volumes[0] / (f.weights @ np.linalg.norm(f.vectors, axis=1))
        _repeat(1, True, f, work)
        assemble, both = (
            min(timed(_repeat, times, e, f, work)[1] for _ in range(3)) for e in (False, True)
        )
        out.append((assemble, both - assemble))
    return np.array(out) / (times * LANES)


@lanes
def _fused(x, y):
    sums = [x[k] for k in range(16)]
    factor, term = y[0], y[1]
    for _ in range(32):
        sums = [s * factor + term for s in sums]
    for k in range(16):
        x[k] = sums[k]


@numba.njit
def _fuse(times, x, y):
    for _ in range(times):
        _fused(x, y)


def peak():
    """Double-precision FLOP rates of one core: fused multiply-adds in registers, and a large matrix
    product.
    """
    x, y = aligned_zeros(16, LANES), aligned_zeros(2, LANES)
    x[:], y[0], y[1] = 1.0, 0.5, 0.5
    _fuse(1, x, y)
    fused = 200_000 * 16 * 32 * 2 * LANES / min(timed(_fuse, 200_000, x, y)[1] for _ in range(4))
    a = np.random.default_rng(0).random((1500, 1500))
    return fused, 2 * 1500**3 / min(timed(np.matmul, a, a)[1] for _ in range(4))


def bounds(factorizations, share):
    """What a solve consists of, in operations and in time, against the peak."""
    flops, stages = share @ count_flops(factorizations), share @ stage_seconds(factorizations)
    fused, product = peak()
    designs = descriptor.sample_designs(SEED, 0, ENGINE_DESIGNS)
    total = min(timed(homogenize_designs, designs, False, 1)[1] for _ in range(3))
    keys, maps = descriptor.design_topology(designs), descriptor.deformation_map(designs)
    parts = [
        (
            "topology numbers and maps (NumPy)",
            lambda: (descriptor.design_topology(designs), descriptor.deformation_map(designs)),
        ),
        ("sorting into groups of lanes (NumPy)", lambda: engine.lane_groups(keys)),
        (
            "kernel and its call",
            lambda: homogenize_topologies(keys, maps, designs[:, descriptor.DENSITY], 1),
        ),
    ]
    seconds = [min(timed(part)[1] for _ in range(3)) / len(designs) for _, part in parts]
    seconds[2] -= seconds[1]  # the kernel's caller sorts
    total /= len(designs)
    rows = [[name, value, ""] for (name, _), value in zip(parts, seconds, strict=True)]
    rows += [["… assembly", stages[0], flops[0]], ["… elimination", stages[1], flops[1]]]
    rows += [
        ["… gather, strut vectors, scatter", seconds[2] - stages.sum(), ""],
        ["call, chunks, the rest", total - sum(seconds), ""],
    ]
    rows.append(["all", total, flops.sum()])
    for row in rows:
        name, value, work = row
        rate = (
            [f"{work / 1e3:.1f}", f"{work / value / 1e9:.1f}", f"{work / value / fused:.0%}"]
            if work
            else [""] * 3
        )
        row[:] = [name, f"{value * 1e6:.2f}", f"{value / total:.0%}", *rate]
    table(["part of a solve", "µs", "share", "kFLOP", "GFLOP/s", "of the peak"], rows)
    print("\nCPU time of one thread, means over the sampling. Peak of one core: ", end="")
    print(f"{fused / 1e9:.1f} GFLOP/s fusing multiply and add in registers,")
    print(f"{product / 1e9:.1f} in a product of large matrices by OpenBLAS.\n")


def cost_by_size(factorizations, lattices, share, graphs, batch=512):
    """Cost of a solve by the degrees of freedom of the topology."""
    freedom = np.array([3 * (len(lattice.moving) + lattice.moving.sum()) for lattice in lattices])
    nodes = np.array([len(graph.nodes) for graph in graphs])
    flops = count_flops(factorizations)
    cost = np.empty(len(factorizations))
    density, maps = np.full(batch, 0.05), np.broadcast_to(np.eye(3), (batch, 3, 3))
    for key in range(len(factorizations)):
        cost[key] = (
            min(
                timed(homogenize_topologies, np.full(batch, key), maps, density, 1)[1]
                for _ in range(3)
            )
            / batch
        )
    rows = []
    for low, high in pairwise([0, 15, 30, 60, 90, 120, 1000]):
        chosen = (freedom > low) & (freedom <= high)
        weight = share[chosen] / share[chosen].sum()
        ranges = [f"{values[chosen].min()}–{values[chosen].max()}" for values in (freedom, nodes)]
        work = [f"{value / 1e3:.1f}" for value in weight @ flops[chosen]]
        shares = [f"{chosen.sum()}", f"{share[chosen].sum():.1%}"]
        rows.append([*ranges, *shares, *work, f"{weight @ cost[chosen] * 1e6:.1f}"])
    header = ["degrees of freedom", "nodes of the cell", "topologies", "designs"]
    table([*header, "kFLOP assembly", "kFLOP elimination", "µs/solve"], rows)
    large = freedom > 30
    slope = np.polyfit(np.log(freedom[large]), np.log(cost[large]), 1)[0]
    print(
        f"\nMeans over the sampling: {share @ freedom:.0f} degrees of freedom, "
        f"{share @ nodes:.0f} nodes of the cell."
    )
    print(f"Above 30 degrees of freedom the cost grows with their power {slope:.1f}.")


def derivatives(lattices, count=10_000, batch=500):
    """Cost of the derivatives of a stiffness, in solves."""
    designs = descriptor.sample_designs(SEED, 0, count)
    keys = descriptor.design_topology(designs)
    designs, keys = (
        array[np.argsort(keys, kind="stable")] for array in (designs, keys)
    )  # as searches have them
    maps, density = descriptor.deformation_map(designs), designs[:, descriptor.DENSITY]
    struts = np.array([len(lattice.vectors) for lattice in lattices])
    nodes = np.array([lattice.moving.sum() for lattice in lattices])
    areas, shifts = np.ones((count, struts.max())), np.zeros((count, nodes.max(), 3))
    for key, lattice in enumerate(lattices):
        areas[keys == key, : struts[key]] = lattice.areas

    def solve(gradient, with_areas, with_shifts):
        for first in range(0, count, batch):
            part = slice(first, first + batch)
            own = keys[part]
            given = {
                "areas": areas[part, : struts[own].max()] if with_areas else None,
                "shifts": shifts[part, : nodes[own].max()] if with_shifts else None,
            }
            homogenize_topologies(own, maps[part], density[part], 1, gradient, **given)

    ways = {
        "stiffness": (False, False, False),
        "with its derivatives by map and density (10)": (True, False, False),
        "… and by the area of every strut that symmetry tells apart": (True, True, False),
        "… and by the coordinates of every node that may move": (True, True, True),
    }
    seconds = {name: [] for name in ways}
    for _ in range(5):
        for name, way in ways.items():
            seconds[name].append(timed(solve, *way)[1])
    one = min(seconds["stiffness"])
    table(["", "solves"], [[name, f"{min(own) / one:.1f}"] for name, own in seconds.items()])
    print(
        f"\n{count:,} designs, one thread, CPU time, best of five in turns; in the median "
        f"topology of the 197,"
    )
    print(f"{np.median(struts):.0f} struts and {3 * np.median(nodes):.0f} coordinates.\n")


def machine():
    name, info = platform.processor() or platform.machine(), Path("/proc/cpuinfo")
    if info.exists():
        fields = dict(
            line.split(":", 1)
            for line in info.read_text(encoding="utf-8").splitlines()
            if ":" in line
        )
        fields = {name.strip(): value.strip() for name, value in fields.items()}
        name = fields.get("model name", name) + (
            " with AVX-512" if "avx512f" in fields.get("flags", "") else ""
        )
    versions = (
        f"Python {platform.python_version()}, NumPy {np.__version__}, Numba {numba.__version__}"
    )
    return (
        f"{name}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before the run; {versions}"
    )


def main():
    print(f"Machine: {machine()}.\n")
    dense.prepare()
    # Forked before Numba starts threads, so that the workers have the topologies.
    method = "fork" if "fork" in multiprocessing.get_all_start_methods() else None
    with ProcessPoolExecutor(2, multiprocessing.get_context(method)) as pool:
        list(pool.map(abs, range(4)))
        compare(pool)
    graphs = compound.topologies()[0]
    lattices = [reduce_by_symmetry(graph) for graph in graphs]
    factorizations = [factorize(lattice) for lattice in lattices]
    keys = descriptor.design_topology(descriptor.sample_designs(SEED, 0, 1_000_000))
    share = np.bincount(keys, minlength=len(graphs)) / len(keys)
    bounds(factorizations, share)
    cost_by_size(factorizations, lattices, share, graphs)
    derivatives(lattices)


if __name__ == "__main__":
    main()
