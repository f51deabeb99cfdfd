"""From a stiffness to lattices: propose many, keep the best of every topology, refine them by exact gradients.

The inverse model proposes designs, the forward model screens them, and from there on only exact
finite elements count: they score the best proposals of each topology, refine them beside random
designs of all topologies, and rank the result (paper, Fig. 3A and SI 3.G, where the network alone
proposes and scores).
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import NamedTuple

import numpy as np
import pandas as pd

from trussmap.base.errors import InputError
from trussmap.base.progress import progress_bar
from trussmap.base.streams import stream
from trussmap.lattice.compound import topologies as all_topologies
from trussmap.lattice.compound import topology_members
from trussmap.lattice.descriptor import (
    DENSITY,
    DENSITY_RANGE,
    DESIGN_COLUMNS,
    REPS,
    TYPES,
    design_topology,
    sample_designs,
)
from trussmap.mechanics.homogenization import homogenize_designs
from trussmap.mechanics.printing import PrintingErrors, erring_stiffness, sensitivity
from trussmap.search.objective import NO_LIMITS, OBJECTIVES, PrintLimits, measured_struts, tailor
from trussmap.search.refine import (
    FAMILIES,
    LIMITS,
    Lattices,
    Limits,
    joined,
    plain_lattices,
    refine_lattices,
    sizes,
)
from trussmap.search.thin import thinned
from trussmap.targets.goal import Goal
from trussmap.tensors.measures import errors, nmse_componentwise, nmse_frobenius
from trussmap.tensors.stiffness import COMPONENTS, POISSON_RATIO

# Proposals and targets worked on at once, which bounds the memory.
_PROPOSALS, _TARGETS = 100_000, 50
#: Random starts of every topology, and the rounds: steps, designs left of a target, how many of
#: them of one topology.
EFFORT = {
    "quick": (4, ((6, 80, 2), (10, 24, 2), (25, 8, 1))),
    "thorough": (24, ((6, 600, 8), (12, 100, 4), (40, 12, 1))),
}
#: The same for the families ``areas`` and ``geometry``; the search is repeated for targets that are
#: not met, so often.
FREE_EFFORT = {
    "quick": (2, ((8, 100, 2), (10, 40, 1), (15, 16, 1))),
    "thorough": (4, ((8, 200, 2), (10, 80, 1), (15, 32, 1))),
}
WAVES = {"quick": 4, "thorough": 10}
#: Error from which on a target counts as met, in the search and after the walk to a better lattice.
MET, NEARLY = 1e-12, 1e-10
# Lattices of a target that are made as the request would have them, and how far beyond its limits
# is none.
_TAILORED, _SLACK = 6, 2e-3
# Steps of the last refinement in these families, twice.
_FINISH = 60
# By how much radii may differ more than allowed before the thinnest struts are left out, and what
# share of the least radius they are thinner than.
_RELAXED, _SHARES = 10.0, (1.0, 0.5)
# Ratios of radii within which lattices are sought too where no strut is to be thin: of alike struts
# the thinnest is thicker.
_STURDY = (3.0, 1.5)


class Request(NamedTuple):
    """What a lattice should be beyond having a stiffness.

    Attributes
    ----------
    family : one of `trussmap.search.refine.FAMILIES`; in ``published`` nothing else can be asked
        for but ``topologies``
    limits : of the search
    objective : one of `trussmap.search.objective.OBJECTIVES`; ``printed_error``, by which lattices
        are ranked in all families: the error to expect of cells with errors of the printer, among
        those that meet a target alike the sensitivity; or None
    prints : what a printer can make
    topologies : numbers of those allowed, or None for all
    printing : errors of a printer, or None where they do not matter
    """

    family: str = "published"
    limits: Limits = LIMITS
    objective: str | None = None
    prints: PrintLimits = NO_LIMITS
    topologies: np.ndarray | None = None
    printing: PrintingErrors | None = None


PUBLISHED = Request()


@cache
def strut_lengths() -> np.ndarray:
    """Total length of the struts in a cell of unit volume, (197,) of the topologies before any map."""
    return np.array([graph.lengths.sum() / graph.volume for graph in all_topologies()[0]])


def request_of(settings: dict, cell_size_mm: float | None = None) -> Request:
    """The Request of settings, all optional but ``family``; raises InputError naming what does not go together.

    ``radius_ratio``; ``objective``; ``minimum_density, maximum_density``; ``minimum_strut_mm,
    maximum_strut_mm, minimum_gap_mm``, which need a cell size and bind all families but the
    published one; ``topologies``, a list of numbers from 0; ``diameter_error_percent``,
    ``diameter_error_mm``, ``node_error_mm`` and ``error_samples`` of the printer
    (`trussmap.mechanics.printing.PrintingErrors`).
    """
    given = {name: value for name, value in settings.items() if value is not None}
    family = given["family"]
    if family not in FAMILIES:
        raise InputError(f"family {family}: expected {', '.join(FAMILIES)}.")
    low, high = (
        given.get(f"{end}_density", bound)
        for end, bound in zip(("minimum", "maximum"), DENSITY_RANGE, strict=True)
    )
    if not DENSITY_RANGE[0] <= low < high <= DENSITY_RANGE[1]:
        raise InputError(
            f"relative densities from {low:g} to {high:g}: expected a range within {DENSITY_RANGE[0]} to "
            f"{DENSITY_RANGE[1]}."
        )
    ratio = given.get("radius_ratio", LIMITS.radius_ratio)
    if not 1 <= ratio <= 1000:
        raise InputError(f"radius ratio {ratio:g}: expected a number from 1 to 1000.")
    objective = given.get("objective")
    if objective is not None and objective not in (*OBJECTIVES, "printed_error"):
        raise InputError(
            f"objective {objective}: expected {', '.join(OBJECTIVES)} or printed_error."
        )
    printing = _printing_errors(given, cell_size_mm)
    if objective == "printed_error" and printing is None:
        raise InputError(
            "lattices are to be ranked by their error as printed: expected an error of diameters or nodes."
        )
    lengths = [
        given.get(f"{name}_mm") for name in ("minimum_strut", "maximum_strut", "minimum_gap")
    ]
    if any(length is not None and not length > 0 for length in lengths):
        raise InputError("a strut diameter or gap in mm is not positive; expected lengths above 0.")
    if lengths[0] and lengths[1] and lengths[0] > lengths[1]:
        raise InputError(
            f"strut diameters from {lengths[0]:g} to {lengths[1]:g} mm: expected a range."
        )
    if any(lengths) and not cell_size_mm:
        raise InputError(
            "strut diameters and gaps in mm need the size of the cell in mm; none is given."
        )
    if family == "published" and (objective in OBJECTIVES or "radius_ratio" in given):
        raise InputError(
            "the published family has nothing to choose among equals: expected the family areas (with a radius ratio "
            "of 1 if all struts should be alike) or geometry where an objective or a radius ratio is given."
        )
    if (
        family == "published"
    ):  # they are told of its designs (`trussmap.designs.table.remarks`), not bounds
        lengths = [None, None, None]
    topologies = given.get("topologies")
    if topologies is not None:
        count = len(topology_members()[0])
        if not topologies or not all(0 <= number < count for number in topologies):
            raise InputError(f"topologies {topologies}: expected numbers from 0 to {count - 1}.")
        topologies = np.unique(topologies)
    prints = PrintLimits(*(length / cell_size_mm if length else None for length in lengths))
    if lengths[0]:
        total = strut_lengths() if topologies is None else strut_lengths()[topologies]
        lightest = prints.minimum_diameter**2 * np.pi / 4 * total.min()
        if lightest > high:
            needed = cell_size_mm * np.sqrt(lightest / high)
            raise InputError(
                f"struts of {lengths[0]:g} mm in a cell of {cell_size_mm:g} mm: the lightest topology then has a "
                f"relative density of {lightest:.2g}, above {high:g}; expected {needed:.2g} mm at least."
            )
    return Request(
        family, Limits((low, high), float(ratio)), objective, prints, topologies, printing
    )


def _with_room(request):
    """Numbers of the topologies allowed that have room for struts as thick as they must be, or None for all."""
    if not request.prints.minimum_diameter:
        return request.topologies
    topologies = (
        np.arange(len(strut_lengths())) if request.topologies is None else request.topologies
    )
    lightest = request.prints.minimum_diameter**2 * np.pi / 4 * strut_lengths()[topologies]
    return topologies[lightest <= request.limits.density[1]]


def _printing_errors(given, cell_size_mm):
    """The PrintingErrors of settings that are given, or None."""
    percent = given.get("diameter_error_percent", 0.0)
    lengths = {
        "diameters": given.get("diameter_error_mm", 0.0),
        "nodes": given.get("node_error_mm", 0.0),
    }
    if not 0 <= percent <= 30:
        raise InputError(
            f"error of diameters {percent:g} %: expected a standard deviation from 0 to 30 %."
        )
    for what, length in lengths.items():
        if length and not cell_size_mm:
            raise InputError(
                f"the error of {what} in mm needs the size of the cell in mm; none is given."
            )
        if length and not 0 < length <= 0.1 * cell_size_mm:
            raise InputError(
                f"error of {what} {length:g} mm: expected a length up to a tenth of the cell's size."
            )
    if not (percent or any(lengths.values())):
        return None
    width, node = (length / cell_size_mm if length else 0.0 for length in lengths.values())
    return PrintingErrors(
        percent / 100, node, int(given.get("error_samples", PrintingErrors().samples)), width=width
    )


def check_effort(refine: str, request: Request, goal: Goal) -> None:
    """Raise InputError where proposals of the networks alone cannot answer what is asked for."""
    if refine == "none" and (request.family != "published" or not goal.whole):
        raise InputError(
            "the networks propose published designs for all 21 constants: expected a search, quick or thorough."
        )


def design_lattices(targets: np.ndarray, *arguments: object, **options: object) -> pd.DataFrame:
    """Tables of `design_chunks` in one, with progress on stderr."""
    tables = []
    with progress_bar("designing", len(np.atleast_2d(targets)), "target") as bar:
        for done, table in design_chunks(targets, *arguments, **options):
            tables.append(table)
            bar.update(done - bar.n)
    return pd.concat(tables, ignore_index=True)


def design_chunks(
    targets: np.ndarray,
    forward: object,
    inverse: object,
    draws: int = 1000,
    temperature: float = 1.0,
    keep: int = 2,
    refine: str = "quick",
    seed: int = 0,
    threads: int | None = None,
    poisson_ratio: float = POISSON_RATIO,
    request: Request = PUBLISHED,
    goal: Goal | None = None,
    done: int = 0,
) -> Iterator[tuple[int, pd.DataFrame]]:
    """Lattices with given stiffness, one chunk of targets after the other.

    They are verified by finite elements, best first.

    Parameters
    ----------
    targets : (n, 21) base modulus 1
    forward, inverse : models of one architecture (`trussmap.learning`)
    draws, temperature : proposals for a target and their diversity
    keep : lattices returned for a target, all of different topology: the paper's designs A and B
        with 2
    refine : ``none`` returns the best proposals; ``quick`` and ``thorough`` search from them and
        from random designs of every topology by the exact gradients of the finite elements (see
        ``search``)
    poisson_ratio : of the base material, for the finite elements; the networks have learned from
        one of their own
    request : family, limits and objective; other families than the published one need a search
    goal : what counts as close to the targets, ‖ΔC‖²/‖C‖² by default. Where it leaves constants
        free, the networks, which want all of them, propose nothing, and the errors against all 21
        are not defined (nan).
    done : number of targets that are complete already, one that an earlier call yielded

    Yields
    ------
    The number of targets that are complete, and for those since the last chunk a DataFrame with a
    row for each lattice: ``target`` and ``rank`` from 1, the descriptor, ``topology``,
    ``predicted_C11`` … by the forward model, ``C11`` … by finite elements, the errors of the latter
    in all `trussmap.tensors.measures.MEASURES` and ``error`` by the goal, ``unrefined_…`` those of
    the target's best proposal, by finite elements too, and ``surrogate_nmse_…`` of the forward
    model's prediction. In the families ``areas`` and ``geometry`` also ``family``,
    ``radius_ratio``, ``strut_areas`` and ``node_shifts`` (`lattices_of`), and where limits of
    printing are given ``larger_cell``, how many times larger the cell must be for them, as far as
    is known, 1 where they are met. With errors of a printer, what they do to the lattice,
    `trussmap.mechanics.printing.SENSITIVITY`, and ``printed_error``, the mean of ``error`` over
    cells with errors.
    """
    targets = np.atleast_2d(targets)
    goal = Goal(targets) if goal is None else goal
    check_effort(refine, request, goal)
    how = {"threads": threads, "poisson_ratio": poisson_ratio}
    if request.printing:
        request = request._replace(printing=request.printing._replace(seed=seed))
    topologies = _with_room(request)
    chunk = min(_TARGETS, max(1, _PROPOSALS // draws))
    empty = not done
    for first in range(done, len(targets), chunk):
        part, aim = (
            targets[first : first + chunk],
            goal.take(np.arange(first, min(first + chunk, len(targets)))),
        )
        own = stream(seed, "designing", first)
        starts, unrefined = None, np.full((len(part), 21), np.nan)
        if goal.whole:
            proposals = inverse.propose(
                part, draws=draws, temperature=temperature, seed=stream(own, "proposals")
            )
            owner, designs = _best_proposals(
                part, proposals, forward, threads, poisson_ratio, topologies
            )
            stiffness = homogenize_designs(designs, **how) if len(designs) else np.empty((0, 21))
            best = ranked(
                owner, nmse_frobenius(stiffness, part[owner]), design_topology(designs), 1
            )
            unrefined[owner[best]] = stiffness[best]
            lattices = plain_lattices(designs, request.family)
            starts = owner, lattices
        if refine != "none":
            found = []
            for ratio in _ratios(request):
                asked = (
                    request.family,
                    request.limits._replace(radius_ratio=ratio),
                    topologies,
                    keep,
                )
                found.append(search(aim, refine, own, threads, poisson_ratio, starts, *asked))
        else:
            found = [(owner, lattices, stiffness)]
        if request.family != "published":
            chosen = [_promising(aim, *part, max(keep, _TAILORED), request, how) for part in found]
            owner, lattices = (
                np.concatenate([part[0] for part in chosen]),
                joined([part[1] for part in chosen]),
            )
            owner, lattices, stiffness, order, added = _tailored(
                aim, owner, lattices, request, own, how
            )
            error = aim.take(owner).error(stiffness)
            order = order[_positions(owner[order]) <= keep]
        else:
            ((owner, lattices, stiffness),) = found
            error = aim.take(owner).error(stiffness)
            order = ranked(owner, error, lattices.topology, keep)
            if request.objective == "printed_error":
                order = ranked(owner, error, lattices.topology, max(keep, _TAILORED))
                liked = _printed(aim.take(owner[order]), lattices.take(order), request, how)[
                    "printed_error"
                ]
                order = order[np.lexsort((liked, error[order] > NEARLY, owner[order]))]
                order = order[_positions(owner[order]) <= keep]
            added = pd.DataFrame(index=range(len(owner)))
        owner, lattices, stiffness = owner[order], lattices.take(order), stiffness[order]
        predicted, truth = forward.predict(lattices.designs), part[owner]
        columns = {"target": first + owner + 1, "rank": _positions(owner)}
        columns |= dict(zip(DESIGN_COLUMNS, lattices.designs.T, strict=True)) | {
            "topology": lattices.topology
        }
        columns |= dict(zip([f"predicted_{name}" for name in COMPONENTS], predicted.T, strict=True))
        columns |= dict(zip(COMPONENTS, stiffness.T, strict=True)) | {"error": error[order]}
        for prefix, c in (("", stiffness), ("unrefined_", unrefined[owner])):
            known = (
                np.isfinite(c).all(1) & goal.whole
            )  # where the networks propose a topology that is allowed
            for name, value in errors(c[known], truth[known]).items():
                columns[f"{prefix}{name}"] = np.full(len(owner), np.nan)
                columns[f"{prefix}{name}"][known] = value
        for name, measure in (("frobenius", nmse_frobenius), ("componentwise", nmse_componentwise)):
            columns[f"surrogate_nmse_{name}"] = measure(predicted, truth) if goal.whole else np.nan
        table = pd.DataFrame(columns)
        table = table.join(added.iloc[order].reset_index(drop=True))
        if request.printing:
            table = table.join(_printed(aim.take(owner), lattices, request, how))
        empty = empty and not len(table)
        whole = {name: int for name in DESIGN_COLUMNS if name.startswith("lattice")}
        yield first + len(part), table.astype(whole)
    if len(targets) and empty:
        raise InputError(
            f"no lattice: none of the {draws} proposals for each target has a topology that is allowed; expected more "
            "of them (draws), or a search (refine quick)."
        )


def _ratios(request):
    """Ratios of radii within which to search."""
    allowed = request.limits.radius_ratio
    sturdy = request.prints.minimum_diameter or request.objective in ("diameter", "radius_ratio")
    return [allowed, *(ratio for ratio in _STURDY if ratio < allowed and sturdy)]


def _promising(goal, owner, lattices, stiffness, count, request, how):
    """Owner and Lattices of each target's ``count`` that meet it and are the closest to what the request asks for."""
    error = goal.take(owner).error(stiffness)
    best = ranked(owner, error, lattices.topology, len(owner))
    owner, lattices, error = owner[best], lattices.take(best), error[best]
    _, beyond, liked = _merits(goal.take(owner), lattices, request, how)
    # A thicker strut costs about as much of the stiffness.
    best = np.lexsort((liked, beyond + np.sqrt(_missed(error, MET, request)), owner))
    best = best[_positions(owner[best]) <= count]
    return owner[best], lattices.take(best)


