"""The design descriptor Θ: columns, ranges, sampling, and the map x = R2·V·R1·U·X (architecture.md
§3).
"""

import numpy as np

from trussmap.base.errors import InputError
from trussmap.lattice import compound as _compound
from trussmap.lattice.graph import PeriodicGraph
from trussmap.tensors.rotation import rotation

#: Columns of a design, in the order and with the names of the published data set.
DESIGN_COLUMNS = [
    "relative_density",
    *("U1", "U2", "U3"),
    *("lattice_type1", "lattice_type2", "lattice_type3"),
    *("lattice_rep1", "lattice_rep2", "lattice_rep3"),
    *("R1_theta", "R1_rot_ax1", "R1_rot_ax2"),
    *("R2_theta", "R2_rot_ax1", "R2_rot_ax2"),
    *("V1", "V2", "V3"),
]
DENSITY = 0
U = slice(1, 4)
TYPES = slice(4, 7)
REPS = slice(7, 10)
R1 = slice(10, 13)
R2 = slice(13, 16)
V = slice(16, 19)
#: Columns that the orthotropic stiffness depends on.
ORTHOTROPIC_COLUMNS = DESIGN_COLUMNS[:10]
DENSITY_RANGE = (0.002, 0.1)
STRETCH_RANGE = (0.5, 2.0)
# A published file in single precision may overstep a range by its rounding.
_SLACK = 1e-6
_DRAWS = 20  # random numbers a design consumes, a multiple of the generator's four to a counter


def sample_designs(seed: int, start: int, stop: int) -> np.ndarray:
    """Designs ``start`` to ``stop`` - 1 (n, 19) of the stream ``seed``; design k depends on (seed,
    k) alone.

    ρ and the stretches are uniform, lattice types and tessellations independent and uniform,
    rotation axes uniform on the sphere and angles uniform on [0, 2π) (architecture.md §4). The
    counter-based generator is Philox4x64 with key ``seed``.

    >>> bool((sample_designs(2022, 5, 9) == sample_designs(2022, 0, 9)[5:]).all())
    True
    """
    generator = np.random.Philox(key=seed, counter=start * _DRAWS // 4)
    raw = generator.random_raw((stop - start) * _DRAWS).reshape(-1, _DRAWS)
    uniform = (raw >> np.uint64(11)) * 2.0**-53
    designs = np.empty((stop - start, len(DESIGN_COLUMNS)))
    designs[:, DENSITY] = _scale(uniform[:, 0], DENSITY_RANGE)
    designs[:, U] = _scale(uniform[:, 1:4], STRETCH_RANGE)
    designs[:, V] = _scale(uniform[:, 4:7], STRETCH_RANGE)
    designs[:, TYPES] = np.floor(uniform[:, 7:10] * 7)
    designs[:, REPS] = np.floor(uniform[:, 10:13] * 2) + 1
    for columns, first in ((R1, 13), (R2, 16)):
        # By symmetry of the angle's law, an axis on the sphere is as good as one on the hemisphere
        # n3 ≥ 0.
        height = uniform[:, first]
        azimuth = 2 * np.pi * uniform[:, first + 1]
        across = np.sqrt(1 - height**2)
        turn = 2 * np.pi * uniform[:, first + 2]
        designs[:, columns] = np.stack(
            [turn, across * np.cos(azimuth), across * np.sin(azimuth)], 1
        )
    return designs


def _scale(uniform, bounds):
    return bounds[0] + (bounds[1] - bounds[0]) * uniform


def orthotropic_map(designs: np.ndarray) -> np.ndarray:
    """The maps U (n, 3, 3).

    >>> design = np.array([[0.05, 2, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 0.5]])
    >>> orthotropic_map(design)[0].diagonal()
    array([2., 1., 1.])
    """
    return designs[:, U, None] * np.eye(3)


def deformation_map(designs: np.ndarray) -> np.ndarray:
    """The maps A = R2·V·R1·U (n, 3, 3).

    >>> design = np.array([[0.05, 2, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 0.5]])
    >>> deformation_map(design)[0].diagonal()
    array([2. , 1. , 0.5])
    """
    stretched = rotation(designs[:, R1]) * designs[:, None, U]
    return rotation(designs[:, R2]) @ (designs[:, V, None] * stretched)


def design_topology(designs: np.ndarray) -> np.ndarray:
    """Topology number (n,) of designs (n, 19): equal for equal geometry before the map.

    >>> one, other = sample_designs(0, 0, 2)
    >>> other[TYPES], other[REPS] = one[TYPES][::-1], one[REPS][::-1]  # the same lattices in another order
    >>> bool(np.ptp(design_topology(np.stack([one, other]))) == 0)
    True
    """
    return _compound.lattices_topology(designs[:, TYPES], designs[:, REPS])


def design_graph(design: np.ndarray, stage: str = "full") -> PeriodicGraph:
    """The lattice of one design (19,) after its whole map, or after U alone with
    ``stage="orthotropic"``.

    >>> design = sample_designs(2022, 0, 1)
    >>> bool(np.isclose(design_graph(design[0]).volume, np.linalg.det(deformation_map(design)[0])))
    True
    """
    maps = {"full": deformation_map, "orthotropic": orthotropic_map}
    return _compound.compound(design[TYPES], design[REPS]).mapped(maps[stage](design[None])[0])


def check_designs(designs: np.ndarray, where: str, columns: list[str] = DESIGN_COLUMNS) -> None:
    """Raise InputError naming row (from 1) and column of the first bad value of designs (n, 19).

    Angles, in radians, may have any finite size.
    """
    for name in columns:
        values = designs[:, DESIGN_COLUMNS.index(name)]
        if name.startswith("lattice"):
            low, high = (0, 6) if "type" in name else (1, 2)
            good = (values >= low) & (values <= high) & (values == np.round(values))
            expected = f"a whole number from {low} to {high}"
        elif name.endswith("_theta"):
            good = np.isfinite(values)
            expected = "a finite angle in radians"
        elif name == "relative_density" or name[0] in "UV":
            least, most = DENSITY_RANGE if name == "relative_density" else STRETCH_RANGE
            good = (values >= least - _SLACK) & (values <= most + _SLACK)
            expected = f"a number from {least} to {most}"
        else:
            good = np.abs(values) <= 1 + _SLACK
            expected = "a number from -1 to 1"
        if not good.all():
            row = int(np.argmin(good))
            raise InputError(
                f"{where}, row {row + 1}, column {name}: {values[row]:g} is not {expected}."
            )
    for name in ("R1", "R2"):
        if f"{name}_theta" in columns:
            axis = designs[:, R1 if name == "R1" else R2][:, 1:]
            good = (axis**2).sum(1) <= 1 + _SLACK
            if not good.all():
                row = int(np.argmin(good))
                raise InputError(
                    f"{where}, row {row + 1}, column {name}_rot_ax2: {name}_rot_ax1² + "
                    f"{name}_rot_ax2² is above 1, "
                    "which leaves no third component for a unit axis."
                )
