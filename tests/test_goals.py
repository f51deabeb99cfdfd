import numpy as np
import pytest

from trussmap.lattice.descriptor import sample_designs
from trussmap.mechanics.homogenization import homogenize_designs
from trussmap.targets.goal import Goal
from trussmap.tensors.engineering import ENGINEERING, engineering_constants
from trussmap.tensors.measures import log_euclidean, nmse_frobenius
from trussmap.tensors.stiffness import COMPONENTS, isotropic, pack, unpack


@pytest.fixture(scope="module")
def pair():
    c = homogenize_designs(sample_designs(31, 0, 12))
    return c[:6], c[6:]


def compliances(c):
    return pack(np.linalg.inv(unpack(c)))


def test_errors_are_those_of_the_measures(pair):
    c, goal = pair
    np.testing.assert_allclose(Goal(goal).error(c), nmse_frobenius(c, goal))
    np.testing.assert_allclose(Goal(goal, "log_euclidean").error(c), log_euclidean(c, goal) ** 2)
    np.testing.assert_allclose(
        Goal(goal, "compliance").error(c),
        nmse_frobenius(compliances(c), compliances(goal)),
        rtol=1e-6,
    )


@pytest.mark.parametrize(
    "kind", ["frobenius", "log_euclidean", "compliance", "weights", "engineering"]
)
def test_derivatives_of_residuals_against_central_differences(pair, kind):
    c, targets = pair
    goal = Goal(targets, kind if kind in ("log_euclidean", "compliance") else "frobenius")
    if kind == "weights":
        goal = Goal(targets, weights=np.linspace(0, 1, 21) * np.ones((6, 1)))
    if kind == "engineering":
        given = engineering_constants(compliances(targets))[0]
        given[:, 3:7] = np.nan
        goal = Goal(targets, engineering=given)
    slope = goal.residuals(c)[1]
    step = 1e-6 * np.abs(c).max(1, keepdims=True)
    for k in range(21):
        side = step * np.eye(21)[k]
        change = (goal.residuals(c + side)[0] - goal.residuals(c - side)[0]) / (2 * step)
        np.testing.assert_allclose(
            slope[:, :, k], change, atol=1e-5 * np.abs(slope).max((1, 2))[:, None].max()
        )


def test_what_is_free_does_not_count(pair):
    c, targets = pair
    weights = np.ones_like(targets)
    weights[:, COMPONENTS.index("C13")] = 0
    other = targets.copy()
    other[:, COMPONENTS.index("C13")] *= 7
    np.testing.assert_array_equal(
        Goal(targets, weights=weights).error(c), Goal(other, weights=weights).error(c)
    )
    assert not Goal(targets, weights=weights).whole and Goal(targets).whole
    given = np.full((6, 9), np.nan)
    given[:, 0] = engineering_constants(compliances(c))[0][:, 0]
    assert Goal(targets, engineering=given).error(c).max() < 1e-20


def test_engineering_constants_of_an_isotropic_material():
    c = pack(isotropic(210.0, 0.3))[None]
    value = dict(zip(ENGINEERING, engineering_constants(compliances(c))[0][0], strict=True))
    assert value["E2"] == pytest.approx(210) and value["G13"] == pytest.approx(210 / 2.6)
    assert value["nu12"] == pytest.approx(0.3) == value["nu23"]