def _tailored(goal, owner, lattices, request, seed, how):
    """Lattices as the request would have them: owner, Lattices, stiffness, order of each topology's best, and facts."""
    prints, own, before = request.prints, goal.take(owner), lattices
    objective = request.objective if request.objective in OBJECTIVES else None
    if objective or prints != NO_LIMITS:
        lattices, stiffness = tailor(
            own, lattices, request.family, objective, request.limits, prints, **how
        )
    else:
        stiffness = lattices.stiffness(how["threads"], how["poisson_ratio"])
    ratio, beyond, liked = _merits(own, lattices, request, how, gap=True)
    missed = _missed(own.error(stiffness), NEARLY, request)
    facts = pd.DataFrame({"family": request.family, "radius_ratio": ratio})
    if prints.minimum_diameter or prints.minimum_gap:
        met = (missed <= NEARLY) & (beyond <= _SLACK)
        facts["larger_cell"] = _larger_cells(goal, owner, before, met, request, seed, how)
    widths = zip(*sizes(lattices.topology, request.family), strict=True)
    for row, (struts, nodes) in enumerate(widths):
        parts = lattices.areas[row, :struts], lattices.shifts[row, :nodes].ravel()
        facts.loc[row, ["strut_areas", "node_shifts"]] = [
            " ".join(map(repr, part.tolist())) for part in parts
        ]
    order = np.lexsort((liked, missed, beyond, owner))
    topology = np.stack([owner, lattices.topology], 1)[order]
    order = order[np.sort(np.unique(topology, axis=0, return_index=True)[1])]
    return owner, lattices, stiffness, order, facts


