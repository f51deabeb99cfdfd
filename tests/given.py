"""What tests of several modules give: targets with a modulus alone, and the four specimens of bone."""

from pathlib import Path

from trussmap.mechanics.solver import Solver
from trussmap.targets.orders import Layout
from trussmap.targets.reading import read_all_targets, read_targets
from trussmap.tensors.material import Material

#: Finite elements of the paper's base material.
SOLVER = Solver()
BONE = Path(__file__).resolve().parents[1] / "resources" / "bone_targets_gpa.csv"


def read_file(path, youngs_modulus, poisson_ratio=0.3, unit="", order="voigt", **options):
    """Targets of a file that can be read, of a base material in the unit of its numbers."""
    compliance, worksheet = options.pop("compliance", False), options.pop("worksheet", "")
    material = Material(youngs_modulus, poisson_ratio, unit=unit)
    return read_targets(path, material, layout=Layout(order, compliance, worksheet), **options)


def read_whole_file(path, youngs_modulus, closeness="frobenius", order="voigt", **options):
    """Goal and names of a file whose targets are all good."""
    material = Material(youngs_modulus)
    targets = read_all_targets(path, material, closeness, Layout(order), **options)
    return targets.goal, targets.names


def bone():
    """The four specimens of bone, over the modulus of Ti-6Al-4V."""
    return read_all_targets(BONE, Material(114.0), whole=True)
