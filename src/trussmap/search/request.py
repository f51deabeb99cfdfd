"""What is asked of lattices beyond a stiffness, and how long to search for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple, TypedDict

import numpy as np

from trussmap.base.errors import InputError
from trussmap.lattice.compound import topologies as every_topology
from trussmap.lattice.compound import topology_members
from trussmap.lattice.descriptor import DENSITY_RANGE, STRETCH_RANGE
from trussmap.mechanics.printing import PrintingErrors
from trussmap.search.lattices import FAMILIES

#: How long to search by finite elements: not at all, or with the efforts of `trussmap.search.halving`.
EFFORTS = ("none", "quick", "thorough")
#: What may be made as small (density, radius_ratio) or as large (diameter: of the thinnest strut)
#: as can be.
OBJECTIVES = ("density", "radius_ratio", "diameter")
#: How far a coordinate of a node may move, as a share of the shortest strut at it, before the map.
REACH = 0.25
# What may be made as small as can be; `printed_error` among all lattices, the others among those
# that meet a target.
_SMALL = ("density", "radius_ratio", "printed_error")
_LARGE = ("diameter",)
_LARGEST_RATIO = 1000
# Largest standard deviations of a printer: of diameters in %, and of lengths over the cell's size.
_LARGEST_PERCENT = 30
_LARGEST_LENGTH = 0.1


class Limits(NamedTuple):
    """Bounds of a refinement.

    Attributes
    ----------
    density : least and largest relative density
    radius_ratio : of the thickest to the thinnest strut, at most
    reach : how far a coordinate of a node may move, as a share of the shortest strut at it, before
        the map
    cell_reach : what a step may take of the stretches (logarithms) and rotations: the smaller, the
        more is left to cross-sections and nodes; with 0 the map is held
    stretch : least and largest of U and V; beyond `STRETCH_RANGE` a design is not of the published
        space
    """

    density: tuple[float, float] = DENSITY_RANGE
    radius_ratio: float = 10.0
    reach: float = REACH
    cell_reach: float = 0.5
    stretch: tuple[float, float] = STRETCH_RANGE


LIMITS = Limits()


class PrintLimits(NamedTuple):
    """What a printer can make, in one unit of length; None where there is no limit."""

    minimum_diameter: float | None = None
    maximum_diameter: float | None = None
    minimum_gap: float | None = None

    def over(self, length: float) -> "PrintLimits":
        """Limits as shares of a length."""
        return PrintLimits(*(limit / length if limit else None for limit in self))

    def violation(self, least: float, most: float, gap: float) -> float:
        """How far diameters and a smallest gap violate the limits, as a logarithm or a share."""
        violations = [0.0]
        if self.minimum_diameter:
            violations.append(np.log(self.minimum_diameter / least))
        if self.maximum_diameter:
            violations.append(np.log(most / self.maximum_diameter))
        if self.minimum_gap:
            violations.append((self.minimum_gap - gap) / self.minimum_gap)
        return float(max(violations))

    def larger_cell(self, least: float, most: float, gap: float) -> float:
        """How many times larger a cell gives such a lattice the smallest diameter and gap."""
        needed = [1.0]
        if self.minimum_diameter:
            needed.append(self.minimum_diameter / least)
        if self.minimum_gap:
            needed.append(self.minimum_gap / gap if gap > 0 else np.nan)
        return float(max(needed))


NO_LIMITS = PrintLimits()


@dataclass(frozen=True)
class Request:
    """What a lattice should be beyond having a stiffness.

    Attributes
    ----------
    family : one of `trussmap.search.lattices.FAMILIES`; in ``published`` nothing else can be asked
        for but ``topologies``
    limits : of the search
    objective : one of `OBJECTIVES`; ``printed_error``, by which lattices are ranked in all families:
        the error to expect of cells with errors of the printer, among those that meet a target
        alike the sensitivity; or None
    topologies : numbers of those allowed, or None for all
    printing : errors of a printer, or None where they do not matter
    cell_size_mm : edge of a cube of the unit cell's volume, or None where it is not known
    prints_mm : what a printer can make, in mm
    """

    family: str = "published"
    limits: Limits = LIMITS
    objective: str | None = None
    topologies: np.ndarray | None = None
    printing: PrintingErrors | None = None
    cell_size_mm: float | None = None
    prints_mm: PrintLimits = NO_LIMITS

    @property
    def prints(self) -> PrintLimits:
        """Limits of printing that bind the search, as shares of the edge of the cell.

        The published family has no freedom left for them: there they only lead to remarks.
        """
        if self.family == "published" or not self.cell_size_mm:
            return NO_LIMITS
        return self.prints_mm.over(self.cell_size_mm)

    @property
    def topologies_with_space(self) -> np.ndarray | None:
        """Numbers of the topologies allowed that have space for struts of the least diameter.

        None stands for all.
        """
        least = self.prints.minimum_diameter
        if not least:
            return self.topologies
        numbers = np.arange(len(strut_lengths())) if self.topologies is None else self.topologies
        lightest = least**2 * np.pi / 4 * strut_lengths()[numbers]
        return numbers[lightest <= self.limits.density[1]]


PUBLISHED = Request()


@dataclass(frozen=True)
class Search:
    """How long to search, and how many lattices to keep.

    Attributes
    ----------
    effort : one of `EFFORTS`; ``none`` returns the best proposals of the networks, the others
        search from them and from random designs of every topology
    draws : proposals for a target
    temperature : diversity of the proposals
    keep : lattices returned for a target, all of different topology: the paper's designs A and B
        with 2
    seed : of proposals and random designs

    Raises InputError for values that make no sense.
    """

    effort: str = "quick"
    draws: int = 1000
    temperature: float = 1.0
    keep: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        if self.effort not in EFFORTS:
            raise InputError(f"refine {self.effort}: expected {', '.join(EFFORTS)}.")
        if not self.temperature > 0:
            raise InputError(f"temperature {self.temperature:g}: expected a number above 0.")
        for name in ("keep", "draws"):
            if not getattr(self, name) >= 1:
                raise InputError(
                    f"{name} {getattr(self, name)}: expected a whole number from 1 on."
                )


class RequestSettings(TypedDict, total=False):
    """Settings of a `Request`, all optional; None stands for one that is not given.

    ``minimise`` is density, radius_ratio or printed_error, ``maximise`` diameter, with a hyphen or
    an underscore. Lengths in mm need a cell size; diameters and gaps bind all families but the
    published one. ``topologies`` are numbers from 0. The last four are errors of the printer
    (`trussmap.mechanics.printing.PrintingErrors`).
    """

    family: str
    minimise: str | None
    maximise: str | None
    radius_ratio: float | None
    minimum_strut_mm: float | None
    maximum_strut_mm: float | None
    minimum_gap_mm: float | None
    minimum_density: float | None
    maximum_density: float | None
    topologies: Sequence[int] | None
    diameter_error_percent: float | None
    diameter_error_mm: float | None
    node_error_mm: float | None
    error_samples: int | None


@cache
def strut_lengths() -> np.ndarray:
    """Total length of the struts in a cell of unit volume, (197,), of topologies before any map."""
    return np.array([graph.lengths.sum() / graph.volume for graph in every_topology()[0]])


def request_of(settings: RequestSettings, cell_size_mm: float | None = None) -> Request:
    """Request of settings; raises InputError that names what does not go together."""
    given = {name: value for name, value in settings.items() if value is not None}
    family = given.get("family", "published")
    if family not in FAMILIES:
        raise InputError(f"family {family}: expected {', '.join(FAMILIES)}.")
    limits = _limits(given)
    objective = _objective(given)
    printing = _printing_errors(given, cell_size_mm)
    if objective == "printed_error" and printing is None:
        raise InputError(
            "lattices are to be ranked by their error as printed: "
            "expected an error of diameters or nodes."
        )
    prints_mm = _print_limits(given, cell_size_mm)
    if family == "published" and (objective in OBJECTIVES or "radius_ratio" in given):
        raise InputError(
            "the published family has nothing to choose among equals: expected the family areas "
            "(with a radius ratio of 1 if all struts should be alike) or geometry where an "
            "objective or a radius ratio is given."
        )
    request = Request(
        family, limits, objective, _topologies(given), printing, cell_size_mm, prints_mm
    )
    _check_space(request)
    return request


def _limits(given: Mapping[str, Any]) -> Limits:
    """Limits of density and radius ratio."""
    low = given.get("minimum_density", DENSITY_RANGE[0])
    high = given.get("maximum_density", DENSITY_RANGE[1])
    if not DENSITY_RANGE[0] <= low < high <= DENSITY_RANGE[1]:
        raise InputError(
            f"relative densities from {low:g} to {high:g}: expected a range within "
            f"{DENSITY_RANGE[0]} to {DENSITY_RANGE[1]}."
        )
    ratio = given.get("radius_ratio", LIMITS.radius_ratio)
    if not 1 <= ratio <= _LARGEST_RATIO:
        raise InputError(f"radius ratio {ratio:g}: expected a number from 1 to {_LARGEST_RATIO}.")
    return Limits((low, high), float(ratio))


def _objective(given: Mapping[str, Any]) -> str | None:
    """Objective of the settings ``minimise`` and ``maximise``."""
    small = given.get("minimise", "").replace("-", "_")
    large = given.get("maximise", "").replace("-", "_")
    known = small in ("", *_SMALL) and large in ("", *_LARGE)
    if not known or (small and large):
        raise InputError(
            f"minimise {small or '-'}, maximise {large or '-'}: expected one of "
            "--minimise density, radius-ratio or printed-error, and --maximise diameter."
        )
    return small or large or None


def _print_limits(given: Mapping[str, Any], cell_size_mm: float | None) -> PrintLimits:
    """Limits of diameters and gaps in mm."""
    prints_mm = PrintLimits(
        given.get("minimum_strut_mm"), given.get("maximum_strut_mm"), given.get("minimum_gap_mm")
    )
    if any(length is not None and not length > 0 for length in prints_mm):
        raise InputError("a strut diameter or gap in mm is not positive; expected lengths above 0.")
    least = prints_mm.minimum_diameter
    most = prints_mm.maximum_diameter
    if least and most and least > most:
        raise InputError(f"strut diameters from {least:g} to {most:g} mm: expected a range.")
    if any(prints_mm) and not cell_size_mm:
        raise InputError(
            "strut diameters and gaps in mm need the size of the cell in mm; none is given."
        )
    return prints_mm


def _topologies(given: Mapping[str, Any]) -> np.ndarray | None:
    """Numbers of the topologies allowed, or None for all."""
    topologies = given.get("topologies")
    if topologies is None:
        return None
    count = len(topology_members()[0])
    if not topologies or not all(0 <= number < count for number in topologies):
        raise InputError(f"topologies {topologies}: expected numbers from 0 to {count - 1}.")
    return np.unique(topologies)


def _check_space(request: Request) -> None:
    """Raise InputError where even the lightest topology is too dense with the least diameter."""
    least = request.prints.minimum_diameter
    if not least:
        return
    lengths = strut_lengths()
    total = lengths if request.topologies is None else lengths[request.topologies]
    lightest = least**2 * np.pi / 4 * total.min()
    high = request.limits.density[1]
    size = request.cell_size_mm or np.nan  # given where struts have a least diameter
    if lightest > high:
        needed = size * np.sqrt(lightest / high)
        raise InputError(
            f"struts of {request.prints_mm.minimum_diameter:g} mm in a cell of "
            f"{size:g} mm: the lightest topology then has a relative density of "
            f"{lightest:.2g}, above {high:g}; expected {needed:.2g} mm at least."
        )


def _printing_errors(given: Mapping[str, Any], cell_size_mm: float | None) -> PrintingErrors | None:
    """Errors of a printer, or None where none is given."""
    percent = given.get("diameter_error_percent", 0.0)
    lengths = {
        "diameters": given.get("diameter_error_mm", 0.0),
        "nodes": given.get("node_error_mm", 0.0),
    }
    if not 0 <= percent <= _LARGEST_PERCENT:
        raise InputError(
            f"error of diameters {percent:g} %: expected a standard deviation from 0 to "
            f"{_LARGEST_PERCENT} %."
        )
    size = cell_size_mm or np.nan
    for name, length in lengths.items():
        if length and not cell_size_mm:
            raise InputError(
                f"the error of {name} in mm needs the size of the cell in mm; none is given."
            )
        if length and not 0 < length <= _LARGEST_LENGTH * size:
            raise InputError(
                f"error of {name} {length:g} mm: expected a length up to a tenth of the cell's "
                "size."
            )
    if not (percent or any(lengths.values())):
        return None
    width, node = (length / size if length else 0.0 for length in lengths.values())
    samples = int(given.get("error_samples", PrintingErrors().samples))
    return PrintingErrors(percent / 100, node, samples, width=width)


def lattices_missing(least: int, search: Search, request: Request) -> str | None:
    """Reason why some target has only ``least`` lattices, fewer than kept, or None."""
    if least >= search.keep:
        return None
    words = f"{least} of {search.keep} lattices for a target, each of another topology: "
    topologies = request.topologies_with_space
    if topologies is not None and len(topologies) <= least:
        return f"{words}no other topology was allowed, or has space for the struts asked for"
    if search.effort == "none":
        return (
            f"{words}the networks proposed no more; a search does (--refine quick), or more --draws"
        )
    return f"{words}of the {len(topology_members()[0])} topologies the search led to no more"
