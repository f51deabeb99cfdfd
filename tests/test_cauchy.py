"""Cauchy's relations: what stretched struts fulfil, what bending adds, and searches among fewer
lattices.
"""

import numpy as np
import pandas as pd
import pytest
from given import SOLVER

from trussmap.lattice.descriptor import DENSITY, sample_designs
from trussmap.mechanics.homogenization import homogenize_designs, homogenize_topologies
from trussmap.search.halving import Space, search
from trussmap.study import cauchy
from trussmap.targets.goal import Goal
from trussmap.tensors.stiffness import (
    MULTIPLICITY,
    PAIRS,
    cauchy_part,
    non_cauchy_share,
    non_cauchy_tensor,
    pack,
    rotate,
)


@pytest.fixture
def some():
    root = np.random.default_rng(0).normal(size=(5, 6, 6))
    return pack(root @ root.swapaxes(1, 2))


def test_stretched_struts_fulfil_the_relations():
    n = np.random.default_rng(1).normal(size=(12, 3))
    stress = n[:, PAIRS[:, 0]] * n[:, PAIRS[:, 1]]
    c = pack(stress.T @ stress)
    assert np.abs(non_cauchy_tensor(c)).max() < 1e-12 * np.abs(c).max()
    assert np.allclose(cauchy_part(c), c)
    assert non_cauchy_share(c) < 1e-24


def test_the_rest_is_a_tensor_and_the_part_the_closest(some):
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))[0]
    turned = turn @ non_cauchy_tensor(some) @ turn.T
    assert np.allclose(non_cauchy_tensor(rotate(some, np.broadcast_to(turn, (5, 3, 3)))), turned)
    part = cauchy_part(some)
    assert np.allclose(cauchy_part(part), part)
    step = cauchy_part(
        np.random.default_rng(3).normal(size=(5, 21))
    )  # another stiffness that fulfils the relations
    assert np.allclose((MULTIPLICITY * step * (some - part)).sum(1), 0)


def test_bending_is_stiffer_in_shear_and_goes_with_the_square_of_the_density():
    centred = np.flatnonzero(cauchy.centred_topologies())
    assert len(centred) == 14
    key = np.repeat(centred, 3)
    maps = np.random.default_rng(4).uniform(0.5, 2, (len(key), 3))[:, :, None] * np.eye(3)
    thin, thick = (
        homogenize_topologies(key, maps, np.full(len(key), density)) for density in (0.002, 0.004)
    )
    values = np.linalg.eigvalsh(non_cauchy_tensor(thick))
    assert (values[:, 2] < 1e-9 * np.abs(values).max(1)).all()
    assert np.allclose(non_cauchy_share(thick) / non_cauchy_share(thin), 4, rtol=0.1)


def test_a_search_among_some_topologies_finds_no_other():
    allowed = cauchy.topologies_of([0, 2])
    targets = homogenize_designs(sample_designs(5, 0, 2))
    found = search(Goal(targets), SOLVER, space=Space(topologies=allowed)).lattices
    assert set(found.topology) <= set(allowed)


def test_summary_of_what_is_found():
    designs = sample_designs(6, 0, 60)
    c = homogenize_designs(designs)
    data = cauchy.describe_designs(designs, c)
    found = cauchy.describe_residual(c[:8], np.roll(c[:8], 1, 0)).assign(
        source="bone", name=list("abcdefgh")
    )
    found["relative_density"] = designs[:8, DENSITY]
    found.loc[4:, "source"] = "generated"
    ablation = pd.DataFrame(
        {"name": list("abcd"), "lattices": "all", "nmse_frobenius": [0.1, 0.2, 0.3, 0.4]}
    )
    tree = cauchy.summarize(data, found, ablation)
    assert tree["data"]["centred"]["designs"] + tree["data"]["others"]["designs"] == 60
    assert tree["data"]["centred"]["exponent_of_density"] == pytest.approx(2, abs=0.6)
    assert tree["bone"]["b"]["search"] == 0.2
    assert tree["bone"]["b"]["predicted"] == pytest.approx(non_cauchy_share(c[1]))
    assert sum(tree["generated"][sign]["cells"] for sign in ("negative", "positive")) <= 4
