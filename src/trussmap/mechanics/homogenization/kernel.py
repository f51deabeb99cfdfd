"""The numeric half of homogenization: one design per SIMD lane.

Functions marked ``@lanes`` are written in vectors (`trussmap.mechanics.homogenization.simd`):
``x[k]`` there is a value in each lane. What they are given is listed with its shape, W being the
lanes.
"""

from typing import NamedTuple

import numba
import numpy as np

from trussmap.base.cache import compiled
from trussmap.mechanics.homogenization.simd import (
    LANES,
    add_scaled,
    aligned_zeros,
    lanes,
    subtract_products,
)
from trussmap.mechanics.homogenization.symbolic import ElementBlock, SymbolicFactorization
from trussmap.tensors.stiffness import POISSON_RATIO

#: Designs of one topology that are worked on together: positions ``first`` to ``last`` - 1 in the
#: order of all.
GROUP = np.dtype([("topology", np.int64), ("first", np.int64), ("last", np.int64)])
#: Stiffness that holds a node all of whose struts are left out, far below the rounding of any
#: other.
NOTHING = 1e-200
# The two tensor indices of the shear strains 23, 13, 12.
_SHEARS = ((1, 2), (0, 2), (0, 1))

_jit = numba.njit(error_model="numpy")


class Workspace(NamedTuple):
    """What a thread works in.

    Attributes
    ----------
    matrix : (blocks, 9, W) the stored 3×3 blocks; ``element`` : (12, 9, W) those of one strut
    vectors, unmapped : (struts, 3, W) of the struts, after and before the map; ``areas`` : (struts,
        1, W) relative
    material : (2, W) Timoshenko's Φ = 12EI/(κGAL²) of a circular section, with κ = 6(1+ν)/(7+6ν),
        over A/L²; and how far torsion GJ = EI/(1+ν) falls below bending EI, as a share of it
    maps : (9, W); ``density``, ``volume`` of the mapped cell, total strut ``length``, unit strut
        ``area`` : (1, W)
    stiffness : (21, W); ``derivatives`` : (210, W)
    fluctuations : (columns, 18, W) of every node block under the six unit strains; ``strains`` :
        (54, W) of one strut
    slopes : (63, W) of the energies by the vector of one strut; ``direction`` : (3, W) of its share
        of the length
    energy_by_map : (189, W); ``energy_by_area`` : (21, W); ``length_by_map`` : (9, W) sums over the
        struts
    by_strut : (struts, 21, W) derivatives by the area of each; ``length_by_strut`` : (struts, 1, W)
    by_node : (moving nodes, 63, W) derivatives by the position of each; ``length_by_node`` :
        (moving nodes, 3, W)
    """

    matrix: np.ndarray
    element: np.ndarray
    vectors: np.ndarray
    unmapped: np.ndarray
    areas: np.ndarray
    material: np.ndarray
    maps: np.ndarray
    density: np.ndarray
    volume: np.ndarray
    length: np.ndarray
    area: np.ndarray
    stiffness: np.ndarray
    derivatives: np.ndarray
    fluctuations: np.ndarray
    strains: np.ndarray
    slopes: np.ndarray
    direction: np.ndarray
    energy_by_map: np.ndarray
    energy_by_area: np.ndarray
    length_by_map: np.ndarray
    by_strut: np.ndarray
    length_by_strut: np.ndarray
    by_node: np.ndarray
    length_by_node: np.ndarray


def workspace(factorization, poisson_ratio=POISSON_RATIO):
    """A Workspace that is large enough for every lattice of a SymbolicFactorization, for one base material."""
    largest = {
        name: np.diff(factorization.starts[name]).max() for name in ("struts", "substitutions")
    }
    nodes = max(factorization.freedoms.max(), 1)
    shapes = {
        "matrix": (factorization.blocks.max(), 9),
        "element": (len(ElementBlock), 9),
        "vectors": (largest["struts"], 3),
        "unmapped": (largest["struts"], 3),
        "areas": (largest["struts"], 1),
        "material": (2,),
        "maps": (9,),
        "stiffness": (21,),
        "derivatives": (210,),
        "fluctuations": (largest["substitutions"], 18),
        "strains": (54,),
        "slopes": (63,),
        "direction": (3,),
        "energy_by_map": (189,),
        "energy_by_area": (21,),
        "length_by_map": (9,),
        "by_strut": (largest["struts"], 21),
        "length_by_strut": (largest["struts"], 1),
        "by_node": (nodes, 63),
        "length_by_node": (nodes, 3),
    }
    work = Workspace(
        **{name: aligned_zeros(*shapes.get(name, (1,)), LANES) for name in Workspace._fields}
    )
    work.material[0], work.material[1] = (
        (7 + 6 * poisson_ratio) / np.pi,
        poisson_ratio / (1 + poisson_ratio),
    )
    return work


