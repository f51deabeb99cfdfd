"""Measures of error: what they see, and what must not change them."""

import numpy as np
import pytest

from trussmap.lattice.descriptor import sample_designs
from trussmap.mechanics.homogenization import homogenize_designs
from trussmap.tensors.measures import (
    MEASURES,
    errors,
    log_euclidean,
    nmse_frobenius,
    nmse_published_code,
    relative_error,
)
from trussmap.tensors.rotation import rotation
from trussmap.tensors.stiffness import COMPONENTS, isotropic, pack, rotate, unpack


@pytest.fixture(scope="module")
def pairs():
    c = homogenize_designs(sample_designs(8, 0, 80))
    return c[:40], c[40:]


def test_all_measures_are_zero_at_the_target_and_positive_elsewhere(pairs):
    one, other = pairs
    assert errors(one, one).keys() == MEASURES.keys()
    assert all(np.abs(values).max() < 1e-9 for values in errors(one, one).values())
    assert all((values > 0).all() for values in errors(one, other).values())


def test_frames_change_neither_the_relative_error_nor_the_log_euclidean_distance(pairs):
    turn = rotation(np.random.default_rng(1).uniform(0, 0.6, (40, 3)))
    turned = [rotate(c, turn) for c in pairs]
    for measure in (relative_error, log_euclidean):
        assert np.allclose(measure(*turned), measure(*pairs), rtol=1e-8)
    assert not np.allclose(nmse_frobenius(*turned), nmse_frobenius(*pairs), rtol=1e-2)


def test_log_euclidean_distance_is_that_of_the_compliances(pairs):
    inverse = [pack(np.linalg.inv(unpack(c))) for c in pairs]
    # Voigt compliances carry other factors: bring them to the form whose Mandel matrix is the
    # inverse.
    factor = np.array([1, 1, 1, 0.5, 0.5, 0.5])
    inverse = [pack(unpack(s) * factor[:, None] * factor) for s in inverse]
    assert np.allclose(log_euclidean(*inverse), log_euclidean(*pairs), rtol=1e-6)


def test_a_common_factor(pairs):
    found = errors(1.1 * pairs[0], pairs[0])
    assert np.allclose(found["relative_error"], 0.1) and np.allclose(found["nmse_frobenius"], 0.01)
    assert np.allclose(found["modulus_error_median"], 0.1) and np.allclose(
        found["modulus_error_largest"], 0.1
    )
    assert np.allclose(found["log_euclidean"], np.log(1.1) * 6**0.5)


def test_the_published_code_sees_seven_constants():
    c = pack(isotropic())
    for k, name in enumerate(COMPONENTS):
        other = c.copy()
        other[k] += 0.1
        assert (nmse_published_code(other, c) > 0) == (
            name in ("C11", "C12", "C13", "C14", "C15", "C16", "C22")
        )


def test_a_direction_that_is_off_is_seen():
    """A cross that matches a circle in norm only: the largest error of E(n) tells what the tensor's
    norm hides.
    """
    soft = pack(isotropic())
    soft[COMPONENTS.index("C44")] *= 0.05
    found = errors(soft[None], pack(isotropic())[None])
    assert found["modulus_error_largest"] > 0.5 > found["relative_error"]
