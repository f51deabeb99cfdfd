"""The smoke study, run for real in a temporary folder, and what the workflow promises about re-runs
and bad input.
"""

import hashlib
import json
import os
import re
import resource
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import trimesh
import yaml
from conftest import files_in
from smoke import ROOT, snakemake
from snakemake.utils import update_config

from trussmap.base.errors import InputError
from trussmap.lattice.descriptor import DESIGN_COLUMNS, sample_designs
from trussmap.mechanics.homogenization import homogenize_designs
from trussmap.review import audit
from trussmap.study.settings import check_settings
from trussmap.tensors.stiffness import COMPONENTS

sys.path.insert(0, str(ROOT / "docs"))
import generate
import website

BONE = ROOT / "resources" / "bone_targets_gpa.csv"


def planned(run):
    """{rule: number of jobs} of a dry run, without the target itself."""
    rows = [
        line.split() for line in run.stdout.partition("Job stats:")[2].split("\n\n")[0].splitlines()
    ]
    return {
        row[0]: int(row[1])
        for row in rows
        if len(row) == 2 and row[1].isdigit() and row[0] not in ("all", "total")
    }


@pytest.fixture(scope="module")
def folder(smoke_study, tmp_path_factory):
    """A folder in which the smoke study has been run from nothing."""
    return shutil.copytree(smoke_study, tmp_path_factory.mktemp("study") / "folder", symlinks=True)


@pytest.fixture(scope="module")
def study(folder):
    return folder / "results" / "smoke"


@pytest.fixture(scope="module")
def metrics(study):
    return json.loads((study / "metrics.json").read_text())


def numbers(tree):
    for value in tree.values():
        yield from numbers(value) if isinstance(value, dict) else [value]


def test_every_figure_and_the_report_are_there(study):
    names = [
        "generation",
        "examples",
        "elementary",
        "dataset",
        "losses",
        "bone_designs",
        "catalogue_designs",
        "catalogue",
        "graded",
    ]
    names += [
        f"correlation_{kind}_{a}"
        for kind in ("forward", "inverse", "surrogate")
        for a in ("paper", "polar")
    ]
    for name in names:
        assert (study / "figures" / f"{name}.png").stat().st_size > 10_000, name
    page = (study / "report.html").read_text()
    assert page.count("data:image/webp") >= len(names)
    assert re.findall('class="live" data-kind="([a-z]+)"', page) == [
        "correlation",
        "targets",
        "targets",
        "graded",
    ]
    assert len(page) < 12e6


def test_headline_numbers_stand_under_their_keys(metrics):
    assert metrics["dataset"]["designs"] == 12000
    for architecture in ("paper", "polar"):
        assert set(COMPONENTS) <= metrics["forward"][architecture]["r2"].keys()
        inverse = metrics["inverse"][architecture]
        assert set(COMPONENTS) <= inverse["r2_surrogate"].keys() & inverse["r2_fe"].keys()
        assert 0 <= inverse["same_topology_share"] <= 1
        assert 0 <= inverse["redraw_differs_share"] <= 1
        assert inverse["seconds_30000"] > 0
    assert len(metrics["bone"]) == 4
    for specimen in metrics["bone"].values():
        assert specimen["nmse_frobenius"] >= 0 and specimen["lookup_nmse_frobenius"] > 0
    assert metrics["catalogue"]["cells"] >= 5
    assert {"control_point_error", "path_error", "floating_struts"} <= metrics["grading"].keys()
    assert metrics["seconds"]["homogenize"] > 0
    assert metrics["paper"]["dataset"]["designs"] == 3_000_000


def test_no_number_is_null(metrics):
    assert all(value is not None for value in numbers(metrics))


def test_forward_models_learn_something_even_here(metrics):
    for architecture in ("paper", "polar"):
        assert metrics["forward"][architecture]["r2"]["C11"] > 0.5


