"""Lattices graded in space between two designs (paper, p. 5 and Fig. 3B).

The cell changes along x from design A to design B. Its *reciprocal* basis is interpolated, because that is what a phase
field can follow: three phases φ_i(x) whose gradients are the reciprocal vectors, so that a node with fractional
coordinates f in cell n lies where φ = n + f. Every cell then shares its nodes with its neighbours, whatever the change
between them. The two topologies are superposed in one cell; struts of A alone fade out towards B, those of B alone fade
in, and shared ones change from one diameter to the other.

A reciprocal vector that varies along x is the gradient of a phase only if its components across x are constant; so the
phases are the least-squares fit, which is close for a bar longer than wide. How close is measured
(``control_point_error``, ``phase_error``).
"""

from dataclasses import dataclass, field
from itertools import permutations, product

import numpy as np
from scipy.interpolate import BSpline
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from trussmap.errors import InputError
from trussmap.homogenization import homogenize_cells, homogenize_designs
from trussmap.lattice.compound import compound, superpose
from trussmap.lattice.descriptor import DENSITY, REPS, TYPES, deformation_map
from trussmap.lattice.graph import PeriodicGraph
from trussmap.measures import nmse_frobenius, relative_error
from trussmap.stiffness import POISSON_RATIO

_POLYNOMIAL = [(0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2)]  # powers of y and z in a phase
# How far the phases are defined beyond the ends of the bar, in cells.
_OVERHANG = 2.0


@dataclass(frozen=True)
class GradedStructure:
    """A finite strut structure; lengths in units of the cell size (edge of the cube with the volume of one cell).

    Attributes
    ----------
    nodes : (n, 3) positions
    struts : (m, 2) indices of nodes
    radii : (m,) strut radii
    position : (m,) how far a strut is on the way from design A (0) to design B (1)
    metrics : see ``grade``
    """

    nodes: np.ndarray
    struts: np.ndarray
    radii: np.ndarray
    position: np.ndarray
    metrics: dict = field(default_factory=dict)


def grade(
    design_a: np.ndarray,
    design_b: np.ndarray,
    length: float = 16.0,
    width: float = 3.0,
    margin: float = 0.1,
    control_points: int = 9,
    minimum_radius: float = 0.2,
    poisson_ratio: float = POISSON_RATIO,
) -> GradedStructure:
    """A bar along x whose lattice changes from design A to design B.

    Parameters
    ----------
    design_a, design_b : (19,) designs
    length, width : of the bar along x and across (y and z), in cell sizes
    margin : share of the length at each end that is design A or B unchanged
    control_points : number of points along the axis at which the errors are measured
    minimum_radius : struts thinner than this share of the mean radius of the thinner design are left out
    poisson_ratio : of the base material

    Returns
    -------
    GradedStructure, with ``metrics``

        - ``control_point_error``: relative Frobenius distance of the phases' gradient from the prescribed reciprocal
          basis, largest over the control points on the axis; ``phase_error``: root mean square over the whole bar
        - ``path_error``: mean over the control points of ``nmse_frobenius`` of the FE stiffness of the local cell
          (as built: phases' gradient, local radii) against the stiffness interpolated linearly from A to B;
          ``path_error_max``: the largest; ``end_error``: the larger of those of the first and last control point;
          ``path_relative_error``, ``path_relative_error_max``, ``end_relative_error``: the same of ``relative_error``
        - ``floating_struts``: struts not connected with the main part, 0 after pruning;
          ``floating_struts_before_pruning``
        - ``nodes``, ``struts``, ``relative_density_min``, ``relative_density_max`` along the path

    Raises
    ------
    InputError : an option out of range, or designs that no path of positive cell volume joins.
    """
    _check_options(length, width, margin, control_points, minimum_radius)
    designs = np.array([design_a, design_b], dtype=float)
    maps = deformation_map(designs)
    maps /= np.cbrt(np.linalg.det(maps))[:, None, None]
    graph, maps, in_a, in_b = _common_cell(designs, maps)
    density = designs[:, DENSITY]
    path = _Path(graph, maps, density, np.stack([in_a, in_b]), length, margin, minimum_radius)
    phase = _fit_phases(path, length, width)
    structure, before = _build(graph, path, phase, length, width)
    axis = np.column_stack([np.linspace(0, length, control_points), np.zeros((control_points, 2))])
    return GradedStructure(
        *structure,
        metrics={
            **_measure_phases(path, phase, axis, length, width),
            **_measure_path(graph, path, phase, axis, designs, poisson_ratio),
            "floating_struts": _floating(len(structure[0]), structure[1]),
            "floating_struts_before_pruning": before,
            "nodes": len(structure[0]),
            "struts": len(structure[1]),
        },
    )


