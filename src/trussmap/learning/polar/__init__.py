"""The `polar` architecture: networks of the map's polar decomposition.

The stiffness of a lattice depends on its topology, its relative density ρ and its map
A = R2·V·R1·U = Q·S, where S is a symmetric stretch and Q a rotation. In the **lattice frame** it is
a function of topology, ρ and S alone, and free of the scale of S; Q merely rotates it. So the
forward model learns C/ρ in the lattice frame from topology, ρ, log ρ and the deviator of log S, and
rotates it exactly.

The inverse model works in the **canonical frame** of a target, the eigenframe of its dilatational
tensor C_ijkk, of which there are four (proper) versions. It gives (1) the posterior of the topology
among all distinct ones, (2) for a topology a first guess of ρ, left stretch QSQᵀ and Q, and (3)
corrections of that guess. For a correction, the forward model predicts the stiffness of the guess,
and a network maps the difference from the target, in the lattice frame, to a change of ρ, S and Q.
"""

from trussmap.learning.registry import Architecture, Network

ARCHITECTURE = Architecture(
    label="polar networks",
    color="#2a8c82",
    networks={
        "forward": Network("forward:PolarForward", "polar: forward"),
        "inverse": Network("inverse:PolarInverse", "polar: inverse", parents=("forward",)),
    },
)
