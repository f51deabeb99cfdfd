"""Lattices as files: nodes and struts (CSV), ParaView (VTK) and printable blocks (STL)."""

from pathlib import Path

import manifold3d
import meshio
import numpy as np
import pandas as pd
import trimesh

from trussmap.errors import InputError
from trussmap.io import atomic_path, write_csv
from trussmap.lattice.graph import PeriodicGraph

#: Facets around a strut.
FACETS = 8


def write_nodes_and_struts(graph: PeriodicGraph, radii: np.ndarray, stem: str | Path) -> list[Path]:
    """Write a unit cell as ``<stem>_nodes.csv``, ``<stem>_struts.csv`` and ``<stem>_cell.csv``.

    Lengths are in units of the graph's cell. Columns:

    - nodes: ``node`` (from 1), ``x, y, z`` and the fractional coordinates ``u, v, w``
    - struts: ``strut`` (from 1), ``node_1, node_2``, the cell ``offset_1, offset_2, offset_3`` of the second node,
      the vector ``dx, dy, dz`` from one to the other, ``length`` and ``radius``. Every strut of the infinite lattice
      stands here once.
    - cell: the cell vectors ``a, b, c``, one in each row

    ``radii`` (m,), one for each strut. Returns the three paths.
    """
    stem = Path(stem)
    nodes = pd.DataFrame(graph.nodes @ graph.cell.T, columns=["x", "y", "z"])
    nodes[["u", "v", "w"]] = graph.nodes
    nodes.insert(0, "node", np.arange(len(nodes)) + 1)
    struts = pd.DataFrame(graph.struts + 1, columns=["node_1", "node_2"])
    struts[["offset_1", "offset_2", "offset_3"]] = graph.offsets
    struts[["dx", "dy", "dz"]] = graph.vectors
    struts["length"] = graph.lengths
    struts["radius"] = radii
    struts.insert(0, "strut", np.arange(len(struts)) + 1)
    cell = pd.DataFrame(graph.cell.T, columns=["x", "y", "z"])
    cell.insert(0, "vector", ["a", "b", "c"])
    paths = [stem.with_name(f"{stem.name}_{part}.csv") for part in ("nodes", "struts", "cell")]
    for path, table in zip(paths, (nodes, struts, cell), strict=True):
        write_csv(table, path)
    return paths


def write_structure_csv(nodes: np.ndarray, struts: np.ndarray, radii: np.ndarray, directory: str | Path) -> None:
    """Write a finite structure as ``nodes.csv`` (node, x, y, z) and ``struts.csv`` (strut, node_1, node_2, radius)."""
    directory = Path(directory)
    number = np.arange(len(nodes)) + 1
    write_csv(
        pd.DataFrame(nodes, columns=["x", "y", "z"]).assign(node=number)[["node", "x", "y", "z"]],
        directory / "nodes.csv",
    )
    table = pd.DataFrame(np.asarray(struts) + 1, columns=["node_1", "node_2"]).assign(radius=radii)
    table.insert(0, "strut", np.arange(len(table)) + 1)
    write_csv(table, directory / "struts.csv")


def block(graph: PeriodicGraph, cells: int) -> tuple[np.ndarray, np.ndarray]:
    """The struts of a block of ``cells``³ unit cells, each strut once, as nodes (n, 3) and struts (m, 2).

    Struts that leave the block end in a node outside it. Strut k·m … of cell number k are those of the graph in order.

    >>> from trussmap.lattice.elementary import elementary_lattice
    >>> nodes, struts = block(elementary_lattice(0), 2)
    >>> len(struts)  # three of each cell
    24
    """
    tiles = np.stack(np.meshgrid(*[np.arange(cells)] * 3, indexing="ij"), -1).reshape(-1, 1, 3)
    start = np.broadcast_to(tiles, (len(tiles), len(graph.struts), 3))
    ends = np.stack([start, start + graph.offsets], 2).reshape(-1, 3)
    index = np.tile(graph.struts.ravel(), len(tiles))
    unique, struts = np.unique(np.column_stack([ends, index]), axis=0, return_inverse=True)
    return (unique[:, :3] + graph.nodes[unique[:, 3]]) @ graph.cell.T, struts.reshape(-1, 2)