@lanes
def _map_strut(maps, vector, out):
    """out (3, W) = maps (3, 3, W) · vector (3, W)."""
    for i in range(3):
        out[i] = maps[3 * i] * vector[0] + maps[3 * i + 1] * vector[1] + maps[3 * i + 2] * vector[2]


@lanes
def _cell_volume(maps, volume, cell):
    """cell (1, W): volume of a mapped cell."""
    m = [maps[k] for k in range(9)]
    determinant = (
        m[0] * (m[4] * m[8] - m[5] * m[7])
        - m[1] * (m[3] * m[8] - m[5] * m[6])
        + m[2] * (m[3] * m[7] - m[4] * m[6])
    )
    cell[0] = determinant.abs() * volume


@lanes
def _add_length(along, area, weight, total):
    total[0] = total[0] + weight * area[0] * _dot(along, along).sqrt()


@lanes
def _cross_section(density, cell, total, area):
    """area (1, W): cross-section of a strut of relative area 1."""
    area[0] = density[0] * cell[0] * (1 / total[0])


def _dot(a, b):
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _cross(a, b):
    return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]


def _shear_rows(along, rows):
    """E1ᵀ · rows, where E1 = ½ [[0, z, y], [z, 0, x], [y, x, 0]] maps the shears 23, 13, 12 to displacements."""
    half = [0.5 * along[i] for i in range(3)]
    return [[half[q] * rows[p][j] + half[p] * rows[q][j] for j in range(3)] for p, q in _SHEARS]


@lanes
def element_blocks(along, material, unit, relative, weight, out):
    """The 3×3 blocks out (12, 9, W) of one strut of vector along (3, W), in the order of ``ElementBlock``.

    With w = Δu + l × θ̄ + ε·l and δ = Δθ, the energy of an exact Timoshenko beam is ½ (w·B w + δ·D
    δ), B = ks 1 + (ka - ks) t⊗t, D = kd (1 - ν/(1+ν) t⊗t), ka = EA/L, ks = 12EI/L³(1+Φ), kd = EI/L.
    """
    x = [along[i] for i in range(3)]
    a = unit[0] * relative[0]
    square = _dot(x, x)
    inverse = 1 / square
    axial = weight * a * square.sqrt() * inverse
    bend = axial * a * (1 / (4 * np.pi))
    ks = 12 * bend * inverse * (1 / (1 + material[0] * a * inverse))
    kp = (axial - ks) * inverse
    kt = -material[1] * bend * inverse
    axes = range(3)
    outer = [[x[i] * x[j] for j in axes] for i in axes]

    def isotropic_plus(constant, factor):
        return [[factor * outer[i][j] + (constant if i == j else 0) for j in axes] for i in axes]

    def store(block, rows):
        for i in axes:
            for j in axes:
                out[9 * block + 3 * i + j] = rows[i][j]

    b = isotropic_plus(ks, kp)
    h = [0.5 * ks * x[i] for i in axes]
    s = [[0 * ks, -h[2], h[1]], [h[2], 0 * ks, -h[0]], [-h[1], h[0], 0 * ks]]
    q = 0.25 * ks
    shear_b = _shear_rows(x, b)
    store(ElementBlock.DISPLACEMENT_DISPLACEMENT, b)
    store(ElementBlock.DISPLACEMENT_ROTATION, s)
    store(ElementBlock.ROTATION_DISPLACEMENT, [[s[j][i] for j in axes] for i in axes])
    store(ElementBlock.ROTATION_SAME_END, isotropic_plus(q * square + bend, kt - q))
    store(ElementBlock.ROTATION_OTHER_END, isotropic_plus(q * square - bend, -(kt + q)))
    store(ElementBlock.NORMAL_DISPLACEMENT, [[x[i] * b[i][j] for j in axes] for i in axes])
    store(ElementBlock.SHEAR_DISPLACEMENT, shear_b)
    store(ElementBlock.NORMAL_ROTATION, [[x[i] * s[i][j] for j in axes] for i in axes])
    store(ElementBlock.SHEAR_ROTATION, _shear_rows(x, s))
    store(ElementBlock.NORMAL_NORMAL, [[x[i] * b[i][j] * x[j] for j in axes] for i in axes])
    store(ElementBlock.SHEAR_NORMAL, [[shear_b[i][j] * x[j] for j in axes] for i in axes])
    transposed = [[shear_b[j][i] for j in axes] for i in axes]
    store(ElementBlock.SHEAR_SHEAR, _shear_rows(x, transposed))


