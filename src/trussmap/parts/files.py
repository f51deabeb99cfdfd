"""Lattices and parts as files: nodes and struts (CSV), ParaView (VTK), printers (STL, 3MF), finite
elements (INP).
"""

import hashlib
import locale
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from typing import TextIO
from uuid import NAMESPACE_OID, uuid5

import meshio
import numpy as np
import pandas as pd
import trimesh
from scipy.sparse.linalg import splu

from trussmap.base.errors import InputError
from trussmap.base.io import atomic_path, write_csv, write_json
from trussmap.lattice.graph import PeriodicGraph
from trussmap.mechanics.homogenization.reference import beam_stiffness, frame_matrix
from trussmap.parts.fill import Part
from trussmap.parts.region import Region
from trussmap.parts.solid import volume
from trussmap.tensors.stiffness import POISSON_RATIO

#: Programs that a deck of beams can be for, and their elements with three nodes.
SOLVERS = {"calculix": "B32R", "abaqus": "B32"}
#: Elements to a strut, by which forces are those of exact beams within 1 % (docs/validity.md).
ELEMENTS = 2
#: Struts of a part up to which its deck has the force of exact beams.
MOST_SOLVED = 10_000
# What a deck's step writes.
_OUTPUT = {
    "calculix": (
        "*NODE PRINT, NSET=ZMIN, TOTALS=ONLY\nRF\n*EL PRINT, ELSET=STRUTS, TOTALS=ONLY\nELSE\n"
        "*NODE FILE\nU,RF\n*EL FILE\nS\n"
    ),
    "abaqus": (
        "*OUTPUT, FIELD, VARIABLE=PRESELECT\n*OUTPUT, HISTORY\n"
        "*ENERGY OUTPUT, ELSET=STRUTS\nALLSE\n*NODE OUTPUT, NSET=ZMIN\nRF\n"
    ),
}
#: What the deck of a box does to it, as a share of its height.
COMPRESSION = 0.01


def write_nodes_and_struts(graph: PeriodicGraph, radii: np.ndarray, stem: str | Path) -> list[Path]:
    """Write a unit cell as ``<stem>_nodes.csv``, ``<stem>_struts.csv`` and ``<stem>_cell.csv``.

    Lengths are in units of the graph's cell. Columns:

    - nodes: ``node`` (from 1), ``x, y, z`` and the fractional coordinates ``u, v, w``
    - struts: ``strut`` (from 1), ``node_1, node_2``, the cell ``offset_1, offset_2, offset_3`` of the second node,
      the vector ``dx, dy, dz`` from one to the other, ``length`` and ``radius``. Every strut of the
      infinite lattice stands here once.
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
    nodes: np.ndarray,
    struts: np.ndarray,
    radii: np.ndarray,
    directory: str | Path,
    **columns: np.ndarray,
) -> None:
    """Write a finite structure as ``nodes.csv`` (node, x, y, z) and ``struts.csv`` (strut, node_1,
    node_2, radius, …).

    Further ``columns`` (m,) of the struts stand behind their radii.
    """
    directory = Path(directory)
    number = np.arange(len(nodes)) + 1
    write_csv(
        pd.DataFrame(nodes, columns=["x", "y", "z"]).assign(node=number)[["node", "x", "y", "z"]],
        directory / "nodes.csv",
    )
    table = pd.DataFrame(np.asarray(struts) + 1, columns=["node_1", "node_2"]).assign(
        radius=radii, **columns
    )
    table.insert(0, "strut", np.arange(len(table)) + 1)
    write_csv(table, directory / "struts.csv")


def write_vtk(
    path: str | Path, nodes: np.ndarray, struts: np.ndarray, radii: np.ndarray, **data: np.ndarray
) -> None:
    """Write a finite structure as VTK lines with the cell data ``radius`` (ParaView: Tube filter,
    radius by scalar).

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
    """Write the watertight surface of a part as binary STL in mm; raises InputError where it does
    not close.
    """
    write_mesh(path, part.mesh)


def write_mesh(path: str | Path, mesh: trimesh.Trimesh) -> None:
    """Write a surface in mm as binary STL."""
    with atomic_path(path) as temporary:
        mesh.export(temporary, file_type="stl")


def write_3mf(path: str | Path, part: Part) -> None:
    """Write a part as 3MF with the beam lattice extension: straight beams with radii, clipped by
    the region, in mm.

    The file is a hundredth of the STL and exact, for programs that know the extension. Raises
    InputError where lib3mf, which writes it, does not come for this machine.
    """
    write_beams(path, part.nodes, part.struts, part.radii, part.region)


