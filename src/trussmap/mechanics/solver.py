"""Settings of the finite elements that all searches share."""

from dataclasses import dataclass, field

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
