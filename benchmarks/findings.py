"""What the published data show when exact geometry is held against them; docs/findings.md quotes
this script's tables.

    python benchmarks/findings.py [--designs 3000000] [orthotropic_reference_sample.csv]

The file, which the tables on finding 2 and 2b need, lists designs (U only) with the nine constants
that the published network predicts for them, and marks lattice sets whose published stiffness
depends on the order of the lattices. With ``--designs`` so many designs are homogenized, and their
means compared with those of the published data set in docs/results/findings.json.
"""

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd

from trussmap.base.io import write_json
from trussmap.data.dataset import PUBLISHED_DESIGNS
from trussmap.data.tables import read_designs
from trussmap.lattice import compound, descriptor
from trussmap.lattice.elementary import elementary_lattice
from trussmap.lattice.graph import PeriodicGraph
from trussmap.lattice.symmetry import match_nodes
from trussmap.mechanics.homogenization import (
    homogenize_designs,
    homogenize_lattice,
    homogenize_topologies,
)
from trussmap.tensors.rotation import rotation
from trussmap.tensors.stiffness import COMPONENTS, ORTHOTROPIC, ORTHOTROPIC_INDEX, rotate

FORBIDDEN = np.setdiff1d(np.arange(21), ORTHOTROPIC_INDEX)
#: Columns of a design whose first two moments are published.
_CONTROLS = np.r_[descriptor.DENSITY, descriptor.U, descriptor.V, descriptor.TYPES]
RESULT = Path(__file__).parents[1] / "docs" / "results" / "findings.json"
MOMENTS = Path(__file__).parents[1] / "resources" / "published_moments.csv"
#: A whole strut, and pieces of one that others cut in four or five: (from cut, to cut).
_WHOLE, _MIDDLE = [(0, 4)], [(1, 3)]
_OVERLAPPING = [(0, 3), (1, 4)]
#: Pieces that stay beside the parts of a divided strut in the published data, by lattice set, as
#: far as the published network tells: (lattice, direction of the strut without signs, cuts of the
#: strut, pieces, lattice that must be listed first for exact geometry).
_OCTET = ((1, 1), (0.5, 0.5, 0.0), 4, _WHOLE + _MIDDLE, (1, 1))
KEPT = {
    ((1, 1), (6, 2)): _OCTET,
    **{
        tuple(sorted(((1, 1), other, (6, 2)))): _OCTET
        for other in [(2, 1), (3, 1), (5, 1), (2, 2), (3, 2)]
    },
    ((1, 1), (1, 2), (6, 1)): (
        (6, 1),
        (0, 0, 1),
        5,
        [(0, 5), (0, 4), (1, 5), (1, 3), (2, 4)],
        (6, 1),
    ),
    ((0, 2), (3, 1), (5, 2)): ((3, 1), (0.5, 0.5, 0.5), 3, [(0, 3)], (3, 1)),
    ((2, 1), (5, 1), (5, 2)): ((2, 1), (0.5, 0.5, 0.5), 4, _WHOLE + _MIDDLE, (5, 1)),
    ((4, 1), (4, 2), (5, 2)): ((4, 1), (0.5, 0.5, 0.5), 4, _OVERLAPPING + _WHOLE, (4, 1)),
}


def table(header, rows):
    print("| " + " | ".join(header) + " |\n" + "|---" * len(header) + "|")
    for row in rows:
        print("| " + " | ".join(map(str, row)) + " |")
    print()


def _forbidden(c):
    """Largest constant that orthotropy forbids over the largest entry."""
    return np.abs(c[..., FORBIDDEN]).max(-1) / np.abs(c).max(-1)


