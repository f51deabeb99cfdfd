"""Do the notes of `trussmap design` on order and compliance help? Tensors given right and mistaken.

    python benchmarks/order_hints.py --share 0.2 --out docs/results/order_hints.json

Tensors of every symmetry class (random ones, crystals, composites, lattices, bone) are each given

- right, in every component order: a note about the order is a false one;
- written in one order and read in another: a note must name the order that it was written in;
- as a compliance that is read as a stiffness: a note must ask about it.

The femurs are read from the folder that the variable TRUSSMAP_REFERENCE names, ../shared by
default; without it they are left out.
"""

import argparse
import os
import re
from pathlib import Path

import numpy as np
import pandas as pd

from trussmap.base.io import write_json
from trussmap.base.streams import stream
from trussmap.lattice.descriptor import sample_designs
from trussmap.mechanics.homogenization import homogenize_designs
from trussmap.mechanics.homogenization.engine import homogenize_topologies
from trussmap.targets.goal import Goal
from trussmap.targets.hints import order_hint
from trussmap.targets.orders import ORDERS, in_order
from trussmap.targets.reading import read_all_targets
from trussmap.tensors.elasticity import completion, resembles_compliance, stiffness_of_moduli
from trussmap.tensors.material import Material
from trussmap.tensors.rotation import from_rotation_vector
from trussmap.tensors.stiffness import (
    COMPONENTS,
    MANDEL_WEIGHT,
    isotropic,
    mandel,
    pack,
    rotate,
    unpack,
)

ROOT = Path(__file__).parents[1]
SHARED = Path(os.environ.get("TRUSSMAP_REFERENCE", ROOT.parent / "shared"))
#: Rotations (axis, fold) that make up the point group of each class.
GROUPS = {
    "triclinic": [],
    "monoclinic": [("z", 2)],
    "orthotropic": [("z", 2), ("x", 2)],
    "tetragonal 7": [("z", 4)],
    "tetragonal": [("z", 4), ("x", 2)],
    "trigonal 7": [("z", 3)],
    "trigonal": [("z", 3), ("x", 2)],
    "hexagonal": [("z", 6), ("x", 2)],
    "cubic": [("z", 4), ("xyz", 3)],
}
AXES = {"z": np.array([0, 0, 1.0]), "x": np.array([1.0, 0, 0]), "xyz": np.ones(3) / 3**0.5}
#: Engineering constants of woods relative to the longitudinal modulus (Wood Handbook, USDA
#: FPL-GTR-190, tables 5-1 and 5-2), with 1 longitudinal, 2 radial, 3 tangential, and of some
#: composites and cortical bone (Ashman et al., J. Biomech. 17, 1984, 349).
MODULI = {
    "Sitka spruce": [1, 0.078, 0.043, 0.003, 0.061, 0.064, 0.372, 0.467, 0.435],
    "Douglas fir": [1, 0.068, 0.050, 0.007, 0.078, 0.064, 0.292, 0.449, 0.390],
    "red oak": [1, 0.154, 0.082, 0.021, 0.081, 0.089, 0.350, 0.448, 0.560],
    "balsa": [1, 0.046, 0.015, 0.005, 0.037, 0.054, 0.229, 0.488, 0.665],
    "carbon fibre in epoxy": [140, 10, 10, 3.5, 5, 5, 0.3, 0.3, 0.43],
    "glass fibre in epoxy": [45, 12, 12, 4.1, 5.5, 5.5, 0.28, 0.28, 0.46],
    "woven glass in epoxy": [20, 20, 8, 3, 3, 3.5, 0.13, 0.3, 0.3],
    "cortical bone": [12, 13.4, 20, 6.23, 5.61, 4.53, 0.376, 0.222, 0.235],
}


def averaged(tensor: np.ndarray, group: list[tuple[str, int]]) -> np.ndarray:
    """Mean (21,) of a tensor over the rotations that ``group`` generates."""
    for _ in range(200):
        for axis, fold in group:
            turn = from_rotation_vector(2 * np.pi / fold * AXES[axis][None])[0]
            tensor = (tensor + rotate(tensor, turn)) / 2
    return tensor