def _larger_cells(goal, owner, lattices, met, request, seed, how):
    """How many times larger a cell gives a target's lattice its struts and gaps, (n,): 1 where one is ``met``, or nan.

    ``lattices`` are those before limits of printing bent them. Topologies that have no room for the
    struts in this cell are searched too.
    """
    larger, prints = np.ones(len(owner)), request.prints
    rows = np.flatnonzero(~np.isin(owner, owner[met]))
    if not len(rows):
        return larger
    numbers, family = np.unique(owner[rows]), request.family
    lost, limits = (
        goal.take(numbers),
        request.limits._replace(radius_ratio=min(request.limits.radius_ratio, _STURDY[0])),
    )
    found = search(
        lost, "quick", seed, family=family, limits=limits, topologies=request.topologies, **how
    )
    others, more = _promising(lost, *found, _TAILORED, request, how)
    own, lattices = (
        np.concatenate([owner[rows], numbers[others]]),
        joined([lattices.take(rows), more]),
    )
    # How large where the thinnest strut is as thick as it can be.
    thick, reached = tailor(goal.take(own), lattices, family, "diameter", request.limits, **how)
    needed = np.array(
        [prints.larger_cell(*row) for row in measured_struts(thick, bool(prints.minimum_gap))]
    )
    needed[goal.take(own).error(reached) > NEARLY] = np.nan
    larger[rows] = pd.Series(needed).groupby(own).min()[owner[rows]]
    return larger