@_jit
def assemble(lattice, work):
    """Add the element matrices of all struts of one lattice to ``work.matrix``."""
    done = -1
    for n in range(len(lattice.contributions)):
        c = lattice.contributions[n]
        if c.strut != done:
            done = c.strut
            weight = lattice.weights[done]
            element_blocks(
                work.vectors[done], work.material, work.area, work.areas[done], weight, work.element
            )
        add_scaled(work.matrix, c.block, work.element, c.element, float(c.factor))


@lanes
def invert_factor(matrix, index):
    """Replace a symmetric block by the inverse of its Cholesky factor; the block of a node without struts is zero."""
    d = matrix.block(index)
    i0 = 1 / (d[0] + NOTHING).sqrt()
    l10, l20 = d[3] * i0, d[6] * i0
    i1 = 1 / (d[4] - l10 * l10 + NOTHING).sqrt()
    l21 = (d[7] - l20 * l10) * i1
    i2 = 1 / (d[8] - l20 * l20 - l21 * l21 + NOTHING).sqrt()
    m10 = -(l10 * i0 * i1)
    m20, m21 = -((l20 * i0 + l21 * m10) * i2), -(l21 * i1 * i2)
    for k, value in enumerate((i0, 0, 0, m10, i1, 0, m20, m21, i2)):
        d[k] = value


@lanes
def times_factor(matrix, index, diagonal):
    """Multiply a block by the transposed inverse factor of its column."""
    t, d = matrix.block(index), matrix.block(diagonal)
    d00, d10, d11, d20, d21, d22 = (d[k] for k in (0, 3, 4, 6, 7, 8))
    for i in (0, 3, 6):
        t0, t1, t2 = t[i], t[i + 1], t[i + 2]
        t[i] = t0 * d00
        t[i + 1] = t0 * d10 + t1 * d11
        t[i + 2] = t0 * d20 + t1 * d21 + t2 * d22


@_jit
def eliminate(lattice, matrix):
    """Block Cholesky from the left; diagonal blocks end as the inverses of their factors."""
    first = 0
    for n in range(len(lattice.eliminations)):
        step = lattice.eliminations[n]
        last = first + step.products
        subtract_products(matrix, lattice.products, step.block, first, last)
        first = last
        if step.diagonal == step.block:
            invert_factor(matrix, step.block)
        elif step.diagonal >= 0:
            times_factor(matrix, step.block, step.diagonal)


@lanes
def _start_column(matrix, normal, shear, x, column):
    """x[column] = minus the column's strain blocks, transposed."""
    value = x.block(column, 18)
    for e in range(6):
        right = matrix.block(normal if e < 3 else shear)
        for i in range(3):
            value[3 * e + i] = -right[3 * (e % 3) + i]


@lanes
def _subtract_below(matrix, index, x, row, column):
    block, other, value = matrix.block(index), x.block(row, 18), x.block(column, 18)
    b = [block[k] for k in range(9)]
    for e in range(0, 18, 3):
        o = [other[e + k] for k in range(3)]
        for i in range(3):
            value[e + i] = value[e + i] - (b[i] * o[0] + b[3 + i] * o[1] + b[6 + i] * o[2])


@lanes
def _finish_column(matrix, diagonal, x, column):
    d, value = matrix.block(diagonal), x.block(column, 18)
    for e in range(0, 18, 3):
        v0, v1, v2 = (value[e + k] for k in range(3))
        value[e] = d[0] * v0 + d[3] * v1 + d[6] * v2
        value[e + 1] = d[4] * v1 + d[7] * v2
        value[e + 2] = d[8] * v2