def _check_options(length, width, margin, control_points, minimum_radius):
    for name, value, low, high in (
        ("length", length, 2, 200),
        ("width", width, 1, 50),
        ("margin", margin, 0, 0.45),
        ("control_points", control_points, 2, 1000),
        ("minimum_radius", minimum_radius, 0, 0.9),
    ):
        if not low <= value <= high:
            raise InputError(f"grading, {name}: {value}; expected a value from {low} to {high}.")


def _common_cell(designs, maps):
    """The superposed unit cell, the two maps with the closest reciprocal bases, and which struts belong to A and B.

    A lattice stays the same when its unit cube is turned by a rotation of the cube and its map turned back. Of these 24
    descriptions of B, the one whose reciprocal basis is closest to A's makes the gentlest path.
    """
    cells = [compound(design[TYPES], design[REPS]) for design in designs]
    reciprocal_a = np.linalg.inv(maps[0])
    candidates = []
    for order, signs in product(permutations(range(3)), product((1, -1), repeat=3)):
        turn = np.zeros((3, 3), dtype=int)
        turn[np.arange(3), order] = signs
        if np.linalg.det(turn) > 0:
            reciprocal_b = turn @ np.linalg.inv(maps[1])
            steps = np.linspace(0, 1, 21)[:, None, None]
            smallest = np.linalg.det((1 - steps) * reciprocal_a + steps * reciprocal_b).min()
            candidates.append((smallest < 0.2, np.linalg.norm(reciprocal_a - reciprocal_b), smallest, turn))
    candidates.sort(key=lambda c: c[:2])
    for _, _, smallest, turn in candidates:
        if smallest <= 0.02:
            continue
        turned = _turned(cells[1], turn)
        try:
            graph = superpose([cells[0], turned])
        except ValueError:  # a crossing off the grid of the elementary lattices; the identity has none
            continue
        return graph, np.stack([maps[0], maps[1] @ turn.T]), _contains(cells[0], graph), _contains(turned, graph)
    raise InputError("grading: no path of positive cell volume joins the two designs; choose another pair.")


def _turned(graph, turn):
    """The lattice of the unit cube turned by the integer rotation ``turn``."""
    nodes = np.round(graph.nodes @ turn.T, 12)
    shift = np.floor(nodes).astype(int)
    i, j = graph.struts.T
    return PeriodicGraph(nodes - shift, graph.struts, graph.offsets @ turn.T + shift[j] - shift[i])


def _contains(lattice, graph):
    """Which struts (m,) of ``graph`` lie on a strut of ``lattice``."""
    tiles = np.stack(np.meshgrid(*[np.arange(-2, 3)] * 3, indexing="ij"), -1).reshape(-1, 1, 3)
    start = (lattice.nodes[lattice.struts[:, 0]] + tiles).reshape(-1, 3)
    along = np.tile(lattice.fractional_vectors, (len(tiles), 1))
    near = ((np.minimum(start, start + along) < 1.6) & (np.maximum(start, start + along) > -0.6)).all(1)
    start, along = start[near], along[near]
    middle = graph.nodes[graph.struts[:, 0]] + graph.fractional_vectors / 2
    middle -= np.floor(middle)
    inside = []
    for point, vector in zip(middle, graph.fractional_vectors, strict=True):
        gap = point - start
        share = (gap * along).sum(1) / (along**2).sum(1)
        off = np.linalg.norm(gap - share[:, None] * along, axis=1)
        parallel = np.linalg.norm(np.cross(along, vector), axis=1) < 1e-7
        inside.append(np.any((off < 1e-7) & parallel & (share > 0) & (share < 1)))
    return np.array(inside)


