"""The report: self-contained, honest about what is absent, with links that lead somewhere."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imsave

from trussmap.report import write_report
from trussmap.report.findings import findings
from trussmap.report.tables import chapter_table, headline_rows, r2_table, specimen_tables
from trussmap.report.text import flatten, value_text
from trussmap.tensors.stiffness import COMPONENTS

PAPER = {
    "dataset": {"designs": 3000000, "topologies": 262},
    "forward": {"paper": {"r2_at_least": 0.98}},
    "inverse": {
        "paper": {
            "r2_surrogate_at_least": 0.95,
            "r2_surrogate": {"C11": 0.985},
            "seconds_30000_at_most": 60,
        }
    },
}


PROTOCOL = {
    "surrogate_nmse_published_code": 0.0012,
    "nmse_published_code": 0.034,
    "relative_error": 0.21,
}


def r2(value):
    return {c: value - 0.001 * k for k, c in enumerate(COMPONENTS)}


@pytest.fixture
def metrics():
    return {
        "dataset": {"designs": 12000, "designs_per_second": 431.0, "topologies": 217},
        "forward": {"polar": {"r2": r2(0.99)}, "paper": {"r2": r2(0.7)}},
        "inverse": {
            "polar": {
                "r2_surrogate": r2(0.97),
                "r2_fe": r2(0.9),
                "same_topology_share": 0.0123,
                "seconds_30000": 3.21,
            }
        },
        "bone": {
            "specimen_1": {
                "relative_error": 0.0512,
                "relative_error_refined": 0.0031,
                "lookup_relative_error": 0.04,
                "nmse_frobenius": 0.0026,
                "lookup_nmse_frobenius": 0.0016,
            },
            "specimen_2": {"relative_error": 0.0412, "lookup_relative_error": 0.07},
        },
        "catalogue": {"cells": 6, "nmse_frobenius_median": 0.12},
        "protocol": {
            name: {
                "bone": {"specimen_1": PROTOCOL},
                "catalogue": {"cells": 9}
                | {f"{key}_median": value for key, value in PROTOCOL.items()},
            }
            for name in ("polar", "paper")
        },
        "grading": {"floating_struts": 0, "path_error": 0.21},
        "seconds": {"sample": 1.5, "homogenize": 200.0},
        "paper": PAPER,
    }


@pytest.fixture
def study(tmp_path):
    folder = tmp_path / "results" / "tiny"
    (folder / "stiffness").mkdir(parents=True)
    (folder / "figures").mkdir()
    for shard in ("0000", "0001"):
        (folder / "stiffness" / f"{shard}.h5").write_bytes(b"x" * 1500)
    settings = {
        "study": "tiny",
        "model": {"architecture": "polar"},
        "versions": {"python": "3.11.9"},
    }
    (folder / "study.json").write_text(json.dumps(settings))
    (folder / "moments.csv").write_text(
        "column,mean,std,min,max,published_mean,published_std,mean_z\n"
        "C11,0.0098,0.0089,0,0.08,0.00976,0.00893,0.4\nC12,0.0035,0.0026,0,0.02,0.0034,0.0026,-3.1\n"
    )
    for stem in ("generation", "correlation_forward_polar", "something_new"):
        imsave(folder / "figures" / f"{stem}.png", np.random.default_rng(0).random((8, 8)))
    return folder


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.links, self.sources, self.tags, self.ids = [], [], [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append(tag)
        self.ids.add(attrs.get("id"))
        if tag == "a":
            self.links.append(attrs["href"])
        if "src" in attrs:
            self.sources.append(attrs["src"])


def render(study, metrics):
    path = study / "report.html"
    write_report(study, metrics, sorted((study / "figures").glob("*.png")), path)
    return path.read_text(encoding="utf-8")


def without_packed(text):
    """The page as a reader has it, without pictures, numbers of live parts and scripts."""
    return re.sub(r"<script.*?</script>", "", re.sub(r"base64,[^\"]*", "", text), flags=re.S)


def test_page_needs_nothing_from_outside(study, metrics):
    text = render(study, metrics)
    page = Page(text)
    assert len(page.sources) == 3
    assert all(source.startswith("data:image/webp;base64,") for source in page.sources)
    assert not {"link", "iframe"} & set(page.tags)
    assert "http" not in text.replace("https", "http") or not re.search(r"url\(|@import", text)


def test_links_lead_to_files_of_the_study(study, metrics):
    page = Page(render(study, metrics))
    files = [link for link in page.links if not link.startswith("#")]
    assert {"study.json", "moments.csv", "stiffness/0000.h5", "stiffness/0001.h5"} <= set(files)
    assert all((study / link).exists() for link in files)
    assert all(link[1:] in page.ids for link in page.links if link.startswith("#"))


def test_the_papers_protocol_tells_what_the_network_thought_and_what_is(study, metrics):
    text = render(study, metrics)
    row = re.search(
        r"<tr><td>specimen 1</td>(<td class=.n.>0.0012</td><td class=.n.>0.034</td><td "
        r"class=.n.>21 %</td>)",
        text,
    )
    assert row and "median of 9 crystal networks" in text
    del metrics["protocol"]
    assert "own protocol" not in render(study, metrics)


def test_numbers_stand_beside_the_published_ones(study, metrics):
    text = render(study, metrics)
    for words in (
        "12,000",
        "3,000,000",
        "0.9900",
        "≥ 0.98",
        "0.9850",
        "5.12 %",
        "0.31 %",
        "1.23 %",
        "&lt; 60 s",
        "3.3 min",
    ):
        assert words in text, words


def test_a_squared_error_is_no_percentage(study, metrics):
    text = without_packed(render(study, metrics))
    rows = re.findall(r">(NMSE[^<]*)</th></tr>\s*(.*?)</tbody>", text, re.S)
    assert rows and not any("%" in values for _, values in rows)
    heading = re.search(r"<th colspan=[^>]*>‖ΔC‖/‖C‖</th>(.*?)</tbody>", text, re.S)[1]
    assert re.findall(r"<td>([^<]+)</td>", heading)[:2] == [
        "network’s best proposal",
        "design A, refined",
    ]


def test_absent_numbers_are_dashes(study, metrics):
    text = render(study, {"paper": PAPER})
    assert "–" in text and "None" not in without_packed(text) and "nan" not in without_packed(text)
    rows = dict((row[0], row) for row in headline_rows(metrics, ["polar", "paper"]))
    assert rows["inverse: time for 30,000 proposals"][2] == ["3.21 s", "–"]


def test_bad_numbers_are_shown_as_they_are(study, metrics):
    metrics["inverse"]["polar"]["r2_fe"]["C45"] = -3.2
    text = render(study, metrics)
    assert "-3.2000" in text
    assert any("-3.2000 (C45)" in sentence for sentence in findings(metrics))


def test_findings_follow_from_the_numbers(study, metrics):
    sentences = findings(metrics, study / "moments.csv")
    assert any("C12 differs most" in s and "-3.1" in s and "1 of 2" in s for s in sentences)
    assert any("217" in s and "262" in s for s in sentences)
    assert any("best proposal" in s and "1 of 2, in every measure" in s for s in sentences)
    assert any("design A" in s and "1 of 1, in every measure" in s for s in sentences)
    assert not any("NMSE" in s for s in sentences)
    assert any("higher by up to 0.0700" in s for s in sentences)
    assert any("every strut" in s for s in sentences)
    assert findings({}) == []


def test_published_bounds_are_read_and_not_known(study, metrics):
    assert "the published 0.98" in " ".join(
        findings(metrics)
    ) and "constants reach 0.95" in " ".join(findings(metrics))
    metrics["paper"] = {"forward": {"paper": {"r2_at_least": 0.75}}}
    sentences = " ".join(findings(metrics))
    assert (
        "0 of 21 constants reach the published 0.75" in sentences and "reach 0.95" not in sentences
    )
    table = r2_table(metrics, ["polar", "paper"])
    assert "Cells below 0.75 are tinted" in render(study, metrics)
    _, texts, tints = table.rows[0]
    assert [(text, tint) for text, tint in zip(texts, tints, strict=True) if tint] == [
        ("0.7000", 0.2)
    ]


def test_the_weakest_load_case_of_a_design_is_told(tmp_path):
    folder = tmp_path / "generalize" / "bone"
    folder.mkdir(parents=True)
    values = pd.DataFrame([np.linspace(0.01, 0.02, 21)], columns=COMPONENTS)
    values.assign(name="specimen_1").to_csv(folder / "targets.csv", index=False)
    found = values.assign(target=1, rank=1, relative_density=0.02)
    found = found.assign(printing_relative_error=0.031)
    found.assign(yield_stress_11=0.003, yield_stress_23=0.001).to_csv(
        folder / "designs.csv", index=False
    )
    ((name, table),) = specimen_tables(tmp_path, 114.0)
    assert name == "specimen 1"
    assert table.rows[-2] == ("‖ΔC‖/‖C‖ by errors of the printer, mean", ["–", "3.1 %"])
    assert table.rows[-1] == (
        "stress at first yield, least of all load cases",
        ["–", "0.00100 (23)"],
    )


def test_report_of_a_study_without_files(tmp_path):
    path = tmp_path / "report.html"
    write_report(tmp_path, {}, [], path)
    assert "Not computed." in path.read_text(encoding="utf-8")


def test_flatten():
    assert list(flatten({"a": {"b": 1, "c": {"d": 2}}, "e": 3})) == [
        ("a.b", 1),
        ("a.c.d", 2),
        ("e", 3),
    ]


def test_numbers_beyond_meaning_are_bounds():
    assert value_text("nmse_frobenius_median", 4.2e-32) == "< 10⁻¹²"
    assert value_text("nmse_componentwise_median", 1.2e33) == "> 10⁶"
    assert value_text("nmse_componentwise", 432.1) == "430"
    assert value_text("log_euclidean_median", 4.4e-14) == "< 0.000001"
    assert value_text("relative_error_median", 3e-15) == "< 0.0001 %"
    assert value_text("redraw_differs_share", 0.0) == "0 %"


def test_errors_of_refined_test_designs_are_not_called_the_networks(metrics):
    metrics["unseen"] = {
        "none": {"relative_error_median": 0.1},
        "thorough": {"relative_error_median": 1e-16},
    }
    table = chapter_table(metrics, "unseen", proposal="best_")
    assert table.columns == ["none", "thorough"]
    assert table.sections == [
        ("‖ΔC‖/‖C‖", [("best design, median of the targets", ["10 %", "< 0.0001 %"])])
    ]