def test_moments_are_those_of_the_published_data_set(study):
    moments = pd.read_csv(study / "moments.csv").set_index("column")
    assert moments["mean_z"].abs().max() < 5
    assert np.allclose(
        moments.loc[COMPONENTS, "std"], moments.loc[COMPONENTS, "published_std"], rtol=0.1
    )


def test_designs_do_not_depend_on_the_shards(study):
    with h5py.File(study / "designs" / "0001.h5") as file:
        first = int(file.attrs["first"])
        assert np.array_equal(file["designs"][:50], sample_designs(2022, first, first + 50))


def test_design_table_is_complete(study):
    for name in ("bone", "catalogue"):
        table = pd.read_csv(study / "generalize" / name / "designs.csv")
        assert {
            "target",
            "rank",
            *DESIGN_COLUMNS,
            *COMPONENTS,
            "nmse_frobenius",
            "nmse_componentwise",
        } <= {*table}
        for _, group in table.groupby("target"):
            assert group["rank"].tolist() == [1, 2]
            assert group["topology"].nunique() == 2
        for row in table.itertuples():
            assert (
                study / f"generalize/{name}/lattices/target{row.target}_rank{row.rank}_struts.csv"
            ).exists()


def test_catalogue_is_told_apart_and_summarized(study, metrics):
    cells = pd.read_csv(study / "generalize" / "catalogue" / "cells.csv")
    generated = cells[cells["source"] == "generated"]
    assert len(generated) == metrics["catalogue"]["generated"]["cells"] == 12
    assert generated["name"].str.startswith("generated_").all()
    assert len(cells) - len(generated) == metrics["catalogue"]["cells"]
    median = generated["nmse_frobenius_refined"].median()
    assert metrics["catalogue"]["generated"]["nmse_frobenius_refined_median"] == pytest.approx(
        median
    )
    groups = pd.read_csv(study / "generalize" / "catalogue" / "by_group.csv")
    assert (groups.groupby("by")["cells"].sum() == len(cells)).all()


def test_memory_that_rules_ask_for_covers_what_they_took(study):
    """With what drives a job on a cluster, two processes of Snakemake's of 150 MB each."""
    for log in files_in(study / "logs", "**/*.log"):
        said = log.read_text()
        took, asked = map(
            int, re.search(r"^peak of memory: (\d+) MB of (\d+)$", said, re.MULTILINE).groups()
        )
        assert 20 < took <= asked - 300, log


def test_no_job_says_what_is_for_programmers(study):
    for log in files_in(study / "logs", "**/*.log"):
        assert not re.search(r"Warning:|Traceback", log.read_text()), log


def test_every_rule_left_a_log_and_a_benchmark(study):
    logs = {path.name for path in (study / "logs").iterdir()}
    benchmarks = {path.name for path in (study / "benchmarks").iterdir()}
    assert logs == benchmarks
    assert {
        "sample",
        "homogenize",
        "merge",
        "evaluate",
        "generalize_bone",
        "grade",
        "report",
    } <= logs


def test_times_are_those_of_all_rules_but_figures_report_and_what_is_made_on_request(
    study, metrics
):
    rules = {path.name for path in (study / "benchmarks").iterdir()}
    untold = ("figure_", "metrics", "audit", "report", "scale_", "design_targets")
    told = {"train" if key.startswith("train_") else key for key in metrics["seconds"]}
    assert {rule for rule in rules if not rule.startswith(untold)} == told
    assert {"train_polar_inverse", "train_paper_forward_1"} <= metrics["seconds"].keys()


