"""Tables of the report, as text: what is published beside what came out here."""

from pathlib import Path

import pandas as pd

from trussmap.measures import MEASURES
from trussmap.report.text import DASH, count, duration, find, flatten, name_of, percent, plain, value_text
from trussmap.stiffness import COMPONENTS
from trussmap.strength import LOAD_CASES

_LABELS = {
    "from_target": "where it begins: number of the bone specimen",
    "from_rank": "where it begins: rank of the design for it",
    "to_target": "where it ends: number of the bone specimen",
    "to_rank": "where it ends: rank of the design for it",
    "relative_density_min": "lowest relative density",
    "relative_density_max": "highest relative density",
    "floating_struts": "struts that are not connected to the rest",
    "floating_struts_before_pruning": "such struts before they were taken away",
    "same_topology_share": "share of targets whose own topology is found",
    "seconds_per_target": "seconds for a target",
    "designs_per_second": "designs homogenized per second and core",
    "control_point_error": "gradient of the phases on the axis: largest relative error",
    "phase_error": "gradient of the phases in the whole bar: root mean square of the relative error",
    "path_error": "stiffness along the axis: mean NMSE (Frobenius)",
    "path_error_max": "stiffness along the axis: largest NMSE (Frobenius)",
    "end_error": "stiffness at the ends: larger NMSE (Frobenius)",
    "path_relative_error": "stiffness along the axis: mean ‖ΔC‖/‖C‖",
    "path_relative_error_max": "stiffness along the axis: largest ‖ΔC‖/‖C‖",
    "end_relative_error": "stiffness at the ends: larger ‖ΔC‖/‖C‖",
    "site_relative_error_max": "stiffness at the sites: largest ‖ΔC‖/‖C‖",
    "path_modulus_error_median": "E(n) along the axis: off by, in the median direction",
    "path_modulus_error_max": "E(n) along the axis: off by, at most",
    "dangling_struts": "struts with a free end",
    "floating_struts_dropped": "struts dropped that were not connected to the rest",
    "dangling_struts_dropped": "struts dropped that had a free end",
    "diameter_min_mm": "thinnest strut, mm",
    "diameter_max_mm": "thickest strut, mm",
    "gap_min_mm": "smallest gap between struts, mm (negative where they overlap)",
    "cell_size_mm": "size of the cell, mm",
}
#: Which design an error is of, by what stands before and after the measure in its key.
_OF = {
    ("lookup_", ""): "closest training design",
    ("symmetric_lookup_", ""): "closest training design up to rotation and density",
    ("", ""): "network’s best proposal",
    ("best_", ""): "best design",
    ("", "_refined"): "design A, refined",
    ("design_b_", "_refined"): "design B, refined",
    ("search_", ""): "thorough search without a network",
}
_STATISTICS = {"_median": ", median of the targets", "_p95": ", 95 % of the targets stay below"}
_QUARTILES = ("_q25", "_q75")
#: What errors of a printer do to designs, by the columns of `trussmap.inverse_design.design_lattices`.
_PRINTED = {
    "‖ΔC‖/‖C‖ by errors of the printer, mean": "printing_relative_error",
    "… 95 % of cells stay below": "printing_relative_error_p95",
    "log-Euclidean distance by them, mean": "printing_log_euclidean",
}
#: What designs carry, by the columns of `trussmap.output.strength_columns`.
_CARRIED = {
    "stress at first yield, least of all load cases": "yield_stress",
    "stress at the first Euler load, least of all": "buckling_stress",
}


_FREE = ("areas", "geometry")
_OF_FRONT = {
    "‖ΔC‖/‖C‖, median": "relative_error_median",
    "… three quarters stay below": "relative_error_q75",
    "… 95 % stay below": "relative_error_p95",
    "share met to 0.1 % of ‖C‖": "met_share",
    "share met to 0.0001 %": "exact_share",
}


def r2_table(metrics: dict, architectures: list[str]) -> dict:
    """R² of the 21 constants, cells below the published bound of the forward network tinted.

    Returns a dict: header ``groups`` [(label, columns)], ``rows`` [(constant, [text], [opacity of the tint])], and
    ``tinted_below``, None where no bound is known.
    """
    tinted_below = find(metrics, "paper.forward.paper.r2_at_least")
    groups, columns = [("published", ["forward", "inverse (network)"])], []
    for key in ("forward.paper.r2", "inverse.paper.r2_surrogate"):
        stated, bound = find(metrics, f"paper.{key}") or {}, find(metrics, f"paper.{key}_at_least")
        columns.append([stated.get(c, f"≥ {bound:g}" if bound is not None else None) for c in COMPONENTS])
    for name in architectures:
        groups.append((f"here: {name_of(name)}", ["forward", "inverse (network)", "inverse (FE)"]))
        for key in (f"forward.{name}.r2", f"inverse.{name}.r2_surrogate", f"inverse.{name}.r2_fe"):
            columns.append([(find(metrics, key) or {}).get(c) for c in COMPONENTS])
    rows = [
        (name, [_r2(value) for value in values], [_tint(value, tinted_below) for value in values])
        for name, *values in zip(COMPONENTS, *columns, strict=True)
    ]
    return {"groups": groups, "rows": rows, "tinted_below": tinted_below}


