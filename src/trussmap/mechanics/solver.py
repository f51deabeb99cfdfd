"""Settings of the finite elements that all searches share."""

from dataclasses import dataclass, field

import numpy as np

from trussmap.lattice.graph import PeriodicGraph
from trussmap.mechanics import homogenization
from trussmap.tensors.material import Material


@dataclass(frozen=True)
class Solver:
    """How lattices are homogenized.

    Attributes
    ----------
    material : base material; of it, the stiffness over Young's modulus depends on Poisson's ratio
    threads : number of threads; all cores where it is None
    """

    material: Material = field(default_factory=Material)
    threads: int | None = None

    @property
    def poisson_ratio(self) -> float:
        """Poisson's ratio of the base material."""
        return self.material.poisson_ratio

    def homogenize_designs(self, designs: np.ndarray) -> np.ndarray:
        """Effective stiffness (n, 21) of designs (n, 19), base modulus 1."""
        return homogenization.homogenize_designs(
            designs, threads=self.threads, poisson_ratio=self.poisson_ratio
        )

    def homogenize_cells(self, graphs: list[PeriodicGraph], density: np.ndarray) -> np.ndarray:
        """Effective stiffness (n, 21) of lattices at relative densities (n,), base modulus 1.

        Raises InputError as `trussmap.mechanics.homogenization.homogenize_cells`.
        """
        return homogenization.homogenize_cells(
            graphs, density, threads=self.threads, poisson_ratio=self.poisson_ratio
        )
