"""Graded structures as files, in mm."""

from pathlib import Path

from trussmap.export import write_beams, write_mesh, write_structure_csv, write_vtk
from trussmap.grading.design import Graded
from trussmap.io import write_csv
from trussmap.parts import solid_of


def told(graded: Graded) -> list[str]:
    """What a person should know of a graded structure, in sentences."""
    m = graded.metrics
    density = f"{m['relative_density_min']:.3f} to {m['relative_density_max']:.3f}"
    dropped = f"{m['floating_struts_dropped']} that hung apart and {m['dangling_struts_dropped']} that ended free"
    sites = len(graded.sites.names)
    at_sites = "no site is in the region"
    if graded.at_sites:
        at_sites = f"at the sites {percent(m['site_relative_error_max'])} at most"
    said = [
        f"{m['struts']:,} struts in cells of {m['cell_size_mm']:.3g} mm, density {density}; dropped: {dropped}",
        f"error of the local cells as built: {at_sites}, on the way {percent(m['path_relative_error'])} on average and "
        f"{percent(m['path_relative_error_max'])} at most; E(n) {percent(m['path_modulus_error_max'])} at most",
        f"struts from {m['diameter_min_mm']:.3g} to {m['diameter_max_mm']:.3g} mm, smallest gap "
        + (f"{m['gap_min_mm']:.3g} mm" if m["gap_min_mm"] > 0 else "none: struts that do not meet overlap"),
    ]
    if 0 < graded.at_sites < sites:
        said.append(f"{sites - graded.at_sites} of the {sites} sites lie outside the region")
    if not m.get("one_cell", 1):
        said.append(f"cells change their edges too; as built they are {percent(m['phase_error'])} off those prescribed")
    return said


def percent(value: float) -> str:
    """A share in %.

    >>> percent(0.01234), percent(1e-6)
    ('1.2 %', 'below 0.01 %')
    """
    return f"{100 * value:.2g} %" if value >= 1e-4 else "below 0.01 %"


def write_graded(graded: Graded, folder: str | Path, stl: bool = False) -> None:
    """Write ``nodes.csv``, ``struts.csv``, ``structure.vtk``, ``structure.3mf`` and ``path.csv`` to a folder.

    With ``stl`` also ``structure.stl``, the closed surface of the solid, which takes about a minute for 10,000 struts;
    InputError where it does not close, before anything is written.
    """
    folder, structure = Path(folder), graded.structure
    mesh = solid_of(structure.nodes, structure.struts, structure.radii) if stl else None
    parts = structure.nodes, structure.struts, structure.radii
    write_beams(folder / "structure.3mf", *parts)
    write_structure_csv(*parts, folder, progress=structure.progress)
    write_vtk(folder / "structure.vtk", *parts, progress=structure.progress)
    write_csv(graded.path_table(), folder / "path.csv")
    if mesh is not None:
        write_mesh(folder / "structure.stl", mesh)