def headline_rows(metrics: dict, architectures: list[str]) -> list[tuple]:
    """Rows (quantity, published, one per architecture) of the first table, as text."""

    def least(tree):
        values = list((tree or {}).values())
        return f"{min(values):.4f}" if values else DASH

    def bound(key, sign, form):
        value = find(metrics, f"paper.{key}")
        return f"{sign} {form(value)}" if value is not None else DASH

    rows = [
        (
            "designs in the data set",
            count(find(metrics, "paper.dataset.designs")),
            [count(find(metrics, "dataset.designs"))] * len(architectures),
        ),
        (
            "forward: lowest R² of the 21 constants",
            bound("forward.paper.r2_at_least", "≥", "{:g}".format),
            [least(find(metrics, f"forward.{a}.r2")) for a in architectures],
        ),
        (
            "inverse: lowest R², judged by the forward network",
            bound("inverse.paper.r2_surrogate_at_least", "≥", "{:g}".format),
            [least(find(metrics, f"inverse.{a}.r2_surrogate")) for a in architectures],
        ),
        (
            "inverse: lowest R², verified by finite elements",
            least(find(metrics, "paper.inverse.paper.r2_fe")),
            [least(find(metrics, f"inverse.{a}.r2_fe")) for a in architectures],
        ),
    ]
    optional = (
        ("inverse.{}.r2_fe_single", "the same, one topology instead of the best of several"),
        (
            "inverse.{}.r2_fe_one_guess",
            "the same, one topology and one first guess: the network chooses nothing",
        ),
        ("forward_1.{}.r2", "F1 of the forward network: lowest R² of the nine orthotropic constants"),
    )
    for key, text in optional:
        values = [find(metrics, key.format(a)) for a in architectures]
        if any(values):
            rows.append((text, DASH, [least(value) for value in values]))
    for key, text in (
        ("raw", "closest training design instead of a network, tensors as they are: lowest R²"),
        ("symmetric", "the same, rotated and with its density scaled, one FE solution: lowest R²"),
    ):
        if r2 := find(metrics, f"lookup.{key}.r2_fe"):
            rows.append((text, DASH, [least(r2)] * len(architectures)))
    for key, text, form in (
        ("same_topology_share", "inverse: proposals with the target’s own topology", percent),
        ("same_topology_share_by_chance", "the same for any other design of the data set: chance", percent),
        ("redraw_differs_share_hot", "inverse: redraws at τ = 200 that give another topology", percent),
        ("redraw_differs_share", "the same at τ = 1, at which it was trained", percent),
        ("seconds_30000", "inverse: time for 30,000 proposals", lambda v: f"{v:.3g} s"),
    ):
        stated = find(metrics, f"paper.inverse.paper.{key}")
        at_most = find(metrics, f"paper.inverse.paper.{key}_at_most")
        published = form(stated) if stated is not None else f"< {form(at_most)}" if at_most is not None else DASH
        values = [find(metrics, f"inverse.{a}.{key}") for a in architectures]
        rows.append((text, published, [form(v) if v is not None else DASH for v in values]))
    return rows


def protocol_table(metrics: dict, architectures: list[str]) -> dict | None:
    """What the paper's protocol takes, as ``columns`` and ``rows`` [(target, [text])]; None where it was not run.

    For every architecture the error that the published code selects by, as the network sees it and by finite elements,
    and the relative error by finite elements.
    """
    trees = [(name_of(a), find(metrics, f"protocol.{a}")) for a in architectures]
    trees = [(label, tree) for label, tree in trees if tree]
    if not trees:
        return None
    said = (
        ("surrogate_nmse_published_code", "NMSE by the network", "{:.2g}".format),
        ("nmse_published_code", "NMSE by FE", "{:.2g}".format),
        ("relative_error", "‖ΔC‖/‖C‖ by FE", percent),
    )
    columns = [f"{label}: {words}" for label, _ in trees for _, words, _ in said]
    rows = [
        (specimen.replace("_", " "), [form(tree["bone"][specimen][key]) for _, tree in trees for key, _, form in said])
        for specimen in trees[0][1]["bone"]
    ]
    cells = trees[0][1]["catalogue"]["cells"]
    medians = [form(tree["catalogue"][f"{key}_median"]) for _, tree in trees for key, _, form in said]
    return {"columns": columns, "rows": [*rows, (f"median of {cells} crystal networks", medians)]}


