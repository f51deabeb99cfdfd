"""The inverse networks G1 and G2."""

import numpy as np
import torch
from torch import nn

from trussmap.learning.features import extent
from trussmap.learning.networks import AT_ONCE, MLP, Parents, Tensors, hidden_layers_in, straight_through_choice
from trussmap.learning.paper.encoding import GROUPS, Scaled, decode
from trussmap.learning.paper.forward import Forward
from trussmap.rotation import from_six
from trussmap.streams import stream


class Inverse(Scaled):
    """G1 and G2: stiffness → lattices → density, U, V and rotations."""

    columns = ("stiffness",)
    precision = torch.float32  #: of the hidden layers in training, and so in proposals

    def __init__(self, topology, geometry, scaling):
        super().__init__({"topology": topology, "geometry": geometry}, scaling)
        self.topology = MLP(21, topology, sum(GROUPS))
        self.geometry = MLP(21 + sum(GROUPS), geometry, 19)

    @staticmethod
    def features(block: dict[str, np.ndarray], parents: Parents) -> Tensors:
        """Training tensors: the ``stiffness`` (n, 21)."""
        return {"stiffness": torch.as_tensor(block["stiffness"], dtype=torch.float32)}

    @classmethod
    def from_data(cls, settings: dict, data: Tensors) -> "Inverse":
        """An untrained network with the extent of the stiffness in ``data``."""
        return cls(settings["topology"], settings["geometry"], {"stiffness": extent(data["stiffness"])})

    def loss(self, batch: Tensors, generator: torch.Generator, parents: Parents, settings: dict) -> torch.Tensor:
        """Squared error of the scaled stiffness, reconstructed by the frozen forward model."""
        inputs = self.inputs(batch["stiffness"], settings["temperature"], generator)
        reached = Forward(**parents).stiffness(**inputs)
        return nn.functional.mse_loss(self.scale("stiffness", reached), self.scale("stiffness", batch["stiffness"]))

    def inputs(self, stiffness: torch.Tensor, temperature: float, generator: torch.Generator) -> Tensors:
        """Network inputs (as of ``encode``) of one design drawn for each stiffness (n, 21)."""
        seen = self.scale("stiffness", stiffness)
        logits = self.topology(seen).split(GROUPS, dim=-1)
        lattices = torch.cat([straight_through_choice(group, temperature, generator) for group in logits], -1)
        out = self.geometry(torch.cat([seen, lattices], -1))
        return {
            "scaled": torch.sigmoid(out[:, :7]),
            "lattices": lattices,
            "r1": from_six(out[:, 7:13]),
            "r2": from_six(out[:, 13:]),
        }

    @torch.no_grad()
    def propose(
        self, targets: np.ndarray, parents: Parents, draws: int = 1, temperature: float = 1.0, seed: int = 0
    ) -> np.ndarray:
        """Designs (n, draws, 19) for targets (n, 21), base modulus 1, in the published columns and ranges.

        Lattices are drawn from softmax(logits / temperature); temperature 0 takes the most probable ones.
        """
        targets = np.repeat(np.atleast_2d(np.asarray(targets, float)), draws, axis=0)
        device = self.stiffness_low.device
        generator = torch.Generator(device).manual_seed(stream(seed, "proposals"))
        designs = []
        for start in range(0, len(targets), AT_ONCE):
            part = torch.as_tensor(targets[start : start + AT_ONCE], dtype=torch.float32, device=device)
            with hidden_layers_in(self.precision):
                designs.append(decode(self.inputs(part, max(temperature, 1e-6), generator)))
        return np.concatenate(designs).reshape(-1, draws, 19)
