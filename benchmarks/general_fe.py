"""The same cells in a general FE package: OpenSees through OpenSeesPy, its shear-flexible beam and
its constraints.

A strut that leaves the cell ends at a copy of the node it meets there, tied to it by ``equalDOF``.
The tie acts on increments, so a macroscopic strain is imposed by displacing every node by it before
a linear step, which adds the periodic fluctuation; the stress is the sum of the forces through the
cell's boundary times the cell's vectors.
"""

import ctypes
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from trussmap.mechanics.homogenization.reference import beam_stiffness, end_forces
from trussmap.mechanics.strength import strut_loads
from trussmap.tensors.stiffness import PAIRS, POISSON_RATIO, pack


def load():
    """The module and its name with version; ImportError with a readable message if it cannot be
    had.
    """
    try:
        # On Linux the wheel brings these libraries along, but is not told where they are.
        package = find_spec("openseespylinux")
        folder = Path(package.origin).parent / "lib" if package else None
        for name in ("libquadmath.so.0", "libgfortran.so.4", "libblas.so.3") if package else ():
            ctypes.CDLL(str(folder / name), ctypes.RTLD_GLOBAL)
        import openseespy.opensees as opensees
    except (ImportError, OSError, RuntimeError) as error:
        raise ImportError(
            f"OpenSeesPy is left out, it cannot be loaded ({error}); `make benchmark` gets it"
        ) from error
    return opensees, f"OpenSeesPy {version('openseespy')}"


def _halve_loops(graph):
    """Nodes (n, 3), ends (m, 2) and offsets (m, 3) with some struts split in two, and a node that
    has no copy.

    OpenSees does not assemble an element whose two ends are tied to the same node, so struts
    between a node and its own image are split; the first strut is, too, for the sake of a node to
    hold.
    """
    i, j = graph.struts.T
    split = np.flatnonzero((i == j) | (np.arange(len(i)) == 0))
    vectors = graph.fractional_vectors[split]
    added = len(graph.nodes) + np.arange(len(split))
    ends, offsets = graph.struts.copy(), graph.offsets.copy()
    ends[split, 1], offsets[split] = added, 0
    second = np.column_stack([added, j[split]])
    return (
        np.vstack([graph.nodes, graph.nodes[i[split]] + vectors / 2]),
        np.vstack([ends, second]),
        np.vstack([offsets, graph.offsets[split]]),
        len(graph.nodes),
    )


def _nodes(ops, places):
    """A new model of nodes at places (n, 3), numbered from 1."""
    ops.wipe()
    ops.model("basic", "-ndm", 3, "-ndf", 6)
    for number, place in enumerate(places.tolist(), 1):
        ops.node(number, *place)


def _struts(ops, places, ends, radii):
    """Beams of radii (m,) between the nodes ``ends`` (m, 2), which count from 0; they are numbered
    from 1.
    """
    for axis in range(3):
        ops.geomTransf("Linear", axis + 1, *np.eye(3)[axis].tolist())
    across = np.abs(places[ends[:, 1]] - places[ends[:, 0]]).argmin(1) + 1
    area, inertia = np.pi * radii**2, np.pi * radii**4 / 4
    sheared = area * 6 * (1 + POISSON_RATIO) / (7 + 6 * POISSON_RATIO)
    moduli = np.tile([1.0, 1 / (2 * (1 + POISSON_RATIO))], (len(ends), 1))
    sections = np.column_stack([moduli, area, 2 * inertia, inertia, inertia, sheared, sheared])
    for number, ((i, j), section, frame) in enumerate(
        zip((ends + 1).tolist(), sections.tolist(), across.tolist(), strict=True), 1
    ):
        ops.element("ElasticTimoshenkoBeam", number, i, j, *section, frame)


def _analysis(ops, step, system):
    """A linear step by which the loads of the pattern grow."""
    ops.system(system)
    ops.numberer("RCM")
    ops.constraints("Transformation")
    ops.integrator("LoadControl", step)
    ops.algorithm("Linear", "-factorOnce")
    ops.analysis("Static", "-noWarnings")


