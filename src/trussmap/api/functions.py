"""Functions from Python: homogenize, design, differentiate."""

from collections.abc import Sequence
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from trussmap.api.checks import FileName, array, designs, floats, positive
from trussmap.api.lattice import Lattice
from trussmap.api.results import Results
from trussmap.base.errors import InputError
from trussmap.designs.strength import Loads
from trussmap.designs.table import Brief, Designs, ordered
from trussmap.lattice.descriptor import DENSITY
from trussmap.mechanics.homogenization import homogenize_cells, homogenize_designs
from trussmap.mechanics.homogenization.engine import topology_factorizations
from trussmap.mechanics.solver import Solver
from trussmap.mechanics.strength import check_buckling_length
from trussmap.search.design import design_all
from trussmap.search.request import RequestSettings, Search, request_of
from trussmap.targets.orders import Layout
from trussmap.targets.reading import read_all_targets, targets_of_arrays
from trussmap.tensors.elasticity import moduli
from trussmap.tensors.engineering import ENGINEERING
from trussmap.tensors.material import Material
from trussmap.tensors.stiffness import (
    COMPONENTS,
    POISSON_RATIO,
    check_admissible,
    check_poisson_ratio,
)

if TYPE_CHECKING:
    import torch


def homogenize(
    lattices: Lattice | Sequence[Lattice] | pd.DataFrame,
    youngs_modulus: float = 1.0,
    poisson_ratio: float = POISSON_RATIO,
    threads: int | None = None,
) -> Results:
    """Effective stiffness of lattices by finite elements of Timoshenko beams.

    Parameters
    ----------
    lattices
        one, several, or a table of designs in the published columns (`DESIGN_COLUMNS`), of any
        number of rows
    youngs_modulus
        of the base material; the stiffness is in its units
    poisson_ratio
        of the base material
    threads
        all cores by default

    Returns
    -------
    Results
        whose table has ``relative_density``, ``C11`` … ``C66`` and the engineering constants ``E1``
        … ``nu23``

    Raises
    ------
    InputError
        for a lattice without a definite stiffness

    Examples
    --------
    >>> cubic = Lattice.from_elementary("simple_cubic", relative_density=0.03)
    >>> homogenize(cubic, youngs_modulus=210.0).to_frame()[["E1", "G12"]].round(3).to_dict("records")
    [{'E1': 2.1, 'G12': 0.01}]
    """
    youngs_modulus = positive(youngs_modulus, "youngs_modulus")
    check_poisson_ratio(poisson_ratio, "poisson_ratio")
    if isinstance(lattices, pd.DataFrame):
        theta = designs(lattices)
        table = lattices
        density = theta[:, DENSITY]
        stiffness = homogenize_designs(theta, threads=threads, poisson_ratio=poisson_ratio)
        check_admissible(stiffness, density, "designs, row", 1, poisson_ratio)

        def lattice_of(row: int) -> Lattice:
            return Lattice.from_design({str(k): v for k, v in table.iloc[row].items()})
    else:
        several = [lattices] if isinstance(lattices, Lattice) else list(lattices)
        if not several or not all(isinstance(lattice, Lattice) for lattice in several):
            raise InputError("homogenize: expected a Lattice, several, or a table of designs.")
        graphs = [lattice.graph for lattice in several]
        density = np.array([lattice.relative_density for lattice in several])
        stiffness = homogenize_cells(graphs, density, threads=threads, poisson_ratio=poisson_ratio)

        def lattice_of(row: int) -> Lattice:
            return several[row]

    columns = pd.DataFrame({"relative_density": density})
    columns[COMPONENTS] = youngs_modulus * stiffness
    columns[list(ENGINEERING)] = moduli(columns[COMPONENTS].to_numpy())
    return Results(columns, lattice_of, youngs_modulus, stiffness)


