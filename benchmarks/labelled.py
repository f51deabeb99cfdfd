"""Lattices whose compliances others computed, against ours: how far apart, and why.

    python benchmarks/labelled.py FILE.lat [FILE.lat …] --out docs/results/validation.json

FILE: catalogues with compliances, as `trussmap homogenize-cells FILE OUT --compare` reads them.
They are not copied. Every compliance is compared with that of exact Timoshenko beams, and with
those of the beams by which it may have been made (`MODELS`). Writes the numbers, and the figure
docs/validation.png.
"""

import argparse
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

import numpy as np

from trussmap.base.io import write_json
from trussmap.crystal.catalogue import take_catalogue
from trussmap.crystal.labels import Row, label_errors
from trussmap.figures import style
from trussmap.lattice.graph import PeriodicGraph
from trussmap.mechanics.homogenization.reference import beam_stiffness, homogenize_elements
from trussmap.tensors.stiffness import POISSON_RATIO, mandel_compliance

#: Shear coefficient of circular sections, exact and of Abaqus, and Abaqus' slenderness compensation
#: factor (Abaqus Analysis User's Guide, Choosing a beam element: transverse shear stiffness).
KAPPA = 6 * (1 + POISSON_RATIO) / (7 + 6 * POISSON_RATIO)
ABAQUS_KAPPA = 0.89
COMPENSATION = 0.25
#: Elements for each bar that models with linear elements are tried with.
ELEMENTS = (3, 4, 5)
#: φ of a strut with exact shear: 12 EI/(κGA l²) is this times (r/l)².
PHI = 6 * (1 + POISSON_RATIO) / KAPPA
#: Error of the sway compliance of a slender strut of four B31 elements.
MESH = (1 - COMPENSATION * 2 * (1 + POISSON_RATIO) / ABAQUS_KAPPA) / 4**2


def shear_share(graph: PeriodicGraph, radii: np.ndarray, elements: int, window: bool) -> np.ndarray:
    """φ (m,) of struts of linear shear-flexible elements (Abaqus B31), so many for each bar.

    An element of length l is exact under constant curvature. Its shear compliance is l/(κGA), and,
    for the compensation factor ξ, ξ l³/(12 κG I) more; where that falls short of l³/(12 EI), which
    bending in sway adds, the element is too stiff. φ is shear over bending compliance of the strut
    in sway. With a ``window``, each piece of a strut between the faces of the cell is one bar.
    """
    shear = 2 * (1 + POISSON_RATIO) / ABAQUS_KAPPA
    cubes = window_cubes(graph) if window else np.ones(len(radii))
    return (
        3 * shear * (radii / graph.lengths) ** 2 + (COMPENSATION * shear - 1) * cubes / elements**2
    )


def window_cubes(graph: PeriodicGraph) -> np.ndarray:
    """Sums (m,) of the cubes of the shares into which the faces of the cell cut each strut."""
    cubes = np.empty(len(graph.struts))
    starts = graph.nodes[graph.struts[:, 0]]
    for strut, (start, vector) in enumerate(zip(starts, graph.fractional_vectors, strict=True)):
        cuts = [0.0, 1.0]
        for x, dx in zip(start, vector, strict=True):
            if abs(dx) > 1e-6:
                faces = np.arange(np.ceil(min(x, x + dx)), max(x, x + dx))
                cuts += [*((faces - x) / dx)]
        cubes[strut] = (np.diff(np.unique(np.round(cuts, 4))) ** 3).sum()
    return cubes