def _missed(error, met, request):
    """Errors by which to rank: those of lattices that meet their target are alike.

    What is expected of a printed cell has the error of the one without errors in it: where it
    decides, it does so too among those that miss the target.
    """
    alike = request.objective == "printed_error"
    return np.where((error > met) & alike, np.inf, np.maximum(error, met))


def _merits(goal, lattices, request, how, gap=False):
    """Ratio of radii, how far beyond the limits of printing, and what the objective makes small, (n,) each."""
    prints = request.prints
    measured = measured_struts(lattices, gap and bool(prints.minimum_gap))
    beyond = np.maximum([prints.violation(*row) for row in measured], _SLACK)
    ratio = measured[:, 1] / measured[:, 0]
    liked = {"density": lattices.designs[:, DENSITY], "diameter": -measured[:, 0]}.get(
        request.objective, ratio
    )
    if request.objective == "printed_error":
        liked = _printed(goal, lattices, request, how)["printed_error"].to_numpy()
    return ratio, beyond, liked


def _printed(goal, lattices, request, how):
    """What errors of the printer do to lattices that are to meet a goal each, as columns of a table."""
    rows, density = [], lattices.designs[:, DENSITY]
    for k in range(len(density)):
        stiffness = erring_stiffness(lattices.graph(k), density[k], request.printing, **how)
        error = goal.take(np.full(request.printing.samples, k)).error(stiffness[1:])
        rows.append(sensitivity(stiffness) | {"printed_error": error.mean()})
    return pd.DataFrame(rows)