class _Path:
    """What is prescribed along x: progress, reciprocal basis and strut cross-sections."""

    def __init__(self, graph, maps, density, present, length, margin, minimum_radius):
        self.length, self.margin, self.density = length, margin, density
        self.reciprocal = np.linalg.inv(maps)  # rows are the reciprocal vectors
        lengths = np.linalg.norm(np.einsum("dij,mj->dmi", maps, graph.fractional_vectors), axis=2)
        self.areas = present * (density / (present * lengths).sum(1))[:, None]
        mean_radius = np.sqrt(self.areas.max(1) / np.pi)
        self.thinnest = minimum_radius * mean_radius.min()
        # Along the way the cross-sections are scaled so that the relative density changes linearly, whatever the cell.
        self._steps = np.linspace(0, 1, 201)
        cells = np.linalg.inv(self.basis(self._steps))
        local = np.linalg.norm(np.einsum("sij,mj->smi", cells, graph.fractional_vectors), axis=2)
        blend = np.outer(1 - self._steps, self.areas[0]) + np.outer(self._steps, self.areas[1])
        wanted = (density[0] + (density[1] - density[0]) * self._steps) * np.abs(np.linalg.det(cells))
        self._scale = wanted / (blend * local).sum(1)

    def progress(self, x):
        """Share of the way (…) at x: 0 and 1 at the ends, a smooth step between the margins."""
        t = np.clip((x / self.length - self.margin) / (1 - 2 * self.margin), 0, 1)
        return t * t * (3 - 2 * t)

    def basis(self, progress):
        """Prescribed reciprocal basis (…, 3, 3), one vector in each row."""
        s = np.asarray(progress)[..., None, None]
        return (1 - s) * self.reciprocal[0] + s * self.reciprocal[1]

    def radii(self, progress, members):
        """Radii (n,) of struts ``members`` (n,) of a cell at progress (n,): areas fade linearly, thin ones are 0."""
        areas = (1 - progress) * self.areas[0, members] + progress * self.areas[1, members]
        radii = np.sqrt(areas * np.interp(progress, self._steps, self._scale) / np.pi)
        return np.where(radii < self.thinnest, 0.0, radii)


class _Phase:
    """Three phases: cubic splines along x times polynomials across."""

    def __init__(self, length):
        inner = np.linspace(-_OVERHANG, length + _OVERHANG, int(2 * (length + 2 * _OVERHANG)) + 1)
        self.knots = np.concatenate([[inner[0]] * 3, inner, [inner[-1]] * 3])
        self.splines = len(self.knots) - 4
        self.coefficients = None

    def rows(self, points, derivative=None):
        """Values (n, k) of the basis functions, or of their derivative by x, y or z (0, 1, 2)."""
        along = self._along(np.eye(self.splines), points, derivative)
        return (along[:, :, None] * _across(points, derivative)[:, None, :]).reshape(len(points), -1)

    def _along(self, coefficients, points, derivative):
        spline = BSpline(self.knots, coefficients, 3)
        x = np.clip(points[:, 0], self.knots[0], self.knots[-1])
        return spline.derivative()(x) if derivative == 0 else spline(x)

    def value(self, points, derivative=None):
        """The phases (n, 3) or their derivative by x, y or z (0, 1, 2)."""
        along = self._along(self.coefficients.reshape(self.splines, len(_POLYNOMIAL), 3), points, derivative)
        return np.einsum("npi,np->ni", along, _across(points, derivative))

    def gradient(self, points):
        """Gradients (n, 3, 3), that of one phase in each row."""
        return np.stack([self.value(points, d) for d in range(3)], -1)


