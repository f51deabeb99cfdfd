"""Forward networks F1 and F2, and the forward model that both make."""

from collections.abc import Callable, Sequence
from typing import Self, cast

import numpy as np
import torch
from torch import nn

from trussmap.learning.features import extent
from trussmap.learning.networks import AT_ONCE, MLP, Parents, Settings, Tensors
from trussmap.learning.paper.encoding import Scaled, encode
from trussmap.tensors.stiffness import rotate, unpack_orthotropic


class Forward1(Scaled):
    """F1: density, U, lattices → nine orthotropic constants after U."""

    columns = ("designs", "stiffness_orthotropic")
    orthotropic_low: torch.Tensor

    def __init__(self, hidden: Sequence[int], scaling: dict[str, list[list[float]]]) -> None:
        super().__init__({"hidden": hidden}, scaling)
        self.network = MLP(31, hidden, 9)

    @staticmethod
    def features(block: dict[str, np.ndarray], parents: Parents) -> Tensors:
        """Compute the training tensors ``scaled``, ``lattices``, ``orthotropic``.

        The first two are those of `encode`; the last are the nine constants (n, 9).
        """
        inputs = encode(block["designs"])
        nine = torch.as_tensor(block["stiffness_orthotropic"], dtype=torch.float32)
        return {"scaled": inputs["scaled"], "lattices": inputs["lattices"], "orthotropic": nine}

    @classmethod
    def from_data(cls, settings: Settings, data: Tensors) -> Self:
        """Make an untrained network with the extent of the constants in ``data``."""
        return cls(settings["hidden"], {"orthotropic": extent(data["orthotropic"])})

    def loss(
        self, batch: Tensors, generator: torch.Generator, parents: Parents, settings: Settings
    ) -> torch.Tensor:
        """Compute the mean squared error of the scaled constants."""
        predicted = self(batch["scaled"], batch["lattices"])
        return nn.functional.mse_loss(predicted, self.scale("orthotropic", batch["orthotropic"]))

    def forward(self, scaled: torch.Tensor, lattices: torch.Tensor) -> torch.Tensor:
        """Compute the scaled constants (n, 9).

        ``scaled`` are ρ, U, V in [0, 1] (n, 7), of which V is not used, ``lattices`` are (n, 27).
        """
        return self.network(torch.cat([scaled[:, :4], lattices], -1))

    def orthotropic(self, scaled: torch.Tensor, lattices: torch.Tensor) -> torch.Tensor:
        """Compute the nine constants (n, 9), base modulus 1."""
        return self.unscale("orthotropic", self(scaled, lattices))


class Forward2(Scaled):
    """F2: C̃ (stiffness after U and R1) and V → Ĉ (after V)."""

    columns = ("designs", "stiffness")

    def __init__(self, hidden: Sequence[int], scaling: dict[str, list[list[float]]]) -> None:
        super().__init__({"hidden": hidden}, scaling)
        self.network = MLP(24, hidden, 21)

    @staticmethod
    def features(block: dict[str, np.ndarray], parents: Parents) -> Tensors:
        """Compute the training tensors ``turned``, ``scaled``, ``stretched``.

        ``turned`` are F1's predictions, rotated by R1; ``stretched`` is the stiffness without R2.
        """
        inputs = encode(block["designs"])
        forward_1 = cast(Forward1, parents["forward_1"])
        device = forward_1.orthotropic_low.device
        scaled = inputs["scaled"].to(device)
        nine = forward_1.orthotropic(scaled, inputs["lattices"].to(device)).cpu()
        stiffness = torch.as_tensor(block["stiffness"], dtype=torch.float32)
        return {
            "turned": rotate(unpack_orthotropic(nine), inputs["r1"]),
            "scaled": inputs["scaled"],
            "stretched": rotate(stiffness, inputs["r2"].mT),
        }

    @classmethod
    def from_data(cls, settings: Settings, data: Tensors) -> Self:
        """Make an untrained network with the extents of C̃ and Ĉ in ``data``."""
        extents = {name: extent(data[name]) for name in ("turned", "stretched")}
        return cls(settings["hidden"], extents)

    def loss(
        self, batch: Tensors, generator: torch.Generator, parents: Parents, settings: Settings
    ) -> torch.Tensor:
        """Compute the mean squared error of the scaled Ĉ."""
        predicted = self(batch["turned"], batch["scaled"])
        return nn.functional.mse_loss(predicted, self.scale("stretched", batch["stretched"]))

    def forward(self, turned: torch.Tensor, scaled: torch.Tensor) -> torch.Tensor:
        """Compute the scaled Ĉ (n, 21) of C̃ (n, 21).

        ``scaled`` are ρ, U, V in [0, 1] (n, 7), of which only V is used.
        """
        return self.network(torch.cat([self.scale("turned", turned), scaled[:, 4:]], -1))


class Forward:
    """F = F2 ∘ F1 with the exact rotations: designs → stiffness."""

    def __init__(self, forward_1: Forward1, forward_2: Forward2) -> None:
        self.forward_1 = forward_1
        self.forward_2 = forward_2

    def stiffness(
        self,
        scaled: torch.Tensor,
        lattices: torch.Tensor,
        r1: torch.Tensor,
        r2: torch.Tensor,
    ) -> torch.Tensor:
        """Compute the stiffness (n, 21), differentiable by the network inputs."""
        nine = self.forward_1.orthotropic(scaled, lattices)
        turned = rotate(unpack_orthotropic(nine), r1)
        stretched = self.forward_2.unscale("stretched", self.forward_2(turned, scaled))
        return rotate(stretched, r2)

    @torch.no_grad()
    def predict(self, designs: np.ndarray) -> np.ndarray:
        """Predict the stiffness (n, 21) of designs (n, 19), base modulus 1."""
        return self._in_batches(designs, lambda inputs: self.stiffness(**inputs))

    @torch.no_grad()
    def predict_orthotropic(self, designs: np.ndarray) -> np.ndarray:
        """Predict the orthotropic constants (n, 9) after U alone, by F1."""

        def orthotropic(inputs: Tensors) -> torch.Tensor:
            return self.forward_1.orthotropic(inputs["scaled"], inputs["lattices"])

        return self._in_batches(designs, orthotropic)

    def _in_batches(
        self, designs: np.ndarray, function: Callable[[Tensors], torch.Tensor]
    ) -> np.ndarray:
        """Apply a function of the network inputs to designs, in batches."""
        device = self.forward_1.orthotropic_low.device
        results = []
        for start in range(0, len(designs), AT_ONCE):
            encoded = encode(designs[start : start + AT_ONCE])
            inputs = {name: tensor.to(device) for name, tensor in encoded.items()}
            results.append(function(inputs).double().cpu().numpy())
        return np.concatenate(results)
