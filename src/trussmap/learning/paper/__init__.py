"""The published architecture: networks F1, F2 and G1, G2.

Source: Bastek et al. 2022; see architecture.md §6. F1 maps density, U and lattices to the nine
orthotropic constants after U. They are rotated by R1; F2 adds the stretch V; its output Ĉ is
rotated by R2. F2 trains on F1's predictions. G1 maps a stiffness to logits of the lattices, drawn
by straight-through Gumbel-softmax; G2 maps stiffness and lattices to density, U, V and two
rotations in 6-D form. Both train through the frozen F. All stiffnesses, ρ, U and V are scaled to
[0, 1] by minimum and maximum.
"""

from trussmap.learning.registry import Architecture, Network

ARCHITECTURE = Architecture(
    label="paper’s networks, retrained",
    color="#a8731f",
    networks={
        "forward_1": Network("forward:Forward1", "paper: $F_1$, orthotropic stiffness"),
        "forward_2": Network(
            "forward:Forward2", "paper: $F_2$, full stiffness", parents=("forward_1",)
        ),
        "inverse": Network(
            "inverse:Inverse", "paper: inverse $G_1, G_2$", parents=("forward_1", "forward_2")
        ),
    },
    forward="forward:Forward",
)
