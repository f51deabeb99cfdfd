"""The forward networks F1 and F2, and what they make together."""

import numpy as np
import torch
from torch import nn

from trussmap.learning.features import extent
from trussmap.learning.networks import AT_ONCE, MLP, Parents, Tensors
from trussmap.learning.paper.encoding import Scaled, encode
from trussmap.stiffness import rotate, unpack_orthotropic


class Forward1(Scaled):
    """F1: density, U, lattices → nine orthotropic constants after U."""

    columns = ("designs", "stiffness_orthotropic")

    def __init__(self, hidden, scaling):
        super().__init__({"hidden": hidden}, scaling)
        self.network = MLP(31, hidden, 9)

    @staticmethod
    def features(block: dict[str, np.ndarray], parents: Parents) -> Tensors:
        """Training tensors: ``scaled`` and ``lattices`` as of ``encode``, and the nine constants ``orthotropic``."""
        inputs = encode(block["designs"])
        nine = torch.as_tensor(block["stiffness_orthotropic"], dtype=torch.float32)
        return {"scaled": inputs["scaled"], "lattices": inputs["lattices"], "orthotropic": nine}

    @classmethod
    def from_data(cls, settings: dict, data: Tensors) -> "Forward1":
        """An untrained network with the extent of the constants in ``data``."""
        return cls(settings["hidden"], {"orthotropic": extent(data["orthotropic"])})

    def loss(self, batch: Tensors, generator: torch.Generator, parents: Parents, settings: dict) -> torch.Tensor:
        """Mean squared error of the scaled constants."""
        return nn.functional.mse_loss(
            self(batch["scaled"], batch["lattices"]), self.scale("orthotropic", batch["orthotropic"])
        )

    def forward(self, scaled: torch.Tensor, lattices: torch.Tensor) -> torch.Tensor:
        """Scaled output (n, 9) of ρ, U, V in [0, 1] (n, 7; V is not used) and lattices (n, 27)."""
        return self.network(torch.cat([scaled[:, :4], lattices], -1))

    def orthotropic(self, scaled: torch.Tensor, lattices: torch.Tensor) -> torch.Tensor:
        """The nine constants (n, 9), base modulus 1."""
        return self.unscale("orthotropic", self(scaled, lattices))


class Forward2(Scaled):
    """F2: C̃ (stiffness after U and R1) and V → Ĉ (after V)."""

    columns = ("designs", "stiffness")

    def __init__(self, hidden, scaling):
        super().__init__({"hidden": hidden}, scaling)
        self.network = MLP(24, hidden, 21)

    @staticmethod
    def features(block: dict[str, np.ndarray], parents: Parents) -> Tensors:
        """Training tensors: inputs are F1's predictions, rotated by R1; outputs the stiffness without R2."""
        inputs = encode(block["designs"])
        device = parents["forward_1"].orthotropic_low.device
        nine = parents["forward_1"].orthotropic(inputs["scaled"].to(device), inputs["lattices"].to(device)).cpu()
        stiffness = torch.as_tensor(block["stiffness"], dtype=torch.float32)
        return {
            "turned": rotate(unpack_orthotropic(nine), inputs["r1"]),
            "scaled": inputs["scaled"],
            "stretched": rotate(stiffness, inputs["r2"].mT),
        }

    @classmethod
    def from_data(cls, settings: dict, data: Tensors) -> "Forward2":
        """An untrained network with the extents of C̃ and Ĉ in ``data``."""
        return cls(settings["hidden"], {name: extent(data[name]) for name in ("turned", "stretched")})

    def loss(self, batch: Tensors, generator: torch.Generator, parents: Parents, settings: dict) -> torch.Tensor:
        """Mean squared error of the scaled Ĉ."""
        return nn.functional.mse_loss(
            self(batch["turned"], batch["scaled"]), self.scale("stretched", batch["stretched"])
        )

    def forward(self, turned: torch.Tensor, scaled: torch.Tensor) -> torch.Tensor:
        """Scaled Ĉ (n, 21) of C̃ (n, 21) and ρ, U, V in [0, 1] (n, 7; only V is used)."""
        return self.network(torch.cat([self.scale("turned", turned), scaled[:, 4:]], -1))


class Forward:
    """F = F2 ∘ F1 with the exact rotations: designs → stiffness."""

    def __init__(self, forward_1, forward_2):
        self.forward_1, self.forward_2 = forward_1, forward_2

    def stiffness(
        self, scaled: torch.Tensor, lattices: torch.Tensor, r1: torch.Tensor, r2: torch.Tensor
    ) -> torch.Tensor:
        """Stiffness (n, 21) as a differentiable function of the network inputs."""
        nine = self.forward_1.orthotropic(scaled, lattices)
        turned = rotate(unpack_orthotropic(nine), r1)
        stretched = self.forward_2.unscale("stretched", self.forward_2(turned, scaled))
        return rotate(stretched, r2)

    @torch.no_grad()
    def predict(self, designs: np.ndarray) -> np.ndarray:
        """Stiffness (n, 21) of designs (n, 19), base modulus 1."""
        return self._in_batches(designs, lambda inputs: self.stiffness(**inputs))

    @torch.no_grad()
    def predict_orthotropic(self, designs: np.ndarray) -> np.ndarray:
        """Orthotropic constants (n, 9) after U alone, by F1."""
        run = lambda inputs: self.forward_1.orthotropic(inputs["scaled"], inputs["lattices"])  # noqa: E731
        return self._in_batches(designs, run)

    def _in_batches(self, designs, run):
        device = self.forward_1.orthotropic_low.device
        out = []
        for start in range(0, len(designs), AT_ONCE):
            inputs = {k: v.to(device) for k, v in encode(designs[start : start + AT_ONCE]).items()}
            out.append(run(inputs).double().cpu().numpy())
        return np.concatenate(out)