@_jit
def _fluctuations(lattice, matrix, x):
    """Back substitution: the fluctuation x (columns, 18, W) of every node block under the six unit strains."""
    first = 0
    for n in range(len(lattice.substitutions)):
        step = lattice.substitutions[n]
        _start_column(matrix, step.normal, step.shear, x, step.column)
        last = first + step.entries
        for k in range(first, last):
            _subtract_below(
                matrix, lattice.entries[k].block, x, lattice.entries[k].row, step.column
            )
        first = last
        _finish_column(matrix, step.diagonal, x, step.column)


@lanes
def _strut_strains(along, x, ui, ri, si, uj, rj, sj, strain):
    """Per unit strain: w = Δu + l × θ̄ + ε·l, δ = Δθ and θ̄ of one strut, in strain (54, W)."""
    near, far, near_turn, far_turn = (
        x.block(ui, 18),
        x.block(uj, 18),
        x.block(ri, 18),
        x.block(rj, 18),
    )
    vector = [along[i] for i in range(3)]
    for e in range(6):
        ends = [[turn[3 * e + i] for i in range(3)] for turn in (near_turn, far_turn)]
        middle = [0.5 * (a + b) for a, b in zip(*ends, strict=True)]
        w = [sj * far[3 * e + i] - si * near[3 * e + i] for i in range(3)]
        w = [a + b for a, b in zip(w, _cross(vector, middle), strict=True)]
        if e < 3:
            w[e] = w[e] + vector[e]
        else:
            p, q = _SHEARS[e - 3]
            w[p] = w[p] + 0.5 * vector[q]
            w[q] = w[q] + 0.5 * vector[p]
        for i in range(3):
            strain[3 * e + i], strain[18 + 3 * e + i], strain[36 + 3 * e + i] = (
                w[i],
                ends[1][i] - ends[0][i],
                middle[i],
            )


def _strut_gradient(
    along, vector, material, area, relative, weight, strain, out, by_area, length_map, own=None
):  # fmt: skip
    """Add one strut's derivatives: of the energies by the map, out (189, W), and by the area, by_area (21, W).

    The stiffness is the minimum of the energy over the fluctuation, so only the explicit dependence
    counts (envelope theorem). With w, δ, θ̄ as in ``_strut_strains`` and f = B w, B = ks + kp l⊗l
    and D = kd + kt l⊗l have scalars that depend on |l|² and the cross-section alone. length_map (9,
    W) gathers the derivative of the total strut length.

    ``own``, where given, takes the strut's own: slopes (63, W) by its vector, direction (3, W) of
    the length by it, and by_strut (21, W) by its area.
    """
    axes = range(3)
    x = [along[i] for i in axes]
    unmapped = [vector[j] for j in axes]
    a = area[0] * relative[0]
    square = _dot(x, x)
    inverse = 1 / square
    by_length = square.sqrt() * inverse
    # Each scalar: value, derivative by |l|², derivative by the cross-section.
    axial, axial_a = weight * a * by_length, weight * by_length
    axial_q = -0.5 * axial * inverse
    bend, bend_q, bend_a = (
        factor * a * (1 / (4 * np.pi)) for factor in (axial, axial_q, 2 * axial_a)
    )
    shear = 1 / (square + material[0] * a)
    shear_a = shear * material[0]
    ks, ks_q, ks_a = (
        12 * shear * value for value in (bend, bend_q - bend * shear, bend_a - bend * shear_a)
    )
    kp, kp_a = (axial - ks) * inverse, (axial_a - ks_a) * inverse
    kp_q = (axial_q - ks_q - kp) * inverse
    kt, kt_a, kt_q = (
        -material[1] * inverse * value for value in (bend, bend_a, bend_q - bend * inverse)
    )
    share = weight * relative[0] * by_length
    slopes, direction, by_strut = own or ({}, {}, {})
    for i in axes:
        direction[i] = share * x[i]
        for j in axes:
            length_map[3 * i + j] = length_map[3 * i + j] + share * x[i] * unmapped[j]

    w, turn, middle = (
        [[strain[18 * part + 3 * e + i] for i in axes] for e in range(6)] for part in range(3)
    )
    lw, lt = [_dot(x, w[e]) for e in range(6)], [_dot(x, turn[e]) for e in range(6)]
    force = [[ks * w[e][i] + kp * lw[e] * x[i] for i in axes] for e in range(6)]
    component = 0
    for m in range(6):
        for n in range(m, 6):
            ww, tt, wl, tl = _dot(w[m], w[n]), _dot(turn[m], turn[n]), lw[m] * lw[n], lt[m] * lt[n]
            change = ks_a * ww + kp_a * wl + bend_a * tt + kt_a * tl
            by_strut[component] = change
            by_area[component] = by_area[component] + relative[0] * change
            radial = 2 * (ks_q * ww + kp_q * wl + bend_q * tt + kt_q * tl)
            g = [radial * x[i] for i in axes]
            for first, second in ((m, n), (n, m)):
                lever = _cross(
                    middle[first], force[second]
                )  # how the chord's rotation couples to the strut vector
                for i in axes:
                    g[i] = (
                        g[i]
                        + kp * lw[second] * w[first][i]
                        + kt * lt[second] * turn[first][i]
                        + lever[i]
                    )
                if first < 3:  # the unit strain of one on the force of the other
                    g[first] = g[first] + force[second][first]
                else:
                    p, q = _SHEARS[first - 3]
                    g[p] = g[p] + 0.5 * force[second][q]
                    g[q] = g[q] + 0.5 * force[second][p]
            for i in axes:
                slopes[3 * component + i] = g[i]
                for j in axes:
                    place = 9 * component + 3 * i + j
                    out[place] = out[place] + g[i] * unmapped[j]
            component += 1


