"""What the published data show when exact geometry is held against them; docs/findings.md quotes this script's tables.

    python benchmarks/findings.py [orthotropic_reference_sample.csv]

The file, which the second and third table need, lists designs (U only) with the nine constants that the published
network predicts for them, and marks lattice sets whose published stiffness depends on the order of the lattices.
"""

import sys
from collections import defaultdict

import numpy as np

from trussmap.homogenization import homogenize_cells, homogenize_topologies
from trussmap.lattice import compound, descriptor
from trussmap.lattice.elementary import elementary_lattice
from trussmap.lattice.graph import PeriodicGraph
from trussmap.rotation import rotation
from trussmap.stiffness import COMPONENTS, ORTHOTROPIC, ORTHOTROPIC_INDEX, rotate
from trussmap.tables import read_designs

FORBIDDEN = np.setdiff1d(np.arange(21), ORTHOTROPIC_INDEX)


def table(header, rows):
    print("| " + " | ".join(header) + " |\n" + "|---" * len(header) + "|")
    for row in rows:
        print("| " + " | ".join(map(str, row)) + " |")
    print()


def _forbidden(c):
    """Largest constant that orthotropy forbids over the largest entry."""
    return np.abs(c[..., FORBIDDEN]).max(-1) / np.abs(c).max(-1)


def orthotropy(draws=400):
    """Size of the constants that orthotropy forbids, over all lattice sets, random stretches U and densities."""
    topology = compound.topologies()[1]
    rng = np.random.default_rng(0)
    density = rng.uniform(*descriptor.DENSITY_RANGE, (len(topology), draws))
    stretch = rng.uniform(*descriptor.STRETCH_RANGE, (len(topology), draws, 3))
    stretch[:, 0], density[:, 0] = (0.5, 2.0, 1.0), 0.002  # the extremes as well
    maps = (stretch[..., None] * np.eye(3)).reshape(-1, 3, 3)
    c = homogenize_topologies(np.repeat(topology, draws), maps, density.ravel()).reshape(-1, draws, 21)
    off = _forbidden(c)
    worst = off.max(1)
    some = worst > 1e-6
    five = np.array([any(kind == 5 for kind, _ in members) for members in compound.LATTICE_SETS])
    occurs = (np.abs(c[..., FORBIDDEN]) > 1e-6 * c.max(-1, keepdims=True)).any((0, 1))
    plain = np.broadcast_to(np.eye(3), (len(topology), 3, 3)), np.full(len(topology), 0.05)
    unstretched = homogenize_topologies(topology, *plain)
    turned = rotate(unstretched, rotation(np.array([np.pi / 4, 0.0, 0.0])))
    still, also = _forbidden(unstretched) > 1e-6, _forbidden(turned) > 1e-6
    typical = np.median(off[some], axis=1)
    drawn = some[[*_ordered_sets()]].mean()
    table(
        ["", "value"],
        [
            ["lattice sets", len(some)],
            ["not orthotropic after U, a forbidden constant above 1e-6 of the largest entry", some.sum()],
            ["… of these without lattice 5", (some & ~five).sum()],
            ["lattice sets with lattice 5 that stay orthotropic", (~some & five).sum()],
            ["share of the sampled designs", f"{drawn:.1%}"],
            ["forbidden constants that occur", ", ".join(COMPONENTS[k] for k in FORBIDDEN[occurs])],
            ["largest forbidden constant over the largest entry", f"{worst.max():.3f}"],
            [
                "the same in the median over U, median set and worst set",
                f"{np.median(typical):.3f}, {typical.max():.3f}",
            ],
            ["not orthotropic even without stretch", still.sum()],
            ["… of these neither in axes turned by 45° about z", (still & also).sum()],
            ["largest over all other sets", f"{worst[~some].max():.0e}"],
        ],
    )


def _ordered_sets():
    """Number of the lattice set of all 2,744 ordered choices."""
    number = {members: k for k, members in enumerate(compound.LATTICE_SETS)}
    for index in np.ndindex((7,) * 3 + (2,) * 3):
        yield number[compound.lattice_set(index[:3], np.array(index[3:]) + 1)]


def topologies():
    """How many compounds differ, by what counts as different."""
    names = {}
    for members in compound.LATTICE_SETS:
        graphs = [elementary_lattice(kind).tiled(rep) for kind, rep in members]
        names[members] = compound.canonical_struts(compound.superpose(graphs))
    single = [tuple((k, 1) for k, _ in m) if all(rep == 2 for _, rep in m) else m for m in compound.LATTICE_SETS]
    table(
        ["counted", "number"],
        [
            ["ordered choices of types and tessellations", 14**3],
            ["lattice sets", len(names)],
            ["distinct geometries in the unit cube", len(set(names.values()))],
            ["… a set of doubled lattices alone counted as the set of single ones", len({names[m] for m in single})],
            ["… any doubled geometry counted as the single one", compound.topologies()[1].max() + 1],
            ["published", 262],
        ],
    )


