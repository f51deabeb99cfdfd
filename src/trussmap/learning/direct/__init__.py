"""The `direct` architecture: plain regression, for comparison.

The paper states that direct regression of the inverse does not work; these networks check that.
The forward model is one black box from the whole descriptor to the 21 constants, without the
physical structure of F2∘F1. The inverse model regresses the descriptor on the stiffness (Bastek et
al. 2022, Eq. 2), although many designs share a stiffness. Both see the descriptor Θ as 40 numbers:
ρ, U, V in [0, 1], lattices one-hot, and the six numbers of the rotations in [0, 1].
"""

from trussmap.learning.registry import Architecture, Network

ARCHITECTURE = Architecture(
    label="direct networks",
    color="#8a4f9e",
    networks={
        "forward": Network("networks:DirectForward", "direct: forward"),
        "inverse": Network("networks:DirectInverse", "direct: inverse"),
    },
)
