"""Graded structures put to the proof: docs/results/grading.json.

    python benchmarks/grading.py structure scale pairs      # all of it, or some; what was killed goes on

- structure: the finite bar of beams against a continuum of the same graded stiffness, for cells of 1, 1/2 and 1/4
- scale: seconds and memory against the number of struts
- pairs: 100 random pairs of designs, graded and faded

MKL PARDISO, which takes over from SuperLU where it is there, lies beside the environment:
pip install --no-deps --target build/benchmark pypardiso mkl intel-openmp tbb tcmlib umf
"""

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np
import skfem
from scipy.sparse.linalg import splu
from skfem.helpers import ddot, sym_grad

from trussmap.errors import InputError
from trussmap.grading import Sites, fade, grade
from trussmap.grading.phases import Phases
from trussmap.grading.structure import build
from trussmap.homogenization import homogenize_designs
from trussmap.homogenization.reference import beam_stiffness, frame_matrix
from trussmap.io import write_json
from trussmap.lattice.descriptor import sample_designs
from trussmap.parts import box
from trussmap.stiffness import PAIRS, POISSON_RATIO, unpack
from trussmap.targets import read_targets

sys.path.append("build/benchmark")
RESULTS = Path("docs/results/grading.json")
#: A topology that carries all specimens, as the search over all of them finds; of it alone, to save time.
CARRIER = np.array([8])
#: Topologies that pairs of designs are tried with.
CARRIERS = np.array([8, 69, 148])
LOADS = ("tension", "shear", "bending", "torsion")


def bone_sites(length):
    """The four specimens evenly along a bar, the first and last an eighth of its length from its ends."""
    targets, names = read_targets("resources/bone_targets_gpa.csv", 114.0)
    places = np.zeros((4, 3))
    places[:, 0] = np.linspace(length / 8, 7 * length / 8, 4)
    return Sites(places, targets, names)


def rigid_motions(points, centre):
    """Displacements (4, n, 3) and rotations (4, 3) of the loaded end under each of ``LOADS``, of size 1."""
    shift = np.array([[1.0, 0, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0]])
    turn = np.array([[0.0, 0, 0], [0, 0, 0], [0, 1, 0], [1, 0, 0]])
    return shift[:, None] + np.cross(turn[:, None], points - centre), turn


def solved(matrix, right):
    """Solutions of a symmetric system, by PARDISO where it is there."""
    try:
        import pypardiso
    except ImportError:
        return splu(matrix.tocsc(), permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True}).solve(right)
    return pypardiso.spsolve(matrix.tocsr(), np.ascontiguousarray(right))


def work(matrix, held, prescribed):
    """Twice the energy (l,) of a body whose degrees of freedom ``held`` have the values ``prescribed`` (held, l)."""
    free = np.setdiff1d(np.arange(matrix.shape[0]), held)
    matrix = matrix.tocsr()
    u = np.zeros((matrix.shape[0], prescribed.shape[1]))
    u[held] = prescribed
    u[free] = solved(matrix[free][:, free], -(matrix[free][:, held] @ prescribed))
    return (u * (matrix @ u)).sum(0)


def frame_end_motion(structure, region, cell):
    """Degrees of freedom of both ends of a bar along x, and their values (held, 4): one end held, the other moved."""
    at = structure.places[:, 0]
    first, last = (np.flatnonzero(np.abs(at - x) < 1e-6 * cell) for x in (region.low[0], region.high[0]))
    centre = np.array([region.high[0], *(region.low + region.high)[1:] / 2])
    shift, turn = rigid_motions(structure.nodes[last], centre)
    moved = np.concatenate([shift, np.broadcast_to(turn[:, None], shift.shape)], 2)
    held = (6 * np.concatenate([first, last])[:, None] + np.arange(6)).ravel()
    return held, np.vstack([np.zeros((6 * len(first), 4)), moved.reshape(4, -1).T])


def frame_work(graded):
    """Twice the energy under each of ``LOADS`` of the finite structure as Timoshenko beams, those in faces halved."""
    s = graded.structure
    elements = beam_stiffness(s.lengths, s.radii, POISSON_RATIO) * s.share[:, None, None]
    held, prescribed = frame_end_motion(s, graded.region, graded.cell)
    return work(frame_matrix(s.nodes, s.struts, elements), held, prescribed)


