"""The numeric half of homogenization: one design per SIMD lane, one thread per group of lanes.

All arrays end in the lane axis, so that every loop over it compiles to vector instructions.
"""

import numba
import numpy as np

from trussmap.homogenization.simd import LANES, add_scaled, subtract_products

KINDS = 12
_POISSON = 0.3
# Timoshenko's Φ = 12EI/(κGAL²) of a circular section, with κ = 6(1+ν)/(7+6ν), is this factor times A/L².
_SHEAR = (7 + 6 * _POISSON) / np.pi
# D = EI/L (1 - _TWIST t⊗t): torsion GJ = EI/(1+ν) against bending EI.
_TWIST = _POISSON / (1 + _POISSON)

_jit = numba.njit(cache=True, fastmath={"contract", "nsz", "arcp"}, error_model="numpy", boundscheck=False)


@_jit
def _strut_vectors(maps, vectors, out):
    """out (m, 3, W) = maps (3, 3, W) · vectors (m, 3)."""
    for s in range(len(vectors)):
        for i in range(3):
            for w in range(LANES):
                out[s, i, w] = (
                    maps[i, 0, w] * vectors[s, 0] + maps[i, 1, w] * vectors[s, 1] + maps[i, 2, w] * vectors[s, 2]
                )


@_jit
def _section(maps, density, volume, weights, areas, struts, area, cell):
    """Strut cross-section ``area`` (W,) of relative area 1, and the mapped cell's volume ``cell`` (W,)."""
    for w in range(LANES):
        determinant = (
            maps[0, 0, w] * (maps[1, 1, w] * maps[2, 2, w] - maps[1, 2, w] * maps[2, 1, w])
            - maps[0, 1, w] * (maps[1, 0, w] * maps[2, 2, w] - maps[1, 2, w] * maps[2, 0, w])
            + maps[0, 2, w] * (maps[1, 0, w] * maps[2, 1, w] - maps[1, 1, w] * maps[2, 0, w])
        )
        cell[w] = abs(determinant) * volume
        area[w] = 0.0
    for s in range(len(weights)):
        factor = weights[s] * areas[s]
        for w in range(LANES):
            x, y, z = struts[s, 0, w], struts[s, 1, w], struts[s, 2, w]
            area[w] += factor * np.sqrt(x * x + y * y + z * z)
    for w in range(LANES):
        area[w] = density[w] * cell[w] / area[w]