def block_loads(ops, graph, relative_density, strain, cells):
    """Axial forces and larger bending moments (m,) of the struts of the centre cell in a block of
    ``cells``³ cells.

    No periodicity: nodes at which a strut of the infinite lattice is cut are displaced by the
    strain (6,), in Voigt order, and do not turn; all others are in equilibrium.
    """
    block = graph.tiled(cells)
    ends, offsets, count = block.struts.copy(), block.offsets, len(block.nodes)
    leaving = np.flatnonzero(offsets.any(1))
    outside, index = np.unique(
        np.column_stack([ends[leaving, 1], offsets[leaving]]), axis=0, return_inverse=True
    )
    ends[leaving, 1] = count + index.ravel()
    places = (
        cells * np.vstack([block.nodes, block.nodes[outside[:, 0]] + outside[:, 1:]]) @ graph.cell.T
    )
    _nodes(ops, places)
    _struts(ops, places, ends, np.tile(graph.radii(relative_density), cells**3))
    epsilon = np.zeros((3, 3))
    for value, (p, q) in zip(strain, PAIRS, strict=True):
        epsilon[p, q] = epsilon[q, p] = value if p == q else value / 2
    ops.timeSeries("Linear", 1)
    ops.pattern("Plain", 1, 1)
    # A strut that leaves the block has an image that enters it on the other side, and which the
    # block lacks.
    for node in [*range(count, len(places)), *np.unique(block.struts[leaving, 1]).tolist()]:
        for axis, value in enumerate([*(epsilon @ places[node]).tolist(), 0.0, 0.0, 0.0]):
            ops.sp(node + 1, axis + 1, value)
    _analysis(ops, 1.0, "UmfPack")  # SparseSYM corrupts memory on some blocks
    if ops.analyze(1) != 0:
        raise RuntimeError("OpenSees did not solve a block")
    centre = (cells**3 // 2) * len(graph.struts) + np.arange(len(graph.struts))
    axial, moment = np.empty(len(centre)), np.empty(len(centre))
    for row, number in enumerate(centre.tolist()):
        along = places[ends[number, 1]] - places[ends[number, 0]]
        along /= np.linalg.norm(along)
        force = np.array(ops.eleForce(number + 1))
        axial[row] = force[6:9] @ along
        bending = [m - (m @ along) * along for m in (force[3:6], force[9:])]
        moment[row] = max(map(np.linalg.norm, bending))
    return axial, moment


def off_in_a_block(ops, graph, relative_density, stresses, cells):
    """How far peak stresses of the struts of the centre cell are from the periodic ones, (k,) for
    stresses (k, 6).

    Largest of all struts, over the largest periodic one; the block has the strain that the periodic
    lattice has.
    """
    radii = graph.radii(relative_density)[:, None]
    stiffness, _ = end_forces(graph, beam_stiffness(graph.lengths, radii[:, 0], POISSON_RATIO))
    strains = np.linalg.solve(stiffness, np.transpose(stresses)).T
    block = [block_loads(ops, graph, relative_density, strain, cells) for strain in strains]
    theirs, own = (
        (np.abs(axial) + 4 * moment / radii) / (np.pi * radii**2)
        for axial, moment in (
            np.transpose(block, (1, 2, 0)),
            strut_loads(graph, relative_density, stresses),
        )
    )
    return np.abs(theirs - own).max(0) / own.max(0)


def homogenize(ops, graph, relative_density):
    """Effective stiffness (21,) of one PeriodicGraph, base modulus 1."""
    nodes, ends, offsets, held = _halve_loops(graph)
    crossing = np.flatnonzero(offsets.any(1))
    copies, index = np.unique(
        np.column_stack([ends[crossing, 1], offsets[crossing]]), axis=0, return_inverse=True
    )
    ends[crossing, 1] = len(nodes) + index.ravel()
    places = np.vstack([nodes, nodes[copies[:, 0]] + copies[:, 1:]]) @ graph.cell.T
    _nodes(ops, places)
    for number, original in enumerate(copies[:, 0].tolist(), len(nodes) + 1):
        ops.equalDOF(original + 1, number, *range(1, 7))
    ops.fix(held + 1, 1, 1, 1, 0, 0, 0)
    _struts(ops, places, ends, np.full(len(ends), graph.radii(relative_density)[0]))
    _analysis(ops, 0.0, "SparseSYM")  # the fastest of its solvers here

    stiffness, previous = np.zeros((6, 6)), 0.0
    cells = offsets[crossing] @ graph.cell.T
    for column, (p, q) in enumerate(PAIRS.tolist()):
        # The displacement gradient may hold a rotation, which strains nothing; earlier strains may
        # stay.
        for number, place in enumerate(places[:, q].tolist(), 1):
            ops.setNodeDisp(number, p + 1, ops.nodeDisp(number, p + 1) + place, "-commit")
        if ops.analyze(1) != 0:
            raise RuntimeError("OpenSees did not solve a cell")
        force = np.array([ops.eleForce(number)[6:9] for number in (crossing + 1).tolist()])
        total = (force.T @ cells)[tuple(PAIRS.T)] / graph.volume
        stiffness[:, column], previous = total - previous, total
    return pack(stiffness)