@pytest.mark.slow
def test_designing_for_own_targets(folder, study, tmp_path):
    table = pd.read_csv(BONE)[:2]
    table[COMPONENTS] *= 1000
    table.to_csv(tmp_path / "targets.csv", index=False)
    command = [
        Path(sys.executable).with_name("trussmap"),
        "design",
        tmp_path / "targets.csv",
        "--study",
        "smoke",
    ]
    command += [
        "--youngs-modulus",
        "114000",
        "--out",
        tmp_path / "found",
        "--draws",
        "100",
        "--keep",
        "3",
    ]
    for _ in range(2):  # the second time over what the first one wrote
        run = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
    found = pd.read_csv(tmp_path / "found" / "designs.csv")
    assert list(zip(found["target"], found["rank"], strict=True)) == [
        (t, r) for t in (1, 2) for r in (1, 2, 3)
    ]
    assert found["name"].tolist() == [name for name in table["name"] for _ in range(3)]
    assert found["nmse_frobenius"].max() < 0.5
    verified = homogenize_designs(found[DESIGN_COLUMNS].to_numpy(float))
    assert np.allclose(114000 * verified, found[COMPONENTS], rtol=1e-9, atol=1e-7)
    assert {f"predicted_{name}" for name in COMPONENTS} | {"surrogate_nmse_frobenius"} <= {*found}
    assert len([*(tmp_path / "found" / "lattices").glob("*_struts.csv")]) == 6
    assert {path.name for path in (tmp_path / "found").iterdir()} == {"designs.csv", "lattices"}


@pytest.mark.slow
def test_designing_for_own_targets_as_a_rule_gives_the_same(folder, study, tmp_path):
    pd.read_csv(BONE)[:1][COMPONENTS].to_csv(tmp_path / "targets.csv", index=False)
    own = [f"design={{targets: {tmp_path / 'targets.csv'}, youngs_modulus: 114}}"]
    run = snakemake(folder, settings=own, targets=["design"])
    assert run.returncode == 0, run.stdout[-5000:]
    found = pd.read_csv(study / "design" / "designs.csv")
    command = [
        Path(sys.executable).with_name("trussmap"),
        "design",
        tmp_path / "targets.csv",
        "--study",
        "smoke",
    ]
    command += [
        "--youngs-modulus",
        "114",
        "--out",
        tmp_path / "found",
        "--draws",
        "200",
        "--seed",
        "2022",
    ]
    command += [
        "--cell-size-mm",
        "2",
        "--block",
        "1",
        "--diameter-error-percent",
        "5",
        "--node-error-mm",
        "0.02",
    ]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    pd.testing.assert_frame_equal(found, pd.read_csv(tmp_path / "found" / "designs.csv"))
    folders = tmp_path / "found", study / "design"
    names, of_rule = (
        {path.name for path in files_in(own / "lattices", "[!.]*")} for own in folders
    )
    assert names == of_rule
    assert {f"target1_rank1.{ending}" for ending in ("stl", "vtk", "png", "html")} <= names
    assert all((own / "index.html").is_file() for own in folders)
    mesh = trimesh.load(tmp_path / "found" / "lattices" / "target1_rank1.stl")
    assert mesh.is_watertight
    assert 0.8 < mesh.volume / (found["relative_density"][0] * 2**3) <= 1
    assert (found["strut_diameter_mm"] > 0).all()


def test_search_reaches_unseen_stiffnesses(metrics):
    unseen = metrics["unseen"]
    errors = [unseen[effort]["nmse_frobenius_median"] for effort in ("thorough", "quick", "none")]
    assert errors == sorted(errors)
    assert errors[1] < 1e-3
    for specimen in metrics["bone"].values():
        assert specimen["nmse_frobenius_refined"] < 1.15 * specimen["search_nmse_frobenius"]


