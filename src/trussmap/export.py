"""Lattices and parts as files: nodes and struts (CSV), ParaView (VTK), printers (STL, 3MF), finite elements (INP)."""

import hashlib
import locale
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from uuid import NAMESPACE_OID, uuid5

import meshio
import numpy as np
import pandas as pd
import trimesh

from trussmap.errors import InputError
from trussmap.io import atomic_path, write_csv, write_json
from trussmap.lattice.graph import PeriodicGraph
from trussmap.parts import Part, Region, volume
from trussmap.stiffness import POISSON_RATIO

#: Programs that a deck of beams can be for, and their elements with three nodes.
SOLVERS = {"calculix": "B32R", "abaqus": "B32"}
#: Elements to a strut. CalculiX makes solids of beams: the tip of a cantilever ten diameters long moves by 18, 7 and
#: 3 % too little with 1, 2 and 4 of them (version 2.20).
ELEMENTS = 2
#: What the deck of a box does to it, as a share of its height.
COMPRESSION = 0.01


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


def write_structure_csv(
    nodes: np.ndarray, struts: np.ndarray, radii: np.ndarray, directory: str | Path, **columns: np.ndarray
) -> None:
    """Write a finite structure as ``nodes.csv`` (node, x, y, z) and ``struts.csv`` (strut, node_1, node_2, radius, …).

    Further ``columns`` (m,) of the struts stand behind their radii.
    """
    directory = Path(directory)
    number = np.arange(len(nodes)) + 1
    write_csv(
        pd.DataFrame(nodes, columns=["x", "y", "z"]).assign(node=number)[["node", "x", "y", "z"]],
        directory / "nodes.csv",
    )
    table = pd.DataFrame(np.asarray(struts) + 1, columns=["node_1", "node_2"]).assign(radius=radii, **columns)
    table.insert(0, "strut", np.arange(len(table)) + 1)
    write_csv(table, directory / "struts.csv")


def write_vtk(path: str | Path, nodes: np.ndarray, struts: np.ndarray, radii: np.ndarray, **data: np.ndarray) -> None:
    """Write a finite structure as VTK lines with the cell data ``radius`` (ParaView: Tube filter, radius by scalar).

    ``path`` ends in .vtk (legacy) or .vtu; further ``data`` (m,) of the struts are cell data too.
    """
    radii = np.broadcast_to(np.asarray(radii, float), len(struts))
    mesh = meshio.Mesh(
        np.asarray(nodes, float),
        [("line", np.asarray(struts))],
        cell_data={"radius": [radii], **{name: [value] for name, value in data.items()}},
    )
    with atomic_path(path) as temporary:
        mesh.write(temporary)


def write_stl(path: str | Path, part: Part) -> None:
    """Write the watertight surface of a part as binary STL in mm; raises InputError where it does not close."""
    write_mesh(path, part.mesh)


def write_mesh(path: str | Path, mesh: trimesh.Trimesh) -> None:
    """Write a surface in mm as binary STL."""
    with atomic_path(path) as temporary:
        mesh.export(temporary, file_type="stl")


def write_3mf(path: str | Path, part: Part) -> None:
    """Write a part as 3MF with the beam lattice extension: straight beams with radii, clipped by the region, in mm.

    The file is a hundredth of the STL and exact, for programs that know the extension. Raises InputError where lib3mf,
    which writes it, does not come for this machine.
    """
    write_beams(path, part.nodes, part.struts, part.radii, part.region)


