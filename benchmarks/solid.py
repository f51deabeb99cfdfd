"""The same cells as solids: periodic homogenization of their round struts by NGSolve, curved
tetrahedra of high order.

The infinite lattice is cut across the middle of every strut, which leaves one star of half struts
around each node of the primitive cell. Macroscopic strain enters through the strain energy alone,
so stars may stand anywhere; their cut faces are identified in pairs, and the fluctuation is
periodic by that. A cell may be skew, and of any symmetry or none.
"""

from dataclasses import dataclass
from importlib.metadata import version

import numpy as np

from trussmap.lattice.graph import PeriodicGraph
from trussmap.lattice.symmetry import primitive_cell
from trussmap.mechanics.solids import crowding
from trussmap.tensors.stiffness import PAIRS, POISSON_RATIO, isotropic, pack

try:
    import ngsolve
    from netgen import occ
    from netgen.meshing import IdentificationType
except ImportError as error:
    raise ImportError(
        f"NGSolve cannot be loaded ({error}); `pip install ngsolve==6.2.2608` gets it"
    ) from error

# Its threads spin while they wait, which on a machine with other work costs ten times what they
# gain.
ngsolve.SetNumThreads(1)

NAME = f"NGSolve {version('ngsolve')}"
#: Joints are spheres a little wider than the struts where a strut ends without one in line, as in
#: the files to print.
JOINT = 1.03
#: Iterative refinements of a solution.
REFINEMENTS = 1


@dataclass(frozen=True)
class Solid:
    """Effective stiffness (21,), base modulus 1, true volume fraction, and size of the system."""

    stiffness: np.ndarray
    volume_fraction: float
    unknowns: int


def homogenize(
    graph: PeriodicGraph,
    radius: float,
    order: int = 3,
    safety: float = 1.0,
    poisson_ratio: float = POISSON_RATIO,
) -> Solid:
    """Effective stiffness of a lattice of round struts of one radius, as a solid.

    Parameters
    ----------
    order : of the displacements and of the elements' shape
    safety : elements around a strut over about six, Netgen's ``curvaturesafety``

    Raises ValueError where the mesher fails, or struts are crowded
    (`trussmap.mechanics.solids.crowding`) and cannot be cut.
    """
    primitive = primitive_cell(graph)
    if reason := crowding(
        primitive, np.full(len(primitive.struts), 1.02 * radius)
    ):  # with room for elements
        raise ValueError(reason)
    mesh = _mesh(primitive, radius, safety)
    mesh.Curve(order)
    return solve(mesh, primitive.volume, order, poisson_ratio)


def _mesh(graph, radius, safety):
    """Tetrahedra of all stars; the mesher now and then fails to join a cut, so that is looked at,
    and tried again.
    """
    for size in (3.0, 2.4, 1.9, 1.5):
        # A shape keeps the identifications of a mesh that failed, so each gets its own.
        geometry = occ.OCCGeometry(_stars(graph, radius))
        settings = {
            "maxh": size * radius / safety,
            "curvaturesafety": safety,
            "grading": 0.5,
            "optsteps3d": 1,
        }
        mesh = ngsolve.Mesh(geometry.GenerateMesh(**settings))
        joined = {number for _, number in mesh.GetPeriodicNodePairs(ngsolve.VERTEX)}
        if len(joined) == len(graph.struts):
            return mesh
    raise ValueError("the mesher does not join the two sides of every cut")


def _stars(graph, radius):
    """All stars as one shape, in a row, with their cut faces identified."""
    apart = 2 * graph.lengths.max() + 4 * radius
    centres = np.arange(len(graph.nodes))[:, None] * np.array([apart, 0, 0])
    # One sense for all struts in a line, so that faces which belong together have the same seam.
    axes = graph.vectors / graph.lengths[:, None]
    sense = np.sign(axes[np.arange(len(axes)), (np.abs(axes) > 1e-6).argmax(1)])
    shapes = []
    for node, centre in enumerate(centres):
        ends = [(s, +1) for s in np.flatnonzero(graph.struts[:, 0] == node)]
        ends += [(s, -1) for s in np.flatnonzero(graph.struts[:, 1] == node)]
        shapes.append(
            _star(
                centre, [(e * axes[s], graph.lengths[s] / 2, sense[s] * e) for s, e in ends], radius
            )
        )
    faces = [list(shape.faces) for shape in shapes]
    middles = [
        np.array([[face.center.x, face.center.y, face.center.z] for face in own]) for own in faces
    ]

    def cut_face(node, direction, length):
        distance = np.linalg.norm(middles[node] - centres[node] - direction * length / 2, axis=1)
        if distance.min() > 1e-6 * length:
            raise ValueError("a strut is cut where it has no face of its own")
        return faces[node][distance.argmin()]

    for strut, ((i, j), axis, length) in enumerate(
        zip(graph.struts, axes, graph.lengths, strict=True)
    ):
        shift = centres[j] - axis * length - centres[i]
        first, second = cut_face(i, axis, length), cut_face(j, -axis, length)
        first.Identify(
            second, f"strut {strut}", IdentificationType.PERIODIC, occ.Translation(tuple(shift))
        )
    return occ.Compound(shapes) if len(shapes) > 1 else shapes[0]


