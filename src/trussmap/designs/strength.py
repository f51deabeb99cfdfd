"""What designs carry: columns of their table, and a sentence."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from trussmap.lattice.graph import PeriodicGraph
from trussmap.mechanics.strength import LOAD_CASES, PINNED, strength
from trussmap.tensors.material import Material


class Loads(NamedTuple):
    """What lattices have to carry.

    Attributes
    ----------
    stress : macroscopic stress (6,) in Voigt order, in the unit of the base material, or None
    buckling_length : of a strut over its length
    """

    stress: np.ndarray | None = None
    buckling_length: float = PINNED


def strength_columns(
    graphs: Sequence[PeriodicGraph], density: np.ndarray, material: Material, loads: Loads
) -> dict[str, np.ndarray]:
    """Columns (n,) of what n lattices carry, stresses in the unit of the base material.

    For every ``case`` of `trussmap.mechanics.strength.LOAD_CASES`, ``peak_stress_<case>`` is the
    largest stress of a strut over the macroscopic one, ``buckling_stress_<case>`` the least
    macroscopic stress of either sign under which a strut reaches its Euler load
    (`trussmap.mechanics.strength.strength`); with a yield stress of the material,
    ``yield_stress_<case>`` at which a strut begins to yield. ``load_buckling_factor`` and
    ``load_yield_factor`` are the multiples of the stress of the loads, of its own sign, that do so.
    """
    cases = dict(LOAD_CASES)
    if loads.stress is not None:
        cases["load"] = np.asarray(loads.stress, float) / material.youngs_modulus
    stresses = np.array(list(cases.values()))
    carried = [
        strength(graph, rho, stresses, loads.buckling_length, material.poisson_ratio)
        for graph, rho in zip(graphs, density, strict=True)
    ]
    peak = np.array([each.peak_stress for each in carried]).reshape(-1, len(cases))
    buckling = np.array([each.buckling for each in carried]).reshape(-1, len(cases), 2)

    columns = {}
    for k, case in enumerate(LOAD_CASES):
        columns[f"peak_stress_{case}"] = peak[:, k]
        columns[f"buckling_stress_{case}"] = material.youngs_modulus * buckling[:, k].min(1)
        if material.yield_stress:
            columns[f"yield_stress_{case}"] = material.yield_stress / peak[:, k]
    if loads.stress is not None:
        columns["load_buckling_factor"] = buckling[:, -1, 0]
        if material.yield_stress:
            relative = material.yield_stress / material.youngs_modulus
            columns["load_yield_factor"] = relative / peak[:, -1]
    return columns


def strength_sentence(row: Mapping[str, Any]) -> str:
    """Sentence on what a row with the columns of `strength_columns` carries, the least of all
    cases.
    """
    words = []
    for name, verb in (("buckling", "buckle"), ("yield", "yield")):
        values = {
            case: row[f"{name}_stress_{case}"]
            for case in LOAD_CASES
            if f"{name}_stress_{case}" in row
        }
        if values:
            case = min(values, key=lambda each: values[each])
            text = f"{verb} from a stress of {values[case]:.3g} ({case})"
            factor = row.get(f"load_{name}_factor")
            words.append(text if factor is None else f"{text} and at {factor:.3g} times the load")
    return "struts " + ", ".join(words)