def write_beams(
    path: str | Path, nodes: np.ndarray, struts: np.ndarray, radii: np.ndarray, region: Region | None = None
) -> None:
    """Write a finite structure in mm as `write_3mf` does, clipped by a region where one is given."""
    try:
        import lib3mf
    except (ImportError, OSError) as error:
        raise InputError(f"{path}: lib3mf cannot be loaded ({error}); expected it to be installed, for 3MF.") from None
    wrapper = lib3mf.get_wrapper()
    model = wrapper.CreateModel()
    model.SetUnit(lib3mf.ModelUnit.MilliMeter)
    if region is not None:  # an object refers to those before it
        surface, clip = region.solid.to_mesh(), model.AddMeshObject()
        clip.SetName("region")
        corners = [lib3mf.Position(tuple(point)) for point in surface.vert_properties[:, :3].tolist()]
        clip.SetGeometry(corners, [lib3mf.Triangle(tuple(face)) for face in surface.tri_verts.tolist()])
    lattice = model.AddMeshObject()
    lattice.SetName("lattice")
    lattice.SetGeometry([lib3mf.Position(tuple(point)) for point in nodes.tolist()], [])
    beams = lattice.BeamLattice()
    shortest = np.linalg.norm(nodes[struts[:, 1]] - nodes[struts[:, 0]], axis=1).min()
    beams.SetMinLength(min(1e-4, shortest / 2))
    ends = (lib3mf.BeamLatticeCapMode.Sphere.value,) * 2
    beams.SetBeams(
        [
            lib3mf.Beam(tuple(strut), (radius, radius), ends)
            for strut, radius in zip(struts.tolist(), radii.tolist(), strict=True)
        ]
    )
    if region is not None:
        beams.SetClipping(lib3mf.BeamLatticeClipMode.Inside, clip.GetUniqueResourceID())
    item = model.AddBuildItem(lattice, wrapper.GetIdentityTransform())
    # Equal structures are equal files: lib3mf would draw identifiers at random.
    content = hashlib.sha256(b"".join(a.tobytes() for a in (nodes, struts, radii))).hexdigest()
    settings = [model.SetBuildUUID, item.SetUUID, lattice.SetUUID, *([clip.SetUUID] if region is not None else [])]
    for number, set_identifier in enumerate(settings):
        set_identifier(str(uuid5(NAMESPACE_OID, f"{content} {number}")))
    with atomic_path(path) as temporary, TemporaryDirectory() as folder, _own_locale():
        writer = model.QueryWriter("3mf")
        writer.SetDecimalPrecision(9)
        # lib3mf takes names for UTF-8 whatever the locale, so it gets one in ASCII.
        plain = Path(folder) / "part.3mf"
        writer.WriteToFile(str(plain))
        copyfile(plain, temporary)


@contextmanager
def _own_locale():
    """lib3mf leaves the process in the locale C, in which text files are ASCII: set back the one before."""
    before = locale.setlocale(locale.LC_ALL)
    try:
        yield
    finally:
        locale.setlocale(locale.LC_ALL, before)


