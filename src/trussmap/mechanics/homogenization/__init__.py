"""Effective stiffness of periodic beam lattices: exact, batched, with exact gradients
(architecture.md §4).
"""

from trussmap.mechanics.homogenization.engine import (
    homogenize_cells,
    homogenize_designs,
    homogenize_lattice,
    homogenize_topologies,
)

__all__ = ["homogenize_cells", "homogenize_designs", "homogenize_lattice", "homogenize_topologies"]
