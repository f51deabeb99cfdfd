"""What a part of 20,000 struts takes, with all its files: random designs in boxes, CPU seconds of
this process.

    python benchmarks/parts.py [relative density] [first design] [designs]

What is printed stands in README.md, under "To the part".
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

from trussmap.lattice.descriptor import design_graph, sample_designs
from trussmap.parts.files import write_part
from trussmap.parts.fill import fill
from trussmap.parts.region import box

STRUTS = 20_000


def main(density: float = 0.05, first: int = 0, count: int = 8) -> None:
    for k in range(first, first + count):
        graph = design_graph(sample_designs(4, k, k + 1)[0])
        region = box(
            [(0.92 * STRUTS / len(graph.struts)) ** (1 / 3)] * 3
        )  # those that are cut come on top
        with TemporaryDirectory() as folder:
            cpu, wall = process_time(), perf_counter()
            facts = write_part(Path(folder) / "part", fill(graph, density, 1.0, region), 114e3)
            took = f"{process_time() - cpu:.1f} s of CPU time, {perf_counter() - wall:.1f} s"
            size = (Path(folder) / "part.stl").stat().st_size / 1e6
        print(
            f"design {k}, relative density {density:g}: {facts['struts']} struts, {took}, STL of "
            f"{size:.0f} MB",
            flush=True,
        )


if __name__ == "__main__":
    main(*(float(sys.argv[k]) if k == 1 else int(sys.argv[k]) for k in range(1, len(sys.argv))))