def write_inp(
    path: str | Path,
    part: Part,
    youngs_modulus: float,
    poisson_ratio: float = POISSON_RATIO,
    solver: str = "calculix",
    elements: int = ELEMENTS,
) -> None:
    """Write a part as an input deck of beams, ``elements`` with three nodes to a strut, rigidly joined, in mm.

    - element sets ``RADIUS_1`` … by radius, ``STRUTS`` all; nodes on the surface ``SURFACE``, and of a box those of its
      faces, ``XMIN`` … ``ZMAX``
    - of a box with nodes in both, a step: ``ZMIN`` is held, ``ZMAX`` moved down by 1 % of the height and held otherwise

    The two programs read a circular section differently (CalculiX its diameters, Abaqus its radius), so ``solver`` is
    one of ``SOLVERS``. Struts that lie in a face of a box are whole here, and cut in half in the solid. Stresses come
    in the unit of ``youngs_modulus``, forces in that unit times mm².
    """
    check_solver(solver)
    start, end = part.nodes[part.struts[:, 0]], part.nodes[part.struts[:, 1]]
    way = np.arange(1, 2 * elements)[:, None] / (2 * elements)
    nodes = np.concatenate([part.nodes, (start[:, None] + way * (end - start)[:, None]).reshape(-1, 3)])
    between = len(part.nodes) + np.arange(len(start) * len(way)).reshape(len(start), -1)
    line = np.column_stack([part.struts[:, 0], between, part.struts[:, 1]]) + 1
    beams = np.stack([line[:, k : k + 3] for k in range(0, 2 * elements, 2)], 1)
    # Programs want a direction across each beam, and suggest one that is along some: those get another.
    along = np.abs(end - start)[:, 2] > 0.9 * part.lengths
    rounded = np.array([float(f"{radius:.9g}") for radius in part.radii])
    sections = sorted({*zip(rounded.tolist(), along.tolist(), strict=True)})
    number = {radius: k + 1 for k, radius in enumerate(sorted({*rounded.tolist()}))}
    with atomic_path(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
        file.write("*HEADING\n")
        file.write(f"trussmap: {len(part.struts)} struts, mm, for {solver}\n")
        file.write("*NODE, NSET=ALL\n")
        file.writelines(f"{k},{x:.9g},{y:.9g},{z:.9g}\n" for k, (x, y, z) in enumerate(nodes.tolist(), 1))
        for radius, upright in sections:
            own = np.flatnonzero((rounded == radius) & (along == upright))
            name = f"RADIUS_{number[radius]}{'_UPRIGHT' if upright else ''}"
            file.write(f"*ELEMENT, TYPE={SOLVERS[solver]}, ELSET={name}\n")
            number_of = (own[:, None] * elements + np.arange(elements) + 1).ravel().tolist()
            rows = zip(number_of, beams[own].reshape(-1, 3).tolist(), strict=True)
            file.writelines(f"{k},{a},{b},{c}\n" for k, (a, b, c) in rows)
            file.write(f"*BEAM SECTION, ELSET={name}, MATERIAL=BASE, SECTION=CIRC\n")
            file.write(f"{2 * radius:.9g},{2 * radius:.9g}\n" if solver == "calculix" else f"{radius:.9g}\n")
            file.write("1.,0.,0.\n" if upright else "0.,0.,1.\n")
        file.write(f"*ELSET, ELSET=STRUTS, GENERATE\n1,{len(beams) * elements}\n")
        file.write(f"*MATERIAL, NAME=BASE\n*ELASTIC\n{youngs_modulus:.9g},{poisson_ratio:.9g}\n")
        for name, own in surface_sets(part).items():
            file.write(f"*NSET, NSET={name}\n")
            file.writelines(f"{k + 1},\n" for k in own)
        if is_squeezed(part):
            height = part.region.high[2] - part.region.low[2]
            file.write("*STEP\n*STATIC\n*BOUNDARY\nZMIN,1,6\nZMAX,1,2\nZMAX,4,6\n")
            file.write(f"ZMAX,3,3,{-COMPRESSION * height:.9g}\n")
            if solver == "calculix":
                file.write("*NODE PRINT, NSET=ZMIN, TOTALS=ONLY\nRF\n*NODE FILE\nU,RF\n*EL FILE\nS\n")
            else:
                file.write("*OUTPUT, FIELD, VARIABLE=PRESELECT\n*OUTPUT, HISTORY\n*NODE OUTPUT, NSET=ZMIN\nRF\n")
            file.write("*END STEP\n")


def check_solver(solver: str) -> None:
    """Raise InputError for a program that no deck can be written for."""
    if solver not in SOLVERS:
        raise InputError(f"solver {solver}: expected {' or '.join(SOLVERS)}.")


def surface_sets(part: Part) -> dict[str, np.ndarray]:
    """Nodes on the surface of a part by name: ``SURFACE``, and the faces of a box, ``XMIN`` … ``ZMAX``."""
    sets = {"SURFACE": np.flatnonzero(part.on_surface)}
    if part.region.box:
        near = 1e-6 * (part.region.high - part.region.low).max()
        for axis, name in enumerate("XYZ"):
            for end, place in (("MIN", part.region.low), ("MAX", part.region.high)):
                sets[name + end] = np.flatnonzero(np.abs(part.nodes[:, axis] - place[axis]) < near)
    return {name: own for name, own in sets.items() if len(own)}


def is_squeezed(part: Part) -> bool:
    """Whether the deck of a part has a step: a box is squeezed where nodes lie in both of its faces across z."""
    return {"ZMIN", "ZMAX"} <= surface_sets(part).keys()


def write_part(
    stem: str | Path,
    part: Part,
    youngs_modulus: float,
    poisson_ratio: float = POISSON_RATIO,
    solver: str = "calculix",
) -> dict[str, object]:
    """Write a part as ``<stem>.stl``, ``.3mf``, ``.vtk``, ``.inp`` and ``.json``.

    The last has, and this returns, the numbers of ``struts`` and of those that are ``free_ends``, ``stubs_dropped`` and
    ``floating_dropped``; ``volume_mm3`` of the solid; ``strut_diameter_mm`` of the thinnest strut; ``remark``.
    """
    check_solver(solver)
    unloaded = "" if is_squeezed(part) else "no load in the deck (.inp), for no nodes lie in faces of a box across z"
    part.mesh  # noqa: B018 what cannot be printed ends before anything is written
    write_3mf(f"{stem}.3mf", part)
    write_inp(f"{stem}.inp", part, youngs_modulus, poisson_ratio, solver)
    write_vtk(f"{stem}.vtk", part.nodes, part.struts, part.radii)
    write_stl(f"{stem}.stl", part)
    facts = {
        "struts": len(part.struts),
        "free_ends": part.free_ends,
        "stubs_dropped": part.stubs,
        "floating_dropped": part.floating,
        "volume_mm3": volume(part.mesh),
        "strut_diameter_mm": float(2 * part.radii.min()),
        "remark": "; ".join(filter(None, (part.remark(), unloaded))),
    }
    write_json(facts, f"{stem}.json")
    return facts
