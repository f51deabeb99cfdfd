"""Catalogue cells as targets: what they are, the closest training design, and summaries by group."""

import numpy as np
import pandas as pd
import pytest

from trussmap.dataset import merge_shards, open_dataset, write_shard
from trussmap.generalize import catalogue_targets, lookup, summarize, summarize_groups
from trussmap.homogenization import homogenize_designs
from trussmap.lattice.catalogue import write_catalogue
from trussmap.lattice.descriptor import sample_designs
from trussmap.lattice.generate import generate_catalogue
from trussmap.stiffness import nmse_frobenius
from trussmap.targets import RESOURCES


def test_cells_of_both_kinds_of_files(tmp_path):
    cells = generate_catalogue(5, seed=1, threads=1)
    write_catalogue(cells, tmp_path / "generated.lat")
    table, targets = catalogue_targets(tmp_path / "generated.lat", "generated", 0.02, threads=1)
    assert targets.shape == (5, 21) and table["name"].tolist() == [cell.name for cell in cells]
    assert table["crystal_system"].tolist() == [cell.name.split("_")[1] for cell in cells]
    published, _ = catalogue_targets(RESOURCES / "catalogue_targets.csv", "catalogue", 0.02)
    row = published.set_index("name").loc["trig_Z04.0_R57"]
    assert (row["source"], row["crystal_system"], row["connectivity"]) == ("catalogue", "trig", 4.0)


def test_lookup_finds_the_closest_training_design(tmp_path):
    designs = sample_designs(4, 0, 300)
    stiffness = homogenize_designs(designs, threads=1)
    write_shard(tmp_path / "shard.h5", designs, stiffness[:, :9], stiffness, first=0, settings={})
    merge_shards([tmp_path / "shard.h5"], tmp_path / "dataset.h5", test_share=0.1, settings={})
    targets = homogenize_designs(sample_designs(9, 0, 270), threads=1)
    found = lookup(tmp_path / "dataset.h5", targets)
    with open_dataset(tmp_path / "dataset.h5") as data:
        train = np.concatenate([block["stiffness"] for block in data.train.blocks(names=("stiffness",))])
    by_hand = [nmse_frobenius(train, target).min() for target in targets]
    np.testing.assert_allclose(found, by_hand, rtol=1e-6)


def test_summaries():
    cells = pd.DataFrame({"source": ["catalogue", "generated", "generated", "generated"]})
    cells["crystal_system"] = ["cub", "cub", "hex", "hex"]
    cells["connectivity"] = [6.0, 4.0, 4.1, 13.0]
    cells["nmse_frobenius"] = [0.5, 0.1, 0.3, 0.2]
    cells["nmse_frobenius_refined"] = [0.1, 0.01, 0.03, 0.02]
    cells["lookup_nmse_frobenius"] = 0.25
    tree = summarize(cells)
    assert tree["cells"] == 4 and tree["nmse_frobenius_median"] == pytest.approx(0.25)
    assert (tree["better_than_lookup_share"], tree["better_than_lookup_refined_share"]) == (0.5, 1.0)
    groups = summarize_groups(cells).set_index(["source", "by", "group"])
    assert groups.loc[("generated", "crystal_system", "hex"), "cells"] == 2
    assert groups.loc[("generated", "connectivity", "4 to 6"), "nmse_frobenius_median"] == pytest.approx(0.3)
    assert groups.loc[("generated", "connectivity", "above 12"), "lookup_nmse_frobenius_q75"] == 0.25
