"""trussmap: from a stiffness tensor to a truss lattice that has it.

>>> import trussmap as tm
>>> tm.homogenize(tm.Lattice.from_elementary("simple_cubic", relative_density=0.03)).stiffness[0, 0, 0].round(9)
np.float64(0.01)

What can be had from here is documented in `trussmap.api`, which is loaded when it is first asked
for.
"""

from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trussmap.api import (
        ELEMENTARY,
        InputError,
        Lattice,
        PeriodicGraph,
        Results,
        design,
        differentiable_stiffness,
        homogenize,
    )

__version__ = version("trussmap")
__all__ = [
    "ELEMENTARY",
    "InputError",
    "Lattice",
    "PeriodicGraph",
    "Results",
    "design",
    "differentiable_stiffness",
    "homogenize",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'trussmap' has no attribute '{name}'")
    from trussmap import api

    return getattr(api, name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
