import numpy as np
import pytest
from scipy.optimize import minimize

from trussmap.tensors.elasticity import (
    CLASSES,
    across_ranges,
    best_class,
    extrema,
    means,
    symmetry_distances,
    universal_anisotropy,
)
from trussmap.tensors.rotation import from_rotation_vector
from trussmap.tensors.stiffness import (
    COMPONENTS,
    directional_modulus,
    isotropic,
    pack,
    rotate,
    unpack,
)

TURN = from_rotation_vector(np.array([[0.4, -1.1, 0.7]]))[0]


def stiffness(**constants):
    c = np.zeros(21)
    for name, value in constants.items():
        c[COMPONENTS.index(name)] = value
    return c


# Handbook values in GPa: copper, zinc, rutile, α-quartz (with C14), topaz.
CRYSTALS = {
    "cubic": stiffness(
        C11=168, C22=168, C33=168, C12=121, C13=121, C23=121, C44=75, C55=75, C66=75
    ),
    "hexagonal": stiffness(
        C11=165, C22=165, C33=62, C12=31, C13=50, C23=50, C44=40, C55=40, C66=67
    ),
    "tetragonal": stiffness(
        C11=271, C22=271, C33=484, C12=178, C13=150, C23=150, C44=124, C55=124, C66=195
    ),
    "trigonal": stiffness(
        C11=87,
        C22=87,
        C33=107,
        C12=7,
        C13=13,
        C23=13,
        C14=-18,
        C24=18,
        C56=-18,
        C44=58,
        C55=58,
        C66=40,
    ),
    "orthotropic": stiffness(
        C11=281, C22=349, C33=294, C12=125, C13=84, C23=88, C44=108, C55=132, C66=131
    ),
}


@pytest.mark.parametrize("name", CRYSTALS)
@pytest.mark.parametrize("turned", [False, True])
def test_the_symmetry_of_crystals_is_found_in_any_axes(name, turned):
    c = rotate(CRYSTALS[name][None], TURN)[0] if turned else CRYSTALS[name]
    distances = symmetry_distances(c)
    assert best_class(distances, 1e-4) == name
    lower = [other for other in CLASSES if CLASSES[other] < CLASSES[name]]
    assert min(distances[other] for other in lower) > 1e-3


def test_distances_fall_with_symmetry_and_do_not_depend_on_axes():
    c = pack(isotropic(100)) + np.random.default_rng(2).normal(size=21) * 5
    one, other = symmetry_distances(c), symmetry_distances(rotate(c[None], TURN)[0])
    assert one == pytest.approx(other, abs=2e-3)
    for low, high in (
        ("isotropic", "cubic"),
        ("hexagonal", "orthotropic"),
        ("tetragonal", "orthotropic"),
    ):
        assert one[low] >= one[high] - 1e-6


def test_means_and_anisotropy_of_copper():
    """Closed forms of cubic crystals: Voigt (C11 − C12 + 3 C44)/5, Reuss 5/(4/(C11 − C12) +
    3/C44)/…
    """
    c = CRYSTALS["cubic"][None]
    m = means(c)
    voigt, reuss = (168 - 121 + 3 * 75) / 5, 5 / (4 / (168 - 121) + 3 / 75)
    assert m["G_voigt"][0] == pytest.approx(voigt) and m["G_reuss"][0] == pytest.approx(reuss)
    assert m["K_voigt"][0] == pytest.approx((168 + 2 * 121) / 3) == m["K_reuss"][0]
    zener = 2 * 75 / (168 - 121)
    assert universal_anisotropy(c)[0] == pytest.approx(
        6 / 5 * (np.sqrt(zener) - 1 / np.sqrt(zener)) ** 2
    )
    assert universal_anisotropy(pack(isotropic())[None])[0] == pytest.approx(0, abs=1e-12)


@pytest.fixture(scope="module")
def materials():
    """An isotropic one, crystals, and two without symmetry whose modes differ by up to 1,000."""
    random = np.random.default_rng(7)
    axes = np.linalg.qr(random.normal(size=(2, 6, 6)))[0]
    triclinic = pack(axes * np.exp(random.uniform(0, np.log(1000), (2, 1, 6))) @ axes.mT)
    crystals = [CRYSTALS["cubic"], rotate(CRYSTALS["orthotropic"][None], TURN)[0]]
    return np.array([pack(isotropic(210.0, 0.3)), *crystals, *triclinic])


