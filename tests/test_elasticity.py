import numpy as np
import pytest

from trussmap.elasticity import CLASSES, best_class, means, symmetry_distances, universal_anisotropy
from trussmap.rotation import from_rotation_vector
from trussmap.stiffness import COMPONENTS, isotropic, pack, rotate

TURN = from_rotation_vector(np.array([[0.4, -1.1, 0.7]]))[0]


def stiffness(**constants):
    c = np.zeros(21)
    for name, value in constants.items():
        c[COMPONENTS.index(name)] = value
    return c


# Handbook values in GPa: copper, zinc, rutile, α-quartz (with C14), topaz.
CRYSTALS = {
    "cubic": stiffness(C11=168, C22=168, C33=168, C12=121, C13=121, C23=121, C44=75, C55=75, C66=75),
    "hexagonal": stiffness(C11=165, C22=165, C33=62, C12=31, C13=50, C23=50, C44=40, C55=40, C66=67),
    "tetragonal": stiffness(C11=271, C22=271, C33=484, C12=178, C13=150, C23=150, C44=124, C55=124, C66=195),
    "trigonal": stiffness(
        C11=87, C22=87, C33=107, C12=7, C13=13, C23=13, C14=-18, C24=18, C56=-18, C44=58, C55=58, C66=40
    ),
    "orthotropic": stiffness(C11=281, C22=349, C33=294, C12=125, C13=84, C23=88, C44=108, C55=132, C66=131),
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
    for low, high in (("isotropic", "cubic"), ("hexagonal", "orthotropic"), ("tetragonal", "orthotropic")):
        assert one[low] >= one[high] - 1e-6


def test_means_and_anisotropy_of_copper():
    """Closed forms of cubic crystals: Voigt (C11 − C12 + 3 C44)/5, Reuss 5/(4/(C11 − C12) + 3/C44)/…"""
    c = CRYSTALS["cubic"][None]
    m = means(c)
    voigt, reuss = (168 - 121 + 3 * 75) / 5, 5 / (4 / (168 - 121) + 3 / 75)
    assert m["G_voigt"][0] == pytest.approx(voigt) and m["G_reuss"][0] == pytest.approx(reuss)
    assert m["K_voigt"][0] == pytest.approx((168 + 2 * 121) / 3) == m["K_reuss"][0]
    zener = 2 * 75 / (168 - 121)
    assert universal_anisotropy(c)[0] == pytest.approx(6 / 5 * (np.sqrt(zener) - 1 / np.sqrt(zener)) ** 2)
    assert universal_anisotropy(pack(isotropic())[None])[0] == pytest.approx(0, abs=1e-12)