def orthotropy(draws=400):
    """Size of the constants that orthotropy forbids, over all lattice sets, random stretches U and
    densities.
    """
    topology = compound.topologies()[1]
    rng = np.random.default_rng(0)
    density = rng.uniform(*descriptor.DENSITY_RANGE, (len(topology), draws))
    stretch = rng.uniform(*descriptor.STRETCH_RANGE, (len(topology), draws, 3))
    stretch[:, 0], density[:, 0] = (0.5, 2.0, 1.0), 0.002  # the extremes as well
    maps = (stretch[..., None] * np.eye(3)).reshape(-1, 3, 3)
    c = homogenize_topologies(np.repeat(topology, draws), maps, density.ravel()).reshape(
        -1, draws, 21
    )
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
            [
                "not orthotropic after U, a forbidden constant above 1e-6 of the largest entry",
                some.sum(),
            ],
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
    single = [
        tuple((k, 1) for k, _ in m) if all(rep == 2 for _, rep in m) else m
        for m in compound.LATTICE_SETS
    ]
    table(
        ["counted", "number"],
        [
            ["ordered choices of types and tessellations", 14**3],
            ["lattice sets", len(names)],
            ["distinct geometries in the unit cube", len(set(names.values()))],
            [
                "… a set of doubled lattices alone counted as the set of single ones",
                len({names[m] for m in single}),
            ],
            [
                "… any doubled geometry counted as the single one",
                compound.topologies()[1].max() + 1,
            ],
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
    """Deviation of stiffnesses (n, 9) pooled over the designs: alone, a light one shows the
    network's own error.
    """
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
            [
                _label(members),
                _label([first]),
                len(chosen),
                f"{_apart(published[chosen], ours[chosen]):.1%}",
            ]
            for (members, first), chosen in sorted(rows.items())
        ],
    )
    print(
        f"All {np.sum(~marked)} other designs: {_apart(published[~marked], ours[~marked]):.1%}.\n"
    )


def _r2(prediction, truth):
    return 1 - ((prediction - truth) ** 2).sum(0) / ((truth - truth.mean(0)) ** 2).sum(0)


def _vertical_twice(members):
    """Struts along z at 1× (lattices 0 and 3), which lattice 5 at 2× divides, and no other lattice
    at 2×.
    """
    return bool({(0, 1), (3, 1)} & set(members)) and [m for m in members if m[1] == 2] == [(5, 2)]


def _with_pieces(members, lattice, direction, cuts, pieces):
    """Compound of a lattice set in which ``pieces`` of some struts of one lattice stand beside
    their parts.

    ``direction`` (without signs) and ``cuts``, the number of parts, say which struts.
    """
    graph = compound.superpose([elementary_lattice(kind).tiled(rep) for kind, rep in members])
    shifts = np.stack(np.meshgrid(*[np.arange(-2, 3)] * 3, indexing="ij"), -1).reshape(-1, 3)
    points = (graph.nodes[:, None] + shifts).reshape(-1, 3)
    own = elementary_lattice(lattice[0]).tiled(lattice[1])
    struts, offsets = [graph.struts], [graph.offsets]
    for start, along in zip(own.nodes[own.struts[:, 0]], own.fractional_vectors, strict=True):
        at = (points - start) @ along / (along @ along)
        on = (
            (np.linalg.norm(points - start - at[:, None] * along, axis=1) < 1e-7)
            & (at > -1e-9)
            & (at < 1 + 1e-9)
        )
        parts = np.unique(at[on].round(9))
        if len(parts) == cuts + 1 and np.allclose(np.abs(along), direction):
            node, cell = match_nodes(graph.nodes, start + parts[:, None] * along)
            first, last = np.array(pieces).T
            struts.append(np.column_stack([node[first], node[last]]))
            offsets.append(cell[last] - cell[first])
    assert len(struts) > 1, f"no such strut in {_label(members)}"
    return PeriodicGraph(graph.nodes, np.concatenate(struts), np.concatenate(offsets))


def _vertical_strut(members):
    """The vertical strut of lattice 0 or 3, whole beside its halves."""
    return next(member for member in ((0, 1), (3, 1)) if member in members), (0, 0, 1), 2, [(0, 2)]


