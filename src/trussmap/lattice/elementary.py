"""The seven elementary lattices (Bastek et al. 2022, SI Appendix, Fig. S1) as periodic graphs on
the unit cube.

Their numbers 0..6 are those of the published data set; the names are descriptive, not the paper's.
"""

import numpy as np

from trussmap.lattice.graph import PeriodicGraph

# name: (nodes in twelfths of the cube's edge, struts (i, j, ox, oy, oz) from node i to node j in
# the cell (ox, oy, oz)) Three of them have the struts of the body-centred cube: each is written
# out, to be read beside the published figure.
_TABLE = {
    "simple_cubic": (
        [
            (0, 0, 0),
        ],
        [
            (0, 0, 0, 0, 1),
            (0, 0, 0, 1, 0),
            (0, 0, 1, 0, 0),
        ],
    ),
    "octet": (
        [
            (0, 0, 0),
            (0, 6, 6),
            (6, 0, 6),
            (6, 6, 0),
        ],
        [
            (0, 1, 0, -1, -1),
            (0, 1, 0, -1, 0),
            (0, 1, 0, 0, -1),
            (0, 1, 0, 0, 0),
            (0, 2, -1, 0, -1),
            (0, 2, -1, 0, 0),
            (0, 2, 0, 0, -1),
            (0, 2, 0, 0, 0),
            (0, 3, -1, -1, 0),
            (0, 3, -1, 0, 0),
            (0, 3, 0, -1, 0),
            (0, 3, 0, 0, 0),
            (1, 2, -1, 0, 0),
            (1, 2, -1, 1, 0),
            (1, 2, 0, 0, 0),
            (1, 2, 0, 1, 0),
            (1, 3, -1, 0, 0),
            (1, 3, -1, 0, 1),
            (1, 3, 0, 0, 0),
            (1, 3, 0, 0, 1),
            (2, 3, 0, -1, 0),
            (2, 3, 0, -1, 1),
            (2, 3, 0, 0, 0),
            (2, 3, 0, 0, 1),
        ],
    ),
    "body_centred_cubic": (
        [
            (0, 0, 0),
            (6, 6, 6),
        ],
        [
            (0, 1, -1, -1, -1),
            (0, 1, -1, -1, 0),
            (0, 1, -1, 0, -1),
            (0, 1, -1, 0, 0),
            (0, 1, 0, -1, -1),
            (0, 1, 0, -1, 0),
            (0, 1, 0, 0, -1),
            (0, 1, 0, 0, 0),
        ],
    ),
    "bcc_with_vertical_struts": (
        [
            (0, 0, 0),
            (6, 6, 6),
        ],
        [
            (0, 0, 0, 0, 1),
            (0, 1, -1, -1, -1),
            (0, 1, -1, -1, 0),
            (0, 1, -1, 0, -1),
            (0, 1, -1, 0, 0),
            (0, 1, 0, -1, -1),
            (0, 1, 0, -1, 0),
            (0, 1, 0, 0, -1),
            (0, 1, 0, 0, 0),
        ],
    ),
    "bcc_with_horizontal_struts": (
        [
            (0, 0, 0),
            (6, 6, 6),
        ],
        [
            (0, 0, 0, 1, 0),
            (0, 0, 1, 0, 0),
            (0, 1, -1, -1, -1),
            (0, 1, -1, -1, 0),
            (0, 1, -1, 0, -1),
            (0, 1, -1, 0, 0),
            (0, 1, 0, -1, -1),
            (0, 1, 0, -1, 0),
            (0, 1, 0, 0, -1),
            (0, 1, 0, 0, 0),
        ],
    ),
    "mirrored_diamond": (
        [
            (0, 0, 0),
            (0, 6, 6),
            (3, 3, 3),
            (3, 3, 9),
            (6, 0, 6),
            (6, 6, 0),
            (9, 9, 3),
            (9, 9, 9),
        ],
        [
            (0, 2, 0, 0, 0),
            (0, 3, 0, 0, -1),
            (0, 6, -1, -1, 0),
            (0, 7, -1, -1, -1),
            (1, 2, 0, 0, 0),
            (1, 3, 0, 0, 0),
            (1, 6, -1, 0, 0),
            (1, 7, -1, 0, 0),
            (2, 4, 0, 0, 0),
            (2, 5, 0, 0, 0),
            (3, 4, 0, 0, 0),
            (3, 5, 0, 0, 1),
            (4, 6, 0, -1, 0),
            (4, 7, 0, -1, 0),
            (5, 6, 0, 0, 0),
            (5, 7, 0, 0, -1),
        ],
    ),
    "honeycomb_columns": (
        [
            (0, 0, 0),
            (0, 2, 0),
            (0, 10, 0),
            (6, 4, 0),
            (6, 8, 0),
        ],
        [
            (0, 1, 0, 0, 0),
            (0, 2, 0, -1, 0),
            (1, 1, 0, 0, 1),
            (1, 3, -1, 0, 0),
            (1, 3, 0, 0, 0),
            (2, 2, 0, 0, 1),
            (2, 4, -1, 0, 0),
            (2, 4, 0, 0, 0),
            (3, 3, 0, 0, 1),
            (3, 4, 0, 0, 0),
            (4, 4, 0, 0, 1),
        ],
    ),
}

NAMES = list(_TABLE)


def elementary_lattice(index: int) -> PeriodicGraph:
    """Elementary lattice ``index`` (0..6) as a PeriodicGraph on the unit cube.

    >>> lattice = elementary_lattice(0)  # simple cubic
    >>> len(lattice.nodes), len(lattice.struts), float(lattice.radii(0.1)[0].round(4))
    (1, 3, 0.103)
    """
    nodes, struts = (np.array(part) for part in _TABLE[NAMES[index]])
    return PeriodicGraph(nodes / 12, struts[:, :2], struts[:, 2:])