def random_tensor(
    generator: np.random.Generator, group: list[tuple[str, int]], spread: float
) -> np.ndarray:
    """Random stiffness (21,) of a class: an isotropic one times the exponential of random moduli."""
    poisson_ratio = generator.uniform(-0.2, 0.42)
    value, mode = np.linalg.eigh(mandel(pack(isotropic(1.0, poisson_ratio))))
    logarithm = pack((mode * np.log(value)) @ mode.T) / MANDEL_WEIGHT
    noise = generator.normal(size=(6, 6))
    random = averaged(pack(noise + noise.T) / 2 / MANDEL_WEIGHT, group)
    value, mode = np.linalg.eigh(mandel(logarithm + spread * random))
    return pack((mode * np.exp(value)) @ mode.T) / MANDEL_WEIGHT


def random_rotation(generator: np.random.Generator) -> np.ndarray:
    """Rotation (3, 3), uniform."""
    q, r = np.linalg.qr(generator.normal(size=(3, 3)))
    q *= np.sign(np.diag(r))
    return q * np.linalg.det(q)


def orientations(generator: np.random.Generator) -> list[np.ndarray]:
    """Rotations that put the main axis along 3, 1, 2, turn by 45° about 3, and a random one."""
    swap = np.eye(3)[[1, 2, 0]]
    eighth = from_rotation_vector(np.array([[0, 0, np.pi / 4]]))[0]
    return [np.eye(3), swap, swap.T, eighth, random_rotation(generator)]


def synthetic(generator: np.random.Generator) -> dict[str, list[np.ndarray]]:
    """Random tensors of each class, cubic ones by their Zener ratio, isotropic ones."""
    found: dict[str, list[np.ndarray]] = {}
    for name, group in GROUPS.items():
        found[name] = []
        for number in range(32):
            tensor = random_tensor(generator, group, [0.1, 0.3, 0.6][number % 3])
            found[name] += [rotate(tensor, turn) for turn in orientations(generator)]
    found["isotropic"] = [pack(isotropic(1.0, nu)) for nu in np.linspace(-0.7, 0.45, 24)]
    zener = [*np.linspace(0.3, 4, 38), *np.linspace(1.8, 2.4, 25), 2.0, 2.0, 0.5, 1.0]
    found["cubic by Zener ratio"] = []
    for ratio in zener:
        coupling = generator.uniform(-0.3, 0.8)
        for tensor in (cubic(coupling, ratio), cauchy_cubic(ratio)):
            found["cubic by Zener ratio"] += [
                rotate(tensor, orientations(generator)[k]) for k in (0, 3, 4)
            ]
    return found


def cubic(coupling: float, zener: float) -> np.ndarray:
    """Cubic stiffness (21,) with C11 = 1, C12 = ``coupling`` and a Zener ratio."""
    constants = {"C11": 1.0, "C12": coupling, "C44": zener * (1 - coupling) / 2}
    return completion("cubic") @ [constants.get(name, 0.0) for name in COMPONENTS]


def cauchy_cubic(zener: float) -> np.ndarray:
    """Cubic stiffness (21,) with C12 = C44 and a Zener ratio."""
    return cubic(zener / (2 + zener), zener)


def crystals(generator: np.random.Generator) -> dict[str, list[np.ndarray]]:
    """Crystals of crystals.csv, woods, composites and bone, in crystal axes and others."""
    table = pd.read_csv(Path(__file__).with_name("crystals.csv"), comment="#")
    found: dict[str, list[np.ndarray]] = {"crystals": []}
    for row in table.to_dict("records"):
        given = np.nan_to_num([row[name] for name in COMPONENTS])
        tensor = given if row["class"] == "triclinic" else completion(row["class"]) @ given
        found["crystals"] += [rotate(tensor, turn) for turn in orientations(generator)]
    found["composites, wood, cortical bone"] = []
    for constants in MODULI.values():
        tensor = stiffness_of_moduli(np.array([constants]))[0]
        found["composites, wood, cortical bone"] += [
            rotate(tensor, turn) for turn in orientations(generator)
        ]
    return found


def lattices(generator: np.random.Generator, seed: int) -> dict[str, list[np.ndarray]]:
    """All 197 topologies plain and deformed at several densities, and random designs."""
    number = np.arange(197)
    maps = {
        "plain": np.tile(np.eye(3), (197, 1, 1)),
        "one axis": np.tile(np.diag([1, 1, 1.6]), (197, 1, 1)),
        "three axes": np.array([np.diag(generator.uniform(0.6, 1.8, 3)) for _ in number]),
        "turned": np.array([random_rotation(generator) for _ in number]),
    }
    found = {}
    for name, each in maps.items():
        density = generator.choice([0.002, 0.01, 0.03, 0.1], 197)
        found[f"topologies, {name}"] = [*homogenize_topologies(number, each, density)]
    found["random designs"] = [*homogenize_designs(sample_designs(seed, 0, 200))]
    return found


