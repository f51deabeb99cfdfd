"""Tables of the report: published numbers beside those computed here."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from trussmap.mechanics.strength import LOAD_CASES
from trussmap.report.text import (
    DASH,
    count,
    duration,
    find,
    flatten,
    name_of,
    percent,
    plain,
    value_text,
)
from trussmap.tensors.measures import MEASURES
from trussmap.tensors.stiffness import COMPONENTS

#: A row of a table: its quantity, and the text of its other cells.
Row = tuple[str, list[str]]
#: A heading and the rows below it.
Section = tuple[str, list[Row]]
Metrics = dict[str, Any]


class Table(NamedTuple):
    """Heads of the columns after the first, and rows."""

    columns: list[str]
    rows: list[Row]


class R2Table(NamedTuple):
    """R² of the constants.

    Attributes
    ----------
    groups : (label, heads of columns)
    rows : (constant, texts, opacities of the tint from 0 to 1)
    tinted_below : R² below which a cell is tinted, None if no bound is known
    """

    groups: list[tuple[str, list[str]]]
    rows: list[tuple[str, list[str], list[float]]]
    tinted_below: float | None


class ChapterTable(NamedTuple):
    """The numbers of a chapter.

    ``nmse`` has the rows with an NMSE and ``r2`` those with the R² of a constant, which are only
    for comparison with the paper.
    """

    columns: list[str]
    sections: list[Section]
    nmse: list[Section]
    r2: list[Section]


class SecondsTable(NamedTuple):
    """Time of every rule: (rule, text, percentage of the longest)."""

    rows: list[tuple[str, str, float]]
    total: str


#: Words of keys of metrics.json.
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
    "phase_error": "gradient of the phases in the whole bar: "
    "root mean square of the relative error",
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
#: The design that has an error, by the texts before and after the measure in its key.
_OF = {
    ("lookup_", ""): "closest training design",
    ("symmetric_lookup_", ""): "closest training design up to rotation and density",
    ("", ""): "network’s best proposal",
    ("best_", ""): "best design",
    ("", "_refined"): "design A, refined",
    ("design_b_", "_refined"): "design B, refined",
    ("search_", ""): "thorough search without a network",
}
#: Words of the ends of keys.
_STATISTICS = {"_median": ", median of the targets", "_p95": ", 95 % of the targets stay below"}
_QUARTILES = ("_q25", "_q75")
#: Effect of printing errors on designs: columns of `trussmap.search.design.design`.
_PRINTED = {
    "‖ΔC‖/‖C‖ by errors of the printer, mean": "printing_relative_error",
    "… 95 % of cells stay below": "printing_relative_error_p95",
    "log-Euclidean distance by them, mean": "printing_log_euclidean",
}
#: Loads that designs carry: columns of `trussmap.designs.strength.strength_columns`.
_CARRIED = {
    "stress at first yield, least of all load cases": "yield_stress",
    "stress at the first Euler load, least of all": "buckling_stress",
}
#: Families whose struts may differ.
_FREE = ("areas", "geometry")
#: Rows of the table of the front, and their keys.
_OF_FRONT = {
    "‖ΔC‖/‖C‖, median": "relative_error_median",
    "… three quarters stay below": "relative_error_q75",
    "… 95 % stay below": "relative_error_p95",
    "share met to 0.1 % of ‖C‖": "met_share",
    "share met to 0.0001 %": "exact_share",
}


def r2_table(metrics: Metrics, architectures: list[str]) -> R2Table:
    """Return R² of the 21 constants.

    Cells below the published bound of the forward network are tinted.
    """
    tinted_below = find(metrics, "paper.forward.paper.r2_at_least")
    groups = [("published", ["forward", "inverse (network)"])]
    columns = []
    for key in ("forward.paper.r2", "inverse.paper.r2_surrogate"):
        stated = find(metrics, f"paper.{key}") or {}
        bound = find(metrics, f"paper.{key}_at_least")
        at_least = f"≥ {bound:g}" if bound is not None else None
        columns.append([stated.get(name, at_least) for name in COMPONENTS])

    for architecture in architectures:
        heads = ["forward", "inverse (network)", "inverse (FE)"]
        groups.append((f"here: {name_of(architecture)}", heads))
        for key in (
            f"forward.{architecture}.r2",
            f"inverse.{architecture}.r2_surrogate",
            f"inverse.{architecture}.r2_fe",
        ):
            scores = find(metrics, key) or {}
            columns.append([scores.get(name) for name in COMPONENTS])

    rows = [
        (name, [_r2(value) for value in values], [_tint(value, tinted_below) for value in values])
        for name, *values in zip(COMPONENTS, *columns, strict=True)
    ]
    return R2Table(groups, rows, tinted_below)


def headline_rows(metrics: Metrics, architectures: list[str]) -> list[tuple[str, str, list[str]]]:
    """Return the rows of the first table.

    They are (quantity, published, [one per architecture]).
    """
    return [
        *_rows_of_r2(metrics, architectures),
        *_rows_of_lookup(metrics, architectures),
        *_rows_of_proposals(metrics, architectures),
    ]


def _rows_of_r2(metrics: Metrics, architectures: list[str]) -> Iterator[tuple[str, str, list[str]]]:
    designs = count(find(metrics, "dataset.designs"))
    published = count(find(metrics, "paper.dataset.designs"))
    yield "designs in the data set", published, [designs] * len(architectures)

    at_least = find(metrics, "paper.forward.paper.r2_at_least")
    at_least_surrogate = find(metrics, "paper.inverse.paper.r2_surrogate_at_least")
    for key, words, published in (
        (
            "forward.{}.r2",
            "forward: lowest R² of the 21 constants",
            DASH if at_least is None else f"≥ {at_least:g}",
        ),
        (
            "inverse.{}.r2_surrogate",
            "inverse: lowest R², judged by the forward network",
            DASH if at_least_surrogate is None else f"≥ {at_least_surrogate:g}",
        ),
        (
            "inverse.{}.r2_fe",
            "inverse: lowest R², verified by finite elements",
            _least(find(metrics, "paper.inverse.paper.r2_fe")),
        ),
    ):
        yield words, published, [_least(find(metrics, key.format(a))) for a in architectures]

    for key, words in (
        ("inverse.{}.r2_fe_single", "the same, one topology instead of the best of several"),
        (
            "inverse.{}.r2_fe_one_guess",
            "the same, one topology and one first guess: the network chooses nothing",
        ),
        (
            "forward_1.{}.r2",
            "F1 of the forward network: lowest R² of the nine orthotropic constants",
        ),
    ):
        trees = [find(metrics, key.format(a)) for a in architectures]
        if any(trees):
            yield words, DASH, [_least(tree) for tree in trees]


def _rows_of_lookup(
    metrics: Metrics, architectures: list[str]
) -> Iterator[tuple[str, str, list[str]]]:
    for key, words in (
        ("raw", "closest training design instead of a network, tensors as they are: lowest R²"),
        ("symmetric", "the same, rotated and with its density scaled, one FE solution: lowest R²"),
    ):
        tree = find(metrics, f"lookup.{key}.r2_fe")
        if tree:
            yield words, DASH, [_least(tree)] * len(architectures)


def _rows_of_proposals(
    metrics: Metrics, architectures: list[str]
) -> Iterator[tuple[str, str, list[str]]]:
    numbers: tuple[tuple[str, str, Callable[[float], str]], ...] = (
        ("same_topology_share", "inverse: proposals with the target’s own topology", percent),
        (
            "same_topology_share_by_chance",
            "the same for any other design of the data set: chance",
            percent,
        ),
        (
            "redraw_differs_share_hot",
            "inverse: redraws at τ = 200 that give another topology",
            percent,
        ),
        ("redraw_differs_share", "the same at τ = 1, at which it was trained", percent),
        ("seconds_30000", "inverse: time for 30,000 proposals", "{:.3g} s".format),
    )
    for key, words, form in numbers:
        stated = find(metrics, f"paper.inverse.paper.{key}")
        at_most = find(metrics, f"paper.inverse.paper.{key}_at_most")
        published = DASH
        if stated is not None:
            published = form(stated)
        elif at_most is not None:
            published = f"< {form(at_most)}"
        values = [find(metrics, f"inverse.{a}.{key}") for a in architectures]
        yield words, published, [form(v) if v is not None else DASH for v in values]


def _least(tree: dict[str, float] | None) -> str:
    """Return the lowest value of a tree as text."""
    values = list((tree or {}).values())
    return f"{min(values):.4f}" if values else DASH


def protocol_table(metrics: Metrics, architectures: list[str]) -> Table | None:
    """Return the results of the paper's protocol, or None without any.

    For every architecture the table has the error that the published code selects by, as the
    network sees it and by finite elements, and the relative error by finite elements.
    """
    named = [(name_of(a), find(metrics, f"protocol.{a}")) for a in architectures]
    trees = [(label, tree) for label, tree in named if tree]
    if not trees:
        return None

    quantities: tuple[tuple[str, str, Callable[[float], str]], ...] = (
        ("surrogate_nmse_published_code", "NMSE by the network", "{:.2g}".format),
        ("nmse_published_code", "NMSE by FE", "{:.2g}".format),
        ("relative_error", "‖ΔC‖/‖C‖ by FE", percent),
    )
    columns = [f"{label}: {words}" for label, _ in trees for _, words, _ in quantities]
    rows = []
    for specimen in trees[0][1]["bone"]:
        cells = [
            form(tree["bone"][specimen][key]) for _, tree in trees for key, _, form in quantities
        ]
        rows.append((specimen.replace("_", " "), cells))

    medians = [
        form(tree["catalogue"][f"{key}_median"]) for _, tree in trees for key, _, form in quantities
    ]
    rows.append((f"median of {trees[0][1]['catalogue']['cells']} crystal networks", medians))
    return Table(columns, rows)


def cauchy_table(metrics: Metrics) -> Table | None:
    """Return what Cauchy's relations predict for bone, or None.

    It is the residual of the four specimens.
    """
    bone = find(metrics, "cauchy.bone")
    if not bone:
        return None
    quantities = (
        ("predicted", "‖C‖² off Cauchy’s relations = predicted NMSE", "{:.2g}"),
        ("search", "NMSE of the search without a network", "{:.2g}"),
        ("reached", "NMSE of design A", "{:.2g}"),
        ("trace", "trace of D over ‖C‖: target", "{:+.3f}"),
        ("found_trace", "the same: design A", "{:+.4f}"),
    )
    rows = []
    for name, numbers in bone.items():
        cells = [
            form.format(numbers[key]) if key in numbers else DASH for key, _, form in quantities
        ]
        rows.append((name.replace("_", " "), cells))
    return Table([words for _, words, _ in quantities], rows)


def front_tables(metrics: Metrics) -> list[tuple[str, Table]]:
    """Return errors by the ratio of radii: (title, table).

    There are tables for bone and for crystal networks, if they were computed.
    """
    front = find(metrics, "front")
    if not front:
        return []
    columns = [f"ratio {ratio:g}" for ratio in front["radius_ratio"]]
    tables = []

    rows: list[Row] = []
    for name, specimen in front.get("bone", {}).items():
        label = name.replace("_", " ")
        for family in (family for family in specimen if family in _FREE):
            cells = [percent(error) for error in specimen[family]["relative_error"]]
            rows.append((f"{label}: {family}", cells))
        non_cauchy = percent(specimen["non_cauchy_error"])
        empty = [""] * (len(columns) - 1)
        rows.append((f"{label}: off Cauchy’s relations", [non_cauchy, *empty]))
    if rows:
        tables.append(("Bone: ‖ΔC‖/‖C‖ of the closest lattice", Table(columns, rows)))

    rows = []
    for family, numbers in front.get("generated", {}).items():
        for words, key in _OF_FRONT.items():
            label = f"{family}, {numbers['cells']:,} cells: {words}"
            rows.append((label, [percent(value) for value in numbers[key]]))
    if rows:
        tables.append(("Generated crystal networks", Table(columns, rows)))
    return tables


def chapter_table(
    metrics: Metrics, chapter: str, head: str = "here", proposal: str = ""
) -> ChapterTable:
    """Return the numbers of a chapter of metrics.json.

    Rows of errors stand by measure, with its words as heading, and quartiles after their median.

    Parameters
    ----------
    chapter : key of the chapter. Every dictionary in it has a column; those of the paper come
        before
    head : of the column of its plain numbers
    proposal : start of the keys of an error without one, "best_" if columns are efforts of
        refinement
    """
    columns = _columns(metrics, chapter, head)
    keys = dict.fromkeys(key for numbers in columns.values() for key in numbers)

    order = ("", *MEASURES.values())
    sections: dict[str, list[Row]] = {words: [] for words in order if "NMSE" not in words}
    nmse: dict[str, list[Row]] = {words: [] for words in order if "NMSE" in words}
    r2: dict[str, list[Row]] = {}
    for key in keys:
        if key[-4:] in _QUARTILES:
            continue
        is_r2 = key.startswith("r2.")
        heading, label = ("", key.removeprefix("r2.")) if is_r2 else _label(key, proposal)
        table = nmse if "NMSE" in heading + label else r2 if is_r2 else sections
        row = label, [_with_quartiles(numbers, key) for numbers in columns.values()]
        table.setdefault(heading, []).append(row)
    return ChapterTable(list(columns), _filled(sections), _filled(nmse), _filled(r2))


def _columns(metrics: Metrics, chapter: str, plain_head: str) -> dict[str, dict[str, Any]]:
    """Return {head: numbers} of the columns of a chapter that have any."""
    columns = {}
    for tree, head, suffix in (
        (find(metrics, f"paper.{chapter}") or {}, "published", ", published"),
        (metrics.get(chapter, {}), plain_head, ""),
    ):
        plain_numbers = {k: value for k, value in tree.items() if not isinstance(value, dict)}
        columns[head] = plain_numbers
        for name, numbers in tree.items():
            if isinstance(numbers, dict):
                columns[name.replace("_", " ") + suffix] = dict(flatten(numbers))
    return {head: numbers for head, numbers in columns.items() if numbers}


def _filled(sections: dict[str, list[Row]]) -> list[Section]:
    return [(heading, rows) for heading, rows in sections.items() if rows]


def specimen_tables(study_dir: Path, youngs_modulus_gpa: float | None) -> list[tuple[str, Table]]:
    """Return targets and designs of every bone specimen in GPa.

    A table is (name, constants), as the paper's Tables S9 to S12. Designs of further families,
    from ``generalize/bone_<family>``, come last.
    """
    folder = Path(study_dir) / "generalize" / "bone"
    files = folder / "targets.csv", folder / "designs.csv"
    if not youngs_modulus_gpa or not all(file.exists() for file in files):
        return []
    designs = _designs_of_families(folder)
    tables = []
    for number, target in enumerate(pd.read_csv(files[0]).to_dict("records"), 1):
        chosen = designs[designs["target"] == number]
        every = [target, *chosen.to_dict("records")]
        rows = [
            (name, [f"{values[name] * youngs_modulus_gpa:.4f}" for values in every])
            for name in COMPONENTS
        ]
        rows += _rows_of_designs(chosen)
        labels = zip(chosen["family"], chosen["rank"], strict=True)
        columns = ["target", *(f"{label} {chr(64 + rank)}" for label, rank in labels)]
        tables.append((str(target["name"]).replace("_", " "), Table(columns, rows)))
    return tables


def _designs_of_families(folder: Path) -> pd.DataFrame:
    """Read the designs for bone, with their ``family``."""
    tables = {"design": pd.read_csv(folder / "designs.csv").sort_values("rank")}
    for family in _FREE:
        path = folder.with_name(f"bone_{family}") / "designs.csv"
        if path.exists():
            tables[family] = pd.read_csv(path)
    # A table just read has many blocks, and pandas warns if a column is added to it; a copy has
    # one.
    named = [table.copy().assign(family=family) for family, table in tables.items()]
    return pd.concat(named, ignore_index=True)


def _rows_of_designs(designs: pd.DataFrame) -> list[Row]:
    """Return density, effect of printing errors, and strength of designs."""
    densities = [f"{density:.4f}" for density in designs["relative_density"]]
    rows = [("relative density", [DASH, *densities])]
    for words, name in _PRINTED.items():
        if name in designs:
            rows.append((words, [DASH, *map(percent, designs[name])]))
    for words, name in _CARRIED.items():
        columns = [f"{name}_{case}" for case in LOAD_CASES]
        stress = designs[[column for column in columns if column in designs]]
        if len(stress.columns):
            least = zip(stress.min(axis=1), stress.idxmin(axis=1), strict=True)
            cells = [f"{value:.5f} ({str(case)[len(name) + 1 :]})" for value, case in least]
            rows.append((words, [DASH, *cells]))
    return rows


def moments_table(path: Path) -> list[Row]:
    """Return the moments of the data set.

    Cells of a column of the data set are: mean here, published, difference in standard errors,
    standard deviation here, published.
    """
    if not path.is_file():
        return []
    table = pd.read_csv(path)
    keys = ["mean", "published_mean", "mean_z", "std", "published_std"]
    table = table.reindex(columns=["column", *keys])
    return [
        (row["column"], [plain(row[key], 4) if pd.notna(row[key]) else DASH for key in keys])
        for row in table.to_dict("records")
    ]


def seconds_table(seconds: dict[str, float]) -> SecondsTable:
    """Return the time of each rule."""
    longest = max(seconds.values(), default=0) or 1
    rows = [(rule, duration(time), 100 * time / longest) for rule, time in seconds.items()]
    return SecondsTable(rows, duration(sum(seconds.values())))


def _with_quartiles(numbers: dict[str, Any], key: str) -> str:
    text = value_text(key, numbers.get(key))
    quartiles = [numbers.get(key.removesuffix("_median") + suffix) for suffix in _QUARTILES]
    if key.endswith("_median") and None not in quartiles:
        text += " (" + " to ".join(value_text(key, value) for value in quartiles) + ")"
    return text


def _label(key: str, proposal: str = "") -> tuple[str, str]:
    """Return heading and words of a key.

    The heading of an error is its measure, and the words name the design that has it.
    """
    measure = next((name for name in MEASURES if name in key), None)
    if key in _LABELS:
        return "", _LABELS[key]
    if measure is None:
        return "", " · ".join(name.replace("_", " ") for name in key.split("."))

    before, _, after = key.partition(measure)
    if before.startswith("better_than"):
        design = "refined design A" if "_refined" in before else "network’s best proposal"
        other = _OF["symmetric_lookup_" if "symmetric" in before else "lookup_", ""]
        words = f"share of targets where the {design} is closer than the {other}"
        return MEASURES[measure], words
    statistic = next((suffix for suffix in _STATISTICS if after.endswith(suffix)), "")
    of = before or proposal, after.removesuffix(statistic)
    words = _OF.get(of, f"{before}{after}".replace("_", " "))
    return MEASURES[measure], words + _STATISTICS.get(statistic, "")


def _r2(value: float | str | None) -> str:
    if value is None:
        return DASH
    return value if isinstance(value, str) else f"{value:.4f}"


def _tint(value: float | str | None, bound: float | None) -> float:
    """Return the opacity 0…1 of a cell's warning colour.

    There is none from ``bound`` on; it is full at 0.5 and below.
    """
    if bound is None or not isinstance(value, (int, float)):
        return 0
    return round(min(max((bound - value) / (bound - 0.5), 0), 1), 3)
