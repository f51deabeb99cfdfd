"""Interfaces of forward and inverse models of all architectures."""

from typing import NamedTuple, Protocol

import numpy as np


class ForwardModel(Protocol):
    """Model that predicts the stiffness of designs."""

    def predict(self, designs: np.ndarray) -> np.ndarray:
        """Predict the stiffness (n, 21) of designs (n, 19), base modulus 1."""
        ...


class InverseModel(Protocol):
    """Model that proposes designs for a stiffness."""

    def propose(
        self, targets: np.ndarray, draws: int = 1, temperature: float = 1.0, seed: int = 0
    ) -> np.ndarray:
        """Propose designs (n, draws, 19) for targets (n, 21), base modulus 1.

        A higher ``temperature`` gives more diverse proposals; 0 gives the most probable ones.
        """
        ...


class Networks(NamedTuple):
    """Models of one architecture that design together."""

    forward: ForwardModel
    inverse: InverseModel
