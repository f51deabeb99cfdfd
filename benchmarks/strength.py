"""What lattices for bone carry and what errors of a printer do to them, and strut stresses beside
those of OpenSees.

    PYTHONPATH=build/benchmark python benchmarks/strength.py docs/results/strength.json    #
    OpenSees: `make benchmark`

Without OpenSeesPy its part is left as it is. docs/strength.md is made of the result (`make pages`).
"""

import argparse
import json
from pathlib import Path

import general_fe
import yaml

from trussmap.base.io import write_json
from trussmap.designs.table import Brief, Designs
from trussmap.lattice.descriptor import sample_designs
from trussmap.lattice.elementary import NAMES, elementary_lattice
from trussmap.learning.study import load_models
from trussmap.mechanics.printing import SENSITIVITY
from trussmap.mechanics.solver import Solver
from trussmap.mechanics.strength import LOAD_CASES
from trussmap.search.design import design_all
from trussmap.search.lattices import plain_lattices
from trussmap.search.request import Search, request_of
from trussmap.targets.reading import read_all_targets
from trussmap.tensors.material import Material

ROOT = Path(__file__).parents[1]
BLOCKS, DENSITY = (3, 5), 0.05
#: Families and objectives that are compared; the limit of radii is the one that stands where
#: nothing is said.
ASKED = {
    "published": {"family": "published"},
    "areas": {"family": "areas"},
    "areas, thickest": {"family": "areas", "maximise": "diameter"},
    "areas, as printed": {"family": "areas", "minimise": "printed_error"},
}


def blocks():
    """Rows (cell, nodes, largest difference in blocks of 3³ and 5³ cells) of elementary lattices
    and a few designs.
    """
    ops, package = general_fe.load()
    graphs = {name.replace("_", " "): elementary_lattice(k) for k, name in enumerate(NAMES)}
    graphs |= {
        f"design {seed}": plain_lattices(sample_designs(seed, 0, 1)).graph(0) for seed in (3, 8, 12)
    }
    rows, how = [], (DENSITY, list(LOAD_CASES.values()))
    for name, graph in graphs.items():
        off = {
            str(cells): float(general_fe.off_in_a_block(ops, graph, *how, cells).max())
            for cells in BLOCKS
        }
        rows.append(
            {"cell": name, "nodes": len(graph.nodes), "struts": len(graph.struts), "off": off}
        )
        print(rows[-1], flush=True)
    return {"package": package, "relative_density": DENSITY, "rows": rows}


def bone():
    """What the best design for each specimen carries, by what was asked for, and what errors of a
    printer do to it.
    """
    settings = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    own, printing = settings["bone"], settings["printing"]
    material = Material(own["youngs_modulus_gpa"], yield_stress=own["yield_stress_gpa"])
    targets = read_all_targets(ROOT / own["targets"], material)
    networks = load_models(None).networks
    search = Search(draws=300, keep=1)
    rows = []
    for asked, request in ASKED.items():
        request = request_of(request | printing, own["cell_size_mm"])
        batch = design_all(targets.goal, networks, Solver(material), search, request)
        table = Designs(Brief(targets, material, request), batch).table
        for name, row in zip(targets.names, table.to_dict("records"), strict=True):
            found = {
                key: row[key]
                for key in ("relative_error", "relative_density", "strut_diameter_mm", *SENSITIVITY)
            }
            for kind in ("yield_stress", "buckling_stress"):
                found[f"{kind}_mpa"] = {case: 1000 * row[f"{kind}_{case}"] for case in LOAD_CASES}
            rows.append({"specimen": name, "asked": asked} | found)
            print(rows[-1], flush=True)
    kept = {key: own[key] for key in ("youngs_modulus_gpa", "yield_stress_gpa", "cell_size_mm")}
    return {"settings": kept | printing, "rows": rows}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("path", type=Path)
    path = parser.parse_args().path
    found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    try:
        found["blocks"] = blocks()
    except ImportError as error:
        print(error)
    found["bone"] = bone()
    write_json(
        json.loads(json.dumps(found), parse_float=lambda text: float(f"{float(text):.6g}")), path
    )


if __name__ == "__main__":
    main()
