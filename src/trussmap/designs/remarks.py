"""Remarks on designs: what prevents printing them, and what would do better."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from trussmap.lattice.descriptor import DENSITY_RANGE, DESIGN_COLUMNS, STRETCH_RANGE, V
from trussmap.lattice.graph import PeriodicGraph
from trussmap.lattice.symmetry import primitive_cell
from trussmap.mechanics.solids import crowding, solid_stiffness
from trussmap.search.request import Request
from trussmap.tensors.material import Material
from trussmap.tensors.measures import modulus_error, relative_error
from trussmap.tensors.stiffness import COMPONENTS, MULTIPLICITY

#: Diameter below which a strut is remarked on where no other is asked for: what laser powder-bed
#: fusion just makes.
THIN_MM = 0.2
# Share of a limit by which a design may violate it, as in the search.
_SLACK = 2e-3
# Relative error from which a design counts as far from its target.
_FAR = 0.1
# Relative error from which advice on a better base material is worth a sentence.
_NEAR = 1e-4
# Share of its stiffness from which what a design gains as a solid is worth a sentence.
_STIFFER = 0.1

#: A row of a table of designs, by the names of its columns.
Row = Mapping[str, Any]


def remarks_on(
    row: Row, graph: PeriodicGraph, target: np.ndarray, material: Material, request: Request
) -> str:
    """Sentences on a design that a person should know, mostly none, joined by semicolons.

    Parameters
    ----------
    row : of a table of `trussmap.search.design.design`, with the sizes in mm where the cell's is
        known
    graph : the lattice
    target : stiffness (21,), base modulus 1
    material : whose Young's modulus gives advice in its unit
    request : limits of printing; a remark names each one that the design violates. Without a
        least diameter, `THIN_MM` is the limit
    """
    sentences = [
        *(_violations(row, request) if request.cell_size_mm else []),
        *_on_density(row, target, material),
        *_on_stretches(row),
        *_on_error(row, request),
        *_on_solid(row, graph, material),
    ]
    return "; ".join(sentences)


def _on_density(row: Row, target: np.ndarray, material: Material) -> list[str]:
    """Advice on the base material where the density is at an end of its range."""
    density = row["relative_density"]
    error = row["relative_error"]
    ends = [bound for bound in DENSITY_RANGE if abs(np.log(density / bound)) < 0.005]
    if not ends:
        return []
    c = np.array([row[name] for name in COMPONENTS], float)
    factor = (MULTIPLICITY * c * target).sum() / (MULTIPLICITY * c * c).sum()
    stiffer = ends[0] == DENSITY_RANGE[1]
    other = "stiffer" if stiffer else "softer"
    remark = f"relative density {density:.3g} is at the end of its range: a {other} base material"
    if error != error:  # of targets that leave constants free, which have no factor
        return [f"{remark} may do better"]
    if abs(factor - 1) > 0.01:
        # Else something else is wrong, such as struts that must be thick.
        if stiffer == (factor > 1):
            modulus = factor * material.youngs_modulus
            return [f"{remark}, of Young's modulus {modulus:.3g}, would do better"]
        return []
    return [f"{remark} would do better"] if error > _NEAR else []


def _on_stretches(row: Row) -> list[str]:
    """Remark on stretches at both ends of their range."""
    stretches = np.array([row[name] for name in DESIGN_COLUMNS[V]], float)
    widest = 0.995 * STRETCH_RANGE[1] / STRETCH_RANGE[0]
    if row["relative_error"] > 1e-3 and stretches.max() / stretches.min() > widest:
        return [
            "stretches V are at both ends of their range: a more anisotropic one would do better"
        ]
    return []


def _on_error(row: Row, request: Request) -> list[str]:
    """Remarks on a target that is not met, and on the cell in which it would be."""
    error = row["relative_error"]
    larger = row.get("larger_cell", 1.0)
    size = request.cell_size_mm
    sentences = []
    if error > _FAR and not larger > 1:
        family = "of this family"
        if row.get("family", "published") != "published" and any(request.prints_mm):
            family = f"within these limits of printing in cells of {size:g} mm"
        sentences.append(
            f"the stiffness is still off by {error:.0%}: no lattice {family} seems to have it"
        )
    if larger > 1:
        unit = "mm" if size else "times the size"
        sentences.append(
            f"a cell of {larger * (size or 1):.3g} {unit} would have both the stiffness and the "
            "struts and gaps that were asked for"
        )
    return sentences


def _violations(row: Row, request: Request) -> list[str]:
    """Remarks on what is thinner, thicker or closer than a printer makes, and on what would do."""
    size = request.cell_size_mm
    assert size is not None
    limits = request.prints_mm
    least = row["strut_diameter_mm"]
    most = row.get("largest_diameter_mm")
    most = least if most is None else most
    gap = row["smallest_gap_mm"]
    thin = limits.minimum_diameter or THIN_MM
    source = "asked for" if limits.minimum_diameter else "that most printers need"
    sentences = []
    larger = 1.0
    if least < thin * (1 - _SLACK):
        sentences.append(
            f"its thinnest strut has {least:.3g} mm, less than the {thin:g} mm {source}"
        )
        larger = thin / least
    if limits.maximum_diameter and most > limits.maximum_diameter * (1 + _SLACK):
        sentences.append(
            f"its thickest strut has {most:.3g} mm, more than the {limits.maximum_diameter:g} mm "
            "asked for"
        )
        larger = np.nan if larger > 1 else limits.maximum_diameter / most
    if limits.minimum_gap and gap < limits.minimum_gap * (1 - _SLACK):
        sentences.append(
            f"its smallest gap has {gap:.3g} mm, less than the {limits.minimum_gap:g} mm asked for"
        )
        larger = max(larger, limits.minimum_gap / gap) if larger >= 1 and gap > 0 else np.nan
    if sentences and larger == larger:
        rounded = _rounded(larger * size, up=larger > 1)
        sentences[-1] += f" (the same lattice in cells of {rounded:.6g} mm would do)"
    return sentences


def _rounded(length: float, up: bool) -> float:
    """Length rounded to three digits, to the side on which it does."""
    unit = 10.0 ** (np.floor(np.log10(length)) - 2)
    return unit * (np.ceil if up else np.floor)(length / unit)


def _on_solid(row: Row, graph: PeriodicGraph, material: Material) -> list[str]:
    """Remark on what becomes of a design as a solid of its struts, none where beams are as good."""
    graph = primitive_cell(graph)
    density = row["relative_density"]
    if crowded := crowding(graph, graph.radii(density)):
        return [f"as a solid it is no truss: {crowded} (documentation, Beams or solids)"]
    solid = solid_stiffness(graph, density, material.poisson_ratio)
    beams = solid_stiffness(graph, density, material.poisson_ratio, shares=(0, 0))
    gain = relative_error(solid, beams)
    modulus = modulus_error(solid, beams)[0]
    if max(gain, modulus) < _STIFFER:
        return []
    return [
        f"as a solid it is expected to be about {gain:.0%} stiffer than these beams, "
        f"and {modulus:.0%} in E(n), the median over directions (documentation, Beams or solids)"
    ]