def _star(centre, ends, radius):
    """Half struts (direction, length, whether along the strut's sense) around a point, united."""
    parts, paired, alone = [], set(), False
    for k, (direction, length, sense) in enumerate(ends):
        if k in paired:
            continue
        opposite = [
            m
            for m, (other, _, _) in enumerate(ends)
            if m not in paired and other @ direction < -1 + 1e-9
        ]
        back = 0.0
        if opposite:
            paired.add(opposite[0])
            back = ends[opposite[0]][1]
        alone |= not opposite
        start, end = (-back, length) if sense > 0 else (length, -back)
        start, end = centre + direction * start, centre + direction * end
        span = end - start
        length = np.linalg.norm(span)
        # OCC takes the seam from the axis, and where its components are equal but for rounding,
        # from the rounding.
        axis = occ.gp_Dir(*np.round(span / length, 9))
        parts.append(occ.Cylinder(occ.Pnt(*start), axis, r=radius, h=length))
    if alone:
        parts.append(occ.Sphere(occ.Pnt(*centre), JOINT * radius))
    return occ.Fuse(parts) if len(parts) > 1 else parts[0]


def solve(mesh, volume, order, poisson_ratio):
    """Solid of a mesh whose periodic faces are identified, in a cell of ``volume``."""
    shear = 1 / (2 * (1 + poisson_ratio))
    lame = 2 * shear * poisson_ratio / (1 - 2 * poisson_ratio)

    def stress(strain):
        return 2 * shear * strain + lame * ngsolve.Trace(strain) * ngsolve.Id(3)

    space = ngsolve.Periodic(ngsolve.VectorH1(mesh, order=order))
    u = space.TrialFunction()
    entries = [ngsolve.Parameter(0.0) for _ in range(9)]
    strain = ngsolve.Sym(ngsolve.CF(tuple(entries), dims=(3, 3)) + ngsolve.Grad(u))
    # Soft modes are small differences of large integrals. Of one energy, all have the same points
    # of integration, in which the differences are exact; separate integrals are not, on curved
    # elements, and miss soft modes by percents.
    energy = ngsolve.Variation(
        0.5 * ngsolve.InnerProduct(stress(strain), strain) * ngsolve.dx(bonus_intorder=2)
    )
    form = ngsolve.BilinearForm(space, symmetric=True, condense=True)
    form += energy

    def impose(macroscopic):
        for parameter, value in zip(entries, np.ravel(macroscopic), strict=True):
            parameter.Set(value)

    rest = ngsolve.GridFunction(space).vec
    rest[:] = 0.0
    form.AssembleLinearization(rest)
    free = ngsolve.BitArray(space.FreeDofs(coupling=True))
    # One vertex held removes the rigid translation.
    for number in space.GetDofNrs(ngsolve.NodeId(ngsolve.VERTEX, 0)):
        free[number] = False
    inverse = form.mat.Inverse(free, inverse="sparsecholesky")

    def solved(right):
        """Solution of K x = right, by the condensed system."""
        reduced, found = right.CreateVector(), right.CreateVector()
        reduced.data = right
        reduced.data += form.harmonic_extension_trans * right
        found.data = inverse * reduced
        found.data += form.harmonic_extension * found
        found.data += form.inner_solve * right
        return found

    def applied(macroscopic, fluctuation):
        """Forces on the nodes."""
        impose(macroscopic)
        force = rest.CreateVector()
        form.Apply(fluctuation, force)
        return force

    rigid = np.zeros((3, 3))
    loads, fluctuations, forces = [], [], []
    for p, q in PAIRS.tolist():
        macroscopic = np.zeros((3, 3))
        macroscopic[p, q] = macroscopic[q, p] = 1.0 if p == q else 0.5
        loads.append(applied(macroscopic, rest))
        found = rest.CreateVector()
        found[:] = 0.0
        for _ in range(1 + REFINEMENTS):
            residual = applied(macroscopic, found)
            residual.data = -1 * residual
            found.data += solved(residual)
        fluctuations.append(found)
        forces.append(applied(rigid, found))
    impose(np.diag([1.0, 0, 0]))
    base = isotropic(poisson_ratio=poisson_ratio)
    solid = 2 * form.Energy(rest) / base[0, 0]

    def products(left, right):
        return np.array([[one.InnerProduct(other) for other in right] for one in left])

    # Energy of the total field, which an error of the fluctuation enters by its square.
    work = products(loads, fluctuations)
    c = base * solid + work + work.T + products(fluctuations, forces)
    return Solid(pack((c + c.T) / 2 / volume), solid / volume, space.ndof)
