"""Nothing unchecked is used: whatever happens to a file between the job that makes it and the one
that reads it.
"""

import json
import shutil
from types import SimpleNamespace

import pandas as pd
import pytest

from trussmap.base import hdf5
from trussmap.base.errors import InputError
from trussmap.base.io import write_csv, write_json
from trussmap.data.dataset import merge_shards, open_dataset, write_shard
from trussmap.lattice.descriptor import sample_designs
from trussmap.learning.models import (
    load_forward,
    load_inverse,
    pretrained,
    read_record,
    write_record,
)
from trussmap.learning.study import load_models
from trussmap.mechanics.homogenization import homogenize_designs
from trussmap.study.job import job
from trussmap.tensors.stiffness import ORTHOTROPIC_INDEX

SHARES = {"validation_share": 0.1, "test_share": 0.2}
#: Jobs of a study in small: their outputs, and the jobs whose outputs they read.
JOBS = {
    "homogenize": (["stiffness/0000.h5"], []),
    "merge": (["dataset.h5", "moments.csv"], ["homogenize"]),
    "train": (
        [f"models/polar/{n}.{e}" for n in ("forward", "inverse") for e in ("json", "safetensors")],
        ["merge"],
    ),
    "evaluate": (["evaluation/polar.json", "evaluation/polar_predictions.h5"], ["merge", "train"]),
    "design": (["designs.csv", "lattices"], ["train"]),
    "study": (["study.json"], []),
}


