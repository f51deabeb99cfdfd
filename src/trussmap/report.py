"""The study on one self-contained HTML page: figures, tables of published-versus-here, links to every intermediate."""

import base64
import json
import math
import os
import re
from pathlib import Path

import jinja2
import pandas as pd
from markupsafe import Markup, escape

from trussmap import __version__
from trussmap.io import atomic_path
from trussmap.stiffness import COMPONENTS

DASH = "–"
MOST_LINKS = 300
#: What an architecture is called in the report.
ARCHITECTURES = {"paper": "paper’s networks, retrained", "polar": "polar networks", "direct": "direct networks"}

#: Caption of each figure by the stem of its file, in the order of the report; ``*`` stands for an architecture.
CAPTIONS = {
    "generation": "Fig. 1. How a design comes about: elementary lattices are superposed, stretched by U, rotated by "
    "R1, stretched by V, rotated by R2. Below each stage its elastic surface, the Young’s modulus E(n) in every "
    "direction n relative to that of the base material, by finite elements; all surfaces at one scale.",
    "elementary": "SI Fig. S1. The seven elementary lattices with their numbers, all at one relative density.",
    "dataset": "SI Fig. S3. Distribution of the 21 elastic constants of the training data, with mean ± standard "
    "deviation here and in the published data set. Lower left: differences of the moments in standard errors; the grey "
    "band is ±2.",
    "losses": "SI Fig. S4. Training and test losses of every network.",
    "correlation_forward_*": "Fig. 2, forward. Stiffness predicted by the {0} over finite elements, test designs.",
    "correlation_inverse_*": "Fig. 2, inverse. Stiffness of the lattices that the {0} propose, verified by finite "
    "elements, over the stiffness asked for, test designs.",
    "correlation_orthotropic_*": "Fig. 2, F1. The nine orthotropic constants of the {0} over finite elements.",
    "bone_targets": "Fig. 3A, bone. Four bovine femoral specimens, the best design A and the best of another "
    "topology B.",
    "catalogue": "SI 4. Errors of the closest training design, of the inverse model’s best proposal and of the refined "
    "design A for crystal-network cells, by crystal system and mean number of struts at a node. Generated cells are "
    "random nets over all space groups made here; they are no part of the circulated catalogue.",
    "catalogue_targets": "Fig. 3A, catalogue. Crystal-network cells, the circulated ones first, and the designs A and "
    "B for them.",
    "graded": "Fig. 3B. A lattice graded in space between two designs.",
}

#: Files of a study: pattern, what they are, how to audit them.
FILES = [
    ("study.json", "settings and versions", "compare with config.yaml and studies/"),
    (
        "designs/*.h5",
        "sampled designs, by shard",
        "design k is a function of (seed, k): trussmap.lattice.descriptor.sample_designs(seed, k, k + 1)",
    ),
    (
        "stiffness/*.h5",
        "stiffness of each design by finite elements, by shard",
        "write some of its designs to a CSV file and run `trussmap homogenize` on them",
    ),
    (
        "dataset.h5",
        "training and test data",
        "its attributes name settings, seed, code version and digest; trussmap.dataset.open_dataset reads it",
    ),
    ("moments.csv", "moments here and published", "recompute with trussmap.dataset.column_statistics"),
    (
        "models/*/*.json",
        "architecture, scaling and training history of the networks",
        "`dataset_digest` must equal the digest of dataset.h5; `history` is what SI Fig. S4 draws",
    ),
    ("models/*/*.safetensors", "weights of the networks", "delete one and run the study again: only it is trained"),
    ("evaluation/*.json", "R² and diversity on the test designs", "recompute from the predictions beside it"),
    (
        "evaluation/*.h5",
        "test designs, their stiffness, all predictions",
        "R² of `forward` against `stiffness`; `trussmap homogenize` of `inverse_designs` against `inverse_fe`",
    ),
    (
        "generalize/*/targets.csv",
        "targets, in units of the base material’s Young’s modulus",
        "compare with resources/",
    ),
    (
        "generalize/*/designs.csv",
        "ranked designs for each target",
        "`trussmap homogenize` on its designs must give its C11 … C66",
    ),
    (
        "generalize/catalogue/generated.lat",
        "crystal networks generated here, none of the circulated catalogue",
        "`trussmap homogenize-cells`; cell k is a function of (seed, k): trussmap.crystal.generate",
    ),
    (
        "generalize/catalogue/[bc]*.csv",
        "errors of each cell, and their quartiles by crystal system and connectivity",
        "recompute from designs.csv",
    ),
    (
        "generalize/bone/search.*",
        "closest designs of a thorough search of all topologies, without networks",
        "`trussmap homogenize` on its designs, then the error against targets.csv",
    ),
    ("generalize/*/summary.json", "errors of the designs and of the lookup", "recompute from designs.csv"),
    ("generalize/*/lattices/*", "nodes and struts of each design", "open in any spreadsheet or 3D program"),
    ("grading/*", "graded structure and its measures", "open structure.vtk in ParaView"),
    ("figures/*.png", "figures of this page", "each is drawn from the files above by workflow/scripts/figure_*.py"),
    ("metrics.json", "every number of this page", "compare with the tables here"),
    ("benchmarks/*/*.tsv", "time and memory of each job", "written by Snakemake"),
    ("logs/*/*.log", "what each job said", "read"),
]