def cauchy_table(metrics: dict) -> dict | None:
    """What Cauchy's relations predict of the residual of bone, as ``columns`` and ``rows``; None where not computed."""
    bone = find(metrics, "cauchy.bone")
    if not bone:
        return None
    said = (
        ("predicted", "‖C‖² off Cauchy’s relations = predicted NMSE", "{:.2g}"),
        ("search", "NMSE of the search without a network", "{:.2g}"),
        ("reached", "NMSE of design A", "{:.2g}"),
        ("trace", "trace of D over ‖C‖: target", "{:+.3f}"),
        ("found_trace", "the same: design A", "{:+.4f}"),
    )
    rows = [
        (name.replace("_", " "), [form.format(numbers[key]) if key in numbers else DASH for key, _, form in said])
        for name, numbers in bone.items()
    ]
    return {"columns": [words for _, words, _ in said], "rows": rows}


def front_tables(metrics: dict) -> list[tuple[str, dict]]:
    """Errors by the ratio of radii, for bone and crystal networks: (title, ``columns``, ``rows``), where computed."""
    front = find(metrics, "front")
    if not front:
        return []
    columns = [f"ratio {ratio:g}" for ratio in front["radius_ratio"]]
    rows = []
    for name, own in front.get("bone", {}).items():
        label = name.replace("_", " ")
        rows += [(f"{label}: {f}", [*map(percent, v["relative_error"])]) for f, v in own.items() if f in _FREE]
        rows.append(
            (f"{label}: off Cauchy’s relations", [percent(own["non_cauchy_error"])] + [""] * (len(columns) - 1))
        )
    tables = [("Bone: ‖ΔC‖/‖C‖ of the closest lattice", {"columns": columns, "rows": rows})] if rows else []
    rows = []
    for family, own in front.get("generated", {}).items():
        for words, key in _OF_FRONT.items():
            rows.append((f"{family}, {own['cells']:,} cells: {words}", [*map(percent, own[key])]))
    if rows:
        tables.append(("Generated crystal networks", {"columns": columns, "rows": rows}))
    return tables


def chapter_table(metrics: dict, chapter: str, own: str = "here", proposal: str = "") -> dict:
    """Table of a chapter's numbers: dict of ``columns``, and ``sections``, ``nmse`` and ``r2``: [(heading, rows)].

    Plain numbers of the chapter stand in the column ``own``, those of the paper before them, and each dictionary in the
    chapter has a column of its name. A row is (quantity, [text]); errors stand by measure, under its words as heading,
    quartiles behind their median. What is for comparison with the paper alone stands apart: rows with an NMSE under
    ``nmse``, those with the R² of every constant under ``r2``. ``proposal`` is what a bare error is of, "best_" where
    the columns are efforts of refinement.
    """
    columns = {}
    for tree, of_chapter, suffix in (
        (find(metrics, f"paper.{chapter}") or {}, "published", ", published"),
        (metrics.get(chapter, {}), own, ""),
    ):
        columns[of_chapter] = {key: value for key, value in tree.items() if not isinstance(value, dict)}
        for name, numbers in tree.items():
            if isinstance(numbers, dict):
                columns[name.replace("_", " ") + suffix] = dict(flatten(numbers))
    columns = {name: numbers for name, numbers in columns.items() if numbers}
    keys = [
        key for key in dict.fromkeys(k for numbers in columns.values() for k in numbers) if key[-4:] not in _QUARTILES
    ]
    parts = {"sections": {}, "nmse": {}, "r2": {}}
    for words in ("", *MEASURES.values()):
        parts["nmse" if "NMSE" in words else "sections"][words] = []
    for key in keys:
        heading, label = ("", key.removeprefix("r2.")) if key.startswith("r2.") else _label(key, proposal)
        part = "nmse" if "NMSE" in heading + label else "r2" if key.startswith("r2.") else "sections"
        row = label, [_with_quartiles(numbers, key) for numbers in columns.values()]
        parts[part].setdefault(heading, []).append(row)
    filled = {part: [(heading, rows) for heading, rows in of.items() if rows] for part, of in parts.items()}
    return {"columns": list(columns)} | filled


