"""Forward model: topology, ρ and stretch → stiffness in the lattice frame."""

from collections.abc import Sequence
from typing import Self

import numpy as np
import torch
from torch import nn

from trussmap.base.errors import InputError
from trussmap.lattice.compound import topology_members
from trussmap.lattice.polar import polar_parts
from trussmap.learning.features import moments
from trussmap.learning.networks import (
    AT_ONCE,
    EMBEDDING,
    MLP,
    Parents,
    Settings,
    Tensors,
    TrainableNetwork,
)
from trussmap.tensors.stiffness import rotate


def members() -> list[list[int]]:
    """List the (type, tessellation) pairs of which each topology consists.

    These are k lists of 14 zeros and ones.
    """
    types, reps = topology_members()
    contains = np.zeros((len(types), 14), int)
    for slot in range(3):
        contains[np.arange(len(types)), 2 * types[:, slot] + reps[:, slot] - 1] = 1
    return contains.tolist()


class PolarForward(TrainableNetwork):
    """Network from topology, ρ, deviator of log S to C/ρ in the lattice frame.

    The rotation by Q that follows is exact. ``topologies`` (k, 14) lists the (type, tessellation)
    pairs of each topology; ``scaling`` holds mean and standard deviation of the inputs ρ, log ρ,
    log S (8) and of the outputs C/ρ (21).
    """

    columns = ("designs", "stiffness")
    members: torch.Tensor
    input_mean: torch.Tensor
    input_std: torch.Tensor
    output_mean: torch.Tensor
    output_std: torch.Tensor

    def __init__(
        self,
        hidden: Sequence[int],
        embedding: int,
        topologies: list[list[int]],
        scaling: dict[str, list[float]],
        activation: str = "silu",
    ) -> None:
        super().__init__()
        if topologies != members():
            raise InputError(
                "the polar model was trained on another table of topologies; train it again."
            )
        self.config = {
            "hidden": hidden,
            "embedding": embedding,
            "topologies": topologies,
            "scaling": scaling,
            "activation": activation,
        }
        contains = torch.tensor(topologies, dtype=torch.float32)
        self.register_buffer("members", contains, persistent=False)
        for name, values in scaling.items():
            buffer = torch.tensor(values, dtype=torch.float32)
            self.register_buffer(name, buffer, persistent=False)
        self.embedding = nn.Embedding(len(topologies), embedding)
        self.network = MLP(14 + embedding + 8, hidden, 21, activation)

    @staticmethod
    def features(block: dict[str, np.ndarray], parents: Parents) -> Tensors:
        """Compute the training tensors ``topology``, ``inputs`` and ``specific``.

        Their shapes are (n,), (n, 8) and (n, 21); ``specific`` is C/ρ in the lattice frame.
        """
        topology, density, rotation, stretch = polar_parts(block["designs"])
        lattice = rotate(torch.as_tensor(block["stiffness"]), torch.as_tensor(rotation).mT)
        log_density = torch.as_tensor(np.log(density), dtype=torch.float32)
        log_stretch = torch.as_tensor(stretch, dtype=torch.float32)
        return {
            "topology": torch.as_tensor(topology),
            "inputs": _inputs(log_density, log_stretch),
            "specific": (lattice / torch.as_tensor(density)[:, None]).float(),
        }

    @classmethod
    def from_data(cls, settings: Settings, data: Tensors) -> Self:
        """Make an untrained network with the moments of inputs and outputs."""
        scaling: dict[str, list[float]] = {}
        for name, tensor in (("input", data["inputs"]), ("output", data["specific"])):
            mean, deviation = moments(tensor)
            scaling |= {f"{name}_mean": mean.tolist(), f"{name}_std": deviation.tolist()}
        return cls(settings["hidden"], settings.get("embedding", EMBEDDING), members(), scaling)

    def loss(
        self, batch: Tensors, generator: torch.Generator, parents: Parents, settings: Settings
    ) -> torch.Tensor:
        """Compute the mean squared error of the standardised C/ρ."""
        predicted = self.scaled(batch["topology"], batch["inputs"])
        target = (batch["specific"] - self.output_mean) / self.output_std
        return nn.functional.mse_loss(predicted, target)

    def scaled(self, topology: torch.Tensor, inputs: torch.Tensor) -> torch.Tensor:
        """Compute C/ρ in the lattice frame (n, 21), standardised.

        Parameters
        ----------
        topology : (n,) numbers of the topologies
        inputs : (n, 8) ρ, log ρ, deviator of log S
        """
        inputs = (inputs - self.input_mean) / self.input_std
        code = [self.members[topology], self.embedding(topology)]
        return self.network(torch.cat([*code, inputs], -1))

    def lattice_stiffness(
        self, topology: torch.Tensor, log_density: torch.Tensor, log_stretch: torch.Tensor
    ) -> torch.Tensor:
        """Compute C (n, 21) in the lattice frame, base modulus 1.

        Parameters
        ----------
        topology : (n,) numbers of the topologies
        log_density : (n,) log ρ
        log_stretch : (n, 6) deviators of log S
        """
        scaled = self.scaled(topology, _inputs(log_density, log_stretch))
        specific = scaled * self.output_std + self.output_mean
        return specific * log_density[:, None].exp()

    @torch.no_grad()
    def set_mean_vector(self, topologies: np.ndarray) -> None:
        """Give topologies (k,) the mean of the vectors learned for the others.

        This is for topologies that the network was not trained on.
        """
        others = np.setdiff1d(np.arange(len(self.members)), topologies)
        self.embedding.weight[topologies] = self.embedding.weight[others].mean(0)

    @torch.no_grad()
    def predict(self, designs: np.ndarray) -> np.ndarray:
        """Predict the stiffness (n, 21) of designs (n, 19), base modulus 1."""
        designs = np.atleast_2d(np.asarray(designs, float))
        stiffness = np.empty((len(designs), 21))
        device = self.members.device
        for start in range(0, len(designs), AT_ONCE):
            rows = slice(start, start + AT_ONCE)
            topology, density, rotation, stretch = polar_parts(designs[rows])
            c = self.lattice_stiffness(
                torch.as_tensor(topology, device=device),
                torch.as_tensor(np.log(density), dtype=torch.float32, device=device),
                torch.as_tensor(stretch, dtype=torch.float32, device=device),
            )
            q = torch.as_tensor(rotation, device=device)
            stiffness[rows] = rotate(c.double(), q).cpu().numpy()
        return stiffness


def _inputs(log_density: torch.Tensor, log_stretch: torch.Tensor) -> torch.Tensor:
    """Join ρ, log ρ and log S to the inputs (n, 8) of the network."""
    log_density = log_density[:, None]
    return torch.cat([log_density.exp(), log_density, log_stretch], -1)