def test_second_run_has_nothing_to_do(folder, study):
    run = snakemake(folder, "--dry-run")
    assert "Nothing to be done" in run.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "before", "after", "again", "still"),
    [
        (
            "mechanics/homogenization/kernel.py",
            "12 * bend",
            "13 * bend",
            {"homogenize": 3, "merge": 1, "train": 5},
            {"sample"},
        ),
        ("figures/losses.py", "1.5", "1.6", {"figure_losses": 1, "report": 1}, None),
        ("figures/losses.py", "import numpy as np", "import numpy as np  # numbers", {}, None),
        (
            "learning/direct/__init__.py",
            "direct: forward",
            "black box",
            {"figure_losses": 1, "report": 1},
            None,
        ),
    ],
)
def test_an_edit_makes_again_what_it_touches(
    folder, study, tmp_path, file, before, after, again, still
):
    """``still`` is what stays as it is beside more than ``again``; None: nothing but ``again`` is
    made.
    """
    library = tmp_path / "trussmap"
    shutil.copytree(
        ROOT / "src" / "trussmap", library, ignore=shutil.ignore_patterns("__pycache__")
    )
    text = (library / file).read_text()
    assert before in text
    (library / file).write_text(text.replace(before, after, 1))
    found = planned(snakemake(folder, "--dry-run", library=tmp_path))
    if still is None:
        assert found == again
    else:
        assert again.items() <= found.items() and not still & found.keys()


@pytest.mark.slow
def test_only_what_is_missing_is_made_again(folder, study):
    figure = study / "figures" / "elementary.png"
    content = figure.read_bytes()
    figure.unlink()
    assert planned(snakemake(folder, "--dry-run")) == {"figure_elementary": 1, "report": 1}
    assert snakemake(folder, targets=[figure.relative_to(folder)]).returncode == 0
    assert figure.read_bytes() == content
    assert planned(snakemake(folder, "--dry-run")) == {"report": 1}