@lanes
def _add_strut_gradient(
    along, vector, material, area, relative, weight, strain, out, by_area, length_map
):
    _strut_gradient(
        along, vector, material, area, relative, weight, strain, out, by_area, length_map
    )


@lanes
def _add_strut_gradient_and_own(
    along,
    vector,
    material,
    area,
    relative,
    weight,
    strain,
    out,
    by_area,
    length_map,
    slopes,
    direction,
    by_strut,
):
    own = slopes, direction, by_strut
    _strut_gradient(
        along, vector, material, area, relative, weight, strain, out, by_area, length_map, own
    )


@lanes
def _add_to_node(slopes, direction, sign, by_node, length_by_node):
    """Add a strut's derivatives by its vector to those, by_node (63, W), of the node at one end of it."""
    for k in range(63):
        by_node[k] = by_node[k] + sign * slopes[k]
    for k in range(3):
        length_by_node[k] = length_by_node[k] + sign * direction[k]


@lanes
def _strut_length(along, weight, out):
    out[0] = weight * _dot(along, along).sqrt()


@lanes
def _finish_strut(total, area, cell, by_area, length, by_strut):
    """by_strut (21, W) from the energies' derivatives by the strut's cross-section to the stiffness's by its area.

    At a given density a thicker strut makes all the others thinner.
    """
    factor, share = area[0] * (1 / cell[0]), length[0] * (1 / total[0])
    for c in range(21):
        by_strut[c] = factor * (by_strut[c] - by_area[c] * share)


@lanes
def _finish_node(maps, total, area, cell, by_area, length_by_node, by_node):
    """by_node (63, W) from the energies' derivatives by the mapped node to the stiffness's by the unmapped one."""
    inverse, share = 1 / cell[0], [area[0] * (1 / total[0]) * length_by_node[i] for i in range(3)]
    m = [maps[k] for k in range(9)]
    for c in range(21):
        g = [inverse * (by_node[3 * c + i] - by_area[c] * share[i]) for i in range(3)]
        for j in range(3):
            by_node[3 * c + j] = m[j] * g[0] + m[3 + j] * g[1] + m[6 + j] * g[2]


@lanes
def _finish_gradient(maps, density, total, area, cell, stiffness, by_area, length_map, by_map, out):
    """out (210, W): per component the derivatives of the stiffness by the nine entries of the map and the density."""
    m = [maps[k] for k in range(9)]
    cofactor = _cross(m[3:6], m[6:9]) + _cross(m[6:9], m[0:3]) + _cross(m[0:3], m[3:6])
    determinant = 1 / _dot(m[0:3], cofactor[0:3])
    by_volume = [c * determinant for c in cofactor]  # derivative of the logarithm of the volume
    by_length = [length_map[k] * (1 / total[0]) for k in range(9)]
    inverse = 1 / cell[0]
    for c in range(21):
        slope = by_area[c] * area[0] * inverse
        for k in range(9):
            out[10 * c + k] = (
                by_map[9 * c + k] * inverse
                + slope * (by_volume[k] - by_length[k])
                - stiffness[c] * by_volume[k]
            )
        out[10 * c + 9] = slope * (1 / density[0])


