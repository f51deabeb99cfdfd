"""Graded structures put to the proof: docs/results/grading.json.

    python benchmarks/grading.py structure opensees scale pairs      # all of it, or some; what was
    killed goes on

- structure: finite bars of beams against a continuum of the same graded stiffness, 2, 4 and 8 cells across
- opensees: one of these bars by OpenSees' elasticTimoshenkoBeam
- scale: seconds and memory against the number of struts
- pairs: 100 random pairs of designs, graded and faded

Bars of up to 415,000 equations are solved by MKL PARDISO, and one again by OpenSees; both lie
beside the environment: pip install --no-deps --prefix build/mkl pypardiso mkl intel-openmp tbb
tcmlib umf psutil pip install --target build/benchmark openseespy==3.7.1.2
"""

import json
import os
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import skfem
from general_fe import load
from scipy.sparse import triu
from skfem.helpers import ddot, sym_grad

from trussmap.base.errors import InputError
from trussmap.base.io import write_json
from trussmap.grading import Sites, fade, grade
from trussmap.lattice.descriptor import sample_designs
from trussmap.mechanics.homogenization import homogenize_designs
from trussmap.mechanics.homogenization.reference import beam_stiffness, frame_matrix
from trussmap.mechanics.solver import Solver
from trussmap.parts.region import box
from trussmap.targets.reading import read_all_targets
from trussmap.tensors.material import Material
from trussmap.tensors.stiffness import PAIRS, POISSON_RATIO, unpack

MKL = Path("build/mkl")
sys.path += ["build/benchmark", *map(str, MKL.glob("lib/python*/site-packages"))]
RESULTS = Path("docs/results/grading.json")
#: What the search over all topologies finds for the specimens.
CARRIER = np.array([8])
#: The finite bars in mm, and sizes of their cells. With struts that differ so much one cell does
#: for all sites, so that faces are planes of nodes and beams are held as the continuum is.
BAR, CELLS, RADIUS_RATIO = np.array([16.0, 4, 4]), (2.0, 1.0, 0.5), 10.0
LOADS = ("tension", "shear", "bending", "torsion")


def bone_sites(length):
    """The four specimens evenly along a bar, the first and last an eighth of its length from its
    ends.
    """
    targets = read_all_targets("resources/bone_targets_gpa.csv", Material(114.0))
    places = np.zeros((4, 3))
    places[:, 0] = np.linspace(length / 8, 7 * length / 8, 4)
    return Sites(places, targets.stiffness, targets.names)


def rigid_motions(points, centre):
    """Displacements (4, n, 3) and rotations (4, 3) of the loaded end under each of ``LOADS``, of
    size 1.
    """
    shift = np.array([[1.0, 0, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0]])
    turn = np.array([[0.0, 0, 0], [0, 0, 0], [0, 1, 0], [1, 0, 0]])
    return shift[:, None] + np.cross(turn[:, None], points - centre), turn


def solved(matrix, right):
    """Solutions of a symmetric, positive definite system, by Cholesky factorization in MKL PARDISO."""
    os.environ.setdefault("PYPARDISO_MKL_RT", str(next(MKL.glob("lib/libmkl_rt*"))))
    import pypardiso

    solver = pypardiso.PyPardisoSolver(mtype=2)
    found = solver.solve(triu(matrix).tocsr(), np.ascontiguousarray(right))
    solver.free_memory(everything=True)
    return found


def work(matrix, held, prescribed):
    """Twice the energy (l,) of a body whose degrees of freedom ``held`` have the values
    ``prescribed`` (held, l).
    """
    free = np.setdiff1d(np.arange(matrix.shape[0]), held)
    matrix = matrix.tocsr()
    u = np.zeros((matrix.shape[0], prescribed.shape[1]))
    u[held] = prescribed
    u[free] = solved(matrix[free][:, free], -(matrix[free][:, held] @ prescribed))
    return (u * (matrix @ u)).sum(0)


def frame_end_motion(structure, region, cell):
    """Degrees of freedom of both ends of a bar along x, and their values (held, 4): one end held,
    the other moved.
    """
    at = structure.places[:, 0]
    first, last = (
        np.flatnonzero(np.abs(at - x) < 1e-6 * cell) for x in (region.low[0], region.high[0])
    )
    centre = np.array([region.high[0], *(region.low + region.high)[1:] / 2])
    shift, turn = rigid_motions(structure.nodes[last], centre)
    moved = np.concatenate([shift, np.broadcast_to(turn[:, None], shift.shape)], 2)
    held = (6 * np.concatenate([first, last])[:, None] + np.arange(6)).ravel()
    return held, np.vstack([np.zeros((6 * len(first), 4)), moved.reshape(4, -1).T])