def _across(points, derivative):
    """The polynomials across (n, 6), or their derivative by y or z (1, 2)."""
    y, z = points[:, 1], points[:, 2]
    return np.stack(
        [
            (p * y ** max(p - 1, 0) if derivative == 1 else y**p)
            * (q * z ** max(q - 1, 0) if derivative == 2 else z**q)
            for p, q in _POLYNOMIAL
        ],
        axis=-1,
    )


def _fit_phases(path, length, width):
    """Least-squares phases: ∫ ‖∇φ − G‖² over the bar (and a little beyond its ends) is smallest."""
    phase = _Phase(length)
    node, weight = np.polynomial.legendre.leggauss(4)
    edges = np.unique(phase.knots)
    half = np.diff(edges) / 2
    x = (edges[:-1] + half)[:, None] + half[:, None] * node
    points = np.stack(np.meshgrid(x.ravel(), node * width / 2, node * width / 2, indexing="ij"), -1).reshape(-1, 3)
    weights = np.einsum("i,j,k->ijk", (half[:, None] * weight).ravel(), weight, weight).ravel() ** 0.5
    basis = path.basis(path.progress(points[:, 0]))
    matrix = np.concatenate([weights[:, None] * phase.rows(points, d) for d in range(3)])
    wanted = np.concatenate([weights[:, None] * basis[:, :, d] for d in range(3)])
    # A phase is fixed up to a constant: zero at the origin.
    matrix = np.vstack([matrix, phase.rows(np.zeros((1, 3)))])
    wanted = np.vstack([wanted, np.zeros((1, 3))])
    phase.coefficients = np.linalg.solve(matrix.T @ matrix, matrix.T @ wanted)
    return phase


def _build(graph, path, phase, length, width):
    """Nodes, struts, radii and positions of the pruned bar, and how many struts floated before pruning."""
    half = width / 2
    # Cells whose corner lies in or around the bar: those of a sample of points, and their neighbours.
    grid = [np.arange(-1, length + 1.01, 0.25), *[np.arange(-half - 1, half + 1.01, 0.25)] * 2]
    sample = np.stack(np.meshgrid(*grid, indexing="ij"), -1).reshape(-1, 3)
    sample_phase = phase.value(sample)
    cells = np.unique(np.floor(sample_phase).astype(int), axis=0)
    ends = np.stack([np.zeros_like(graph.offsets), graph.offsets], 1).reshape(1, -1, 3) + cells[:, None]
    keys = np.concatenate([ends, np.broadcast_to(graph.struts.ravel()[:, None], (*ends.shape[:2], 1))], 2)
    keys, struts = np.unique(keys.reshape(-1, 4), axis=0, return_inverse=True)
    struts = struts.reshape(-1, 2)
    members = np.tile(np.arange(len(graph.struts)), len(cells))

    nodes = _solve(phase, keys[:, :3] + graph.nodes[keys[:, 3]], sample, sample_phase)
    low, high = np.array([0, -half, -half]) - 1e-6, np.array([length, half, half]) + 1e-6
    inside = np.isfinite(nodes).all(1) & (nodes >= low).all(1) & (nodes <= high).all(1)
    keep = inside[struts].all(1)
    struts, members = struts[keep], members[keep]
    position = path.progress(nodes[struts, 0].mean(1))
    radii = path.radii(position, members)
    keep = radii > 0
    struts, radii, position = struts[keep], radii[keep], position[keep]
    before = _floating(len(nodes), struts)
    keep = _pruned(len(nodes), struts)
    used, struts = np.unique(struts[keep], return_inverse=True)
    return (nodes[used], struts.reshape(-1, 2), radii[keep], position[keep]), before


