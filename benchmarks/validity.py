"""Beams or solids: the stiffness of cells as beams and as solids of the same struts, from ρ = 0.005
to 0.1.

    python benchmarks/validity.py docs/results/validity.json                  # goes on where it was
    cut off python benchmarks/validity.py docs/results/validity.json --summary        # only what
    the page says of what is there

NGSolve (`pip install ngsolve==6.2.2608`) solves the solids, see `solid.py`. An entry of ``solved``
is one cell at one relative density: both stiffnesses (21 constants, base modulus 1), the volume
fraction of the solid, mesh and order. Cells whose struts overlap beyond their middle, or touch
without a common node, are no trusses and are left out, as are those whose struts are too long for
their radius (`ORDERS`); ``skipped`` says which.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from scipy.optimize import least_squares

from trussmap.base.io import write_json
from trussmap.figures import style
from trussmap.lattice.compound import superpose
from trussmap.lattice.descriptor import DENSITY, design_graph, sample_designs
from trussmap.lattice.elementary import elementary_lattice
from trussmap.lattice.symmetry import primitive_cell
from trussmap.mechanics.homogenization import homogenize_cells
from trussmap.mechanics.solids import BENDING, STRETCHING, crowding, solid_stiffness
from trussmap.tensors.measures import DIRECTIONS, modulus_error, relative_error
from trussmap.tensors.stiffness import directional_modulus, unpack

DENSITIES = [0.1, 0.05, 0.02, 0.01, 0.005]
#: Seed and first and last of the sampled designs that the estimate is applied to.
SAMPLE = (2022, 0, 500)
#: Errors whose densities are looked for.
LEVELS = [0.05, 0.1, 0.2]
#: Errors that the figure's axes name.
ERRORS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0]
#: Order of the displacements, by the strut length of the primitive cell, in radii, up to which 10
#: GB of memory allow; longer ones are not solved.
ORDERS = {4: 550, 3: 1000}
#: Elements per circumference (netgen's curvature safety) of all solids, and other settings to
#: compare with.
SAFETY = 1.0
OTHERS = [{"order": 2, "safety": 1.0}, {"order": 3, "safety": 1.0}, {"order": 4, "safety": 2.0}]
COMPARED = {"simple cubic": [0.1, 0.01], "bcc": [0.1, 0.01, 0.005], "octet": [0.1]}
#: Lattice sets, as (type, tessellation).
LATTICES = {
    "simple cubic": [(0, 1)],
    "octet": [(1, 1)],
    "bcc": [(2, 1)],
    "bcc, vertical struts": [(3, 1)],
    "bcc, horizontal struts": [(4, 1)],
    "mirrored diamond": [(5, 1)],
    "honeycomb columns": [(6, 1)],
    "simple cubic + bcc": [(0, 1), (2, 1)],
    "simple cubic 2× + octet": [(0, 2), (1, 1)],
    "simple cubic + mirrored diamond": [(0, 1), (5, 1)],
    "bcc + mirrored diamond": [(2, 1), (5, 1)],
    "octet + mirrored diamond": [(1, 1), (5, 1)],
    "simple cubic + octet": [(0, 1), (1, 1)],
}
#: Designs, as of `trussmap design resources/bone_targets_gpa.csv --youngs-modulus 114`: stretched
#: and turned.
DESIGNS = {
    "bone design 2B": "0.04407003013081687,1.0345883022151428,1.1962839055610892,0.995984180685497,0,1,2,1,1,1,"
    "2.1627554135796383,-0.9211929936139138,0.02132785884402676,4.356562212960322,-0.5447954274838034,"
    "0.6150183938989426,0.9632828930270154,1.1560782008810442,0.5",
    "bone design 4A": "0.014945832716739623,1.3233596588627876,1.2695179111625405,1.5791702086102661,1,4,1,1,1,1,"
    "2.24615808714919,-0.7978857854068733,-0.6009108478940888,1.4797987561116992,-0.022938930321064973,"
    "-0.9875590278874667,1.3014128251474544,0.9961091299730137,0.7126496339187227",
}
#: A lattice under stretches alone, U of a design: bcc and octet.
STRETCHED = {
    "bcc, stretched": ([(2, 1)], [0.75, 1.0, 1.6]),
    "octet, stretched": ([(1, 1)], [0.75, 1.0, 1.6]),
}


def cells():
    """{name: (PeriodicGraph, densities)}."""

    def lattice(members):
        return superpose([elementary_lattice(number).tiled(rep) for number, rep in members])

    found = {name: (lattice(members), DENSITIES) for name, members in LATTICES.items()}
    for name, (members, stretch) in STRETCHED.items():
        found[name] = (lattice(members).mapped(np.diag(stretch)), DENSITIES)
    for name, row in DESIGNS.items():
        design = np.array(row.split(","), float)
        found[name] = (
            design_graph(design),
            sorted({*DENSITIES[:3], round(float(design[0]), 6)}, reverse=True),
        )
    return found


def tasks():
    """Rows (strut length in radii, cell, graph, density, setting) of all that is to be solved,
    cheap ones first.
    """
    rows = []
    for name, (graph, densities) in cells().items():
        graph = primitive_cell(graph)
        for density in densities:
            length = float(graph.lengths.sum() / graph.radii(density)[0])
            others = OTHERS if density in COMPARED.get(name, []) else []
            order = next((order for order, most in ORDERS.items() if length <= most), None)
            for setting in ({"order": order, "safety": SAFETY}, *others):
                finer = (setting["order"] or 3) ** 3 / 64 * setting["safety"] ** 2
                rows.append((length * finer, length, name, graph, density, setting))
    return sorted(rows, key=lambda row: row[0])


def run(path):
    import solid

    found = (
        json.loads(path.read_text(encoding="utf-8"))
        if path.exists()
        else {"package": solid.NAME, "solved": [], "skipped": []}
    )
    for _, length, name, graph, density, setting in tasks():
        key = {"cell": name, "relative_density": density}
        if any(entry.items() >= (key | setting).items() for entry in found["solved"]):
            continue
        if any(entry.items() >= key.items() for entry in found["skipped"]):
            continue
        reason = crowding(graph, 1.02 * graph.radii(density))
        reason = reason or (f"{length:.0f} radii of struts" if setting["order"] is None else None)
        if not reason:
            try:
                result = solid.homogenize(graph, graph.radii(density)[0], **setting)
            except ValueError as error:
                reason = str(error)
        if reason:
            found["skipped"].append(key | {"reason": reason})
        else:
            beams = homogenize_cells([graph], density)[0]
            entry = (
                key
                | setting
                | {"volume_fraction": _short(result.volume_fraction), "unknowns": result.unknowns}
            )
            entry |= {"beams": _short(beams), "solid": _short(result.stiffness)}
            found["solved"].append(entry)
        write_json(found, path)
        print(name, density, setting, reason or result.unknowns, file=sys.stderr, flush=True)
    return found


def missing(found):
    """Cells and densities that were neither solved nor skipped, as after a run that was cut off."""
    known = {(e["cell"], e["relative_density"]) for e in found["skipped"]}
    known |= {(e["cell"], e["relative_density"]) for e in found["solved"]}
    wanted = [(name, density) for name, (_, densities) in cells().items() for density in densities]
    return [{"cell": n, "relative_density": d} for n, d in wanted if (n, d) not in known]


def summarize(found):
    """What the page says: solids by their highest order, densities of given errors, the fit and the
    convergence.
    """
    graphs = {name: primitive_cell(graph) for name, (graph, _) in cells().items()}
    best = sorted((e for e in found["solved"] if e["safety"] == SAFETY), key=lambda e: e["order"])
    entries = list({(e["cell"], e["relative_density"]): e for e in best}.values())
    entries.sort(key=lambda entry: (list(graphs).index(entry["cell"]), -entry["relative_density"]))
    rows = [_describe(entry, graphs[entry["cell"]]) for entry in entries]
    crossings = []
    for name in dict.fromkeys(row["cell"] for row in rows):
        own = [row for row in rows if row["cell"] == name]
        crossings.append(
            {"cell": name}
            | {m: _crossings(own, m) for m in ("relative_error", "modulus_error_median")}
        )
    left = [_describe(entry, graphs[entry["cell"]], "estimate") for entry in entries]
    estimate = {"count": len(left), "shares": _short(fit(entries, graphs))}
    for measure in ("relative_error", "modulus_error_median", "modulus_error_largest"):
        errors = [row[measure] for row in left]
        estimate[measure] = {"median": _short(np.median(errors)), "largest": max(errors)}
    for row, other in zip(rows, left, strict=True):
        row["estimate_modulus_error_median"] = other["modulus_error_median"]
    return {
        "rows": rows,
        "crossings": crossings,
        "estimate": estimate,
        "convergence": _convergence(found),
        "sampled": _sampled(),
    }


def fit(entries, graphs):
    """Shares of the overlap by which struts are shortened, by least squares of log E(n) and of ‖C‖
    over all solids.
    """
    directions = DIRECTIONS[::20]

    def residuals(shares):
        out = []
        for entry in entries:
            solid = np.array(entry["solid"])
            own = solid_stiffness(graphs[entry["cell"]], entry["relative_density"], shares=shares)
            ratio = directional_modulus(own, directions) / directional_modulus(solid, directions)
            out += [np.log(ratio) / len(directions) ** 0.5, relative_error(own, solid)[None]]
        return np.concatenate(out)

    return least_squares(residuals, (STRETCHING, BENDING), diff_step=1e-3).x


def _sampled():
    """What is to be expected of the designs that a study samples, at their own densities."""
    designs = sample_designs(*SAMPLE)
    gains = []
    for design in designs:
        graph, density = primitive_cell(design_graph(design)), design[DENSITY]
        if not crowding(graph, graph.radii(density)):
            solid, beams = (
                solid_stiffness(graph, density),
                solid_stiffness(graph, density, shares=(0, 0)),
            )
            gains.append((relative_error(solid, beams), modulus_error(solid, beams)[0]))
    low, middle, high = np.quantile(gains, [0.05, 0.5, 0.95], axis=0)
    found = {"designs": len(designs), "crowded_share": 1 - len(gains) / len(designs)}
    for k, measure in enumerate(("relative_error", "modulus_error_median")):
        found[measure] = _short([low[k], middle[k], high[k]])
    return found


def _describe(entry, graph, against="beams"):
    """How far the solid is from the beams, or the ``estimate`` of `solid_stiffness` from the solid."""
    density, solid = entry["relative_density"], np.array(entry["solid"])
    if against == "estimate":
        solid, beams = solid_stiffness(graph, density), solid
    else:
        beams = np.array(entry["beams"])
    middle, largest = modulus_error(solid, beams)
    bulk, shear = np.array(_isotropic_moduli(solid)) / _isotropic_moduli(beams)
    same_volume = homogenize_cells([graph], entry["volume_fraction"])[0]
    row = {
        "volume_fraction": entry["volume_fraction"],
        "relative_error": relative_error(solid, beams),
    }
    row |= {"modulus_error_median": middle, "modulus_error_largest": largest}
    row |= {"bulk_ratio": bulk, "shear_ratio": shear}
    row |= {"relative_error_same_volume": relative_error(solid, same_volume)}
    row |= {"modulus_error_median_same_volume": modulus_error(solid, same_volume)[0]}
    kept = {key: entry[key] for key in ("cell", "relative_density", "order")}
    return kept | {key: _short(value) for key, value in row.items()}


def _isotropic_moduli(stiffness):
    """Bulk and shear modulus under equal stresses, averaged over all directions (Reuss; Hill 1952)."""
    s = np.linalg.inv(unpack(stiffness))
    axial, cross, shear = (
        s.diagonal()[:3].sum(),
        s[0, 1] + s[0, 2] + s[1, 2],
        s.diagonal()[3:].sum(),
    )
    return 1 / (axial + 2 * cross), 15 / (4 * axial - 4 * cross + 3 * shear)


def _crossings(rows, measure):
    """Relative density at which a measure reaches each of `LEVELS`, between those solved; None
    where it does not.

    Errors go with the strut radius, so with the root of the density: below the thinnest solved, in
    proportion to it.
    """
    rows = sorted(rows, key=lambda row: row["relative_density"])
    roots = np.sqrt([0, *(row["relative_density"] for row in rows)])
    values = np.array([0, *(row[measure] for row in rows)])
    found = {}
    for level in LEVELS:
        above = np.flatnonzero(values >= level)
        if len(above):
            k = above[0]
            share = (level - values[k - 1]) / (values[k] - values[k - 1])
            found[str(level)] = _short((roots[k - 1] + share * (roots[k] - roots[k - 1])) ** 2)
        else:
            found[str(level)] = None
    return found


def _convergence(found):
    """Solids by other meshes and orders: how far each is from the finest, as shares of ‖C‖."""
    table = []
    for name, densities in COMPARED.items():
        for density in densities:
            own = [
                e for e in found["solved"] if e["cell"] == name and e["relative_density"] == density
            ]
            if len(own) < 2:
                continue
            finest = max(own, key=lambda e: e["unknowns"])
            for entry in sorted(own, key=lambda e: e["unknowns"]):
                off = relative_error(np.array(entry["solid"]), np.array(finest["solid"]))
                modulus = modulus_error(np.array(entry["solid"]), np.array(finest["solid"]))[1]
                kept = {
                    key: entry[key]
                    for key in ("cell", "relative_density", "order", "safety", "unknowns")
                }
                table.append(
                    kept | {"relative_error": _short(off), "modulus_error_largest": _short(modulus)}
                )
    return table


def draw(summary, path):
    """Errors of beams, and of beams shortened at their ends, against density, to ``path`` (PNG)."""
    rows = summary["rows"]
    names = list(dict.fromkeys(row["cell"] for row in rows))
    elementary = [name for name, members in LATTICES.items() if len(members) == 1]
    grey = [name for name in names if name not in elementary]
    look = {
        name: {"color": style.LATTICES[members[0][0]]}
        for name, members in LATTICES.items()
        if len(members) == 1
    }
    dashes = [
        (0, pattern)
        for pattern in ((4, 1.5), (1, 1), (4, 1, 1, 1), (7, 2), (2, 2), (7, 1, 1, 1, 1, 1))
    ]
    for k, name in enumerate(grey):
        color = (
            style.DESIGN_A
            if name in DESIGNS
            else style.DESIGN_B
            if name in STRETCHED
            else style.TARGET
        )
        look[name] = {"color": color, "ls": dashes[k % len(dashes)]}
    with style.figure(path, 11.6, 4.9) as fig:
        axes = fig.subplots(1, 3)
        fig.subplots_adjust(left=0.06, right=0.99, top=0.93, bottom=0.3, wspace=0.22)
        measures = {
            "relative_error": "‖ΔC‖/‖C‖",
            "modulus_error_median": "E(n) off by, median over directions",
        }
        for ax, (measure, label) in zip(axes, measures.items(), strict=False):
            for name in names:
                own = [
                    (row["relative_density"], row[measure]) for row in rows if row["cell"] == name
                ]
                ax.plot(*np.transpose(own), marker="o", ms=3, lw=1.3, label=name, **look[name])
            for level in LEVELS:
                ax.axhline(level, color=style.GUIDE, lw=0.8, zorder=0)
            ax.set(xlabel="relative density of the beams", title=label)
            ax.set_xscale("log")
            ax.set_xticks(DENSITIES, [f"{density:g}" for density in DENSITIES])
        ax = axes[2]
        for name in names:
            own = [
                (row["relative_density"], row["estimate_modulus_error_median"])
                for row in rows
                if row["cell"] == name
            ]
            ax.plot(*np.transpose(own), marker="o", ms=3, lw=1.3, **look[name])
        ax.set(
            xlabel="relative density of the beams",
            title="the same, of beams shortened at their ends",
            xscale="log",
        )
        ax.set_xticks(DENSITIES, [f"{density:g}" for density in DENSITIES])
        for ax in axes:
            ax.set_yscale("log")
            ax.set_ylim(0.005, 1.2)
            ax.set_yticks(ERRORS, [style.percent(error) for error in ERRORS])
            ax.minorticks_off()
        handles, labels = axes[0].get_legend_handles_labels()
        fig.legend(handles, labels, loc="lower center", ncols=5, fontsize=8)


def _short(value):
    """Numbers with six digits."""
    return np.vectorize(lambda x: float(f"{x:.6g}"))(np.asarray(value, float)).tolist()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("path", type=Path)
    parser.add_argument(
        "--summary", action="store_true", help="solve nothing, describe and draw what is there"
    )
    arguments = parser.parse_args()
    found = (
        json.loads(arguments.path.read_text(encoding="utf-8"))
        if arguments.summary
        else run(arguments.path)
    )
    found["missing"] = missing(found)
    found["summary"] = summarize(found)
    write_json(found, arguments.path)
    draw(found["summary"], Path(__file__).parents[1] / "docs" / "validity.png")


if __name__ == "__main__":
    main()
