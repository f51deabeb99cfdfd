"""Inverse networks G1 and G2."""

from collections.abc import Sequence
from typing import Self, cast

import numpy as np
import torch
from torch import nn

from trussmap.base.streams import stream
from trussmap.learning.features import extent
from trussmap.learning.networks import (
    AT_ONCE,
    MLP,
    Parents,
    Settings,
    Tensors,
    hidden_layers_in,
    straight_through_choice,
)
from trussmap.learning.paper.encoding import GROUPS, Scaled, decode
from trussmap.learning.paper.forward import Forward, Forward1, Forward2
from trussmap.tensors.rotation import from_six


class Inverse(Scaled):
    """G1 and G2: stiffness → lattices → density, U, V and rotations."""

    columns = ("stiffness",)
    stiffness_low: torch.Tensor

    def __init__(
        self,
        topology: Sequence[int],
        geometry: Sequence[int],
        scaling: dict[str, list[list[float]]],
    ) -> None:
        super().__init__({"topology": topology, "geometry": geometry}, scaling)
        self.topology = MLP(21, topology, sum(GROUPS))
        self.geometry = MLP(21 + sum(GROUPS), geometry, 19)

    @staticmethod
    def features(block: dict[str, np.ndarray], parents: Parents) -> Tensors:
        """Compute the training tensor ``stiffness`` (n, 21)."""
        return {"stiffness": torch.as_tensor(block["stiffness"], dtype=torch.float32)}

    @classmethod
    def from_data(cls, settings: Settings, data: Tensors) -> Self:
        """Make an untrained network with the extent of the stiffness in ``data``."""
        scaling = {"stiffness": extent(data["stiffness"])}
        return cls(settings["topology"], settings["geometry"], scaling)

    def loss(
        self, batch: Tensors, generator: torch.Generator, parents: Parents, settings: Settings
    ) -> torch.Tensor:
        """Compute the squared error of the reconstructed, scaled stiffness.

        The frozen forward model reconstructs it from the proposed designs.
        """
        inputs = self.inputs(batch["stiffness"], settings["temperature"], generator)
        forward = Forward(
            cast(Forward1, parents["forward_1"]), cast(Forward2, parents["forward_2"])
        )
        reached = self.scale("stiffness", forward.stiffness(**inputs))
        return nn.functional.mse_loss(reached, self.scale("stiffness", batch["stiffness"]))

    def inputs(
        self, stiffness: torch.Tensor, temperature: float, generator: torch.Generator
    ) -> Tensors:
        """Draw a design for each stiffness (n, 21).

        The designs are inputs of the forward networks, the tensors of
        `trussmap.learning.paper.encoding.encode`.
        """
        scaled = self.scale("stiffness", stiffness)
        logits = self.topology(scaled).split(GROUPS, dim=-1)
        choices = [straight_through_choice(group, temperature, generator) for group in logits]
        lattices = torch.cat(choices, -1)
        geometry = self.geometry(torch.cat([scaled, lattices], -1))
        return {
            "scaled": torch.sigmoid(geometry[:, :7]),
            "lattices": lattices,
            "r1": from_six(geometry[:, 7:13]),
            "r2": from_six(geometry[:, 13:]),
        }

    @torch.no_grad()
    def propose(
        self,
        targets: np.ndarray,
        parents: Parents,
        draws: int = 1,
        temperature: float = 1.0,
        seed: int = 0,
    ) -> np.ndarray:
        """Propose designs (n, draws, 19) for targets (n, 21), base modulus 1.

        They have the published columns and ranges. Lattices are drawn from
        softmax(logits / temperature); temperature 0 takes the most probable ones.
        """
        targets = np.repeat(np.atleast_2d(np.asarray(targets, float)), draws, axis=0)
        device = self.stiffness_low.device
        generator = torch.Generator(device).manual_seed(stream(seed, "proposals"))
        designs = []
        for start in range(0, len(targets), AT_ONCE):
            rows = targets[start : start + AT_ONCE]
            stiffness = torch.as_tensor(rows, dtype=torch.float32, device=device)
            with hidden_layers_in(self.precision):
                inputs = self.inputs(stiffness, max(temperature, 1e-6), generator)
            designs.append(decode(inputs))
        return np.concatenate(designs).reshape(-1, draws, 19)
