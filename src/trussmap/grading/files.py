"""Graded structures as files, in mm."""

from pathlib import Path

import numpy as np

from trussmap.base.io import write_csv
from trussmap.grading.design import Graded
from trussmap.lattice.descriptor import DENSITY_RANGE
from trussmap.parts.files import write_beams, write_mesh, write_structure_csv, write_vtk
from trussmap.parts.solid import solid_of
from trussmap.tensors.measures import relative_error

# Relative error of a site from which on a person is told.
_OFF = 0.02


def result_lines(graded: Graded) -> list[str]:
    """Lines on a graded structure that a person should know."""
    m = graded.metrics
    density = f"{m['relative_density_min']:.3f} to {m['relative_density_max']:.3f}"
    floating = f"{m['floating_struts_dropped']} struts that hung apart"
    dropped = f"{floating} and {m['dangling_struts_dropped']} with a free end"
    sites = len(graded.sites.names)
    where = "at points all over the region"
    if graded.at_sites:
        where = f"at the sites {percent(m['site_relative_error_max'])} at most, on the way"
    said = [
        f"{m['struts']:,} struts in cells of {m['cell_size_mm']:.3g} mm, density {density}; left "
        f"out: {dropped}",
        f"error of the local cells as built: {where} {percent(m['path_relative_error'])} on "
        f"average and "
        f"{percent(m['path_relative_error_max'])} at most; E(n) "
        f"{percent(m['path_modulus_error_max'])} at most",
        f"struts from {m['diameter_min_mm']:.3g} to {m['diameter_max_mm']:.3g} mm, smallest gap "
        + (
            f"{m['gap_min_mm']:.3g} mm"
            if m["gap_min_mm"] > 0
            else "none: struts that do not meet overlap"
        ),
    ]
    if graded.at_sites < sites:
        said.append(f"note: {sites - graded.at_sites} of the {sites} sites lie outside the region")
    off = relative_error(graded.built[: graded.at_sites], graded.prescribed[: graded.at_sites])
    if graded.at_sites and off.max() > _OFF:
        worst = int(off.argmax())
        name = graded.sites.names[round(graded.along[worst] * (sites - 1))]
        own = graded.density[worst]
        near = [
            word
            for word, end in zip(("least", "most"), DENSITY_RANGE, strict=True)
            if abs(own / end - 1) < 0.05
        ]
        why = f"its cell has a relative density of {own:.3g}" + "".join(
            f", about the {word} allowed" for word in near
        )
        said.append(
            f"note: the stiffness of {name} is not reached together with the others: "
            f"{percent(off[worst])} off; {why}"
        )
    if not m.get("one_cell", 1):
        said.append(
            "cells change their edges from place to place too and do not fit together exactly: "
            "theirs are "
            f"{percent(m['phase_error'])} off those prescribed, which the errors above contain"
        )
    said.append("struts end at whole joints" + _beyond(graded))
    return said


def _beyond(graded):
    """How far nodes stand out of a box, in words."""
    if not graded.region.box:
        return ", not in the surface of the shape"
    nodes = graded.structure.nodes
    out = max(float(np.maximum(graded.region.low - nodes, nodes - graded.region.high).max()), 0.0)
    return f"; nodes stand up to {out:.2g} mm out of the box" if out > 1e-6 * graded.cell else ""


def percent(value: float) -> str:
    """A share in %.

    >>> percent(0.01234), percent(1e-6)
    ('1.2 %', 'below 0.01 %')
    """
    return f"{100 * value:.2g} %" if value >= 1e-4 else "below 0.01 %"


def write_graded(
    graded: Graded, folder: str | Path, stl: bool = False, youngs_modulus: float = 1.0
) -> None:
    """Write ``nodes.csv``, ``struts.csv``, ``structure.vtk``, ``structure.3mf`` and ``path.csv`` to
    a folder.

    With ``stl`` also ``structure.stl``, the closed surface of the solid, which takes about a minute
    for 10,000 struts; InputError where it does not close, before anything is written. Without, one
    that is there is removed: it is of another structure. The stiffness in ``path.csv`` is in the
    units of ``youngs_modulus``, that of the base material.
    """
    folder = Path(folder)
    structure = graded.structure
    mesh = solid_of(structure.nodes, structure.struts, structure.radii) if stl else None
    parts = structure.nodes, structure.struts, structure.radii
    write_beams(folder / "structure.3mf", *parts)
    write_structure_csv(*parts, folder, progress=structure.progress)
    write_vtk(folder / "structure.vtk", *parts, progress=structure.progress)
    write_csv(graded.path_table(youngs_modulus), folder / "path.csv")
    if mesh is None:
        (folder / "structure.stl").unlink(missing_ok=True)
    else:
        write_mesh(folder / "structure.stl", mesh)
