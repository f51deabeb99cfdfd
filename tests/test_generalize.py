"""Catalogue cells as targets: what they are, the closest training design, and summaries by group."""

import pandas as pd
import pytest

from trussmap.crystal.catalogue import write_catalogue
from trussmap.crystal.generate import generate_catalogue
from trussmap.generalize import catalogue_targets, summarize, summarize_groups
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