def specimen_tables(study_dir: Path, youngs_modulus_gpa: float) -> list[tuple[str, dict]]:
    """Target and designs of every bone specimen, constant by constant, in GPa (the paper's Tables S9 to S12).

    Those of further families stand behind, from ``generalize/bone_<family>``, where there are any.
    """
    folder = Path(study_dir) / "generalize" / "bone"
    if not (youngs_modulus_gpa and (folder / "designs.csv").exists() and (folder / "targets.csv").exists()):
        return []
    targets, designs = pd.read_csv(folder / "targets.csv"), pd.read_csv(folder / "designs.csv")
    further = {family: folder.with_name(f"bone_{family}") / "designs.csv" for family in _FREE}
    parts = {"design": designs.sort_values("rank")}
    parts |= {family: pd.read_csv(path) for family, path in further.items() if path.exists()}
    # A table as it is read is in so many pieces that pandas warns where a column is added; a copy is in one.
    parts = [part.copy().assign(family=family) for family, part in parts.items()]
    designs = pd.concat(parts, ignore_index=True)
    tables = []
    for number, target in enumerate(targets.to_dict("records"), 1):
        found = designs[designs["target"] == number]
        own = [target, *found.to_dict("records")]
        rows = [(name, [f"{values[name] * youngs_modulus_gpa:.4f}" for values in own]) for name in COMPONENTS]
        densities = [f"{density:.4f}" for density in found["relative_density"]]
        rows.append(("relative density", [DASH, *densities]))
        for words, name in _PRINTED.items():
            if name in found:
                rows.append((words, [DASH, *map(percent, found[name])]))
        for words, name in _CARRIED.items():
            of_case = found[[f"{name}_{case}" for case in LOAD_CASES if f"{name}_{case}" in found]]
            if len(of_case.columns):
                least = zip(of_case.min(axis=1), of_case.idxmin(axis=1), strict=True)
                rows.append((words, [DASH, *(f"{value:.5f} ({case[len(name) + 1 :]})" for value, case in least)]))
        labels = zip(found["family"], found["rank"], strict=True)
        columns = ["target", *(f"{label} {chr(64 + rank)}" for label, rank in labels)]
        tables.append((str(target["name"]).replace("_", " "), {"columns": columns, "rows": rows}))
    return tables


def moments_table(path: Path) -> list[tuple]:
    """Rows (column, mean here, published, difference in standard errors, std here, published) as text."""
    if not path.is_file():
        return []
    table = pd.read_csv(path)
    keys = ["mean", "published_mean", "mean_z", "std", "published_std"]
    table = table.reindex(columns=["column", *keys])
    return [
        (row["column"], [plain(row[k], 4) if pd.notna(row[k]) else DASH for k in keys]) for _, row in table.iterrows()
    ]


def seconds_table(seconds: dict) -> dict:
    """Rows (rule, text, share of the longest) of the time each rule took."""
    longest = max(seconds.values(), default=0) or 1
    return {
        "rows": [(rule, duration(s), 100 * s / longest) for rule, s in seconds.items()],
        "total": duration(sum(seconds.values())),
    }


def _with_quartiles(numbers, key):
    text = value_text(key, numbers.get(key))
    quartiles = [numbers.get(key.removesuffix("_median") + end) for end in _QUARTILES]
    if key.endswith("_median") and None not in quartiles:
        text += " (" + " to ".join(value_text(key, value) for value in quartiles) + ")"
    return text


def _label(key, proposal=""):
    """Heading and words of a key: of an error, its measure, and what it is the error of."""
    measure = next((name for name in MEASURES if name in key), None)
    if key in _LABELS or measure is None:
        return "", _LABELS.get(key, " · ".join(part.replace("_", " ") for part in key.split(".")))
    before, _, after = key.partition(measure)
    if before.startswith("better_than"):
        design = "refined design A" if "_refined" in before else "network’s best proposal"
        other = _OF["symmetric_lookup_" if "symmetric" in before else "lookup_", ""]
        return MEASURES[measure], f"share of targets where the {design} is closer than the {other}"
    statistic = next((end for end in _STATISTICS if after.endswith(end)), "")
    of = (before or proposal, after.removesuffix(statistic))
    words = _OF.get(of, f"{before}{after}".replace("_", " "))
    return MEASURES[measure], words + _STATISTICS.get(statistic, "")


def _r2(value):
    if value is None:
        return DASH
    return value if isinstance(value, str) else f"{value:.4f}"


def _tint(value, bound):
    """Opacity 0…1 of a cell's warning colour: none from ``bound`` on, full at 0.5 and below."""
    if bound is None or not isinstance(value, (int, float)):
        return 0
    return round(min(max((bound - value) / (bound - 0.5), 0), 1), 3)