def _changed(sets, designs, marked=None):
    """{lattice set: (rows, compound)} of designs whose published stiffness is that of other than
    exact geometry.

    Two dictionaries: struts that stand twice whatever the order (finding 2b), and those that do in
    some orders (2).
    """
    twice, ordered = defaultdict(list), defaultdict(list)
    for row, members in enumerate(sets):
        if members in KEPT:
            first = int(designs[row, descriptor.TYPES][0]), int(designs[row, descriptor.REPS][0])
            if first != KEPT[members][4]:
                ordered[members].append(row)
        elif _vertical_twice(members):
            twice[members].append(row)
    return (
        {
            members: (rows, _with_pieces(members, *_vertical_strut(members)))
            for members, rows in twice.items()
        },
        {
            members: (rows, _with_pieces(members, *KEPT[members][:4]))
            for members, rows in ordered.items()
        },
    )


def doubled_struts(designs, published, ours, marked):
    """Struts that stand twice in the published data: always (finding 2b) and in some orders
    (finding 2).
    """
    twice, ordered = _changed([_members(design) for design in designs], designs)
    mended = ours.copy()
    for changed in (twice, ordered):
        for rows, graph in changed.values():
            mended[rows] = homogenize_lattice(
                graph, descriptor.orthotropic_map(designs[rows]), designs[rows, descriptor.DENSITY]
            )[:, ORTHOTROPIC_INDEX]
    table(
        [
            "lattice set, in the orders that disagree",
            "designs",
            "exact geometry",
            "with the pieces",
        ],
        [
            [_label(members), len(rows)]
            + [f"{_apart(published[rows], c[rows]):.1%}" for c in (ours, mended)]
            for members, (rows, _) in sorted(ordered.items())
        ],
    )
    affected = np.zeros(len(designs), bool)
    affected[[row for rows, _ in twice.values() for row in rows]] = True
    third, rows = ORTHOTROPIC.index("C33"), []
    for name, chosen, values in (
        ("these sets, exact geometry", affected, ours),
        ("these sets, vertical strut twice", affected, mended),
        ("all other unmarked sets, exact geometry", ~affected & ~marked, ours),
    ):
        r2 = _r2(values[chosen], published[chosen])
        slope = (published[chosen, third] @ values[chosen, third]) / (
            values[chosen, third] @ values[chosen, third]
        )
        lowest = f"{r2.min():.4f} ({ORTHOTROPIC[r2.argmin()]})"
        apart = f"{_apart(published[chosen], values[chosen]):.1%}"
        rows.append([name, chosen.sum(), f"{r2[third]:.4f}", lowest, f"{slope:.3f}", apart])
    table(
        [
            "",
            "designs",
            "R² of C33",
            "lowest R² of the nine",
            "published C33 over ours",
            "all nine apart",
        ],
        rows,
    )
    dense = affected & (designs[:, descriptor.DENSITY] > 0.01)
    ratio = published[dense, third] / ours[dense, third]
    count = sum(map(_vertical_twice, compound.LATTICE_SETS))
    print(
        f"{count} of the {len(compound.LATTICE_SETS)} lattice sets are of this kind. Published "
        f"C33 over that of exact"
    )
    print(
        f"geometry, at relative densities above 0.01: up to {ratio.max():.2f}, median "
        f"{np.median(ratio):.2f}.\n"
    )