_LABELS = {
    "nmse_frobenius": "network’s best proposal: NMSE (Frobenius)",
    "nmse_frobenius_refined": "design A, refined: NMSE (Frobenius)",
    "lookup_nmse_frobenius": "lookup: NMSE (Frobenius)",
    "search_nmse_frobenius": "thorough search of all topologies: NMSE (Frobenius)",
    "nmse_componentwise": "network’s best proposal: NMSE (componentwise, Eq. 8)",
    "nmse_componentwise_refined": "design A, refined: NMSE (componentwise, Eq. 8)",
    "nmse_frobenius_median": "network’s best proposal: median NMSE (Frobenius)",
    "nmse_frobenius_refined_median": "design A, refined: median NMSE (Frobenius)",
    "lookup_nmse_frobenius_median": "lookup: median NMSE (Frobenius)",
    "design_b_nmse_frobenius": "design B: NMSE (Frobenius)",
    "design_b_nmse_frobenius_refined": "design B, refined: NMSE (Frobenius)",
    "design_b_nmse_frobenius_refined_median": "design B, refined: median NMSE (Frobenius)",
    "better_than_lookup_share": "cells for which the network’s best proposal is closer than the lookup",
    "better_than_lookup_refined_share": "cells for which the refined design is closer than the lookup",
    "nmse_frobenius_p95": "NMSE (Frobenius) that 95 % stay below",
    "same_topology_share": "share of targets whose own topology is found",
    "seconds_per_target": "seconds for a target",
    "designs_per_second": "designs homogenized per second and core",
}
_QUARTILES = ("_q25", "_q75")


