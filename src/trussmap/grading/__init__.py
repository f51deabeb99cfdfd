"""Lattices graded in space: stiffness prescribed at sites, in a box or any closed shape.

`grade` has one topology carry all sites exactly: its cells change their cross-sections and node
positions from place to place, and where that is not enough their edges and angles too. `fade` joins
two given designs of unlike topologies instead, of which one fades out while the other fades in
(paper, p. 5 and Fig. 3B). Lengths are in mm.
"""

from trussmap.grading.design import Graded, fade, grade
from trussmap.grading.files import result_lines, write_graded
from trussmap.grading.sites import Sites, check_sites, read_sites

__all__ = [
    "Graded",
    "Sites",
    "check_sites",
    "fade",
    "grade",
    "read_sites",
    "result_lines",
    "write_graded",
]
