"""Base material of lattices."""

from dataclasses import dataclass

import numpy as np

from trussmap.tensors.stiffness import POISSON_RATIO, isotropic, pack


@dataclass(frozen=True)
class Material:
    """Isotropic base material of the struts.

    Attributes
    ----------
    youngs_modulus : in the user's unit of stress
    poisson_ratio : dimensionless
    yield_stress : in the user's unit of stress, or None where it is not known
    unit : name of the user's unit of stress, or an empty text
    """

    youngs_modulus: float = 1.0
    poisson_ratio: float = POISSON_RATIO
    yield_stress: float | None = None
    unit: str = ""

    @property
    def relative(self) -> np.ndarray:
        """Stiffness (21,) over Young's modulus."""
        return pack(isotropic(poisson_ratio=self.poisson_ratio))

    def __str__(self) -> str:
        return f"Young's modulus {self.youngs_modulus:g} and Poisson's ratio {self.poisson_ratio:g}"