def design(
    targets: ArrayLike | FileName,
    youngs_modulus: float,
    *,
    keep: int = 2,
    refine: str = "quick",
    family: str = "published",
    minimise: str | None = None,
    maximise: str | None = None,
    cell_size_mm: float | None = None,
    minimum_strut_mm: float | None = None,
    maximum_strut_mm: float | None = None,
    minimum_gap_mm: float | None = None,
    minimum_density: float | None = None,
    maximum_density: float | None = None,
    radius_ratio: float | None = None,
    topologies: Sequence[int] | None = None,
    closeness: str = "frobenius",
    diameter_error_percent: float | None = None,
    diameter_error_mm: float | None = None,
    node_error_mm: float | None = None,
    yield_stress: float | None = None,
    buckling_length: float = 1.0,
    load: ArrayLike | None = None,
    draws: int = 300,
    temperature: float = 1.0,
    poisson_ratio: float | None = None,
    seed: int = 0,
    study: FileName | None = None,
    order: str = "voigt",
    compliance: bool = False,
) -> Results:
    """Lattices that have given stiffnesses, best first, each verified by finite elements.

    Parameters
    ----------
    targets
        (6, 6) or (n, 6, 6) in Voigt form with engineering shear strains, (21,) or (n, 21), or the
        path of a file as `trussmap design` takes
    youngs_modulus
        of the base material, in the units of the targets
    keep
        lattices of each target, all of different topology
    refine
        how long to search by finite elements: ``none``, ``quick``, ``thorough``
    family
        ``published``; ``areas``, every strut that symmetry tells apart with a cross-section of its
        own; ``geometry``, where nodes move too
    minimise
        what should be small among lattices that meet a target: ``density`` or ``radius-ratio``; or
        among all, ``printed-error``
    maximise
        or what should be large: ``diameter``, of the thinnest strut
    cell_size_mm
        edge of a cube of the unit cell's volume; lengths in mm are known with it
    minimum_strut_mm
        bound of strut diameters, which comes before the stiffness, as the next two do (not in
        family ``published``)
    maximum_strut_mm
        bound of strut diameters
    minimum_gap_mm
        bound of the gaps between struts that do not meet
    minimum_density
        bound of the relative density
    maximum_density
        bound of the relative density
    radius_ratio
        largest ratio of two struts' radii, 10 by default
    topologies
        numbers of those allowed, all 197 by default
    closeness
        what counts as close: ``frobenius``, ``log-euclidean``, ``compliance``
    diameter_error_percent
        standard deviation of the diameter of a printed strut
    diameter_error_mm
        a further one in mm, whatever the diameter
    node_error_mm
        standard deviation of each coordinate of a printed node
    yield_stress
        of the base material, in the units of the targets
    buckling_length
        of a strut over its length: 0.5 fixed, 1 hinged, up to 2
    load
        (6,) macroscopic stress to carry, 11, 22, 33, 23, 13, 12, in the units of the targets
    draws
        candidates drawn for a target
    temperature
        how diverse they are
    poisson_ratio
        of the base material; that of the networks' study by default
    seed
        of the draws
    study
        the folder of a finished study whose networks propose; those that come with the package by
        default
    order
        of the components of ``targets``, one of `trussmap.targets.orders.ORDERS`; results are in
        Voigt's
    compliance
        whether ``targets`` are compliances, per unit of ``youngs_modulus``, with engineering shear
        strains (S44 = 1/G23); they are inverted

    Returns
    -------
    Results
        whose table is that of the file ``designs.csv`` that `trussmap design` writes
        (`trussmap.designs.table.Designs`): stiffness and stresses in the units of
        ``youngs_modulus``, relative errors in %

    Raises
    ------
    InputError
        for targets that no material has, and for options that do not go together
    """
    given = dict(locals())
    material = _material(youngs_modulus, poisson_ratio, yield_stress, study)
    positive(temperature, "temperature")
    check_buckling_length(buckling_length, "buckling_length")
    search = Search(refine, draws, temperature, keep, seed)
    loads = Loads(None if load is None else array(load, (6,), "load"), buckling_length)
    layout = Layout(order, compliance)
    if isinstance(targets, str | PathLike):
        given_targets = read_all_targets(targets, material, closeness, layout)
    else:
        given_targets = targets_of_arrays(_constants(targets), material, closeness, layout)
    settings: Any = {name: given[name] for name in RequestSettings.__annotations__ if name in given}
    settings["topologies"] = None if topologies is None else list(topologies)
    request = request_of(settings, cell_size_mm)

    from trussmap.learning.study import load_models

    networks = load_models(study).networks
    batch = design_all(given_targets.goal, networks, Solver(material), search, request)
    return _results(Designs(Brief(given_targets, material, request, loads), batch))


def _material(
    youngs_modulus: float,
    poisson_ratio: float | None,
    yield_stress: float | None,
    study: FileName | None,
) -> Material:
    """Base material; Poisson's ratio is that of the study where none is given."""
    youngs_modulus = positive(youngs_modulus, "youngs_modulus")
    if poisson_ratio is not None:
        check_poisson_ratio(poisson_ratio, "poisson_ratio")
    if yield_stress is not None:
        positive(yield_stress, "yield_stress")
    if poisson_ratio is None:
        from trussmap.learning.study import trained_poisson_ratio

        poisson_ratio = trained_poisson_ratio(study)
    return Material(youngs_modulus, poisson_ratio, yield_stress)