def write_vtk(path: str | Path, nodes: np.ndarray, struts: np.ndarray, radii: np.ndarray) -> None:
    """Write a finite structure as VTK lines with the cell data ``radius`` (ParaView: Tube filter, radius by scalar).

    ``path`` ends in .vtk (legacy) or .vtu.
    """
    radii = np.broadcast_to(np.asarray(radii, float), len(struts))
    mesh = meshio.Mesh(np.asarray(nodes, float), [("line", np.asarray(struts))], cell_data={"radius": [radii]})
    with atomic_path(path) as temporary:
        mesh.write(temporary)


def block_mesh(
    graph: PeriodicGraph, relative_density: float, cells: int = 3, cell_size_mm: float = 1.0, facets: int = FACETS
) -> trimesh.Trimesh:
    """Surface mesh in mm of a block of ``cells``³ unit cells, cut at the faces of the block.

    Struts are prisms of ``facets`` sides with the cross-section of the round strut, joints are spheres of its radius;
    they are united, cut by the block, and what the cut leaves loose is dropped.

    Parameters
    ----------
    graph : PeriodicGraph
    relative_density : of the lattice, overlap at nodes not subtracted
    cell_size_mm : edge of the cube that has the volume of one unit cell

    Returns a ``trimesh.Trimesh``. Raises InputError for a size that cannot be built.
    """
    if not (isinstance(cells, int | np.integer) and 1 <= cells <= 20):
        raise InputError(f"a block of {cells} cells; expected an integer from 1 to 20.")
    if not (np.isfinite(cell_size_mm) and cell_size_mm > 0):
        raise InputError(f"cell size {cell_size_mm} mm; expected a positive number.")
    if not 0 < relative_density < 1:
        raise InputError(f"relative density {relative_density}; expected a value between 0 and 1.")
    graph = graph.mapped(np.eye(3) * cell_size_mm / graph.volume ** (1 / 3))
    radii = graph.radii(relative_density)
    joints = np.zeros(len(graph.nodes))
    np.maximum.at(joints, graph.struts, radii[:, None])
    start = graph.nodes[graph.struts[:, 0]] @ graph.cell.T
    solid = strut_solid(start, start + graph.vectors, graph.nodes @ graph.cell.T, radii, joints, facets)
    # One cell's struts end in nodes of its neighbours, so copies of the cell overlap there and can simply be united.
    # In cell coordinates, where the copies stand in line with the axes, the union is several times faster.
    solid = solid.transform(np.column_stack([np.linalg.inv(graph.cell), np.zeros(3)]))
    reach = 3 * radii.max() * np.linalg.norm(np.linalg.inv(graph.cell), axis=1)
    ends = graph.nodes[graph.struts[:, 1]] + graph.offsets
    for axis in range(3):
        first = int(np.floor(-max(ends[:, axis].max(), 1) - reach[axis])) + 1
        last = int(np.ceil(cells + reach[axis] - min(ends[:, axis].min(), 0))) - 1
        copies = [solid.translate(np.eye(3)[axis] * k) for k in range(first, last + 1)]
        solid = _united(copies) ^ _slab(axis, -reach[axis], cells + reach[axis])
    for axis in range(3):
        solid = solid ^ _slab(axis, 0, cells)
    solid = solid.transform(np.column_stack([graph.cell, np.zeros(3)]))
    parts = solid.simplify(1e-3 * radii.min()).decompose()
    if not parts:
        raise InputError("the block holds no strut; expected a lattice with struts.")
    return _single_precision_mesh(max(parts, key=lambda part: part.volume()))


