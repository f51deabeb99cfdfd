"""What is run after the smoke study, in copies of it: the scaling study, and jobs again on one
core.
"""

import shutil

import pandas as pd
import pytest
from conftest import files_in
from smoke import snakemake

#: What comes of networks and searches, by jobs that take more threads where there are more cores.
THREADED = [
    "evaluation/polar.json",
    "evaluation/polar_predictions.h5",
    "evaluation/lookup.json",
    "generalize/bone/designs.csv",
    "generalize/bone/summary.json",
    "generalize/protocol/polar.json",
    "generalize/starts.csv",
]

pytestmark = pytest.mark.slow


def test_results_do_not_depend_on_the_cores(smoke_study, tmp_path):
    copy = shutil.copytree(smoke_study, tmp_path / "copy", symlinks=True)
    files = [f"results/smoke/{name}" for name in THREADED]
    run = snakemake(copy, "--cores", "1", "--force", targets=files)
    assert run.returncode == 0, run.stdout[-5000:]
    for file in files:
        assert (copy / file).stat().st_mtime > (smoke_study / file).stat().st_mtime
        assert (copy / file).read_bytes() == (smoke_study / file).read_bytes(), file
    lattices = files_in(smoke_study, "results/smoke/generalize/bone/lattices/[!.]*")
    assert len(lattices) > 50
    for path in lattices:
        assert (copy / path.relative_to(smoke_study)).read_bytes() == path.read_bytes(), path


def test_the_scaling_study_tells_designs_from_compute(smoke_study, tmp_path):
    folder = shutil.copytree(smoke_study, tmp_path / "copy", symlinks=True)
    run = snakemake(folder, targets=["scaling"])
    assert run.returncode == 0, run.stdout[-5000:]
    study = folder / "results/smoke"
    assert (study / "figures" / "scaling.png").stat().st_size > 10_000
    table = pd.read_csv(study / "scaling" / "scaling.csv")
    alone = table["inverse_min"].isna()
    assert table.loc[alone, ["architecture", "effort"]].values.tolist() == [["direct", 0.5]]
    assert table[alone].filter(regex="^(?!inverse)").notna().all(axis=None)
    assert table[~alone].notna().all(axis=None)
    for architecture, rows in table[~alone].groupby("architecture"):
        *few, quarter, whole = rows.to_dict("records")
        assert whole["of_all"]
        assert [point["designs"] for point in few] == [2000], architecture
        for flop in ("forward_flop", "inverse_flop"):
            assert quarter[flop] == pytest.approx(whole[flop] / 4, rel=0.2)
        for point in few:
            assert not point["of_all"]
            for flop in ("forward_flop", "inverse_flop"):
                assert point[flop] == pytest.approx(quarter[flop], rel=0.2)
            assert point["forward_min"] < whole["forward_min"]
