"""Regions to fill with lattice: boxes, and closed surfaces of any shape."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import manifold3d
import numpy as np
import trimesh

from trussmap.base.errors import InputError


class Region(NamedTuple):
    """What is to be filled.

    Attributes
    ----------
    solid : its volume, a manifold3d.Manifold
    low, high : (3,) corners of its bounds
    box : whether it is the whole of its bounds
    """

    solid: manifold3d.Manifold
    low: np.ndarray
    high: np.ndarray
    box: bool


def box(size: Sequence[float] | np.ndarray) -> Region:
    """A box in line with the axes, from the origin to ``size`` (3,).

    >>> box((10, 20, 5)).high.tolist()
    [10.0, 20.0, 5.0]
    """
    edges = np.asarray(size, float)
    if edges.shape != (3,) or not (np.isfinite(edges).all() and (edges > 0).all()):
        words = " × ".join(f"{edge:g}" for edge in np.ravel(edges))
        raise InputError(f"a box of {words} mm: expected three lengths above 0.")
    return Region(manifold3d.Manifold.cube(edges), np.zeros(3), edges, True)


def shape(path: str | Path) -> Region:
    """The inside of a surface in a file (STL and whatever else trimesh reads), in mm.

    Raises InputError for a file that cannot be read, and for a surface that is not closed or bounds
    several bodies.
    """
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file; expected a closed surface, such as an STL in mm.")
    try:
        mesh: Any = trimesh.load(path, force="mesh")
    except Exception as error:  # readers of some thirty formats raise what they like
        raise InputError(
            f"{path}: cannot be read as a surface ({error}); expected an STL in mm."
        ) from None
    if not len(mesh.faces):
        raise InputError(
            f"{path}: it has no faces; expected a closed surface, such as an STL in mm."
        )
    if not mesh.is_watertight:
        raise InputError(
            f"{path}: the surface is not closed; expected one without holes, so that it has an "
            f"inside."
        )
    if mesh.volume < 0:
        mesh.invert()
    faces = manifold3d.Mesh(
        np.asarray(mesh.vertices, np.float32), np.asarray(mesh.faces, np.uint32)
    )
    solid = manifold3d.Manifold(faces)
    if solid.status() != manifold3d.Error.NoError or solid.volume() <= 0:
        raise InputError(
            f"{path}: the surface bounds no volume; expected one that is closed and faces outwards."
        )
    if (bodies := sum(part.volume() > 0 for part in solid.decompose())) > 1:  # cavities have less
        raise InputError(
            f"{path}: the surface bounds {bodies} bodies that are not joined to one; expected one."
        )
    low, high = mesh.bounds
    return Region(solid, low, high, False)


def inside(region: Region, points: np.ndarray, tolerance: float = 0.0) -> np.ndarray:
    """Which points (n, 3) lie in a region; those of a box also within ``tolerance`` of it, in mm."""
    within = np.all(
        (points >= region.low - tolerance) & (points <= region.high + tolerance), axis=1
    )
    if region.box:
        return within
    away = np.array([0.0, 0.0, 2 * (region.high - region.low)[2]])
    for k in np.flatnonzero(within):
        within[k] = len(region.solid.ray_cast(points[k], points[k] + away)) % 2 == 1
    return within


def thickness(region: Region, rays: int = 100) -> float:
    """Diameter in mm of the largest ball found in a region, around the middles of rays from its
    surface straight in.
    """
    mesh = region.solid.to_mesh()
    corners = np.asarray(mesh.vert_properties, float)[:, :3][mesh.tri_verts]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    areas = np.linalg.norm(normals, axis=1)
    rng = np.random.default_rng(0)
    span = np.linalg.norm(region.high - region.low)
    chosen = rng.choice(len(areas), rays, p=areas / areas.sum())
    starts = (rng.dirichlet(np.ones(3), rays)[:, :, None] * corners[chosen]).sum(1)
    inwards = -normals[chosen] / areas[chosen, None]
    outside = manifold3d.Manifold.cube(3 * (region.high - region.low)).translate(
        2 * region.low - region.high
    )
    outside = outside - region.solid
    point = manifold3d.Manifold.tetrahedron().scale([1e-6 * span] * 3)
    largest = 0.0
    for start, along in zip(starts + 1e-6 * span * inwards, span * inwards, strict=True):
        hits = region.solid.ray_cast(start, start + along)
        if hits and hits[0].distance * span > largest:
            middle = point.translate(start + hits[0].distance / 2 * along)
            largest = max(largest, 2 * outside.min_gap(middle, span))
    return largest