def strut_solid(
    start: np.ndarray,
    end: np.ndarray,
    joints: np.ndarray,
    radii: np.ndarray,
    joint_radii: np.ndarray,
    facets: int = FACETS,
) -> object:
    """Union (manifold3d.Manifold) of struts from ``start`` (m, 3) to ``end`` (m, 3), with spheres at ``joints`` (n, 3).

    ``radii`` (m,) are those of round struts; the prisms have the same cross-section. Each is turned about its axis by
    another angle, so that no faces of two struts coincide and the union is well defined.
    """
    angle = 2 * np.pi / facets
    wider = np.sqrt(angle / np.sin(angle))
    frames = _frames(end - start, np.random.default_rng(0).uniform(0, angle, len(start)))
    frames *= (wider * radii)[:, None, None]
    frames[:, :, 2] = end - start
    prism = manifold3d.Manifold.cylinder(1.0, 1.0, 1.0, facets)
    # A little wider than the struts, to cover the edges of their ends.
    ball = manifold3d.Manifold.sphere(1.03 * wider, facets)
    parts = [prism.transform(np.column_stack([f, s])) for f, s in zip(frames, start, strict=True)]
    return _united([*parts, *(ball.scale([r] * 3).translate(p) for p, r in zip(joints, joint_radii, strict=True))])


def _united(parts):
    return manifold3d.Manifold.batch_boolean(parts, manifold3d.OpType.Add)


def _slab(axis, low, high):
    """The part of space with coordinate ``axis`` between ``low`` and ``high``, far beyond the block."""
    size, shift = np.full(3, 1e3), np.full(3, -5e2)
    size[axis], shift[axis] = high - low, low
    return manifold3d.Manifold.cube(size).translate(shift)


def _frames(axis, turn):
    """Rotations (m, 3, 3) whose third column is along ``axis`` (m, 3), turned about it by ``turn`` (m,)."""
    third = axis / np.linalg.norm(axis, axis=1, keepdims=True)
    first = np.cross(np.eye(3)[np.argmin(np.abs(third), axis=1)], third)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(third, first)
    cos, sin = np.cos(turn)[:, None], np.sin(turn)[:, None]
    return np.stack([cos * first + sin * second, cos * second - sin * first, third], axis=-1)


def _single_precision_mesh(solid):
    """The mesh as an STL file holds it: vertices that its single precision would fuse are moved apart."""
    mesh = solid.to_mesh()
    points = mesh.vert_properties[:, :3].astype(np.float32)
    faces = mesh.tri_verts
    grain = np.float32(4) * np.spacing(np.abs(points).max())
    for _ in range(20):
        _, group, count = np.unique(points, axis=0, return_inverse=True, return_counts=True)
        fused = np.flatnonzero(count[group] > 1)
        if not len(fused):
            break
        normals = trimesh.Trimesh(points, faces, process=False).vertex_normals[fused]
        points[fused] -= (grain * normals).astype(np.float32)
        grain *= 2
    return trimesh.Trimesh(points.astype(float), faces)


def write_stl(
    path: str | Path,
    graph: PeriodicGraph,
    relative_density: float,
    cells: int = 3,
    cell_size_mm: float = 1.0,
    facets: int = FACETS,
) -> dict:
    """Write a watertight block (see ``block_mesh``) as binary STL in mm; returns what a printer's user asks first.

    Returns a dict: ``watertight``, ``volume_mm3``, ``nominal_volume_mm3`` (ρ times the block's volume, overlap at
    nodes not subtracted), ``strut_diameter_mm`` of the thinnest strut. Raises InputError where the union does not
    close.
    """
    mesh = block_mesh(graph, relative_density, cells, cell_size_mm, facets)
    if not mesh.is_watertight:
        raise InputError(f"{path}: the surface of the block does not close; try another cell size or fewer facets.")
    with atomic_path(path) as temporary:
        mesh.export(temporary, file_type="stl")
    scale = cell_size_mm / graph.volume ** (1 / 3)
    return {
        "watertight": bool(mesh.is_watertight),
        "volume_mm3": float(mesh.volume),
        "nominal_volume_mm3": float(relative_density * (cells * cell_size_mm) ** 3),
        "strut_diameter_mm": float(2 * scale * graph.radii(relative_density).min()),
    }