def fewer_than_asked(
    table: pd.DataFrame, targets: int, keep: int, refine: str, request: Request
) -> str | None:
    """Why a table of `design_lattices` has fewer than ``keep`` lattices of one of the targets, in words, or None."""
    least = int(table.groupby("target").size().min()) if table["target"].nunique() == targets else 0
    if least >= keep:
        return None
    said = f"{least} of {keep} lattices for a target, each of another topology: "
    topologies = _with_room(request)
    if topologies is not None and len(topologies) <= least:
        return said + "no other topology was allowed, or has room for the struts asked for"
    if refine == "none":
        return (
            said + "the networks proposed no more; a search does (--refine quick), or more --draws"
        )
    return said + f"of the {len(topology_members()[0])} topologies the search led to no more"


def lattices_of(table: pd.DataFrame) -> Lattices:
    """The lattices of a table of `design_lattices`, also of one that was written to a file and read again."""
    designs = table[DESIGN_COLUMNS].to_numpy(float)
    if "strut_areas" not in table:
        return plain_lattices(designs)
    parts = []
    for name in ("strut_areas", "node_shifts"):
        rows = [
            np.array(str(text).split() if isinstance(text, str) else [], float)
            for text in table[name]
        ]
        width = max(map(len, rows), default=0)
        parts.append(
            np.array(
                [
                    np.pad(row, (0, width - len(row)), constant_values=name == "strut_areas")
                    for row in rows
                ]
            )
        )
    return Lattices(designs, parts[0], parts[1].reshape(len(designs), -1, 3))