def write_beams(
    path: str | Path,
    nodes: np.ndarray,
    struts: np.ndarray,
    radii: np.ndarray,
    region: Region | None = None,
) -> None:
    """Write a finite structure in mm as `write_3mf` does, clipped by a region where one is given."""
    try:
        import lib3mf
    except (ImportError, OSError) as error:
        raise InputError(
            f"{path}: lib3mf cannot be loaded ({error}); expected it to be installed, for 3MF."
        ) from None
    wrapper = lib3mf.get_wrapper()
    model = wrapper.CreateModel()
    model.SetUnit(lib3mf.ModelUnit.MilliMeter)
    if region is not None:  # an object refers to those before it
        surface = region.solid.to_mesh()
        clip = model.AddMeshObject()
        clip.SetName("region")
        corners = [
            lib3mf.Position(tuple(point)) for point in surface.vert_properties[:, :3].tolist()
        ]
        clip.SetGeometry(
            corners, [lib3mf.Triangle(tuple(face)) for face in surface.tri_verts.tolist()]
        )
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
    settings = [
        model.SetBuildUUID,
        item.SetUUID,
        lattice.SetUUID,
        *([clip.SetUUID] if region is not None else []),
    ]
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
    """lib3mf leaves the process in the locale C, in which text files are ASCII: set back the one
    before.
    """
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
    """Write a part as an input deck of rigidly joined beams, in mm.

    Every strut has ``elements`` beams of three nodes. The deck has the sets

    - of elements: ``RADIUS_1`` … by radius, and ``STRUTS``, all of them
    - of nodes: ``SURFACE``, and of a box those of its faces, ``XMIN`` … ``ZMAX``

    A box with nodes in both faces across z has a step: ``ZMIN`` is held, ``ZMAX`` moves down by 1 %
    of the height, and neither turns. A comment gives the force by `squeezing_force` and how to read
    it from the results. Struts that lie in a face of a box are whole here, and cut in half in the
    solid. Stresses have the unit of ``youngs_modulus``, forces that unit times mm².

    ``solver`` is one of ``SOLVERS``. CalculiX makes solids of beams, so that its deck differs:

    - Sections are pipes without a bore, which have the area and the second moment of the circle.
    - The material does not contract sideways, for rigid joints would hinder it. Its shear modulus
      is that of the base material, and each direction of struts has an orientation.
    - Every node of a step's two faces has a short beam more, of the set ``CLAMPS``: CalculiX turns
      nodes into rigid joints only where several beams meet. The rotation of others is held in the
      mean, which falsifies the reactions.

    Raises InputError for another solver and for less than one element.
    """
    check_deck(solver, elements)
    nodes, beams = _beams(part, elements)
    squeezed = is_squeezed(part)
    with atomic_path(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
        file.write(f"*HEADING\ntrussmap: {len(part.struts)} struts, mm, for {solver}\n")
        if squeezed:
            file.write(_force_comment(part, youngs_modulus, poisson_ratio, solver))
        file.write("*NODE, NSET=ALL\n")
        _write_rows(file, nodes)
        file.write("*MATERIAL, NAME=BASE\n" + _elastic(youngs_modulus, poisson_ratio, solver))
        _write_struts(file, part, beams, solver)
        if squeezed and solver == "calculix":
            _write_clamps(file, part, len(nodes), beams.shape[0] * beams.shape[1])
        for name, members in surface_sets(part).items():
            file.write(f"*NSET, NSET={name}\n")
            file.writelines(f"{k + 1},\n" for k in members)
        if squeezed:
            file.write("*STEP\n*STATIC\n*BOUNDARY\nZMIN,1,6\nZMAX,1,2\nZMAX,4,6\n")
            file.write(f"ZMAX,3,3,{-squeeze(part):.9g}\n{_OUTPUT[solver]}*END STEP\n")


def _beams(part: Part, elements: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes (n, 3) of a deck and those of its beams (struts, elements, 3), which count from 1."""
    start = part.nodes[part.struts[:, 0]]
    along = part.nodes[part.struts[:, 1]] - start
    way = np.arange(1, 2 * elements)[:, None] / (2 * elements)
    nodes = np.concatenate([part.nodes, (start[:, None] + way * along[:, None]).reshape(-1, 3)])

    between = len(part.nodes) + np.arange(len(start) * len(way)).reshape(len(start), -1)
    line = np.column_stack([part.struts[:, 0], between, part.struts[:, 1]]) + 1
    return nodes, np.stack([line[:, k : k + 3] for k in range(0, 2 * elements, 2)], 1)


def _force_comment(part: Part, youngs_modulus: float, poisson_ratio: float, solver: str) -> str:
    """Comment of a deck that says what its step does and where to read the force."""
    shift = f"{squeeze(part):.9g}"
    energy = {"calculix": "ELSE", "abaqus": "ALLSE"}[solver]
    lines = [
        f"The step squeezes the box along z by {shift} mm; the nodes of both faces do not turn.",
        f"The force on a face is F = 2*{energy}/{shift}.",
        f"{energy} is the elastic energy of the set STRUTS; the sum of RF3 over ZMIN is F, too.",
    ]
    if len(part.struts) > MOST_SOLVED:
        lines.append(f"Exact beams are not solved here: more than {MOST_SOLVED:,} struts.")
    else:
        force = squeezing_force(part, youngs_modulus, poisson_ratio)
        lines.append(f"Exact Timoshenko beams have F = {force:.6g}.")
    if solver == "abaqus":
        lines.append("No deck was tried in Abaqus.")
    return "".join(f"** {line}\n" for line in lines)


def _elastic(youngs_modulus: float, poisson_ratio: float, solver: str) -> str:
    """Elastic constants of the base material as a solver's beams need them."""
    if solver == "abaqus":
        return f"*ELASTIC\n{youngs_modulus:.9g},{poisson_ratio:.9g}\n"
    shear = youngs_modulus / (2 * (1 + poisson_ratio))
    constants = 3 * [youngs_modulus] + 3 * [0.0] + 3 * [shear]
    words = [f"{constant:.9g}" for constant in constants]
    return f"*ELASTIC, TYPE=ENGINEERING CONSTANTS\n{','.join(words[:8])},\n{words[8]}\n"


def _write_struts(file: TextIO, part: Part, beams: np.ndarray, solver: str) -> None:
    """Write the beams (struts, elements, 3) by radius and direction, with their sections."""
    number_of = np.arange(beams.shape[0] * beams.shape[1]).reshape(beams.shape[:2]) + 1
    radii = np.array([float(f"{radius:.9g}") for radius in part.radii])
    sizes, size_of = np.unique(radii, return_inverse=True)
    axes, axis_of = np.unique(_directions(part), axis=0, return_inverse=True)
    across = np.cross(axes, np.eye(3)[np.abs(axes).argmin(1)])
    across /= np.linalg.norm(across, axis=1, keepdims=True)

    names: dict[int, list[str]] = {}
    for size, axis in np.unique(np.column_stack([size_of, axis_of.ravel()]), axis=0).tolist():
        name = f"RADIUS_{size + 1}_AXIS_{axis + 1}"
        names.setdefault(size, []).append(name)
        members = (size_of == size) & (axis_of.ravel() == axis)
        file.write(f"*ELEMENT, TYPE={SOLVERS[solver]}, ELSET={name}\n")
        rows = np.column_stack([number_of[members].ravel(), beams[members].reshape(-1, 3)])
        file.writelines(f"{k},{a},{b},{c}\n" for k, a, b, c in rows.tolist())
        file.write(_section(name, sizes[size], axes[axis], across[axis], solver))
    for size, members in names.items():
        file.write(f"*ELSET, ELSET=RADIUS_{size + 1}\n")
        file.writelines(f"{name},\n" for name in members)
    file.write(f"*ELSET, ELSET=STRUTS, GENERATE\n1,{number_of.size}\n")


def _directions(part: Part) -> np.ndarray:
    """Directions (m, 3) of struts, the same for both senses, to six decimals."""
    along = part.nodes[part.struts[:, 1]] - part.nodes[part.struts[:, 0]]
    axis = (along / part.lengths[:, None]).round(6) + 0.0  # without a negative zero
    first = (axis != 0).argmax(1)
    return axis * np.sign(axis[np.arange(len(axis)), first])[:, None] + 0.0


def _section(name: str, radius: float, axis: np.ndarray, across: np.ndarray, solver: str) -> str:
    """Section of the beams of a set along ``axis`` (3,); ``across`` (3,) is perpendicular to it."""
    normal = ",".join(f"{x:.9g}" for x in across)
    section = f"*BEAM SECTION, ELSET={name}, MATERIAL=BASE, SECTION="
    if solver == "abaqus":
        return f"{section}CIRC\n{radius:.9g}\n{normal}\n"
    frame = ",".join(f"{x:.9g}" for x in (*axis, *across))
    return (
        f"*ORIENTATION, NAME=FRAME_OF_{name}\n{frame}\n"
        f"{section}PIPE, ORIENTATION=FRAME_OF_{name}\n{radius:.9g},{radius:.9g}\n{normal}\n"
    )


def _write_clamps(file: TextIO, part: Part, nodes: int, beams: int) -> None:
    """Write a short beam out of every node of the two faces across z, behind other nodes and beams.

    Its radius is that of no strut: CalculiX would smooth the joint of two alike beams in a line.
    """
    radius = part.radii.min() / 2
    sets = surface_sets(part)
    held = np.concatenate([sets["ZMIN"], sets["ZMAX"]])
    outwards = np.repeat([-radius, radius], [len(sets["ZMIN"]), len(sets["ZMAX"])])
    places = np.repeat(part.nodes[held], 2, axis=0)
    places[:, 2] += (outwards[:, None] * [1, 2]).ravel()
    file.write("*NODE\n")
    _write_rows(file, places, nodes)

    file.write(f"*ELEMENT, TYPE={SOLVERS['calculix']}, ELSET=CLAMPS\n")
    rows = np.column_stack([held, nodes + np.arange(2 * len(held)).reshape(-1, 2)]) + 1
    file.writelines(f"{k},{a},{b},{c}\n" for k, (a, b, c) in enumerate(rows.tolist(), beams + 1))
    file.write(_section("CLAMPS", radius, np.eye(3)[2], np.eye(3)[0], "calculix"))


def _write_rows(file: TextIO, places: np.ndarray, before: int = 0) -> None:
    """Write nodes at places (n, 3), numbered from ``before`` + 1."""
    rows = enumerate(places.tolist(), before + 1)
    file.writelines(f"{k},{x:.9g},{y:.9g},{z:.9g}\n" for k, (x, y, z) in rows)


def squeeze(part: Part) -> float:
    """Distance in mm by which the deck of a box lowers its upper face."""
    return float(COMPRESSION * (part.region.high - part.region.low)[2])


def squeezing_force(
    part: Part,
    youngs_modulus: float,
    poisson_ratio: float = POISSON_RATIO,
) -> float:
    """Force on the faces of a box in the step of its deck, by exact Timoshenko beams.

    Its unit is that of ``youngs_modulus`` times mm². 10,000 struts take about a second.
    """
    sets = surface_sets(part)
    elements = beam_stiffness(part.lengths, part.radii, poisson_ratio)
    matrix = frame_matrix(part.nodes, part.struts, elements).tocsr()
    held = (6 * np.union1d(sets["ZMIN"], sets["ZMAX"])[:, None] + np.arange(6)).ravel()
    free = np.setdiff1d(np.arange(matrix.shape[0]), held)

    moved = np.zeros(matrix.shape[0])
    moved[6 * sets["ZMAX"] + 2] = -squeeze(part)
    if len(free):
        # The matrix is symmetric and positive definite: no pivoting.
        symmetric = {"SymmetricMode": True}
        factors = splu(matrix[free][:, free].tocsc(), "MMD_AT_PLUS_A", 0.0, options=symmetric)
        moved[free] = factors.solve(-(matrix[free] @ moved))
    return float(youngs_modulus * moved @ (matrix @ moved) / squeeze(part))


def check_deck(solver: str, elements: int) -> None:
    """Raise InputError for a solver that no deck can be for, and for less than one element."""
    if solver not in SOLVERS:
        raise InputError(f"solver {solver}: expected {' or '.join(SOLVERS)}.")
    if elements < 1:
        raise InputError(f"{elements} elements to a strut: expected at least 1.")


def surface_sets(part: Part) -> dict[str, np.ndarray]:
    """Nodes on the surface of a part by name: ``SURFACE``, and the faces of a box, ``XMIN`` …
    ``ZMAX``.
    """
    sets = {"SURFACE": np.flatnonzero(part.on_surface)}
    if part.region.box:
        near = 1e-6 * (part.region.high - part.region.low).max()
        for axis, name in enumerate("XYZ"):
            for end, place in (("MIN", part.region.low), ("MAX", part.region.high)):
                sets[name + end] = np.flatnonzero(np.abs(part.nodes[:, axis] - place[axis]) < near)
    return {name: own for name, own in sets.items() if len(own)}


def is_squeezed(part: Part) -> bool:
    """Whether the deck of a part has a step: a box is squeezed where nodes lie in both of its faces
    across z.
    """
    return {"ZMIN", "ZMAX"} <= surface_sets(part).keys()


def write_part(
    stem: str | Path,
    part: Part,
    youngs_modulus: float,
    poisson_ratio: float = POISSON_RATIO,
    solver: str = "calculix",
    elements: int = ELEMENTS,
) -> dict[str, object]:
    """Write a part as ``<stem>.stl``, ``.3mf``, ``.vtk``, ``.inp`` and ``.json``.

    The last has, and this returns, the numbers of ``struts`` and of those that are ``free_ends``,
    ``stubs_dropped`` and ``floating_dropped``; ``volume_mm3`` of the solid; ``strut_diameter_mm``
    of the thinnest strut; ``remark``.
    """
    check_deck(solver, elements)
    unloaded = (
        ""
        if is_squeezed(part)
        else "no load in the deck (.inp), for no nodes lie in faces of a box across z"
    )
    part.mesh  # noqa: B018 what cannot be printed ends before anything is written
    write_3mf(f"{stem}.3mf", part)
    write_inp(f"{stem}.inp", part, youngs_modulus, poisson_ratio, solver, elements)
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
