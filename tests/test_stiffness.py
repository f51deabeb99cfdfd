import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from trussmap.base.errors import InputError
from trussmap.tensors import measures
from trussmap.tensors import stiffness as s


@pytest.fixture
def some():
    rng = np.random.default_rng(0)
    root = rng.normal(size=(5, 6, 6))
    return s.pack(root @ root.swapaxes(1, 2))


def test_rotation_is_that_of_the_fourth_order_tensor(some):
    rotation = Rotation.random(5, rng=np.random.default_rng(1)).as_matrix()
    voigt = np.zeros((3, 3), int)
    for k, (i, j) in enumerate(s.PAIRS):
        voigt[i, j] = voigt[j, i] = k
    tensor = s.unpack(some)[:, voigt[:, :, None, None], voigt[None, None]]
    turned = np.einsum("npi,nqj,nrk,nsl,nijkl->npqrs", *[rotation] * 4, tensor)
    p, q = s.PAIRS.T
    expected = s.pack(turned[:, p[:, None], q[:, None], p, q])
    assert np.allclose(s.rotate(some, rotation), expected, atol=1e-13)
    assert np.allclose(
        s.rotate(torch.tensor(some), torch.tensor(rotation)).numpy(), expected, atol=1e-13
    )


def test_isotropic_stiffness_has_the_base_modulus_in_all_directions():
    directions = np.random.default_rng(2).normal(size=(50, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    assert np.allclose(s.directional_modulus(s.pack(s.isotropic(3.0)), directions), 3.0)


def test_errors_by_hand():
    target, prediction = np.zeros(21), np.zeros(21)
    target[[0, 1]] = 2.0, 1.0  # C11, C12
    prediction[[0, 1]] = 1.0, 2.0
    assert measures.nmse_frobenius(prediction, target) == pytest.approx((1 + 2) / (4 + 2))
    assert measures.nmse_componentwise(prediction, target) == pytest.approx(1 / 4 + 2 * 1)


@pytest.mark.parametrize(
    ("change", "why"),
    [(np.nan, "not finite"), (-1e-6, "not positive definite"), (0.5, "Voigt bound")],
)
def test_inadmissible_stiffness_is_named(change, why):
    good = s.pack(np.stack([s.isotropic(0.05)] * 3))
    s.check_admissible(good, np.full(3, 0.1), "design")
    good[1] = s.pack(s.isotropic(change) if np.isfinite(change) else np.full((6, 6), np.nan))
    with pytest.raises(InputError, match=f"design 8.*{why}"):
        s.check_admissible(good, np.full(3, 0.1), "design", first=7)