@pytest.fixture(scope="module")
def others(materials):
    """The same materials in pymatgen."""
    from pymatgen.analysis.elasticity import ElasticTensor

    return [ElasticTensor.from_voigt(unpack(c)) for c in materials]


def test_means_are_those_of_pymatgen(materials, others):
    found = means(materials)
    for k, other in enumerate(others):
        for name, value in (("voigt", "voigt"), ("reuss", "reuss"), ("hill", "vrh")):
            assert found[f"K_{name}"][k] == pytest.approx(getattr(other, f"k_{value}"))
            assert found[f"G_{name}"][k] == pytest.approx(getattr(other, f"g_{value}"))
        assert found["E_hill"][k] == pytest.approx(other.y_mod / 1e9)
        assert found["nu_hill"][k] == pytest.approx(other.homogeneous_poisson)
        assert universal_anisotropy(materials)[k] == pytest.approx(
            other.universal_anisotropy, abs=1e-12
        )


def directional(tensor, n, m):
    """E, G, nu and beta of a compliance S_ijkl for unit vectors n, m (k, 3)."""

    def outer(p, q):
        return (p[:, :, None] * q[:, None, :]).reshape(-1, 9)

    uniaxial = outer(n, n) @ tensor.reshape(9, 9)
    young = 1 / (uniaxial * outer(n, n)).sum(1)
    return {
        "E": young,
        "G": 1 / (4 * (outer(n, m) @ tensor.reshape(9, 9) * outer(n, m)).sum(1)),
        "nu": -young * (uniaxial * outer(m, m)).sum(1),
        "beta": uniaxial @ np.eye(3).ravel(),
    }


def turned(vector, tensor, frame, name, sign):
    """One of these, or minus it, in a frame turned by a rotation vector."""
    n, m, _ = from_rotation_vector(vector) @ frame
    return sign * directional(tensor, n[None], m[None])[name][0]


def test_extrema_are_reached_and_no_frame_is_beyond_them(materials, others):
    """By pymatgen's compliances, in 20,000 frames at random, and from the best of them on by SciPy."""
    frames = np.linalg.qr(np.random.default_rng(3).normal(size=(20_000, 3, 3)))[0]
    found = extrema(materials)
    for k, other in enumerate(others):
        tensor = np.asarray(other.compliance_tensor)
        anywhere = directional(tensor, frames[:, 0], frames[:, 1])
        for name, values in anywhere.items():
            for end, sign in (("min", 1), ("max", -1)):
                value, n, m = (part[k] for part in found[f"{name}_{end}"])
                m = frames[0, 1] if name == "beta" else m
                assert directional(tensor, n[None], m[None])[name][0] == pytest.approx(
                    value, rel=1e-9
                )
                assert name == "beta" or abs(n @ m) < 1e-9
                assert sign * value <= (sign * values).min() + 1e-9 * abs(value)

                best = (
                    sign
                    * minimize(
                        turned,
                        np.zeros(3),
                        (tensor, frames[(sign * values).argmin()], name, sign),
                        method="Nelder-Mead",
                        options={"xatol": 1e-7},
                    ).fun
                )
                assert best == pytest.approx(value, rel=1e-6)


def test_extrema_turn_with_the_material(materials):
    one, other = extrema(materials), extrema(rotate(materials, TURN))
    for name, (value, n, _) in one.items():
        assert value == pytest.approx(other[name].value, rel=1e-9), name
        if name == "E_max":  # where there is one such axis
            aligned = np.abs((other[name].direction[3:] * (n[3:] @ TURN.T)).sum(1))
            assert aligned == pytest.approx(1, abs=1e-6)


def test_ranges_over_all_directions_across_one(materials, others):
    n = np.linalg.qr(np.random.default_rng(4).normal(size=(3, 3)))[0]
    turn = np.linspace(0, np.pi, 5001)[:, None]
    ranges = np.array(across_ranges(materials, n))
    for k, other in enumerate(others):
        for axis in range(3):
            m = np.cos(turn) * n[axis - 1] + np.sin(turn) * n[axis - 2]
            own = directional(
                np.asarray(other.compliance_tensor), np.broadcast_to(n[axis], m.shape), m
            )
            assert own["E"][0] == pytest.approx(
                directional_modulus(materials[k], n[axis : axis + 1])[0]
            )
            expected = [end(own[name]) for name in ("G", "nu") for end in (np.min, np.max)]
            assert ranges[:, k, axis] == pytest.approx(expected, rel=1e-4, abs=1e-5)