def frame_work(graded, cut):
    """Twice the energy under each of ``LOADS`` of the finite structure as Timoshenko beams.

    ``cut``: whether struts in its faces have half of their section, as those of the neighbouring
    cells would be cut.
    """
    s = graded.structure
    elements = beam_stiffness(s.lengths, s.radii, POISSON_RATIO)
    if cut:
        elements *= s.share[:, None, None]
    held, prescribed = frame_end_motion(s, graded.region, graded.cell)
    return work(frame_matrix(s.nodes, s.struts, elements), held, prescribed)


def continuum_work(sites, size, elements):
    """The same of a continuum with the prescribed stiffness, quadratic hexahedra (elements along x,
    y and z).
    """
    axes = [np.linspace(0, edge, n + 1) for edge, n in zip(size, elements, strict=True)]
    basis = skfem.Basis(
        skfem.MeshHex.init_tensor(*axes), skfem.ElementVector(skfem.ElementHex2()), intorder=4
    )
    where = basis.global_coordinates().value  # (3, elements, quadrature points)
    x, place = np.unique(where[0].round(9), return_inverse=True)
    c = unpack(sites.stiffness(np.column_stack([x, 0 * x, 0 * x])))[place.reshape(where[0].shape)]
    tensor = np.empty((3, 3, 3, 3, *where[0].shape))
    for i, (p, q) in enumerate(PAIRS):
        for j, (r, s) in enumerate(PAIRS):
            for a, b in {(p, q), (q, p)}:
                for m, n in {(r, s), (s, r)}:
                    tensor[a, b, m, n] = c[..., i, j]

    @skfem.BilinearForm
    def energy(u, v, _):
        return ddot(np.einsum("ijkl...,kl...->ij...", tensor, sym_grad(u)), sym_grad(v))

    matrix = energy.assemble(basis)
    first = basis.get_dofs(lambda x: np.isclose(x[0], 0)).all()
    last = basis.get_dofs(lambda x: np.isclose(x[0], size[0])).all()
    centre = np.array([size[0], size[1] / 2, size[2] / 2])
    shift, _ = rigid_motions(basis.doflocs[:, last].T, centre)
    component = np.empty(basis.N, int)
    for k in range(3):
        component[_component(basis, k)] = k
    moved = np.take_along_axis(
        shift, np.broadcast_to(component[last][None, :, None], (4, len(last), 1)), 2
    )[..., 0]
    return work(
        matrix, np.concatenate([first, last]), np.vstack([np.zeros((len(first), 4)), moved.T])
    )


def _component(basis, k):
    """Degrees of freedom of one component of a displacement: those that a field of it alone has."""
    ones = basis.project(
        lambda x: np.stack([np.full(x[0].shape, float(axis == k)) for axis in range(3)])
    )
    return np.flatnonzero(np.abs(ones) > 0.5)


def bone_bar(cell):
    """The bar of beams for cells of a size."""
    return grade(bone_sites(BAR[0]), box(BAR), cell, Solver(), CARRIER, RADIUS_RATIO)


def compared(graded, continuum):
    """Differences in compliance under ``LOADS`` of the structure, whole and cut in its faces, from
    a continuum.
    """
    return {
        name: dict(zip(LOADS, (continuum / frame_work(graded, cut) - 1).tolist(), strict=True))
        for name, cut in (("whole", False), ("cut", True))
    }


def structure():
    """Compliance of finite bars against the continuum's."""
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    kept = results.get("structure", {"rows": []})
    rows = kept["rows"]
    if "continuum" not in kept:
        coarse, fine = (
            continuum_work(bone_sites(BAR[0]), BAR, n) for n in ((16, 4, 4), (32, 8, 8))
        )
        kept |= {
            "continuum": fine.tolist(),
            "continuum_meshes": float(np.abs(coarse / fine - 1).max()),
        }
        save("structure", kept)
    for cell in CELLS[len(rows) :]:  # what was killed goes on
        graded, start = bone_bar(cell), time.process_time()
        row = {
            "cell_mm": cell,
            "nodes": len(graded.structure.nodes),
            "struts": len(graded.structure.struts),
        }
        row |= compared(graded, np.array(kept["continuum"]))
        rows.append(row | {"cpu_seconds": time.process_time() - start})
        print(rows[-1], flush=True)
        save("structure", kept)
    # One specimen alone, in cells of the second size: what is left when nothing is graded.
    alone = Sites(*(part[:1] for part in bone_sites(BAR[0])))
    uniform = grade(alone, box(BAR), CELLS[1], Solver(), CARRIER, RADIUS_RATIO)
    kept["alone"] = compared(uniform, continuum_work(alone, BAR, (16, 4, 4)))
    # Through three sizes goes one parabola: where it begins is the limit, and how, the slope.
    sizes = np.array(CELLS) / CELLS[0]
    kept["fits"] = {
        name: {
            load: dict(
                zip(
                    ("limit", "slope"),
                    np.polyfit(sizes, [row[name][load] for row in rows], 2)[:0:-1],
                    strict=True,
                )
            )
            for load in LOADS
        }
        for name in ("whole", "cut")
    }
    save("structure", kept)


