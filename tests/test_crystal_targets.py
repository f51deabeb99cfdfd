"""Crystal-network cells as targets: what they are, from either kind of file."""

from pathlib import Path

from given import SOLVER

from trussmap.crystal.catalogue import write_catalogue
from trussmap.crystal.generate import generate_catalogue
from trussmap.crystal.targets import cell_targets, connectivity_class

RESOURCES = Path(__file__).resolve().parents[1] / "resources"


def test_cells_of_both_kinds_of_files(tmp_path):
    cells = generate_catalogue(5, seed=1, threads=1)
    write_catalogue(cells, tmp_path / "generated.lat")
    table, targets = cell_targets(tmp_path / "generated.lat", "generated", 0.02, SOLVER)
    assert targets.shape == (5, 21) and table["name"].tolist() == [cell.name for cell in cells]
    assert table["crystal_system"].tolist() == [cell.name.split("_")[1] for cell in cells]
    published, _ = cell_targets(RESOURCES / "catalogue_targets.csv", "catalogue", 0.02, SOLVER)
    row = published.set_index("name").loc["trig_Z04.0_R57"]
    assert (row["source"], row["crystal_system"], row["connectivity"]) == ("catalogue", "trig", 4.0)


def test_classes_of_connectivity_include_their_upper_ends():
    found = connectivity_class([3.0, 4.0, 4.1, 6.0, 12.5, float("nan")])
    assert found[:5].tolist() == ["at most 4", "at most 4", "4 to 6", "4 to 6", "above 12"]
    assert found.isna().tolist() == [False] * 5 + [True]