def continuum_work(sites, size, elements):
    """The same of a continuum with the prescribed stiffness, quadratic hexahedra (elements along x, y and z)."""
    axes = [np.linspace(0, edge, n + 1) for edge, n in zip(size, elements, strict=True)]
    basis = skfem.Basis(skfem.MeshHex.init_tensor(*axes), skfem.ElementVector(skfem.ElementHex2()), intorder=4)
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
    moved = np.take_along_axis(shift, np.broadcast_to(component[last][None, :, None], (4, len(last), 1)), 2)[..., 0]
    return work(matrix, np.concatenate([first, last]), np.vstack([np.zeros((len(first), 4)), moved.T]))


def _component(basis, k):
    """Degrees of freedom of one component of a displacement: those that a field of it alone has."""
    ones = basis.project(lambda x: np.stack([np.full(x[0].shape, float(axis == k)) for axis in range(3)]))
    return np.flatnonzero(np.abs(ones) > 0.5)


def structure():
    """Compliance of finite bars against the continuum's."""
    size = np.array([16.0, 4, 4])
    sites = bone_sites(size[0])
    coarse, reference = (continuum_work(sites, size, n) for n in ((16, 4, 4), (24, 6, 6)))
    print("continuum, between two meshes:", np.abs(coarse / reference - 1))
    rows = json.loads(RESULTS.read_text()).get("structure", {}).get("rows", []) if RESULTS.exists() else []
    for part in [k for k in (1, 2, 4) if 1 / k not in [row["cell"] for row in rows]]:  # what was killed goes on
        graded = grade(sites, box(size), 4.0 / part, CARRIER)
        start = time.process_time()
        own = frame_work(graded)
        row = {"cell": 1 / part, "nodes": len(graded.structure.nodes), "struts": len(graded.structure.struts)}
        row |= {load: float(a / b - 1) for load, a, b in zip(LOADS, reference, own, strict=True)}
        rows.append(row | {"cpu_seconds": time.process_time() - start})
        print(rows[-1], flush=True)
        fits = {}
        if len(rows) > 2:
            h = np.array([r["cell"] for r in rows[-3:]])
            for load in LOADS:
                slope, limit = np.polyfit(h, [r[load] for r in rows[-3:]], 1)
                fits[load] = {"slope": float(slope), "limit": float(limit)}
        save("structure", {"rows": rows, "continuum_meshes": float(np.abs(coarse / reference - 1).max()), "fits": fits})


def scale():
    """Seconds of CPU and memory to make structures of more and more cells, their cells once solved for."""
    sites, rows = bone_sites(32.0), []
    graded = grade(sites, box((32, 2, 2)), 2.0, CARRIER)
    for across in (4, 8, 25):
        region = box((32.0, 2.0 * across, 2.0 * across))
        phases = Phases(region, lambda points: np.tile(np.eye(3) / 2, (len(points), 1, 1)), 2.0)
        start, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        built = build(graded.cells, phases, region, 2.0)
        row = {"struts": len(built.struts), "nodes": len(built.nodes), "cpu_seconds": time.process_time() - start}
        rows.append(row | {"peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20})
        print(rows[-1], before / 2**20, flush=True)
        save("scale", rows)


def pairs():
    """Random pairs of designs along a bar of twelve cells: their stiffness by one topology, and faded."""
    rows = json.loads(RESULTS.read_text()).get("pairs", []) if RESULTS.exists() else []
    ends, region = np.array([[0.0, 0, 0], [12, 0, 0]]), box((12, 2, 2))
    for number in range(len(rows), 100):
        designs = sample_designs(13, 2 * number, 2 * number + 2)
        row = {"pair": number}
        for way in ("graded", "faded"):
            try:
                if way == "graded":
                    sites = Sites(ends, homogenize_designs(designs), ["a", "b"])
                    found = grade(sites, region, 1.0, CARRIERS)
                else:
                    found = fade(designs, ends, ["a", "b"], region, 1.0)
            except InputError as error:
                row[way] = str(error)
                continue
            kept = (
                "site_relative_error_max",
                "path_relative_error",
                "path_relative_error_max",
                "floating_struts",
                "struts",
            )
            row[way] = {key: found.metrics[key] for key in kept}
        rows.append(row)
        print(row, flush=True)
        save("pairs", rows)


def save(name, tree):
    """Put a part of the results in its place."""
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    write_json(results | {name: tree}, RESULTS)


if __name__ == "__main__":
    for part in sys.argv[1:]:
        globals()[part]()
        print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, "GiB")