def _members(design):
    return compound.lattice_set(design[descriptor.TYPES], design[descriptor.REPS])


def _label(members):
    return " + ".join(f"{kind} at {rep}×" for kind, rep in members)


def read(path):
    frame, designs = read_designs(path, orthotropic_only=True)
    frame = frame.to_pandas()
    published = frame[[f"{name}_ort" for name in ORTHOTROPIC]].to_numpy()
    keys, maps = descriptor.design_topology(designs), descriptor.orthotropic_map(designs)
    ours = homogenize_topologies(keys, maps, designs[:, descriptor.DENSITY])[:, ORTHOTROPIC_INDEX]
    return designs, published, ours, (frame["order_dependent_set"] == 1).to_numpy()


def _apart(a, b):
    """Deviation of stiffnesses (n, 9) pooled over the designs: alone, a light one shows the network's own error."""
    return np.linalg.norm(a - b) / np.linalg.norm(b)


def order_dependence(designs, published, ours, marked):
    """Deviation of the published stiffness from exact geometry, by which lattice is listed first."""
    rows = defaultdict(list)
    for row in np.flatnonzero(marked):
        first = int(designs[row, descriptor.TYPES][0]), int(designs[row, descriptor.REPS][0])
        rows[_members(designs[row]), first].append(row)
    table(
        ["lattice set", "listed first", "designs", "published against exact geometry"],
        [
            [_label(members), _label([first]), len(chosen), f"{_apart(published[chosen], ours[chosen]):.1%}"]
            for (members, first), chosen in sorted(rows.items())
        ],
    )
    print(f"All {np.sum(~marked)} other designs: {_apart(published[~marked], ours[~marked]):.1%}.\n")


def _r2(prediction, truth):
    return 1 - ((prediction - truth) ** 2).sum(0) / ((truth - truth.mean(0)) ** 2).sum(0)


def _vertical_twice(members):
    """Struts along z at 1× (lattices 0 and 3), which lattice 5 at 2× divides, and no other lattice at 2×."""
    return bool({(0, 1), (3, 1)} & set(members)) and [m for m in members if m[1] == 2] == [(5, 2)]


def doubled_struts(designs, published, ours, marked):
    """The vertical strut that stands twice in the published data."""
    sets = [_members(design) for design in designs]
    affected = np.array([_vertical_twice(members) for members in sets]) & ~marked
    mended = ours.copy()
    for row in np.flatnonzero(affected):
        graph = descriptor.design_graph(designs[row], "orthotropic")
        origin = int(np.flatnonzero(np.abs(graph.nodes).max(1) < 1e-9)[0])
        struts = np.vstack([graph.struts, [[origin, origin]]])
        graph = PeriodicGraph(graph.nodes, struts, np.vstack([graph.offsets, [[0, 0, 1]]]), graph.cell)
        mended[row] = homogenize_cells([graph], designs[row, 0])[0, ORTHOTROPIC_INDEX]
    third, rows = ORTHOTROPIC.index("C33"), []
    for name, chosen, values in (
        ("these sets, exact geometry", affected, ours),
        ("these sets, vertical strut twice", affected, mended),
        ("all other unmarked sets, exact geometry", ~affected & ~marked, ours),
    ):
        r2 = _r2(values[chosen], published[chosen])
        slope = (published[chosen, third] @ values[chosen, third]) / (values[chosen, third] @ values[chosen, third])
        lowest = f"{r2.min():.4f} ({ORTHOTROPIC[r2.argmin()]})"
        apart = f"{_apart(published[chosen], values[chosen]):.1%}"
        rows.append([name, chosen.sum(), f"{r2[third]:.4f}", lowest, f"{slope:.3f}", apart])
    table(["", "designs", "R² of C33", "lowest R² of the nine", "published C33 over ours", "all nine apart"], rows)
    dense = affected & (designs[:, descriptor.DENSITY] > 0.01)
    ratio = published[dense, third] / ours[dense, third]
    count = sum(map(_vertical_twice, compound.LATTICE_SETS))
    print(
        f"{count} of the {len(compound.LATTICE_SETS)} lattice sets are of this kind. Published C33 over that of exact"
    )
    print(f"geometry, at relative densities above 0.01: up to {ratio.max():.2f}, median {np.median(ratio):.2f}.\n")


if __name__ == "__main__":
    orthotropy()
    topologies()
    if len(sys.argv) > 1:
        sample = read(sys.argv[1])
        order_dependence(*sample)
        doubled_struts(*sample)