def run(folder, rule, inputs, make=lambda: None):
    """A job of a study as Snakemake runs it; ``make`` stands in for its script."""
    results = folder / "results" / "small"
    names = {
        "rule": rule,
        "wildcards": {},
        "threads": 1,
        "resources": SimpleNamespace(mem_mb=500),
        "params": {"seed": 5, "source": "digest of the source"},
    }
    files = {
        "input": [results / name for name in inputs],
        "output": [results / name for name in JOBS[rule][0]],
    }
    log = results / "logs" / rule / f"{rule}.log"
    with job(
        SimpleNamespace(**names, **files, log=[log], scriptdir=str(folder / "workflow" / "scripts"))
    ):
        make()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two studies that differ in their seed, with every kind of file there is."""
    folders = []
    for seed in (5, 6):
        folders.append(tmp_path_factory.mktemp("study"))
        results = folders[-1] / "results" / "small"
        designs = sample_designs(seed, 0, 60)
        stiffness = homogenize_designs(designs)
        orthotropic = homogenize_designs(designs, orthotropic=True)[:, ORTHOTROPIC_INDEX]

        def homogenize(
            path=results / "stiffness/0000.h5", arrays=(designs, orthotropic, stiffness), seed=seed
        ):
            write_shard(path, *arrays, settings={"seed": seed})

        def merge(results=results, seed=seed):
            merge_shards(
                [results / "stiffness/0000.h5"], results / "dataset.h5", SHARES, {"seed": seed}
            )
            write_csv(
                pd.DataFrame({"column": ["C11", "C12"], "mean": [0.1 * seed, 0.2]}),
                results / "moments.csv",
            )

        def train(results=results, seed=seed):
            shutil.copytree(pretrained(), results / "models/polar")
            for name in ("forward", "inverse"):
                path = results / f"models/polar/{name}.json"
                write_record(read_record(path) | {"seed": seed}, path)

        def evaluate(results=results, stiffness=stiffness):
            write_json(
                {"forward": {"r2": {"C11": float(stiffness[0, 0])}}},
                results / "evaluation/polar.json",
            )
            with hdf5.create(results / "evaluation/polar_predictions.h5") as file:
                file["stiffness"] = stiffness

        def design(results=results, designs=designs):
            write_csv(pd.DataFrame(designs), results / "designs.csv")
            for k in (1, 2):
                write_csv(pd.DataFrame(designs[k:]), results / f"lattices/target{k}_nodes.csv")

        def study(results=results):
            write_json({"model": {"architecture": "polar"}}, results / "study.json")

        for rule, make in zip(
            JOBS, (homogenize, merge, train, evaluate, design, study), strict=True
        ):
            run(
                folders[-1],
                rule,
                [name for other in JOBS[rule][1] for name in JOBS[other][0]],
                make,
            )
    return folders


@pytest.fixture
def study(made, tmp_path):
    shutil.copytree(made[0], tmp_path / "copy", symlinks=True)
    return tmp_path / "copy"


def altered(path, how, other):
    """Damage a file; ``other`` is the one of the same name in another study."""
    content = bytearray(path.read_bytes())
    if how == "one bit at the end":
        content[-2] ^= 1
    elif how == "one bit in the middle":
        content[len(content) // 2] ^= 64
    elif how == "zeros":
        content[len(content) // 3 : len(content) // 2] = bytes(
            len(content) // 2 - len(content) // 3
        )
    elif how == "half":
        del content[len(content) // 2 :]
    elif how == "longer":
        content += b"\n"
    elif how == "empty":
        content.clear()
    elif how == "another study's":
        content = other.read_bytes()
    path.write_bytes(content)


FILES = [name for outputs, _ in JOBS.values() for name in outputs if name != "lattices"]
DAMAGE = [
    "one bit at the end",
    "one bit in the middle",
    "zeros",
    "half",
    "longer",
    "empty",
    "another study's",
]


@pytest.mark.parametrize("name", FILES)
def test_a_job_refuses_what_another_did_not_make(made, study, capsys, name):
    path, other = study / "results/small" / name, made[1] / "results/small" / name
    whole = path.read_bytes()
    run(study, "study", [name])
    ran = []
    for how in DAMAGE:
        if how == "another study's" and other.read_bytes() == whole:
            continue
        altered(path, how, other)
        assert path.read_bytes() != whole
        with pytest.raises(SystemExit) as ended:
            run(study, "study", [name], lambda: ran.append(1))
        said = capsys.readouterr().err
        assert ended.value.code == 1 and not ran
        assert (
            f"{name}: truncated, damaged or altered" in said
            and "Traceback" not in said
            and len(said) < 500
        )
        path.write_bytes(whole)
    path.unlink()
    with pytest.raises(SystemExit):
        run(study, "study", [name], lambda: ran.append(1))
    assert f"{name}: is missing" in capsys.readouterr().err and not ran


@pytest.mark.parametrize("how", ["altered", "missing", "more", "renamed"])
def test_a_folder_of_files_counts_whole(study, capsys, how):
    folder = study / "results/small/lattices"
    path = folder / "target1_nodes.csv"
    if how == "altered":
        path.write_bytes(path.read_bytes().replace(b"1", b"2", 1))
    elif how == "missing":
        path.unlink()
    elif how == "more":
        shutil.copy(path, folder / "target3_nodes.csv")
    else:
        path.rename(folder / "target0_nodes.csv")
    with pytest.raises(SystemExit):
        run(study, "study", ["lattices"])
    assert "lattices: truncated, damaged or altered" in capsys.readouterr().err


@pytest.mark.parametrize("how", ["half", "empty", "list", "missing", "another"])
def test_a_record_that_says_nothing_is_told(study, capsys, how):
    path = study / "results/small/provenance/merge/merge.json"
    if how == "missing":
        path.unlink()
    elif how == "another":
        shutil.copy(study / "results/small/provenance/train/train.json", path)
    elif how == "list":
        path.write_text("[1]")
    else:
        altered(path, how, None)
    with pytest.raises(SystemExit):
        run(study, "study", ["dataset.h5"])
    assert "dataset.h5" in capsys.readouterr().err


@pytest.mark.parametrize("swapped", [JOBS["merge"][0], JOBS["train"][0]])
def test_files_of_another_study_do_not_mix_even_with_their_records(made, study, capsys, swapped):
    results, other = study / "results/small", made[1] / "results/small"
    for name in swapped:
        shutil.copy(other / name, results / name)
    shutil.copytree(other / "provenance", results / "provenance", dirs_exist_ok=True)
    for rule in {"merge", "train"} - {
        rule for rule, (outputs, _) in JOBS.items() if outputs == swapped
    }:
        shutil.copytree(
            made[0] / "results/small/provenance" / rule,
            results / "provenance" / rule,
            dirs_exist_ok=True,
        )
    with pytest.raises(SystemExit):
        run(study, "study", [*JOBS["merge"][0], *JOBS["train"][0]])
    assert "made of another dataset.h5 than the one that is there" in capsys.readouterr().err


def test_a_record_says_the_same_wherever_a_study_lies(made, study):
    """And a study that has moved is as usable as before."""
    record = json.loads((study / "results/small/made_by/dataset.h5.json").read_text())
    assert set(record["inputs"]) == {"stiffness/0000.h5"} and set(record["outputs"]) == {
        "dataset.h5",
        "moments.csv",
    }
    run(study, "study", FILES)


# ----------------------------------------------------------------------------------------- readers
# without a workflow
@pytest.mark.parametrize(
    "name", ["dataset.h5", *(f"{n}.{e}" for n in ("forward", "inverse") for e in ("json", "st"))]
)
def test_the_library_checks_what_it_reads(made, study, name):
    name = name if name == "dataset.h5" else f"models/polar/{name.replace('.st', '.safetensors')}"
    path, other = study / "results/small" / name, made[1] / "results/small" / name
    read = open_dataset if name == "dataset.h5" else lambda path: load_inverse(path.parent)
    whole = path.read_bytes()
    for how in DAMAGE:
        if how == "another study's":  # which is a whole file by itself
            continue
        altered(path, how, other)
        if how == "longer" and name.endswith(".json"):
            continue  # white space
        with pytest.raises(InputError, match=path.name.split(".")[0]):
            read(path)
        path.write_bytes(whole)
    assert read(path)


def test_networks_of_different_trainings_are_not_put_together(study):
    folder = study / "results/small/models/polar"
    record = read_record(folder / "forward.json")
    write_record(record | {"trained_digest": "0" * 64}, folder / "forward.json")
    load_forward(folder)
    with pytest.raises(InputError, match=r"inverse.safetensors: .*another network than forward"):
        load_inverse(folder)


def test_a_record_of_huge_layers_asks_for_no_memory(study):
    folder = study / "results/small/models/polar"
    record = read_record(folder / "forward.json")
    record["architecture"]["hidden"] = [2**20, 2**20]  # four terabytes
    write_record(record, folder / "forward.json")
    with pytest.raises(InputError, match="other shapes"):
        load_forward(folder)


def test_a_study_that_designs_is_checked(study):
    results = study / "results/small"
    assert load_models(results).poisson_ratio == 0.3
    path = results / "models/polar/forward.json"
    write_record(read_record(path) | {"seed": 7}, path)
    with pytest.raises(InputError, match=r"forward.json: truncated, damaged or altered"):
        load_models(results)
    (results / "study.json").write_text('{"model": {"architecture": "paper"}}')
    with pytest.raises(InputError, match=r"study.json: truncated, damaged or altered"):
        load_models(results)