@_jit
def _strut_blocks(along, area, relative, weight, out):
    """The 3×3 blocks out (12, 9, W) of one strut of vector l = along (3, W).

    With w = Δu + l × θ̄ + ε·l and δ = Δθ, the energy of an exact Timoshenko beam is ½ (w·B w + δ·D δ),
    B = ks 1 + (ka - ks) t⊗t, D = kd (1 - ν/(1+ν) t⊗t), ka = EA/L, ks = 12EI/L³(1+Φ), kd = EI/L.
    """
    for w in range(LANES):
        x, y, z = along[0, w], along[1, w], along[2, w]
        a = area[w] * relative
        square = x * x + y * y + z * z
        inverse = 1.0 / square
        length = np.sqrt(square)
        axial = weight * a * length * inverse
        bend = axial * a * (1.0 / (4 * np.pi))
        ks = 12.0 * bend * inverse / (1.0 + _SHEAR * a * inverse)
        kp = (axial - ks) * inverse
        kt = -_TWIST * bend * inverse
        xx, yy, zz, yz, xz, xy = kp * x * x, kp * y * y, kp * z * z, kp * y * z, kp * x * z, kp * x * y
        b00, b11, b22 = xx + ks, yy + ks, zz + ks
        out[0, 0, w], out[0, 1, w], out[0, 2, w] = b00, xy, xz
        out[0, 3, w], out[0, 4, w], out[0, 5, w] = xy, b11, yz
        out[0, 6, w], out[0, 7, w], out[0, 8, w] = xz, yz, b22
        h = 0.5 * ks
        sx, sy, sz = h * x, h * y, h * z
        out[1, 0, w], out[1, 1, w], out[1, 2, w] = 0.0, -sz, sy
        out[1, 3, w], out[1, 4, w], out[1, 5, w] = sz, 0.0, -sx
        out[1, 6, w], out[1, 7, w], out[1, 8, w] = -sy, sx, 0.0
        out[2, 0, w], out[2, 1, w], out[2, 2, w] = 0.0, sz, -sy
        out[2, 3, w], out[2, 4, w], out[2, 5, w] = -sz, 0.0, sx
        out[2, 6, w], out[2, 7, w], out[2, 8, w] = sy, -sx, 0.0
        q = 0.25 * ks
        t = q * square
        dp, dm = kt - q, -q - kt
        out[3, 0, w], out[3, 1, w], out[3, 2, w] = t + bend + dp * x * x, dp * x * y, dp * x * z
        out[3, 3, w], out[3, 4, w], out[3, 5, w] = dp * x * y, t + bend + dp * y * y, dp * y * z
        out[3, 6, w], out[3, 7, w], out[3, 8, w] = dp * x * z, dp * y * z, t + bend + dp * z * z
        out[4, 0, w], out[4, 1, w], out[4, 2, w] = t - bend + dm * x * x, dm * x * y, dm * x * z
        out[4, 3, w], out[4, 4, w], out[4, 5, w] = dm * x * y, t - bend + dm * y * y, dm * y * z
        out[4, 6, w], out[4, 7, w], out[4, 8, w] = dm * x * z, dm * y * z, t - bend + dm * z * z
        # E0 = diag(l) for the normal strains; E1 = ½ [[0, z, y], [z, 0, x], [y, x, 0]] for 23, 13, 12
        out[5, 0, w], out[5, 1, w], out[5, 2, w] = x * b00, x * xy, x * xz
        out[5, 3, w], out[5, 4, w], out[5, 5, w] = y * xy, y * b11, y * yz
        out[5, 6, w], out[5, 7, w], out[5, 8, w] = z * xz, z * yz, z * b22
        hx, hy, hz = 0.5 * x, 0.5 * y, 0.5 * z
        e00, e01, e02 = hz * xy + hy * xz, hz * b11 + hy * yz, hz * yz + hy * b22
        e10, e11, e12 = hz * b00 + hx * xz, hz * xy + hx * yz, hz * xz + hx * b22
        e20, e21, e22 = hy * b00 + hx * xy, hy * xy + hx * b11, hy * xz + hx * yz
        out[6, 0, w], out[6, 1, w], out[6, 2, w] = e00, e01, e02
        out[6, 3, w], out[6, 4, w], out[6, 5, w] = e10, e11, e12
        out[6, 6, w], out[6, 7, w], out[6, 8, w] = e20, e21, e22
        out[7, 0, w], out[7, 1, w], out[7, 2, w] = 0.0, -x * sz, x * sy
        out[7, 3, w], out[7, 4, w], out[7, 5, w] = y * sz, 0.0, -y * sx
        out[7, 6, w], out[7, 7, w], out[7, 8, w] = -z * sy, z * sx, 0.0
        out[8, 0, w], out[8, 1, w], out[8, 2, w] = hz * sz - hy * sy, hy * sx, -hz * sx
        out[8, 3, w], out[8, 4, w], out[8, 5, w] = -hx * sy, hx * sx - hz * sz, hz * sy
        out[8, 6, w], out[8, 7, w], out[8, 8, w] = hx * sz, -hy * sz, hy * sy - hx * sx
        out[9, 0, w], out[9, 1, w], out[9, 2, w] = x * b00 * x, x * xy * y, x * xz * z
        out[9, 3, w], out[9, 4, w], out[9, 5, w] = y * xy * x, y * b11 * y, y * yz * z
        out[9, 6, w], out[9, 7, w], out[9, 8, w] = z * xz * x, z * yz * y, z * b22 * z
        out[10, 0, w], out[10, 1, w], out[10, 2, w] = e00 * x, e01 * y, e02 * z
        out[10, 3, w], out[10, 4, w], out[10, 5, w] = e10 * x, e11 * y, e12 * z
        out[10, 6, w], out[10, 7, w], out[10, 8, w] = e20 * x, e21 * y, e22 * z
        out[11, 0, w], out[11, 1, w], out[11, 2, w] = e01 * hz + e02 * hy, e00 * hz + e02 * hx, e00 * hy + e01 * hx
        out[11, 3, w], out[11, 4, w], out[11, 5, w] = e11 * hz + e12 * hy, e10 * hz + e12 * hx, e10 * hy + e11 * hx
        out[11, 6, w], out[11, 7, w], out[11, 8, w] = e21 * hz + e22 * hy, e20 * hz + e22 * hx, e20 * hy + e21 * hx