@_jit
def _gradient(lattice, work, all_):
    """``work.derivatives`` of the stiffness by the map's nine entries, row by row, and by the density.

    With ``all_`` also ``work.by_strut`` and ``work.by_node``.
    """
    by_map, by_area, length_by_map = work.energy_by_map, work.energy_by_area, work.length_by_map
    by_map[:], by_area[:], length_by_map[:] = 0.0, 0.0, 0.0
    nodes = lattice.freedoms[0]
    if all_:
        work.by_node[:nodes], work.length_by_node[:nodes] = 0.0, 0.0
    x, strains = work.fluctuations, work.strains
    for s in range(len(lattice.vectors)):
        # A displacement that vanishes has the sign 0, so that any column will do for it.
        ui, uj = max(lattice.displacements[s, 0], 0), max(lattice.displacements[s, 1], 0)
        ri, rj = lattice.rotations[s, 0], lattice.rotations[s, 1]
        si, sj = float(lattice.signs[s, 0]), float(lattice.signs[s, 1])
        along, vector, weight = work.vectors[s], work.unmapped[s], lattice.weights[s]
        material, area, relative = work.material, work.area, work.areas[s]
        _strut_strains(along, x, ui, ri, si, uj, rj, sj, strains)
        if not all_:
            _add_strut_gradient(
                along,
                vector,
                material,
                area,
                relative,
                weight,
                strains,
                by_map,
                by_area,
                length_by_map,
            )
            continue
        _add_strut_gradient_and_own(
            along, vector, material, area, relative, weight, strains, by_map, by_area, length_by_map,
            work.slopes, work.direction, work.by_strut[s],
        )  # fmt: skip
        _strut_length(along, weight, work.length_by_strut[s])
        for end, sign in ((0, -si), (1, sj)):
            if sign != 0.0:
                k = lattice.moving[s, end]
                _add_to_node(
                    work.slopes, work.direction, sign, work.by_node[k], work.length_by_node[k]
                )
    _finish_gradient(
        work.maps, work.density, work.length, work.area, work.volume, work.stiffness,
        by_area, length_by_map, by_map, work.derivatives,
    )  # fmt: skip
    if all_:
        for s in range(len(lattice.vectors)):
            _finish_strut(
                work.length,
                work.area,
                work.volume,
                by_area,
                work.length_by_strut[s],
                work.by_strut[s],
            )
        for k in range(nodes):
            _finish_node(
                work.maps,
                work.length,
                work.area,
                work.volume,
                by_area,
                work.length_by_node[k],
                work.by_node[k],
            )