def opensees():
    """The bar of the largest cells by OpenSees: largest relative difference in compliance."""
    ops, package = load()
    graded = bone_bar(CELLS[0])
    s = graded.structure
    shear = 1 / (2 * (1 + POISSON_RATIO))
    kappa = 6 * (1 + POISSON_RATIO) / (7 + 6 * POISSON_RATIO)
    held, prescribed = frame_end_motion(s, graded.region, graded.cell)
    found = []
    for motion in prescribed.T:
        ops.wipe()
        ops.model("basic", "-ndm", 3, "-ndf", 6)
        for node, at in enumerate(s.nodes):
            ops.node(node, *map(float, at))
        for k, ((i, j), radius) in enumerate(zip(s.struts.tolist(), s.radii.tolist(), strict=True)):
            area, inertia = np.pi * radius**2, np.pi * radius**4 / 4
            along = s.nodes[j] - s.nodes[i]
            ops.geomTransf(
                "Linear", k, *map(float, np.cross(along, np.eye(3)[np.abs(along).argmin()]))
            )
            section = (1.0, shear, area, 2 * inertia, inertia, inertia, kappa * area, kappa * area)
            ops.element("ElasticTimoshenkoBeam", k, i, j, *section, k)
        ops.timeSeries("Linear", 1)
        ops.pattern("Plain", 1, 1)
        for freedom, value in zip(held.tolist(), motion.tolist(), strict=True):
            if value:
                ops.sp(freedom // 6, freedom % 6 + 1, value)
            else:
                ops.fix(freedom // 6, *(int(k == freedom % 6) for k in range(6)))
        ops.constraints("Transformation")
        ops.numberer("RCM")
        ops.system("UmfPack")
        ops.algorithm("Linear")
        ops.integrator("LoadControl", 1.0)
        ops.analysis("Static")
        if ops.analyze(1):
            raise RuntimeError("OpenSees did not find an equilibrium.")
        ops.reactions()
        force = [ops.nodeReaction(freedom // 6, freedom % 6 + 1) for freedom in held.tolist()]
        found.append(motion @ np.array(force))
    off = np.abs(np.array(found) / frame_work(graded, cut=False) - 1)
    print(off)
    save("opensees", {"package": package, "struts": len(s.struts), "difference": float(off.max())})


def graded_in(cell, radius_ratio):
    """Struts, seconds of CPU and peak of memory of `grade` for the bar in cells of a size."""
    start = time.process_time()
    built = grade(bone_sites(BAR[0]), box(BAR), cell, Solver(), CARRIER, radius_ratio).structure
    return {
        "cells": "one" if radius_ratio == RADIUS_RATIO else "bent",
        "struts": len(built.struts),
        "cpu_seconds": time.process_time() - start,
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }


def scale():
    """Grading of more and more cells, those of all sites alike and those that bend; each in a
    process of its own.
    """
    rows = []
    for radius_ratio in (RADIUS_RATIO, 3.0):
        for cell in (1.0, 0.8, 4 / 11):
            with ProcessPoolExecutor(1, get_context("spawn")) as own:
                rows.append(own.submit(graded_in, cell, radius_ratio).result())
            print(rows[-1], flush=True)
            save("scale", rows)


def pairs():
    """Random pairs of designs along a bar of 8 × 2 × 2 cells: their stiffness by one topology, and
    faded.
    """
    rows = (
        json.loads(RESULTS.read_text(encoding="utf-8")).get("pairs", []) if RESULTS.exists() else []
    )
    ends, region = np.array([[0.0, 0, 0], [8, 0, 0]]), box((8, 2, 2))
    for number in range(len(rows), 100):
        designs = sample_designs(13, 2 * number, 2 * number + 2)
        row = {"pair": number}
        for way in ("graded", "faded"):
            try:
                if way == "graded":
                    sites = Sites(ends, homogenize_designs(designs), ["a", "b"])
                    found = grade(sites, region, 1.0, Solver())
                else:
                    found = fade(designs, ends, ["a", "b"], region, 1.0, Solver())
            except InputError as error:
                row[way] = str(error)
                continue
            kept = (
                "site_relative_error_max",
                "path_relative_error",
                "path_relative_error_max",
                "floating_struts",
                "dangling_struts",
                "struts",
            )
            row[way] = {key: found.metrics[key] for key in kept}
        rows.append(row)
        print(row, flush=True)
        save("pairs", rows)


def save(name, tree):
    """Put a part of the results in its place."""
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    write_json(results | {name: tree}, RESULTS)


if __name__ == "__main__":
    for part in sys.argv[1:]:
        globals()[part]()
        print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, "GiB")