@_jit
def _assemble(struts, area, weights, areas, adds, factors, element, matrix):
    done = -1
    for n in range(len(adds)):
        strut = adds[n, 0]
        if strut != done:
            _strut_blocks(struts[strut], area, areas[strut], weights[strut], element)
            done = strut
        add_scaled(matrix, adds[n, 1], element, adds[n, 2], factors[n])


@_jit
def _invert_factor(d):
    """Replace d by the inverse of its Cholesky factor."""
    for w in range(LANES):
        d00, d11, d22 = d[0, w], d[4, w], d[8, w]
        i0 = 1.0 / np.sqrt(d00)
        l10, l20 = d[3, w] * i0, d[6, w] * i0
        p1 = d11 - l10 * l10
        i1 = 1.0 / np.sqrt(p1)
        l21 = (d[7, w] - l20 * l10) * i1
        p2 = d22 - l20 * l20 - l21 * l21
        i2 = 1.0 / np.sqrt(p2)
        d[0, w], d[1, w], d[2, w] = i0, 0.0, 0.0
        m10 = -l10 * i0 * i1
        d[3, w], d[4, w], d[5, w] = m10, i1, 0.0
        d[6, w], d[7, w], d[8, w] = -(l20 * i0 + l21 * m10) * i2, -l21 * i1 * i2, i2


@_jit
def _times_factor(t, d):
    """t = t dᵀ with lower triangular d."""
    for i in range(3):
        for w in range(LANES):
            t0, t1, t2 = t[3 * i, w], t[3 * i + 1, w], t[3 * i + 2, w]
            t[3 * i, w] = t0 * d[0, w]
            t[3 * i + 1, w] = t0 * d[3, w] + t1 * d[4, w]
            t[3 * i + 2, w] = t0 * d[6, w] + t1 * d[7, w] + t2 * d[8, w]


@_jit
def _eliminate(targets, pairs, matrix):
    """Block Cholesky from the left; diagonal blocks end as the inverses of their factors."""
    first = 0
    for n in range(len(targets)):
        block, diagonal, last = targets[n, 0], targets[n, 1], first + targets[n, 2]
        subtract_products(matrix, pairs, block, first, last)
        first = last
        if diagonal == block:
            _invert_factor(matrix[block])
        elif diagonal >= 0:
            _times_factor(matrix[block], matrix[diagonal])