@pytest.mark.slow
def test_an_audit_finds_nothing_off(study, metrics, tmp_path):
    tree = json.loads((study / "audit.json").read_text())
    assert tree["mismatches"] == 0 and len(tree["checks"]) == 10
    assert min(check["checked"] for check in tree["checks"]) >= 8
    assert "An audit found no mismatch." in (study / "report.html").read_text()
    (tmp_path / "quoted.json").write_text(json.dumps(generate.rounded(metrics)))
    command = [Path(sys.executable).with_name("trussmap"), "audit", study, "--sample", "2"]
    run = subprocess.run(
        [*command, "--quoted", tmp_path / "quoted.json"], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "rows of the report, against metrics.json" in run.stdout and run.stdout.endswith(
        "\n0 mismatches\n"
    )
    assert (
        int(re.search(r"quote from .*: ([\d,]+) checked, 0 off", run.stdout)[1].replace(",", ""))
        > 1000
    )


@pytest.mark.slow
def test_an_audit_names_what_is_off(study, metrics, tmp_path):
    settings, random = json.loads((study / "study.json").read_text()), np.random.default_rng(0)
    copy = tmp_path / "copy"
    shutil.copytree(
        study, copy, symlinks=True, ignore=shutil.ignore_patterns("logs", "stiffness", "designs")
    )

    def off(check, *arguments, words):
        found = [text for text in check(copy, settings, *arguments) if text]
        assert found and words in found[0], found[:3]

    altered = json.loads(json.dumps(metrics))
    altered["inverse"]["polar"]["r2_fe"]["C11"] += 1e-3
    altered["catalogue"]["nmse_frobenius_median"] *= 2
    altered["bone"]["specimen_1"]["nmse_frobenius_refined"] *= 2
    off(audit.check_evaluation, altered, words="inverse.polar.r2_fe.C11")
    off(audit.check_tables, altered, words="catalogue.nmse_frobenius_median")
    off(audit.check_chapters, altered, words="bone.specimen_1.nmse_frobenius_refined")
    off(audit.check_report, altered, words="report.html")
    (tmp_path / "quoted.json").write_text(json.dumps(altered))
    quoted = audit.check_quoted(tmp_path / "quoted.json", study)
    assert len(quoted["off"]) == 3 and "inverse.polar.r2_fe.C11" in quoted["off"][0]
    with h5py.File(copy / "dataset.h5", "r+") as file:
        file["test/designs"][3, 1] *= 1.01
        file["train/stiffness"][:] *= 1.001
    for name in ("dataset.h5", "evaluation/polar_predictions.h5"):
        path = copy / name
        if name != "dataset.h5":
            with h5py.File(path, "r+") as file:
                file["inverse_fe"][:, 0] *= 1.01
                file["forward"][7, 0] *= 2
        content = path.read_bytes()  # with a digest that is right again
        digest = hashlib.sha256(content[512:]).hexdigest()
        path.write_bytes(content[:16] + digest.encode() + content[80:])
    table = pd.read_csv(copy / "generalize/bone/designs.csv")
    table.assign(C11=1.01 * table["C11"]).to_csv(copy / "generalize/bone/designs.csv", index=False)
    off(audit.check_designs, words="does not follow from seed 2022")
    off(audit.check_dataset, random, 20, words="stiffness is off by 0.001 of its norm")
    off(audit.check_networks, words="row 8: forward is off by")
    off(audit.check_proposals, random, 4, words="inverse_fe is off by")
    off(audit.check_target_designs, random, 4, words="C11 … C66 is off by")
    off(audit.check_errors, words="bone/designs.csv")
    run = subprocess.run(
        [Path(sys.executable).with_name("trussmap"), "audit", copy], capture_output=True, text=True
    )
    assert run.returncode == 1
    assert (
        "dataset.h5: truncated, damaged or altered" in run.stdout
        and "stiffness/0000.h5" in run.stdout
    )


@pytest.fixture(scope="module")
def crate(study, tmp_path_factory):
    """The study as reviewers get it."""
    folder = tmp_path_factory.mktemp("reviewers") / "crate"
    command = [Path(sys.executable).with_name("trussmap"), "export-crate", study, "--out"]
    refused = subprocess.run([*command, study / "crate"], cwd=ROOT, capture_output=True, text=True)
    assert (
        refused.returncode == 2
        and "lies in the study" in refused.stderr
        and not (study / "crate").exists()
    )
    run = subprocess.run([*command, folder], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return folder


@pytest.mark.slow
def test_a_crate_has_every_file_and_what_made_it(crate):
    graph = json.loads((crate / "ro-crate-metadata.json").read_text())["@graph"]
    entities = {entity["@id"]: entity for entity in graph}
    dataset = entities["study/dataset.h5"]
    assert (
        dataset["sha256"] == hashlib.sha256((crate / "study/dataset.h5").read_bytes()).hexdigest()
    )
    merge = entities["#merge"]
    assert (
        merge["@type"] == "CreateAction"
        and merge["instrument"]["@id"] == "project/workflow/scripts/merge.py"
    )
    assert {"@id": "study/stiffness/0001.h5"} in merge["object"] and {
        "@id": "study/dataset.h5"
    } in merge["result"]
    assert entities["./"]["mainEntity"] == {"@id": "project/Snakefile"}
    linked = [
        own for entity in graph for key in ("object", "result") for own in entity.get(key, [])
    ]
    assert linked and all(own["@id"] in entities for own in linked)
    audited = audit.audit(crate / "study", 1, project=crate / "project")
    assert audited["mismatches"] == 0, audit.outcome(audited)


@pytest.mark.slow
def test_a_crate_is_what_its_profiles_require(crate, tmp_path):
    own = ROOT / "build" / "validator"
    if not own.is_dir() and find_spec("rocrate_validator") is None:
        pytest.skip(
            "NO ROC-VALIDATOR: it is not installed, so no crate was validated; .ci/run gets it"
        )
    shutil.copytree(crate, tmp_path / "wrong", copy_function=os.link)
    metadata = tmp_path / "wrong" / "ro-crate-metadata.json"
    text = metadata.read_text()
    metadata.unlink()  # which is a link
    metadata.write_text(text.replace('"ComputationalWorkflow"', '"Thing"'))
    command = [sys.executable, ROOT / "tests" / "validator.py", crate, tmp_path / "wrong"]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(own), os.environ.get("PYTHONPATH", "")])
    }
    run = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert re.search(r"crate: \d\d checks, 0 issues\n", run.stdout), run.stdout + run.stderr
    assert run.returncode == 1 and "Main Workflow must have types" in run.stderr