def struts_with(graph: PeriodicGraph, radii: np.ndarray, phi: np.ndarray) -> np.ndarray:
    """Stiffness (m, 12, 12) of struts whose shear over bending compliance in sway is ``phi`` (m,)."""
    lengths = graph.lengths
    stiffness = beam_stiffness(lengths, radii, POISSON_RATIO)
    exact = PHI * (radii / lengths) ** 2
    inertia = np.pi * radii**4 / 4
    change = 3 * inertia / lengths * (1 / (1 + phi) - 1 / (1 + exact))
    for across, turn, sign in ((1, 5, 1), (2, 4, -1)):
        sway = np.zeros((len(lengths), 12))
        sway[:, across] = 2 / lengths
        sway[:, across + 6] = -2 / lengths
        sway[:, [turn, turn + 6]] = sign
        stiffness = stiffness + change[:, None, None] * sway[:, :, None] * sway[:, None, :]
    return stiffness


def _b31(elements: int, window: bool) -> Callable[[PeriodicGraph, np.ndarray], np.ndarray]:
    return lambda graph, radii: shear_share(graph, radii, elements, window)


#: Beams by which labels may have been made: φ (m,) of the struts of a lattice with radii (m,).
MODELS: dict[str, Callable[[PeriodicGraph, np.ndarray], np.ndarray]] = {
    "Timoshenko": lambda graph, radii: PHI * (radii / graph.lengths) ** 2,
    "Euler–Bernoulli": lambda graph, radii: np.zeros(len(radii)),
    **{f"B31, {n} for each strut": _b31(n, window=False) for n in ELEMENTS},
    **{f"B31, {n} for each bar": _b31(n, window=True) for n in ELEMENTS},
}


def rounding(compliance: np.ndarray) -> float:
    """Relative change of the stiffness where its compliance (6, 6), Mandel, is given in five
    digits.
    """
    exponent = np.floor(np.log10(np.maximum(np.abs(compliance), 1e-300)))
    rounded = np.round(compliance / 10 ** (exponent - 4)) * 10 ** (exponent - 4)
    change = np.linalg.inv(rounded) - np.linalg.inv(compliance)
    return float(np.linalg.norm(change) / np.linalg.norm(np.linalg.inv(compliance)))


def asymmetry(label: np.ndarray, ours: np.ndarray) -> float:
    """Relative difference of S11 and S22 of a label (6, 6) whose lattice has them equal, else 0."""
    if abs(ours[0, 0] / ours[1, 1] - 1) > 1e-6:
        return 0.0
    return float(abs(label[0, 0] / label[1, 1] - 1))


def measure(path: Path) -> tuple[list[dict], np.ndarray]:
    """Rows on the compliances of a file, and their errors (n, models, 2) of stiffness and
    compliance.
    """
    rows = []
    errors = []
    taken = take_catalogue(path)
    for problem in [*taken.faults, *taken.notes]:
        print(problem)
    for cell in taken.cells:
        for density in cell.compliance:
            graph, exact_density = cell.at(density)
            radii = graph.radii(exact_density)
            struts = [struts_with(graph, radii, phi(graph, radii)) for phi in MODELS.values()]
            stiffness = [homogenize_elements(graph, elements) for elements in struts]
            errors.append([label_errors(Row(cell, density, c)) for c in stiffness])
            slenderness = radii / graph.lengths
            ours = mandel_compliance(stiffness[0])
            rows.append(
                {
                    "file": path.stem,
                    "cell": cell.name,
                    "relative_density": density,
                    "radius_over_length_median": _digits(np.median(slenderness)),
                    "radius_over_length_largest": _digits(slenderness.max()),
                    "rounding": _digits(rounding(ours)),
                    "asymmetry": _digits(asymmetry(cell.compliance[density], ours)),
                }
            )
    return rows, np.array(errors)


