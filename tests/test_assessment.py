"""How close designs come to their targets: what is told of each, and summaries by group."""

import json

import numpy as np
import pandas as pd
import pytest

from trussmap.base.io import write_json
from trussmap.data.dataset import merge_shards, write_shard
from trussmap.lattice.descriptor import DESIGN_COLUMNS, sample_designs
from trussmap.learning.interfaces import Networks
from trussmap.mechanics.homogenization import homogenize_designs
from trussmap.study.assessment import assess, errors_by_name, summarize, summarize_groups, unseen
from trussmap.targets.goal import Goal, Targets
from trussmap.tensors.measures import MEASURES, errors
from trussmap.tensors.stiffness import isotropic, pack


def test_an_error_that_is_not_defined_is_absent(tmp_path):
    """An isotropic target has constants that are 0, over which Eq. 8 divides, and here it has no
    design B.
    """
    target = pack(isotropic(0.01))
    measured = {name: values for name, values in errors(target[None] + 1e-4, target[None]).items()}
    found = pd.DataFrame({"target": [1], "rank": [1]} | measured).assign(
        **{f"unrefined_{name}": values for name, values in measured.items()}
    )
    write_json(
        errors_by_name(assess(found, Targets(Goal(target[None]), ["isotropic"]), refined=True)),
        tmp_path / "summary.json",
    )
    written = json.loads((tmp_path / "summary.json").read_text())["isotropic"]
    defined = {*MEASURES} - {"nmse_componentwise"}
    assert written.keys() == defined | {f"{name}_refined" for name in defined}
    assert written["relative_error"] == pytest.approx(measured["relative_error"][0])


class OneLattice:
    """Stand in for a forward and an inverse network that know one lattice."""

    def __init__(self, designs):
        self.designs = designs

    def predict(self, designs):
        return homogenize_designs(designs)

    def propose(self, targets, draws, **_):
        return np.broadcast_to(self.designs[0], (len(targets), draws, len(DESIGN_COLUMNS)))


def test_one_unseen_design_has_no_coefficient_of_determination(tmp_path):
    designs = sample_designs(5, 0, 40)
    stiffness = homogenize_designs(designs)
    shares = {"validation_share": 0.1, "test_share": 0.3}
    write_shard(tmp_path / "shard.h5", designs, stiffness[:, :9], stiffness, settings={"seed": 5})
    merge_shards([tmp_path / "shard.h5"], tmp_path / "dataset.h5", shares, {"seed": 5})
    network, options = OneLattice(designs), {"draws": 3, "temperature": 1.0}
    networks = Networks(network, network)
    tree, times = unseen(networks, tmp_path / "dataset.h5", {"none": 1}, options)
    write_json(tree, tmp_path / "summary.json")
    assert (
        tree["none"]["r2"] == {}
        and tree["none"]["targets"] == 1
        and times["none"]["seconds_per_target"] > 0
    )


def test_summaries():
    cells = pd.DataFrame({"source": ["catalogue", "generated", "generated", "generated"]})
    cells["crystal_system"] = ["cub", "cub", "hex", "hex"]
    cells["nmse_frobenius"] = [0.5, 0.1, 0.3, 0.2]
    cells["nmse_frobenius_refined"] = [0.1, 0.01, 0.03, 0.02]
    cells["lookup_nmse_frobenius"] = 0.25
    tree = summarize(cells)
    assert tree["cells"] == 4 and tree["nmse_frobenius_median"] == pytest.approx(0.25)
    shares = [tree[f"better_than_lookup{key}_share_nmse_frobenius"] for key in ("", "_refined")]
    assert shares == [0.5, 1.0]
    groupings = {
        "system": cells["crystal_system"],
        "connectivity": ["4 to 6", "at most 4", "4 to 6", None],
    }
    groups = summarize_groups(cells, groupings).set_index(["source", "by", "group"])
    assert groups.loc[("generated", "system", "hex"), "cells"] == 2
    assert groups.loc[
        ("generated", "connectivity", "4 to 6"), "nmse_frobenius_median"
    ] == pytest.approx(0.3)
    assert groups.loc[("catalogue", "system", "cub"), "lookup_nmse_frobenius_q75"] == 0.25
    assert groups.groupby("by")["cells"].sum().to_dict() == {"system": 4, "connectivity": 3}