def write_report(study_dir, metrics, figures, path):
    """Write the report page to ``path``.

    Parameters
    ----------
    study_dir : folder of the study; its study.json and moments.csv are read where present, its files are linked
    metrics : the tree of metrics.json (DESIGN §5); a number that it lacks is printed as an en dash
    figures : paths of PNG files; the stem decides caption and place
    path : the HTML file
    """
    study_dir, path = Path(study_dir), Path(path)
    settings = _read_json(study_dir / "study.json")
    moments = study_dir / "moments.csv"
    architectures = _architectures(metrics, settings)
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(Path(__file__).with_suffix(".html").read_text(encoding="utf-8"))
    page = template.render(
        study=settings.get("study", study_dir.name),
        version=__version__,
        versions=settings.get("versions", {}),
        settings=[(key, value) for key, value in flatten(settings) if not key.startswith("versions.")],
        architectures=[(a, ARCHITECTURES.get(a, a)) for a in architectures],
        designer=ARCHITECTURES.get(_get(settings, "model.architecture"), _get(settings, "model.architecture")),
        search=_get(settings, "design.refine") or "none",
        designs=_count(_get(metrics, "dataset.designs")),
        headline=headline_rows(metrics, architectures),
        r2=r2_table(metrics, architectures),
        findings=findings(metrics, moments),
        bone=chapter_table(metrics, "bone", "all"),
        catalogue=chapter_table(metrics, "catalogue", "circulated cells"),
        specimens=specimen_tables(study_dir, _get(settings, "bone.youngs_modulus_gpa")),
        unseen=chapter_table(metrics, "unseen"),
        grading=chapter_table(metrics, "grading"),
        dataset=chapter_table(metrics, "dataset"),
        moments=_moments(moments),
        seconds=_seconds(metrics.get("seconds", {})),
        every=[(key, _plain(value)) for key, value in flatten(metrics)],
        files=linked_files(study_dir, path),
        figures=_figures(figures),
        dash=DASH,
    )
    with atomic_path(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def flatten(tree, prefix=""):
    """Leaves of nested dictionaries as (dotted key, value)."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def r2_table(metrics, architectures):
    """R² of the 21 constants: header groups [(label, columns)] and rows [(constant, [value or None])]."""
    groups, columns = [], []
    published = [
        ("forward", _get(metrics, "paper.forward.paper.r2")),
        ("inverse", _get(metrics, "paper.inverse.paper.r2_surrogate")),
    ]
    bounds = [
        _get(metrics, "paper.forward.paper.r2_at_least"),
        _get(metrics, "paper.inverse.paper.r2_surrogate_at_least"),
    ]
    groups.append(("published", ["forward", "inverse (network)"]))
    for (_, values), bound in zip(published, bounds, strict=True):
        columns.append([(values or {}).get(c, f"≥ {bound:g}" if bound is not None else None) for c in COMPONENTS])
    for name in architectures:
        label = f"here: {ARCHITECTURES.get(name, name)}"
        groups.append((label, ["forward", "inverse (network)", "inverse (FE)"]))
        for key in (f"forward.{name}.r2", f"inverse.{name}.r2_surrogate", f"inverse.{name}.r2_fe"):
            columns.append([(_get(metrics, key) or {}).get(c) for c in COMPONENTS])
    rows = [
        (component, [_r2(column[k]) for column in columns], [_shade(column[k]) for column in columns])
        for k, component in enumerate(COMPONENTS)
    ]
    return {"groups": groups, "rows": rows}


def headline_rows(metrics, architectures):
    """Rows (quantity, published, one per architecture) of the first table, as text."""

    def least(tree):
        values = list((tree or {}).values())
        return f"{min(values):.4f}" if values else DASH

    def bound(key, sign, form):
        value = _get(metrics, f"paper.{key}")
        return f"{sign} {form(value)}" if value is not None else DASH

    rows = [
        (
            "designs in the data set",
            _count(_get(metrics, "paper.dataset.designs")),
            [_count(_get(metrics, "dataset.designs"))] * len(architectures),
        ),
        (
            "forward: lowest R² of the 21 constants",
            bound("forward.paper.r2_at_least", "≥", "{:g}".format),
            [least(_get(metrics, f"forward.{a}.r2")) for a in architectures],
        ),
        (
            "inverse: lowest R², judged by the forward network",
            bound("inverse.paper.r2_surrogate_at_least", "≥", "{:g}".format),
            [least(_get(metrics, f"inverse.{a}.r2_surrogate")) for a in architectures],
        ),
        (
            "inverse: lowest R², verified by finite elements",
            least(_get(metrics, "paper.inverse.paper.r2_fe")),
            [least(_get(metrics, f"inverse.{a}.r2_fe")) for a in architectures],
        ),
    ]
    optional = (
        ("inverse.{}.r2_fe_single", "the same, one proposal instead of the best of several"),
        ("lookup.{}.r2", "closest training design instead of a network: lowest R²"),
        ("forward_1.{}.r2", "F1 of the forward network: lowest R² of the nine orthotropic constants"),
    )
    for key, text in optional:
        values = [_get(metrics, key.format(a)) for a in architectures]
        if any(values):
            rows.append((text, DASH, [least(value) for value in values]))
    for key, text, form in (
        ("same_topology_share", "inverse: proposals with the target’s own topology", _percent),
        ("redraw_differs_share", "inverse: redraws that give another topology", _percent),
        ("seconds_30000", "inverse: time for 30,000 proposals", lambda v: f"{v:.3g} s"),
    ):
        stated = _get(metrics, f"paper.inverse.paper.{key}")
        at_most = _get(metrics, f"paper.inverse.paper.{key}_at_most")
        published = form(stated) if stated is not None else f"< {form(at_most)}" if at_most is not None else DASH
        values = [_get(metrics, f"inverse.{a}.{key}") for a in architectures]
        rows.append((text, published, [form(v) if v is not None else DASH for v in values]))
    return rows


def findings(metrics, moments=None):
    """Sentences that the numbers of this study support; nothing is said where a number is absent."""
    out = []
    if moments is not None and Path(moments).is_file():
        table = pd.read_csv(moments)
        if "mean_z" in table:
            table = table[table["column"].isin(COMPONENTS)].dropna(subset=["mean_z"])
            if len(table):
                worst = table.loc[table["mean_z"].abs().idxmax()]
                out.append(
                    f"Data set: the mean of {worst['column']} differs most from the published one, by "
                    f"{worst['mean_z']:+.1f} standard errors; {int((table['mean_z'].abs() <= 2).sum())} of "
                    f"{len(table)} means lie within two."
                )
    topologies, claimed = _get(metrics, "dataset.topologies"), _get(metrics, "paper.dataset.topologies")
    if topologies is not None and claimed is not None:
        out.append(
            f"Data set: {topologies} topologies differ in geometry, one and the same at another tessellation counted "
            f"once; the paper counts {claimed}."
        )
    for name, tree in metrics.get("forward", {}).items():
        if tree.get("r2"):
            worst = min(tree["r2"], key=tree["r2"].get)
            good = sum(v >= 0.98 for v in tree["r2"].values())
            out.append(
                f"Forward, {ARCHITECTURES.get(name, name)}: lowest R² {tree['r2'][worst]:.4f} ({worst}); "
                f"{good} of {len(tree['r2'])} constants reach the published 0.98."
            )
    for name, tree in metrics.get("inverse", {}).items():
        label = ARCHITECTURES.get(name, name)
        if tree.get("r2_fe"):
            worst = min(tree["r2_fe"], key=tree["r2_fe"].get)
            good = sum(v >= 0.95 for v in tree["r2_fe"].values())
            out.append(
                f"Inverse, {label}: verified by finite elements, lowest R² {tree['r2_fe'][worst]:.4f} ({worst}); "
                f"{good} of {len(tree['r2_fe'])} constants reach 0.95."
            )
        both = [c for c in tree.get("r2_fe", {}) if c in tree.get("r2_surrogate", {})]
        if both:
            gap = {c: tree["r2_surrogate"][c] - tree["r2_fe"][c] for c in both}
            worst = max(gap, key=gap.get)
            if gap[worst] > 0:
                out.append(
                    f"Inverse, {label}: judged by the forward network instead of finite elements, R² comes out higher "
                    f"by up to {gap[worst]:.4f} ({worst})."
                )
            else:
                out.append(f"Inverse, {label}: judging by the forward network does not flatter any constant.")
    out += _lookup_finding(metrics)
    floating = _get(metrics, "grading.floating_struts")
    if floating is not None:
        out.append(
            "Grading: every strut of the graded structure is connected to the rest."
            if floating == 0
            else f"Grading: {floating:g} struts of the graded structure are not connected to the rest."
        )
    return out


def _lookup_finding(metrics):
    """How the designs compare with the closest design of the training data (SI 3.G)."""
    specimens = {k: v for k, v in metrics.get("bone", {}).items() if isinstance(v, dict)}
    out = []
    for key, words in (("nmse_frobenius", "before"), ("nmse_frobenius_refined", "after")):
        pairs = [
            (v[key], v["lookup_nmse_frobenius"])
            for v in specimens.values()
            if key in v and "lookup_nmse_frobenius" in v
        ]
        if pairs:
            won = sum(a < b for a, b in pairs)
            out.append(
                f"Bone: {words} the search by exact gradients the best design is closer to its target than the closest "
                f"entry of the training data for {won} of {len(pairs)} specimens."
            )
    return out


def chapter_table(metrics, chapter, own="here"):
    """Table of a chapter's numbers: (column names, [(quantity, [text])]).

    Plain numbers of the chapter stand in the column ``own``, those of the paper before them, and each dictionary in the
    chapter has a column of its name. Quartiles stand behind their median.
    """
    columns = {}
    for tree, plain, suffix in (
        (_get(metrics, f"paper.{chapter}") or {}, "published", ", published"),
        (metrics.get(chapter, {}), own, ""),
    ):
        columns[plain] = {key: value for key, value in tree.items() if not isinstance(value, dict)}
        for name, numbers in tree.items():
            if isinstance(numbers, dict):
                columns[name.replace("_", " ") + suffix] = dict(flatten(numbers))
    columns = {name: numbers for name, numbers in columns.items() if numbers}
    keys = [
        key for key in dict.fromkeys(k for numbers in columns.values() for k in numbers) if key[-4:] not in _QUARTILES
    ]
    rows = [(_label(key), [_with_quartiles(numbers, key) for numbers in columns.values()]) for key in keys]
    return {"columns": list(columns), "rows": rows}


def specimen_tables(study_dir, youngs_modulus_gpa):
    """Target and designs of every bone specimen, constant by constant, in GPa (the paper's Tables S9 to S12)."""
    folder = Path(study_dir) / "generalize" / "bone"
    if not (youngs_modulus_gpa and (folder / "designs.csv").exists() and (folder / "targets.csv").exists()):
        return []
    targets, designs = pd.read_csv(folder / "targets.csv"), pd.read_csv(folder / "designs.csv")
    tables = []
    for number, target in enumerate(targets.to_dict("records"), 1):
        found = designs[designs["target"] == number].sort_values("rank")
        own = [target, *found.to_dict("records")]
        rows = [(name, [f"{values[name] * youngs_modulus_gpa:.4f}" for values in own]) for name in COMPONENTS]
        densities = [f"{density:.4f}" for density in found["relative_density"]]
        rows.append(("relative density", [DASH, *densities]))
        columns = ["target", *(f"design {chr(64 + rank)}" for rank in found["rank"])]
        tables.append((str(target["name"]).replace("_", " "), {"columns": columns, "rows": rows}))
    return tables


def _with_quartiles(numbers, key):
    text = _value(key, numbers.get(key))
    quartiles = [numbers.get(key.removesuffix("_median") + end) for end in _QUARTILES]
    if key.endswith("_median") and None not in quartiles:
        text += " (" + " to ".join(_value(key, value) for value in quartiles) + ")"
    return text


def linked_files(study_dir, path):
    """The files of a study by kind: dicts of pattern, what, audit, number, size in words, anchor, and links.

    ``links`` are (name, link relative to ``path``), at most ``MOST_LINKS``; ``folder`` is the link of what holds them.
    """
    out = []
    for pattern, what, audit in FILES:
        found = sorted(f for f in Path(study_dir).glob(pattern) if f.is_file() and not f.name.startswith("."))
        if found:
            href = [Path(os.path.relpath(f, path.parent)).as_posix() for f in found]
            names = [f.relative_to(study_dir).as_posix() for f in found]
            out.append(
                {
                    "pattern": pattern,
                    "what": what,
                    "audit": _code(audit),
                    "number": len(found),
                    "size": _size(sum(f.stat().st_size for f in found)),
                    "anchor": f"files-{len(out) + 1}",
                    "links": list(zip(names, href, strict=True))[:MOST_LINKS],
                    "folder": Path(os.path.relpath(study_dir / pattern.split("/")[0], path.parent)).as_posix(),
                }
            )
    return out


def _code(text):
    """Text with `this` set as code, for HTML."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def _figures(paths):
    """{stem or family: [(stem, caption, data URI)]}; a family is a caption's stem without its ``_*``."""
    by_stem = {Path(p).stem: Path(p) for p in paths}
    placed = {}
    for key, caption in CAPTIONS.items():
        stems = [s for s in by_stem if s == key or (key.endswith("*") and s.startswith(key[:-1]))]
        for stem in stems:
            name = stem[len(key) - 1 :] if key.endswith("*") else ""
            text = caption.format(ARCHITECTURES.get(name, name))
            placed.setdefault(key.rstrip("_*"), []).append((stem, text, _data_uri(by_stem.pop(stem))))
    placed["other"] = [(stem, stem.replace("_", " "), _data_uri(path)) for stem, path in by_stem.items()]
    return placed


def _data_uri(path):
    return "data:image/png;base64," + base64.b64encode(Path(path).read_bytes()).decode("ascii")


def _moments(path):
    """Rows (column, mean here, published, difference in standard errors, std here, published) as text."""
    if not path.is_file():
        return []
    table = pd.read_csv(path)
    keys = ["mean", "published_mean", "mean_z", "std", "published_std"]
    table = table.reindex(columns=["column", *keys])
    return [
        (row["column"], [_plain(row[k], 4) if pd.notna(row[k]) else DASH for k in keys]) for _, row in table.iterrows()
    ]


def _seconds(seconds):
    """Rows (rule, text, share of the longest) of the time each rule took."""
    longest = max(seconds.values(), default=0) or 1
    return {
        "rows": [(rule, _duration(s), 100 * s / longest) for rule, s in seconds.items()],
        "total": _duration(sum(seconds.values())),
    }


def _architectures(metrics, settings):
    """Architectures with any number, the one that designs first, the paper's last."""
    present = [*metrics.get("forward", {}), *metrics.get("inverse", {})]
    order = [_get(settings, "model.architecture"), "polar", "paper", *present]
    return [a for a in dict.fromkeys(order) if a in present]


def _get(tree, key):
    """Value at a dotted key, or None."""
    for part in key.split("."):
        if not isinstance(tree, dict) or part not in tree:
            return None
        tree = tree[part]
    return tree


def _read_json(path):
    return json.loads(path.read_text()) if path.is_file() else {}


def _label(key):
    return " · ".join(_LABELS.get(part, part.replace("_", " ")) for part in key.split("."))


def _value(key, value):
    """A number as text, in the unit that its key names."""
    if value is None:
        return DASH
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        last = key.rsplit(".", 1)[-1]
        if "nmse_frobenius" in last or last.endswith("share"):
            return _percent(value)
        if "seconds" in last and "per_second" not in last:
            return _duration(value)
    return _plain(value)


def _percent(value):
    return f"{100 * value:.3g} %" if math.isfinite(value) and abs(value) < 10 else f"{100 * value:.2e} %"


def _plain(value, digits=4):
    if isinstance(value, list):
        return ", ".join(_plain(item, digits) for item in value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, int) or (float(value).is_integer() and abs(value) < 1e15):
        return f"{int(value):,}"
    return f"{value:.{digits}g}"


def _count(value):
    return DASH if value is None else f"{value:,}"


def _r2(value):
    if value is None:
        return DASH
    return value if isinstance(value, str) else f"{value:.4f}"


def _shade(value):
    """Opacity 0…1 of a cell's warning colour: none from 0.98 on, full at 0.5 and below."""
    if not isinstance(value, (int, float)):
        return 0
    return round(min(max((0.98 - value) / 0.48, 0), 1), 3)


def _duration(seconds):
    if seconds < 90:
        return f"{seconds:.3g} s"
    if seconds < 5400:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h"


def _size(bytes_):
    for unit in ("B", "kB", "MB"):
        if bytes_ < 1000:
            return f"{bytes_:.3g} {unit}"
        bytes_ /= 1000
    return f"{bytes_:.3g} GB"