@_jit
def _fluctuation(rows, below, below_end, matrix, x):
    """Back substitution: the fluctuation x (columns, 6, 3, W) of every node block under the six unit strains."""
    first = 0
    for n in range(len(rows)):
        diagonal, column = matrix[rows[n, 0]], rows[n, 3]
        value = x[column]
        for e in range(6):
            right = matrix[rows[n, 1 + e // 3]]
            for i in range(3):
                for w in range(LANES):
                    value[e, i, w] = -right[3 * (e % 3) + i, w]
        for k in range(first, below_end[n]):
            block, other = matrix[below[k, 0]], x[below[k, 1]]
            for e in range(6):
                for i in range(3):
                    for w in range(LANES):
                        value[e, i, w] -= (
                            block[i, w] * other[e, 0, w]
                            + block[3 + i, w] * other[e, 1, w]
                            + block[6 + i, w] * other[e, 2, w]
                        )
        first = below_end[n]
        for e in range(6):
            for w in range(LANES):
                v0, v1, v2 = value[e, 0, w], value[e, 1, w], value[e, 2, w]
                value[e, 0, w] = diagonal[0, w] * v0 + diagonal[3, w] * v1 + diagonal[6, w] * v2
                value[e, 1, w] = diagonal[4, w] * v1 + diagonal[7, w] * v2
                value[e, 2, w] = diagonal[8, w] * v2


@_jit
def _strut_strains(along, ends, x, strain, turn, middle):
    """Per unit strain: w = Δu + l × θ̄ + ε·l, δ = Δθ and θ̄ of one strut, each (6, 3, W)."""
    ui, ri, si, uj, rj, sj = ends[0], ends[1], ends[2], ends[3], ends[4], ends[5]
    for e in range(6):
        for i in range(3):
            for w in range(LANES):
                turn[e, i, w] = x[rj, e, i, w] - x[ri, e, i, w]
                middle[e, i, w] = 0.5 * (x[rj, e, i, w] + x[ri, e, i, w])
                strain[e, i, w] = (sj * x[uj, e, i, w] if uj >= 0 else 0.0) - (si * x[ui, e, i, w] if ui >= 0 else 0.0)
        for w in range(LANES):
            strain[e, 0, w] += along[1, w] * middle[e, 2, w] - along[2, w] * middle[e, 1, w]
            strain[e, 1, w] += along[2, w] * middle[e, 0, w] - along[0, w] * middle[e, 2, w]
            strain[e, 2, w] += along[0, w] * middle[e, 1, w] - along[1, w] * middle[e, 0, w]
    for e in range(6):
        for w in range(LANES):
            if e < 3:
                strain[e, e, w] += along[e, w]
            else:
                p, q = (e - 2) % 3, (e - 1) % 3
                if p > q:
                    p, q = q, p
                strain[e, p, w] += 0.5 * along[q, w]
                strain[e, q, w] += 0.5 * along[p, w]


@_jit
def _gradient(maps, density, vectors, weights, areas, ends, struts, area, cell, stiffness, x, out):
    """Derivatives out (21, 10, W) of the stiffness (21, W) by the map's nine entries and by the relative density.

    The stiffness is the minimum of the energy over the fluctuation, so only the explicit dependence counts (envelope
    theorem). With w, δ, θ̄ as in _strut_strains, f = B w, and B = ks + kp l⊗l, D = kd + kt l⊗l of scalars that depend
    on |l|² and the cross-section alone.
    """
    strain, turn, middle = np.empty((6, 3, LANES)), np.empty((6, 3, LANES)), np.empty((6, 3, LANES))
    force, lw, lt = np.empty((6, 3, LANES)), np.empty((6, LANES)), np.empty((6, LANES))
    constant = np.empty((4, 3, LANES))  # ks, kp, kd, kt: value, derivative by |l|², derivative by the cross-section
    total, by_area, length_map = np.zeros(LANES), np.zeros((21, LANES)), np.zeros((9, LANES))
    out[:] = 0.0
    for s in range(len(vectors)):
        along, factor = struts[s], weights[s]
        _strut_strains(along, ends[s], x, strain, turn, middle)
        for w in range(LANES):
            a = area[w] * areas[s]
            q = along[0, w] ** 2 + along[1, w] ** 2 + along[2, w] ** 2
            length = np.sqrt(q)
            axial, axial_q, axial_a = factor * a / length, -0.5 * factor * a / (q * length), factor / length
            bend = axial * a / (4 * np.pi)
            bend_q, bend_a = axial_q * a / (4 * np.pi), 2 * axial / (4 * np.pi)
            shear = 1.0 / (q + _SHEAR * a)
            ks = 12.0 * bend * shear
            ks_q = 12.0 * (bend_q - bend * shear) * shear
            ks_a = 12.0 * (bend_a - bend * _SHEAR * shear) * shear
            constant[0, 0, w], constant[0, 1, w], constant[0, 2, w] = ks, ks_q, ks_a
            constant[1, 0, w] = (axial - ks) / q
            constant[1, 1, w] = (axial_q - ks_q) / q - (axial - ks) / (q * q)
            constant[1, 2, w] = (axial_a - ks_a) / q
            constant[2, 0, w], constant[2, 1, w], constant[2, 2, w] = bend, bend_q, bend_a
            constant[3, 0, w] = -_TWIST * bend / q
            constant[3, 1, w] = -_TWIST * (bend_q / q - bend / (q * q))
            constant[3, 2, w] = -_TWIST * bend_a / q
            total[w] += factor * areas[s] * length
            for i in range(3):
                for j in range(3):
                    length_map[3 * i + j, w] += factor * areas[s] * along[i, w] / length * vectors[s, j]
        for e in range(6):
            for w in range(LANES):
                lw[e, w] = along[0, w] * strain[e, 0, w] + along[1, w] * strain[e, 1, w] + along[2, w] * strain[e, 2, w]
                lt[e, w] = along[0, w] * turn[e, 0, w] + along[1, w] * turn[e, 1, w] + along[2, w] * turn[e, 2, w]
            for i in range(3):
                for w in range(LANES):
                    force[e, i, w] = constant[0, 0, w] * strain[e, i, w] + constant[1, 0, w] * along[i, w] * lw[e, w]
        c = 0
        for a in range(6):
            for b in range(a, 6):
                for w in range(LANES):
                    ww = (
                        strain[a, 0, w] * strain[b, 0, w]
                        + strain[a, 1, w] * strain[b, 1, w]
                        + strain[a, 2, w] * strain[b, 2, w]
                    )
                    tt = turn[a, 0, w] * turn[b, 0, w] + turn[a, 1, w] * turn[b, 1, w] + turn[a, 2, w] * turn[b, 2, w]
                    wl, tl = lw[a, w] * lw[b, w], lt[a, w] * lt[b, w]
                    by_area[c, w] += areas[s] * (
                        constant[0, 2, w] * ww
                        + constant[1, 2, w] * wl
                        + constant[2, 2, w] * tt
                        + constant[3, 2, w] * tl
                    )
                    radial = 2.0 * (
                        constant[0, 1, w] * ww
                        + constant[1, 1, w] * wl
                        + constant[2, 1, w] * tt
                        + constant[3, 1, w] * tl
                    )
                    kp, kt = constant[1, 0, w], constant[3, 0, w]
                    g0 = radial * along[0, w] + kp * (lw[b, w] * strain[a, 0, w] + lw[a, w] * strain[b, 0, w])
                    g1 = radial * along[1, w] + kp * (lw[b, w] * strain[a, 1, w] + lw[a, w] * strain[b, 1, w])
                    g2 = radial * along[2, w] + kp * (lw[b, w] * strain[a, 2, w] + lw[a, w] * strain[b, 2, w])
                    g0 += kt * (lt[b, w] * turn[a, 0, w] + lt[a, w] * turn[b, 0, w])
                    g1 += kt * (lt[b, w] * turn[a, 1, w] + lt[a, w] * turn[b, 1, w])
                    g2 += kt * (lt[b, w] * turn[a, 2, w] + lt[a, w] * turn[b, 2, w])
                    # θ̄ × f: how the chord's rotation couples to the strut vector
                    g0 += middle[a, 1, w] * force[b, 2, w] - middle[a, 2, w] * force[b, 1, w]
                    g1 += middle[a, 2, w] * force[b, 0, w] - middle[a, 0, w] * force[b, 2, w]
                    g2 += middle[a, 0, w] * force[b, 1, w] - middle[a, 1, w] * force[b, 0, w]
                    g0 += middle[b, 1, w] * force[a, 2, w] - middle[b, 2, w] * force[a, 1, w]
                    g1 += middle[b, 2, w] * force[a, 0, w] - middle[b, 0, w] * force[a, 2, w]
                    g2 += middle[b, 0, w] * force[a, 1, w] - middle[b, 1, w] * force[a, 0, w]
                    for first, second in ((a, b), (b, a)):  # ε of one unit strain on the force of the other
                        if first == 0:
                            g0 += force[second, 0, w]
                        elif first == 1:
                            g1 += force[second, 1, w]
                        elif first == 2:
                            g2 += force[second, 2, w]
                        elif first == 3:
                            g1 += 0.5 * force[second, 2, w]
                            g2 += 0.5 * force[second, 1, w]
                        elif first == 4:
                            g0 += 0.5 * force[second, 2, w]
                            g2 += 0.5 * force[second, 0, w]
                        else:
                            g0 += 0.5 * force[second, 1, w]
                            g1 += 0.5 * force[second, 0, w]
                    for j in range(3):
                        out[c, j, w] += g0 * vectors[s, j]
                        out[c, 3 + j, w] += g1 * vectors[s, j]
                        out[c, 6 + j, w] += g2 * vectors[s, j]
                c += 1
    volume_map = np.empty(9)
    for w in range(LANES):
        inverse = np.linalg.inv(maps[:, :, w].copy())
        for i in range(3):
            for j in range(3):
                volume_map[3 * i + j] = inverse[j, i]
        for c in range(21):
            slope = by_area[c, w] * area[w]
            for k in range(9):
                by_length = length_map[k, w] / total[w]
                out[c, k, w] = (out[c, k, w] + slope * (volume_map[k] - by_length)) / cell[w] - stiffness[
                    c, w
                ] * volume_map[k]
            out[c, 9, w] = slope / (cell[w] * density[w])


@numba.njit(cache=True, parallel=True, nogil=True, error_model="numpy", fastmath={"contract", "nsz", "arcp"})
def run(groups, order, maps, density, extents, geometry, adds, factors, targets, pairs, rows, below, below_end, ends,
        strain_blocks, work, work_struts, work_x, stiffness, gradient):  # fmt: skip
    """Homogenize all designs, a thread per group of lanes.

    groups (g, 3): topology, first and last position in ``order``; extents (t + 1, 7): where a topology's parts begin in
    the concatenated program arrays; work (threads, …): one workspace a thread.
    """
    for g in numba.prange(len(groups)):
        thread = numba.get_thread_id()
        t, first, last = groups[g, 0], groups[g, 1], groups[g, 2]
        e, n = extents[t], extents[t + 1]
        vectors, volume = geometry[e[0] : n[0], :3], geometry[e[0], 5]
        weights, areas = geometry[e[0] : n[0], 3], geometry[e[0] : n[0], 4]
        matrix, struts = work[thread, : e[6]], work_struts[thread, : n[0] - e[0]]
        element = work[thread, work.shape[1] - KINDS :]
        a, rho = np.empty((3, 3, LANES)), np.empty(LANES)
        area, cell = np.empty(LANES), np.empty(LANES)
        for w in range(LANES):
            design = order[min(first + w, last - 1)]  # spare lanes repeat the last design
            rho[w] = density[design]
            for i in range(3):
                for j in range(3):
                    a[i, j, w] = maps[design, i, j]
        _strut_vectors(a, vectors, struts)
        _section(a, rho, volume, weights, areas, struts, area, cell)
        matrix[:] = 0.0
        _assemble(struts, area, weights, areas, adds[e[1] : n[1]], factors[e[1] : n[1]], element, matrix)
        _eliminate(targets[e[2] : n[2]], pairs[e[3] : n[3]], matrix)
        result = np.empty((21, LANES))
        c = 0
        for i in range(6):
            for j in range(i, 6):
                block = matrix[strain_blocks[t, i // 3 + j // 3]]
                for w in range(LANES):
                    result[c, w] = block[3 * (j % 3) + i % 3, w] / cell[w]
                c += 1
        for w in range(min(LANES, last - first)):
            stiffness[order[first + w]] = result[:, w]
        if gradient.shape[0]:
            x, derivative = work_x[thread, : n[4] - e[4]], np.empty((21, 10, LANES))
            _fluctuation(rows[e[4] : n[4]], below[e[5] : n[5]], below_end[e[4] : n[4]], matrix, x)
            _gradient(a, rho, vectors, weights, areas, ends[e[0] : n[0]], struts, area, cell, result, x, derivative)
            for w in range(min(LANES, last - first)):
                gradient[order[first + w]] = derivative[:, :, w]