def moments(count, seed=2022, block=100_000):
    """Means of ``count`` designs against the published ones, before and after the findings are put
    back in.

    What the two samples differ by in the means and squares of density, stretches and lattices,
    which are published too, is taken out by regression (control variates), which halves the
    standard errors.
    """
    names = [f"{name}_ort" for name in ORTHOTROPIC] + COMPONENTS
    number = np.array([*_ordered_sets()]).reshape((7,) * 3 + (2,) * 3)
    concerned = np.array(
        [members in KEPT or _vertical_twice(members) for members in compound.LATTICE_SETS]
    )
    total, products, kept = 0.0, 0.0, []
    for start in range(0, count, block):
        designs = descriptor.sample_designs(seed, start, min(start + block, count))
        c = _both(designs, homogenize_designs(designs, True), homogenize_designs(designs))
        joint = np.hstack([np.ones((len(c), 1)), _controls(designs), c])
        total, products = total + joint.sum(0), products + joint.T @ joint
        choice = np.hstack([designs[:, descriptor.TYPES], designs[:, descriptor.REPS] - 1]).astype(
            int
        )
        own = concerned[number[tuple(choice.T)]]
        kept.append((designs[own], c[own]))
    designs, exact = (np.concatenate(parts) for parts in zip(*kept, strict=True))
    shift, shares = [], []
    for changed in _changed([_members(design) for design in designs], designs):
        c = exact.copy()
        for rows, graph in changed.values():
            own = designs[rows]
            maps = descriptor.orthotropic_map(own), descriptor.deformation_map(own)
            c[rows] = _both(
                own, *(homogenize_lattice(graph, m, own[:, descriptor.DENSITY]) for m in maps)
            )
        shift.append((c - exact).sum(0) / count)
        shares.append(sum(len(rows) for rows, _ in changed.values()) / count)
    published = pd.read_csv(MOMENTS, comment="#").set_index("column")
    controls = len(total) - len(names)
    slope = np.linalg.solve(products[:controls, :controls], products[:controls, controls:])
    rest = np.diag(products)[controls:] - (slope * products[:controls, controls:]).sum(0)
    error = np.sqrt(rest / count * (1 / count + 1 / PUBLISHED_DESIGNS))
    apart = published.loc[names, "mean"].to_numpy() - _published_controls(published) @ slope
    after = apart - sum(shift)
    columns = {"apart": apart, "error": error, "twice": shift[0], "orders": shift[1], "rest": after}
    rows = [
        {"constant": name} | {key: 1e6 * v[k] for key, v in columns.items()}
        for k, name in enumerate(names)
    ]
    print(
        f"{count:,} designs against the published {PUBLISHED_DESIGNS:,}; differences of the means "
        f"in 1e-6.\n"
    )
    table(
        [
            "constant",
            "published − exact",
            "standard error",
            "strut twice",
            "orders",
            "left",
            "z",
            "z of what is left",
        ],
        [
            [row["constant"], *(f"{row[key]:+.1f}" for key in columns)]
            + [f"{row[key] / row['error']:+.1f}" for key in ("apart", "rest")]
            for row in rows
        ],
    )
    return {"designs": count, "share_twice": shares[0], "share_orders": shares[1], "rows": rows}


def _controls(designs):
    """Columns of designs whose means and mean squares are published (n, 23)."""
    columns = designs[:, _CONTROLS]
    return np.hstack([columns, designs[:, descriptor.REPS], columns**2])


def _published_controls(published):
    """The same of the published data set, with a leading 1."""
    own = published.loc[[descriptor.DESIGN_COLUMNS[k] for k in _CONTROLS]]
    reps = published.loc[descriptor.DESIGN_COLUMNS[descriptor.REPS], "mean"] + 1  # 0 and 1 there
    return np.concatenate([[1.0], own["mean"], reps, own["mean"] ** 2 + own["std"] ** 2])


def _both(designs, orthotropic, full):
    """The nine constants after U and the 21 of the whole map (n, 30)."""
    return np.hstack([orthotropic[:, ORTHOTROPIC_INDEX], full])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--designs", type=int, help="homogenize so many and write docs/results/findings.json"
    )
    parser.add_argument("sample", nargs="?")
    asked = parser.parse_args()
    orthotropy()
    topologies()
    if asked.sample:
        sample = read(asked.sample)
        order_dependence(*sample)
        doubled_struts(*sample)
    if asked.designs:
        write_json(moments(asked.designs), RESULT)