def _best_proposals(targets, proposals, forward, threads, poisson_ratio, topologies):
    """The best proposal of each topology for every target: owning target (m,) and design (m, 19).

    The forward model decides which three of each topology are worth a finite-element solution.
    """
    owner = np.repeat(np.arange(len(targets)), proposals.shape[1])
    flat = proposals.reshape(-1, len(DESIGN_COLUMNS))
    if topologies is not None:
        allowed = np.isin(design_topology(flat), topologies)
        owner, flat = owner[allowed], flat[allowed]
    if not len(flat):
        return owner, flat

    def exact(designs):
        return homogenize_designs(designs, threads=threads, poisson_ratio=poisson_ratio)

    for score, kept in ((forward.predict, 3), (exact, 1)):
        error = nmse_frobenius(score(flat), targets[owner])
        order = ranked(owner, error, design_topology(flat), len(flat), kept)
        owner, flat = owner[order], flat[order]
    return owner, flat


def ranked(
    owner: np.ndarray, error: np.ndarray, topology: np.ndarray, count: int, alike: int = 1
) -> np.ndarray:
    """Indices of the ``count`` best entries of every owner, best first, at most ``alike`` of one topology.

    ``owner``, ``error`` and ``topology`` are (m,), numbers from 0; owners come in rising order.
    """
    group = owner * 1000 + topology
    order = np.lexsort((error, group))
    order = order[_positions(group[order]) <= alike]
    order = order[np.lexsort((error[order], owner[order]))]
    return order[_positions(owner[order]) <= count]


