"""The forward model: topology, ρ and stretch → stiffness in the lattice frame."""

import numpy as np
import torch
from torch import nn

from trussmap.errors import InputError
from trussmap.lattice.compound import topology_members
from trussmap.lattice.polar import polar_parts
from trussmap.learning.features import moments
from trussmap.learning.networks import AT_ONCE, EMBEDDING, MLP, Parents, Tensors
from trussmap.stiffness import rotate


def members() -> list[list[int]]:
    """Which (type, tessellation) each topology is made of: k lists of 14 zeros and ones."""
    types, reps = topology_members()
    made_of = np.zeros((len(types), 14), int)
    for slot in range(3):
        made_of[np.arange(len(types)), 2 * types[:, slot] + reps[:, slot] - 1] = 1
    return made_of.tolist()


class PolarForward(nn.Module):
    """Topology, ρ, deviator of log S → C/ρ in the lattice frame, then the exact rotation by Q.

    ``topologies`` (k, 14) lists which (type, tessellation) each topology is made of; ``scaling`` holds mean and
    standard deviation of the inputs ρ, log ρ, log S (8) and of the outputs C/ρ (21).
    """

    columns = ("designs", "stiffness")

    def __init__(self, hidden, embedding, topologies, scaling, activation="silu"):
        super().__init__()
        if topologies != members():
            raise InputError("the polar model was trained on another table of topologies; train it again.")
        self.config = {"hidden": hidden, "embedding": embedding, "topologies": topologies, "scaling": scaling}
        self.config["activation"] = activation
        self.register_buffer("members", torch.tensor(topologies, dtype=torch.float32), persistent=False)
        for name, values in scaling.items():
            self.register_buffer(name, torch.tensor(values, dtype=torch.float32), persistent=False)
        self.embedding = nn.Embedding(len(topologies), embedding)
        self.network = MLP(14 + embedding + 8, hidden, 21, activation)

    @staticmethod
    def features(block: dict[str, np.ndarray], parents: Parents) -> Tensors:
        """Training tensors: ``topology`` (n,), ``inputs`` (n, 8) and ``specific``, C/ρ in the lattice frame (n, 21)."""
        topology, density, rotation, stretch = polar_parts(block["designs"])
        lattice = rotate(torch.as_tensor(block["stiffness"]), torch.as_tensor(rotation).mT)
        return {
            "topology": torch.as_tensor(topology),
            "inputs": _inputs(
                torch.as_tensor(np.log(density), dtype=torch.float32), torch.as_tensor(stretch, dtype=torch.float32)
            ),
            "specific": (lattice / torch.as_tensor(density)[:, None]).float(),
        }

    @classmethod
    def from_data(cls, settings: dict, data: Tensors) -> "PolarForward":
        """An untrained network with the moments of inputs and outputs in ``data``."""
        scaling = {}
        for name, tensor in (("input", data["inputs"]), ("output", data["specific"])):
            mean, deviation = moments(tensor)
            scaling |= {f"{name}_mean": mean.tolist(), f"{name}_std": deviation.tolist()}
        return cls(settings["hidden"], settings.get("embedding", EMBEDDING), members(), scaling)

    def loss(self, batch: Tensors, generator: torch.Generator, parents: Parents, settings: dict) -> torch.Tensor:
        """Mean squared error of the standardised C/ρ."""
        scaled = self.scaled(batch["topology"], batch["inputs"])
        return nn.functional.mse_loss(scaled, (batch["specific"] - self.output_mean) / self.output_std)

    def scaled(self, topology: torch.Tensor, inputs: torch.Tensor) -> torch.Tensor:
        """C/ρ in the lattice frame (n, 21), standardised, of topologies (n,) and ρ, log ρ, deviator of log S (n, 8)."""
        inputs = (inputs - self.input_mean) / self.input_std
        return self.network(torch.cat([self.members[topology], self.embedding(topology), inputs], -1))

    def lattice_stiffness(
        self, topology: torch.Tensor, log_density: torch.Tensor, log_stretch: torch.Tensor
    ) -> torch.Tensor:
        """C (n, 21) in the lattice frame, base modulus 1, of topologies (n,), log ρ (n,), deviators of log S (n, 6)."""
        scaled = self.scaled(topology, _inputs(log_density, log_stretch)) * self.output_std + self.output_mean
        return scaled * log_density[:, None].exp()

    @torch.no_grad()
    def set_mean_vector(self, topologies: np.ndarray) -> None:
        """Give topologies (k,) that it was not trained on the mean of the vectors that it learned of the others."""
        others = np.setdiff1d(np.arange(len(self.members)), topologies)
        self.embedding.weight[topologies] = self.embedding.weight[others].mean(0)

    @torch.no_grad()
    def predict(self, designs: np.ndarray) -> np.ndarray:
        """Stiffness (n, 21) of designs (n, 19), base modulus 1."""
        designs = np.atleast_2d(np.asarray(designs, float))
        out = np.empty((len(designs), 21))
        device = self.members.device
        for start in range(0, len(designs), AT_ONCE):
            topology, density, rotation, stretch = polar_parts(designs[start : start + AT_ONCE])
            c = self.lattice_stiffness(
                torch.as_tensor(topology, device=device),
                torch.as_tensor(np.log(density), dtype=torch.float32, device=device),
                torch.as_tensor(stretch, dtype=torch.float32, device=device),
            ).double()
            q = torch.as_tensor(rotation, device=device)
            out[start : start + AT_ONCE] = rotate(c, q).cpu().numpy()
        return out


def _inputs(log_density, log_stretch):
    log_density = log_density[:, None]
    return torch.cat([log_density.exp(), log_density, log_stretch], -1)