@lanes
def _collect(matrix, normal, coupling, shear, cell, out):
    """out (21, W): the stiffness from the three strain blocks."""
    inverse, component = 1 / cell[0], 0
    for i in range(6):
        for j in range(i, 6):
            block = matrix.block((normal, coupling, shear)[i // 3 + j // 3])
            out[component] = block[3 * (j % 3) + i % 3] * inverse
            component += 1


@_jit
def _lattice(all_, t):
    """Lattice t of a SymbolicFactorization."""
    begin, end = all_.starts[t], all_.starts[t + 1]
    struts = slice(begin.struts, end.struts)
    return SymbolicFactorization(
        vectors=all_.vectors[struts],
        weights=all_.weights[struts],
        areas=all_.areas[struts],
        displacements=all_.displacements[struts],
        rotations=all_.rotations[struts],
        signs=all_.signs[struts],
        moving=all_.moving[struts],
        contributions=all_.contributions[begin.contributions : end.contributions],
        eliminations=all_.eliminations[begin.eliminations : end.eliminations],
        products=all_.products[begin.products : end.products],
        substitutions=all_.substitutions[begin.substitutions : end.substitutions],
        entries=all_.entries[begin.entries : end.entries],
        volumes=all_.volumes[t : t + 1],
        blocks=all_.blocks[t : t + 1],
        freedoms=all_.freedoms[t : t + 1],
        starts=all_.starts[t : t + 2],
    )


@_jit
def _place_struts(lattice, work, designs, areas, shifts):
    """Areas and unmapped vectors of a group's struts: the topology's, or what the designs themselves say."""
    for s in range(len(lattice.vectors)):
        for w in range(LANES):
            work.areas[s, 0, w] = lattice.areas[s]
        for i in range(3):
            for w in range(LANES):
                work.unmapped[s, i, w] = lattice.vectors[s, i]
    if areas.shape[0]:
        for w in range(LANES):
            for s in range(len(lattice.vectors)):
                work.areas[s, 0, w] = areas[designs[w], s]
    if shifts.shape[0]:
        for s in range(len(lattice.vectors)):
            for end, sign in ((0, -lattice.signs[s, 0]), (1, lattice.signs[s, 1])):
                if sign != 0:
                    k = lattice.moving[s, end]
                    for w in range(LANES):
                        for i in range(3):
                            work.unmapped[s, i, w] += sign * shifts[designs[w], k, i]


@compiled(__name__, nogil=True, error_model="numpy")
def run(groups, order, maps, density, areas, shifts, factorization, work, stiffness, gradient):
    """Homogenize the designs of some groups of lanes; several threads may, each in a workspace of its own.

    groups (g,) GROUP; order (n,) the designs sorted by topology; maps (n, 3, 3), density (n,);
    areas (n, struts) and shifts (n, nodes, 3), without rows where the topology's own are meant;
    factorization of all topologies; work: Workspace; out: stiffness (n, 21) and, unless it has no
    rows, gradient (n, 21, 10 + struts + 3 nodes), where the numbers of struts and nodes may be 0.
    """
    designs, placed = np.empty(LANES, np.int64), -1
    for g in range(len(groups)):
        group = groups[g]
        first, last = group.first, group.last
        lattice = _lattice(factorization, group.topology)
        for w in range(LANES):
            design = designs[w] = order[
                min(first + w, last - 1)
            ]  # spare lanes repeat the last design
            work.density[0, w], work.length[0, w] = density[design], 0.0
            for i in range(3):
                for j in range(3):
                    work.maps[3 * i + j, w] = maps[design, i, j]
        _cell_volume(work.maps, lattice.volumes[0], work.volume)
        if group.topology != placed or areas.shape[0] or shifts.shape[0]:
            _place_struts(lattice, work, designs, areas, shifts)
            placed = group.topology
        for s in range(len(lattice.vectors)):
            _map_strut(work.maps, work.unmapped[s], work.vectors[s])
            _add_length(work.vectors[s], work.areas[s], lattice.weights[s], work.length)
        _cross_section(work.density, work.volume, work.length, work.area)
        blocks = lattice.blocks[0]
        matrix = work.matrix[:blocks]
        matrix[:] = 0.0
        assemble(lattice, work)
        eliminate(lattice, matrix)
        _collect(matrix, blocks - 3, blocks - 2, blocks - 1, work.volume, work.stiffness)
        for w in range(min(LANES, last - first)):
            for c in range(21):
                stiffness[designs[w], c] = work.stiffness[c, w]
        if gradient.shape[0]:
            all_ = gradient.shape[2] > 10
            _fluctuations(lattice, matrix, work.fluctuations)
            _gradient(lattice, work, all_)
            for w in range(min(LANES, last - first)):
                out = gradient[designs[w]]
                for c in range(210):
                    out[c // 10, c % 10] = work.derivatives[c, w]
            if all_:
                _scatter(lattice, work, designs[: last - first], gradient, areas.shape[1])


@_jit
def _scatter(lattice, work, designs, out, struts):
    """Derivatives by areas and node positions into out (n, 21, 10 + struts + 3 nodes), 0 by those a lattice lacks."""
    own, nodes = (
        min(struts, len(lattice.vectors)),
        lattice.freedoms[0] if out.shape[2] > 10 + struts else 0,
    )
    for c in range(21):
        for s in range(own):
            for w in range(len(designs)):
                out[designs[w], c, 10 + s] = work.by_strut[s, c, w]
        for k in range(nodes):
            for i in range(3):
                for w in range(len(designs)):
                    out[designs[w], c, 10 + struts + 3 * k + i] = work.by_node[k, 3 * c + i, w]
        for w in range(len(designs)):
            out[designs[w], c, 10 + own : 10 + struts] = 0.0
            out[designs[w], c, 10 + struts + 3 * nodes :] = 0.0