def stiffnesses_of(path: Path) -> list[np.ndarray]:
    """Stiffnesses (21,) of a file in GPa, over the modulus of Ti-6Al-4V."""
    return [*read_all_targets(path, Material(114.0), whole=True).stiffness]


def bone() -> dict[str, list[np.ndarray]]:
    """Trabecular bone: four bovine specimens, and the human femurs where they are at hand."""
    found = {"bovine bone": stiffnesses_of(ROOT / "resources/bone_targets_gpa.csv")}
    femurs = SHARED / "reference" / "femur_targets_gpa.csv"
    if femurs.is_file():
        found["femurs"] = stiffnesses_of(femurs)
    return found


def right_tensors(seed: int) -> dict[str, list[np.ndarray]]:
    """Right stiffnesses (21,) by what they are of."""
    generator = np.random.default_rng(stream(seed, "order hints"))
    parts = synthetic(generator), crystals(generator), lattices(generator, seed), bone()
    return {name: tensors for part in parts for name, tensors in part.items()}


def named(hint: str | None) -> list[str]:
    """Orders that a note names."""
    return re.findall(r"--order (\w+)\?", hint or "")


def order_notes(tensors: np.ndarray, part: np.ndarray) -> dict[str, object]:
    """Counts of notes about the order: false ones on right tensors, right and wrong ones on others.

    Tensors right in Voigt order are all given, the others for ``part`` of them alone.
    """
    found: dict[str, object] = {
        "right in voigt": {"tensors": len(tensors), "false notes": _false(tensors, "voigt")}
    }
    for order in ORDERS:
        if order == "voigt":
            continue
        found[f"right in {order}"] = {"tensors": len(part), "false notes": _false(part, order)}
        read = pack(in_order(unpack(part), order))
        changed = np.abs(read - part).max(1) > 1e-6 * np.abs(part).max(1)
        notes = [named(order_hint(Goal(row[None]), "voigt")) for row in read[changed]]
        found[f"{order} read as voigt"] = {
            "tensors that it changes": int(changed.sum()),
            "notes": sum(bool(note) for note in notes),
            "notes that name the order": sum(order in note for note in notes),
        }
    return found


def _false(tensors: np.ndarray, order: str) -> int:
    return sum(bool(order_hint(Goal(tensor[None]), order)) for tensor in tensors)


def compliance_notes(tensors: np.ndarray) -> dict[str, int]:
    """Counts of tensors and of their inverses that look like compliances."""
    inverse = pack(np.linalg.inv(unpack(tensors)))
    couplings = np.isin(COMPONENTS, ["C12", "C13", "C23"]).astype(float)
    return {
        "auxetic": int((tensors @ couplings < 0).sum()),
        "false notes": int(resembles_compliance(tensors).sum()),
        "compliances with a negative sum of couplings": int((inverse @ couplings < 0).sum()),
        "notes on compliances": int(resembles_compliance(inverse).sum()),
    }


def total(rows: list[dict]) -> dict:
    """Sum of counts, nested ones too."""
    first = rows[0]
    return {
        key: total([row[key] for row in rows])
        if isinstance(value, dict)
        else sum(row[key] for row in rows)
        for key, value in first.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--share", type=float, default=1.0, help="of tensors in other orders")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    tensors = {name: np.array(rows) for name, rows in right_tensors(given.seed).items()}
    generator = np.random.default_rng(stream(given.seed, "order hints, share"))
    found = {}
    for name, rows in tensors.items():
        part = rows[generator.random(len(rows)) < given.share]
        found[name] = {"order": order_notes(rows, part), "compliance": compliance_notes(rows)}
        print(name, found[name], flush=True)
    summary = {
        "seed": given.seed,
        "share": given.share,
        "all": total([*found.values()]),
        "kinds": found,
    }
    print(summary["all"])
    if given.out:
        write_json(summary, given.out)


if __name__ == "__main__":
    main()