@pytest.mark.slow
def test_more_than_ten_thousand_shards_have_names(tmp_path):
    settings = tmp_path / "settings.yaml"
    settings.write_text("sampling: {designs: 10001, shard_size: 1}\n")
    many, last = ["--dry-run", "--configfile", settings], "results/laptop/stiffness/10000.h5"
    run = snakemake(tmp_path, *many, study=None, targets=[last])
    assert run.returncode == 0 and {"sample", "homogenize"} <= planned(run).keys(), run.stdout


@pytest.mark.slow
def test_truncated_shard_is_named(folder, study):
    shard = study / "stiffness" / "0002.h5"
    content = shard.read_bytes()
    shard.write_bytes(content[: len(content) // 2])
    before = (study / "dataset.h5").read_bytes()
    run = snakemake(folder, "--force", targets=["results/smoke/dataset.h5"])
    assert run.returncode != 0
    assert "0002.h5: truncated" in run.stdout
    assert not (study / "dataset.h5").exists() or (study / "dataset.h5").read_bytes() == before


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        (
            "sampling: {designz: 5}",
            "settings.yaml, key sampling.designz: there is no such setting; expected one of "
            "designs, shard_size",
        ),
        ("sampling: {designs: -5}", "key sampling.designs: -5 is less than the minimum of 1"),
        (
            "poisson_ratio: 0.5",
            "0.5 is greater than or equal to the maximum of 0.5; expected a number above -1",
        ),
        ("seed: now", "key seed: 'now' is not of type 'integer'"),
        ("model: {architecture: best}", "key model.architecture: 'best' is not one of"),
        (
            "design: {load: [0, 0, 0, 0, 0, 0]}",
            "key design.load: [0, 0, 0, 0, 0, 0] does not contain",
        ),
        (
            "bone: {youngs_modulus_gpa: 0}",
            "key bone.youngs_modulus_gpa: 0 is less than or equal to the minimum of 0",
        ),
        (
            "dataset: {test_share: .nan}",
            "key dataset.test_share: nan is not of type 'number'; expected a share between 0 and 1",
        ),
    ],
)
def test_bad_setting_is_named(tmp_path, setting, sentence):
    file = tmp_path / "settings.yaml"
    file.write_text(setting + "\n")
    settings = yaml.safe_load((ROOT / "config.yaml").read_text())
    update_config(settings, yaml.safe_load(setting))
    with pytest.raises(InputError) as refused:
        check_settings(
            settings, ROOT / "workflow/schemas/config.schema.yaml", [ROOT / "config.yaml", file]
        )
    assert sentence in str(refused.value)


def test_nothing_is_begun_with_a_bad_setting(tmp_path):
    (tmp_path / "settings.yaml").write_text("sampling: {designz: 5}\n")
    run = snakemake(tmp_path, "--dry-run", "--configfile", tmp_path / "settings.yaml", study=None)
    assert run.returncode != 0
    assert "settings.yaml, key sampling.designz: there is no such setting" in run.stdout
    assert not (tmp_path / "results").exists()


def test_the_paper_study_is_planned_within_seconds(tmp_path):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    plan = planned(snakemake(tmp_path, "--dry-run", study="paper"))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert plan["sample"] == plan["homogenize"] == 30 and plan["train"] == 5
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 10


def test_unknown_study_is_named(tmp_path):
    run = snakemake(tmp_path, "--dry-run", study="tiny")
    assert run.returncode != 0
    assert "no studies/tiny.yaml; expected one of laptop, paper, paper_cpu, smoke." in run.stdout


@pytest.mark.slow
def test_what_reviewers_are_told_to_do_can_be_done(folder, tmp_path):
    """The examples of the documentation that need a finished study, in one."""
    page = tmp_path / "reviewer.md"
    told = (website.GUIDE / "reviewer.md").read_text()
    page.write_text(told.replace(f' title="{website.NEEDS_STUDY}"', ""))
    assert page.read_text() != told
    website.run(page, folder)