def search(
    goal: Goal,
    effort: str = "quick",
    seed: int = 0,
    threads: int | None = None,
    poisson_ratio: float = POISSON_RATIO,
    starts: tuple[np.ndarray, Lattices] | None = None,
    family: str = "published",
    limits: Limits = LIMITS,
    topologies: np.ndarray | None = None,
    keep: int = 1,
) -> tuple[np.ndarray, Lattices, np.ndarray]:
    """Search topologies for the goal of each target by refinements that are halved to the promising ones.

    Besides the ``starts`` given, owning target (m,) and Lattices (m), random designs of every
    topology start too, or of those that ``topologies`` numbers. Each round takes a few steps with
    all that are left and keeps the best of every target, of ``keep`` topologies at least where
    there are as many.

    In the families with more freedoms than constants, targets that are not met so are searched for
    with radii that differ more than they may, and the thinnest struts are left out
    (`trussmap.search.thin`): first from what was found, then again from other random designs.

    Returns owning target (k,), Lattices (k) and stiffness (k, 21) of those that are left.
    """
    free = family != "published"
    random_starts, rounds = (FREE_EFFORT if free else EFFORT)[effort]
    thins = free and limits.radius_ratio > 1
    relaxed = limits._replace(radius_ratio=_RELAXED * limits.radius_ratio) if thins else limits
    how = {"threads": threads, "poisson_ratio": poisson_ratio}
    found, open_targets = [], np.arange(len(goal))
    for wave in range(WAVES[effort] if free else 1):
        types, reps = topology_members()
        if topologies is not None:
            types, reps = types[topologies], reps[topologies]
        count = len(types) * random_starts
        rest = sample_designs(
            stream(seed, "random starts", wave) if wave else stream(seed, "random starts"), 0, count
        )
        rest[:, TYPES], rest[:, REPS] = (
            np.repeat(types, random_starts, 0),
            np.repeat(reps, random_starts, 0),
        )
        own, lattices = (
            np.repeat(open_targets, count),
            plain_lattices(np.tile(rest, (len(open_targets), 1)), family),
        )
        if starts:
            own, lattices = np.concatenate([starts[0], own]), joined([starts[1], lattices])
            starts = None
        within = relaxed if wave else limits
        for steps, count, alike in rounds:
            lattices, stiffness = refine_lattices(goal.take(own), lattices, steps, within, **how)
            error = goal.take(own).error(stiffness)
            left = ranked(own, error, lattices.topology, max(count, alike * keep), alike)
            own, lattices, stiffness = own[left], lattices.take(left), stiffness[left]
        if free:
            lattices, stiffness = _finish(goal.take(own), lattices, stiffness, within, how)
        if not (thins and wave):
            found.append((own, lattices, stiffness))
            open_targets = _unmet(goal, found)
        if thins and len(open_targets):
            rows = np.flatnonzero(np.isin(own, open_targets))
            found.append(_thinned(goal, own[rows], lattices.take(rows), limits, relaxed, how))
            open_targets = _unmet(goal, found)
        if not len(open_targets):
            break
    owner, stiffness = (np.concatenate([part[k] for part in found]) for k in (0, 2))
    return owner, joined([part[1] for part in found]), stiffness


def _unmet(goal, found):
    """Numbers of the targets that nothing found so far meets."""
    error = np.full(len(goal), np.inf)
    for owner, _, stiffness in found:
        np.minimum.at(error, owner, goal.take(owner).error(stiffness))
    return np.flatnonzero(error > MET)


def _thinned(goal, owner, lattices, limits, relaxed, how):
    """Lattices within their limits after their radii were free to differ more and the thinnest struts left out."""
    lattices, _ = refine_lattices(goal.take(owner), lattices, _FINISH, relaxed, **how)
    lattices = joined([thinned(lattices, limits.radius_ratio, share) for share in _SHARES])
    owner = np.tile(owner, len(_SHARES))
    lattices, stiffness = refine_lattices(goal.take(owner), lattices, 2 * _FINISH, limits, **how)
    return owner, lattices, stiffness


def _finish(goal, lattices, stiffness, limits, how):
    """Refine to the end: in the logarithms first, where a soft mode counts like a stiff one, then towards the goal."""
    if goal.whole and goal.kind == "frobenius":
        moved, found = refine_lattices(
            replace(goal, kind="log_euclidean"), lattices, _FINISH, limits, **how
        )
        better = goal.error(found) < goal.error(stiffness)
        for own, new in zip(lattices, moved, strict=True):
            own[better] = new[better]
    return refine_lattices(goal, lattices, _FINISH, limits, **how)


def _positions(sorted_keys):
    """Place (from 1) of each entry among those of its own key, for keys that stand in runs."""
    starts = np.flatnonzero(np.concatenate([[True], sorted_keys[1:] != sorted_keys[:-1]]))
    return np.arange(len(sorted_keys)) - np.repeat(starts, np.diff([*starts, len(sorted_keys)])) + 1