def _solve(phase, wanted, sample, sample_phase):
    """Points (n, 3) at which the phases have the values ``wanted`` (n, 3): Newton's method, nan where it fails."""
    points = sample[cKDTree(sample_phase).query(wanted)[1]]
    for _ in range(8):
        step = np.linalg.solve(phase.gradient(points), (wanted - phase.value(points))[:, :, None])[:, :, 0]
        size = np.linalg.norm(step, axis=1, keepdims=True)
        points = points + step * np.minimum(1, 1 / np.maximum(size, 1e-12))
        if size.max() < 1e-10:
            break
    missed = np.linalg.norm(phase.value(points) - wanted, axis=1) > 1e-8
    return np.where(missed[:, None], np.nan, points)


def _labels(count, struts):
    i, j = struts.T
    return connected_components(coo_matrix((np.ones(len(i)), (i, j)), (count, count)), directed=False)[1][i]


def _floating(count, struts):
    """How many struts are not connected with the largest part."""
    return int(len(struts) - np.bincount(_labels(count, struts)).max()) if len(struts) else 0


def _pruned(count, struts):
    """Which struts (m,) remain when dangling ones are taken away one by one, and then all but the main part."""
    keep = np.ones(len(struts), dtype=bool)
    while True:
        ends = np.bincount(struts[keep].ravel(), minlength=count)
        dangling = keep & (ends[struts] == 1).any(1)
        if not dangling.any():
            break
        keep &= ~dangling
    if not keep.any():
        raise InputError("grading: no strut is left in the bar; make it wider.")
    labels = _labels(count, struts[keep])
    keep[np.flatnonzero(keep)] = labels == np.argmax(np.bincount(labels))
    return keep


def _measure_phases(path, phase, axis, length, width):
    wanted = path.basis(path.progress(axis[:, 0]))
    size = np.linalg.norm(wanted, axis=(1, 2))
    on_axis = np.linalg.norm(phase.gradient(axis) - wanted, axis=(1, 2)) / size
    grid = [np.linspace(0, length, 65), *[np.linspace(-width / 2, width / 2, 5)] * 2]
    points = np.stack(np.meshgrid(*grid, indexing="ij"), -1).reshape(-1, 3)
    wanted = path.basis(path.progress(points[:, 0]))
    gap = np.linalg.norm(phase.gradient(points) - wanted, axis=(1, 2)) / np.linalg.norm(wanted, axis=(1, 2))
    return {"control_point_error": float(on_axis.max()), "phase_error": float(np.sqrt((gap**2).mean()))}


def _measure_path(graph, path, phase, axis, designs, poisson_ratio):
    """FE stiffness of the local cells on the axis against the stiffness interpolated between the two designs."""
    progress = path.progress(axis[:, 0])
    graphs, density = [], []
    members = np.arange(len(graph.struts))
    for gradient, share in zip(phase.gradient(axis), progress, strict=True):
        radii = path.radii(share, members)
        there = radii > 0
        used, struts = np.unique(graph.struts[there], return_inverse=True)
        nodes, cell, area = graph.nodes[used], np.linalg.inv(gradient), np.pi * radii[there] ** 2
        local = PeriodicGraph(nodes, struts.reshape(-1, 2), graph.offsets[there], cell, area)
        graphs.append(local)
        density.append((area * local.lengths).sum() / local.volume)
    built = homogenize_cells(graphs, np.array(density), poisson_ratio=poisson_ratio)
    ends = homogenize_designs(designs, poisson_ratio=poisson_ratio)
    wanted = (1 - progress)[:, None] * ends[0] + progress[:, None] * ends[1]
    found = {}
    for name, error in (("error", nmse_frobenius(built, wanted)), ("relative_error", relative_error(built, wanted))):
        found[f"path_{name}"] = float(error.mean())
        found[f"path_{name}_max"] = float(error.max())
        found[f"end_{name}"] = float(error[[0, -1]].max())
    return found | {
        "relative_density_min": float(min(density)),
        "relative_density_max": float(max(density)),
    }