def summarize(rows: list[dict], errors: np.ndarray) -> dict:
    """Numbers of a file and its errors by each model; adds those of exact beams to the rows."""
    quantiles = np.nanquantile(errors, [0.5, 0.9, 1.0], axis=0)
    models = {
        name: {
            measure: dict(zip(("median", "most", "worst"), map(_digits, each), strict=True))
            for measure, each in zip(("stiffness", "compliance"), quantiles[:, k].T, strict=True)
        }
        for k, name in enumerate(MODELS)
    }
    closest = int(np.argmin(quantiles[0, :, 1]))
    for row, each in zip(rows, errors, strict=True):
        row["stiffness_error"] = _digits(each[0, 0])
        row["compliance_error"] = _digits(each[0, 1])
        row["compliance_error_of_closest"] = _digits(each[closest, 1])
    slenderness = [row["radius_over_length_median"] for row in rows]
    least_symmetric = max(rows, key=lambda row: row["asymmetry"])
    return {
        "cells": len({row["cell"] for row in rows}),
        "compliances": len(rows),
        "radius_over_length": [min(slenderness), max(slenderness)],
        "rounding_worst": max(row["rounding"] for row in rows),
        "least_symmetric": {key: least_symmetric[key] for key in ("cell", "asymmetry")},
        "closest": list(MODELS)[closest],
        "models": models,
    }


def _digits(value: float) -> float:
    return float(f"{value:.4g}")


def draw(rows: list[dict], summary: dict, path: Path) -> None:
    """Errors of the compliance against slenderness, by exact beams and by those of each file."""
    looks = zip((style.DESIGN_A, style.HERE, style.DESIGN_B), "osD", strict=True)
    with style.figure(path, 9.6, 4.4) as fig:
        axes = fig.subplots(1, 2, sharex=True, sharey=True)
        fig.subplots_adjust(left=0.09, right=0.985, top=0.92, bottom=0.12, wspace=0.06)
        for file, (color, marker) in zip(summary, cycle(looks), strict=False):
            own = [row for row in rows if row["file"] == file]
            x = [row["radius_over_length_median"] for row in own]
            labels = (file, f"{file}: {summary[file]['closest']}")
            for ax, name, label in zip(axes, ("", "_of_closest"), labels, strict=True):
                y = [row[f"compliance_error{name}"] for row in own]
                ax.plot(x, y, marker, ms=4.5, mew=0.4, mec="white", color=color, label=label)
        r = np.geomspace(0.006, 0.19, 50)
        shear = axes[0].plot(r, PHI * r**2, color=style.TARGET, lw=1.1)
        mesh = axes[0].plot(r, MESH / (1 + PHI * r**2), color=style.TARGET, lw=1.1, ls=(0, (4, 2)))
        lines = axes[0].legend(
            [*shear, *mesh],
            [
                "shear of a strut in sway, which Euler–Bernoulli beams lack",
                "four B31 elements for such a strut",
            ],
            loc="lower right",
            fontsize=8,
        )
        axes[0].legend(loc="lower left", bbox_to_anchor=(0.0, 0.12), fontsize=8)
        axes[0].add_artist(lines)
        axes[1].legend(loc="upper left", fontsize=8)
        axes[0].set_title("labels against exact Timoshenko beams")
        axes[1].set_title("labels against the beams that reproduce them")
        ticks = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1]
        for ax in axes:
            ax.set(xscale="log", yscale="log", xlim=(0.007, 0.18), ylim=(4e-7, 0.3))
            ax.set_yticks(ticks, [f"{100 * tick:g} %" for tick in ticks])
            ax.set_xticks([0.01, 0.02, 0.05, 0.1], ["0.01", "0.02", "0.05", "0.1"])
            ax.minorticks_off()
            ax.grid(True, lw=0.5)
            ax.set_xlabel("radius over length of the median strut")
        axes[0].set_ylabel("relative difference of the compliance, ‖ΔS‖/‖S‖")


def main(files: list[Path], out: Path) -> None:
    labels = []
    summary = {}
    for path in files:
        rows, errors = measure(path)
        summary[path.stem] = summarize(rows, errors)
        labels += rows
    write_json({"mesh_error": _digits(MESH), "files": summary, "labels": labels}, out)
    draw(labels, summary, Path(__file__).parents[1] / "docs" / "validation.png")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    main(given.files, given.out)