def _constants(values: ArrayLike) -> np.ndarray:
    """Matrices (n, 6, 6) or constants (n, 21) of one target or several."""
    numbers = floats(values)
    if numbers.shape[-2:] == (6, 6):
        return array(numbers if numbers.ndim == 3 else numbers[None], (None, 6, 6), "targets")
    what = "targets, either 6 × 6 or 21 constants each"
    return array(np.atleast_2d(numbers), (None, 21), what)


def _results(designs: Designs) -> Results:
    """Results of designs, whose table is as `trussmap design` writes it."""
    brief = designs.brief
    modulus = brief.material.youngs_modulus
    table = ordered(designs.in_units())
    constants = brief.targets.goal.constants(modulus)
    density = designs.lattices.density

    def lattice_of(row: int) -> Lattice:
        return Lattice(designs.graphs[row], float(density[row]))

    return Results(
        table,
        lattice_of,
        modulus,
        designs.batch.table[COMPONENTS].to_numpy(),
        [constants[target - 1] for target in table["target"]],
    )


def differentiable_stiffness(
    lattices: "torch.Tensor | Sequence[Lattice]",
    relative_density: "torch.Tensor",
    deformation: "torch.Tensor | None" = None,
    poisson_ratio: float = POISSON_RATIO,
) -> "torch.Tensor":
    """Effective stiffness (n, 21), base modulus 1, that PyTorch can differentiate once, by exact
    gradients.

    Parameters
    ----------
    lattices
        n lattices, of which the density is not read, or numbers (n,) of topologies, also an integer
        tensor
    relative_density
        (n,)
    deformation
        (n, 3, 3) applied to each lattice; none by default
    poisson_ratio
        of the base material

    Examples
    --------
    >>> import torch
    >>> cubic = Lattice.from_elementary("simple_cubic", relative_density=0.03)
    >>> density = torch.tensor([0.03], dtype=torch.float64, requires_grad=True)
    >>> differentiable_stiffness([cubic], density)[0, 0].backward()  # C11 = ρ/3, with little from bending
    >>> round(density.grad.item(), 4)
    0.3333
    """
    import torch

    from trussmap.mechanics.homogenization import autograd

    check_poisson_ratio(poisson_ratio, "poisson_ratio")
    if not isinstance(lattices, torch.Tensor) and all(
        isinstance(lattice, Lattice) for lattice in lattices
    ):
        count = len(lattices)
        solve = partial(autograd.homogenize_lattices, [lattice.graph for lattice in lattices])
    else:
        topology = torch.as_tensor(lattices)
        known = len(topology_factorizations().volumes)
        if (
            topology.is_floating_point()
            or topology.ndim != 1
            or not ((topology >= 0) & (topology < known)).all()
        ):
            raise InputError(
                f"lattices: expected numbers of topologies from 0 to {known - 1}, or lattices."
            )
        count = len(topology)
        solve = partial(autograd.homogenize, topology)
    if isinstance(relative_density, torch.Tensor) and deformation is None:
        deformation = torch.eye(3).to(relative_density).expand(count, 3, 3)
    _check_tensors(relative_density, deformation, count)
    return solve(deformation, relative_density, poisson_ratio=poisson_ratio)


def _check_tensors(
    relative_density: "torch.Tensor", deformation: "torch.Tensor", count: int
) -> None:
    """Raise InputError unless tensors are densities (count,) and maps (count, 3, 3)."""
    import torch

    for name, value in (("relative_density", relative_density), ("deformation", deformation)):
        if not isinstance(value, torch.Tensor):
            raise InputError(f"{name}: expected a tensor of PyTorch.")
    shapes = tuple(relative_density.shape), tuple(deformation.shape)
    if shapes != ((count,), (count, 3, 3)):
        raise InputError(
            f"relative_density of shape {shapes[0]} and deformation of shape {shapes[1]}: expected "
            f"({count},) and ({count}, 3, 3), as there are lattices."
        )
    if not ((relative_density > 0) & (relative_density < 1)).all():
        raise InputError("relative_density: expected numbers above 0 and below 1.")
    if not (deformation.isfinite().all() and (torch.linalg.det(deformation) != 0).all()):
        raise InputError("deformation: expected finite matrices that keep a volume.")
