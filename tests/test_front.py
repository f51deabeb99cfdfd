"""The front of error against the ratio of strut radii: what must hold of it, its numbers, its
figure.
"""

import given
import numpy as np
import pandas as pd
import pytest
from scipy.linalg import null_space

from trussmap.figures import front as figure
from trussmap.report.tables import front_tables
from trussmap.search.halving import Space, search
from trussmap.study.front import describe_targets, front, summarize
from trussmap.targets.goal import Goal
from trussmap.tensors.measures import nmse_frobenius
from trussmap.tensors.stiffness import CAUCHY_PAIRS, COMPONENTS, TENSOR_WEIGHT

RATIOS, TOPOLOGIES = (1.0, 2.0, 10.0), np.array([20, 100])


@pytest.fixture(scope="module")
def bone():
    targets = given.bone()
    return targets.stiffness, targets.names


@pytest.fixture(scope="module")
def table(bone):
    """Of all specimens as bone, and as cells of another source."""
    targets, names = bone
    known = describe_targets(targets).assign(name=names, target=np.arange(len(targets)) + 1)
    families = [
        front(targets, family, given.SOLVER, RATIOS, topologies=TOPOLOGIES)
        for family in ("areas", "geometry")
    ]
    found = known.merge(pd.concat(families), on="target")
    return pd.concat(
        [found.assign(source=source) for source in ("bone", "generated")], ignore_index=True
    )


def cauchy_differences():
    """Constants (6, 21) whose difference vanishes under Cauchy's relations."""
    at = np.array([[COMPONENTS.index(name) for name in pair] for pair in CAUCHY_PAIRS])
    return np.eye(21)[at[:, 0]] - np.eye(21)[at[:, 1]]


def test_no_error_rises_with_the_ratio_or_the_freedoms(bone, table):
    errors = table[table["source"] == "bone"].pivot_table(
        "nmse_frobenius", ["family", "target"], "radius_ratio"
    )
    assert (np.diff(errors.to_numpy(), axis=1) <= 1e-20).all()  # but for rounding
    assert (errors[10.0] < 0.5 * errors[1.0]).all()
    assert (errors.loc["geometry"][1.0] < errors.loc["areas"][1.0]).all()
    assert set(table["topology"]) <= set(TOPOLOGIES)
    # Alike struts are the published family, whose search is the same but for its random starts.
    closest = search(Goal(bone[0]), given.SOLVER, space=Space(topologies=TOPOLOGIES))
    error = nmse_frobenius(closest.stiffness, bone[0][closest.target])
    published = pd.Series(error).groupby(closest.target + 1).min()
    assert np.allclose(errors.loc["areas"][1.0], published, rtol=0.1)


def test_summary_and_tables_of_the_report_have_every_ratio(bone, table):
    tree = summarize(table)
    assert tree["radius_ratio"] == [*RATIOS]
    allowed, weight = null_space(cauchy_differences()), TENSOR_WEIGHT**0.5
    for name, target in zip(*reversed(bone), strict=True):
        own = tree["bone"][name]
        left = np.linalg.lstsq(weight[:, None] * allowed, weight * target, rcond=None)[1][0]
        assert own["non_cauchy_error"] == pytest.approx(
            np.sqrt(left) / np.linalg.norm(weight * target)
        )
        assert own["areas"]["relative_error"] == sorted(
            own["areas"]["relative_error"], reverse=True
        )
    cells = tree["generated"]["areas"]
    assert cells["cells"] == cells["stiffer_in_shear"] == 4
    assert (
        cells["relative_error_q25"] <= cells["relative_error_median"] <= cells["relative_error_q75"]
    )
    (_, of_bone), (_, of_cells) = front_tables({"front": tree})
    assert of_bone.columns == ["ratio 1", "ratio 2", "ratio 10"]
    assert all(len(values) == 3 for _, values in [*of_bone.rows, *of_cells.rows])
    assert front_tables({}) == []


def test_figure(table, tmp_path):
    figure.plot(table, tmp_path / "front.png")
    assert (tmp_path / "front.png").stat().st_size > 50_000
