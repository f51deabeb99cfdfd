"""How far the forces of decks in CalculiX are from exact beams: docs/results/deck.json.

    python benchmarks/deck.py > docs/results/deck.json      # needs ccx, and about two minutes

Parts of several lattices, densities and boxes: force by the strain energy and by the reactions of
both faces, with one and with two elements to a strut.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from trussmap.lattice.compound import compound
from trussmap.lattice.descriptor import design_graph, sample_designs
from trussmap.lattice.elementary import NAMES, elementary_lattice
from trussmap.lattice.graph import PeriodicGraph
from trussmap.parts.files import squeeze, squeezing_force, write_inp
from trussmap.parts.fill import Part, fill
from trussmap.parts.region import box
from trussmap.tensors.rotation import rotation

CELL_MM = 2.0
ELEMENTS = (1, 2)
YOUNGS_MODULUS = 114e3
#: Angle and axis of the lattices called turned.
TURN = np.array([0.6, 0.3, 0.5])


def diamond() -> PeriodicGraph:
    """Struts of the diamond net, which only bend."""
    cell = (np.ones((3, 3)) - np.eye(3)) / 2
    offsets = np.concatenate([np.zeros((1, 3), int), -np.eye(3, dtype=int)])
    struts = np.tile([0, 1], (4, 1))
    return PeriodicGraph(np.array([[0.0] * 3, [0.25] * 3]), struts, offsets, cell)


def thick_and_thin(graph: PeriodicGraph) -> PeriodicGraph:
    """A lattice whose struts have four different radii."""
    return replace(graph, areas=1.0 + np.arange(len(graph.struts)) % 4 * 2)


def parts() -> Iterator[tuple[str, float, Part]]:
    """Name, relative density and part of each row."""
    octet, centred = (elementary_lattice(NAMES.index(k)) for k in ("octet", "body_centred_cubic"))
    cubic = elementary_lattice(NAMES.index("simple_cubic"))
    mixed = compound((0, 2, 2), (1, 1, 1))
    sampled = [design_graph(design) for design in sample_designs(4, 1, 6)]
    turned = rotation(TURN[None])[0]
    rows: list[tuple[str, PeriodicGraph, float, tuple[float, float, float]]] = [
        ("octet", octet, 0.01, (4, 4, 4)),
        ("octet", octet, 0.1, (4, 4, 4)),
        ("octet", octet, 0.3, (4, 4, 4)),
        ("octet, turned", octet.mapped(turned), 0.05, (3, 3, 6)),
        ("simple cubic", cubic, 0.05, (6, 6, 6)),
        ("simple cubic, turned", cubic.mapped(turned), 0.05, (6, 6, 6)),
        ("body-centred", centred, 0.005, (4, 4, 4)),
        ("body-centred", centred, 0.05, (6, 6, 4)),
        ("body-centred", centred, 0.3, (4, 4, 4)),
        ("body-centred, tall", centred, 0.01, (4, 4, 10)),
        ("diamond", diamond(), 0.002, (6, 6, 6)),
        ("diamond", diamond(), 0.01, (6, 6, 6)),
        ("diamond", diamond(), 0.1, (6, 6, 6)),
        ("diamond", diamond(), 0.3, (6, 6, 6)),
        ("compound, four radii", thick_and_thin(mixed), 0.05, (4, 4, 4)),
        ("diamond, four radii", thick_and_thin(diamond()), 0.05, (5, 5, 8)),
        *((f"sampled design {k}", graph, 0.03, (2, 2, 3)) for k, graph in enumerate(sampled, 1)),
    ]
    for name, graph, density, size in rows:
        yield name, density, fill(graph, density, CELL_MM, box(size))


def solved(part: Part, elements: int) -> dict[str, float]:
    """Relative errors of the force by ccx, and its error."""
    with TemporaryDirectory() as name:
        deck = Path(name) / "part.inp"
        write_inp(deck, part, YOUNGS_MODULUS, elements=elements)
        reaction = "*NODE PRINT, NSET={}, TOTALS=ONLY\nRF\n"
        text = deck.read_text()
        both = reaction.format("ZMIN") + reaction.format("ZMAX")
        deck.write_text(text.replace(reaction.format("ZMIN"), both))
        run = subprocess.run(["ccx", "part"], cwd=name, capture_output=True, text=True)
        if run.returncode or "*ERROR" in run.stdout:
            raise RuntimeError(run.stdout[-2000:])
        results = (Path(name) / "part.dat").read_text()

    exact = squeezing_force(part, YOUNGS_MODULUS)
    lower, upper = (float(row.split()[-1]) for row in re.findall(r"set ZM.+\n\n(.+)", results))
    energy = float(re.search(r"set STRUTS.+\n\n(.+)", results)[1])
    return {
        "energy": round(2 * energy / squeeze(part) / exact - 1, 7),
        "lower": round(lower / exact - 1, 7),
        "upper": round(-upper / exact - 1, 7),
    }


def bending_share(part: Part) -> float:
    """Share of the energy that bends and twists: it grows by r⁴, that of the rest by r²."""
    step = 1e-4
    scaled = (replace(part, radii=part.radii * np.exp(x)) for x in (-step, step))
    lower, upper = (squeezing_force(each, 1.0) for each in scaled)
    return round(abs(np.log(upper / lower) / (2 * step) / 2 - 1), 4)


if __name__ == "__main__":
    rows = []
    for name, density, part in parts():
        row = {"name": name, "relative_density": density, "struts": len(part.struts)}
        row["box_mm"] = (part.region.high - part.region.low).tolist()
        row["slenderness"] = round(float(np.median(part.lengths / part.radii)) / 2, 2)
        row["bending"] = bending_share(part)
        row |= {f"elements_{count}": solved(part, count) for count in ELEMENTS}
        rows.append(row)
        print(row, file=sys.stderr, flush=True)
    version = subprocess.run(["ccx", "-v"], capture_output=True, text=True).stdout.split()[-1]
    runs = [row[f"elements_{count}"] for row in rows for count in ELEMENTS]
    apart = max(abs(run[face] - run["energy"]) for run in runs for face in ("lower", "upper"))
    print(json.dumps({"calculix": version, "reactions": apart, "parts": rows}, indent=1))
