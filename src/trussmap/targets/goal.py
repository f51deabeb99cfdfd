"""What counts as close to a target: residuals of stiffnesses, and their derivatives, for all that
searches.

The error of a stiffness is the sum of its squared residuals, and every kind of closeness is a
function of the 21 constants alone, so that refinement needs nothing else to know.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from trussmap.base.errors import InputError
from trussmap.tensors.engineering import ENGINEERING, engineering_constants
from trussmap.tensors.stiffness import (
    COLUMNS,
    COMPONENTS,
    MANDEL_WEIGHT,
    MULTIPLICITY,
    ROWS,
    mandel,
    pack,
    unpack,
)

#: Kinds of closeness. ``frobenius``: the error is ‖ΔC‖²/‖C‖² over the 6×6 matrix, `nmse_frobenius`;
#: ``compliance``: the same of the compliances; ``log_euclidean``: the squared distance of
#: `trussmap.tensors.measures.log_euclidean`.
KINDS = ("frobenius", "log_euclidean", "compliance")
_SMALLEST_MODE = 1e-12  # of the largest: what an eigenvalue that is not positive counts as


def closeness_kind(word: str, name: str = "closeness") -> str:
    """Kind of closeness of a word of a user, with a hyphen or an underscore.

    Raises InputError, in which ``name`` names the setting, for other words.

    >>> closeness_kind("log-euclidean")
    'log_euclidean'
    """
    kind = word.replace("-", "_")
    if kind not in KINDS:
        raise InputError(f"{name} {word}: expected frobenius, log-euclidean or compliance.")
    return kind


@dataclass(frozen=True)
class Goal:
    """Targets for n lattices.

    Attributes
    ----------
    targets : (n, 21) base modulus 1; where a constant is left free, any finite number
    kind : one of ``KINDS``
    weights : (n, 21) of the constants under ``frobenius``, 0 where they are free; alike where None.
        The error is then Σ w² ΔC² / Σ w² C² over the 6×6 matrix.
    engineering : (n, 9) ``ENGINEERING`` constants, nan where free; where given, they alone count:
        the error is the sum of the squared differences, of the logarithms of moduli and of
        Poisson's ratios, over the number given
    """

    targets: np.ndarray
    kind: str = "frobenius"
    weights: np.ndarray | None = None
    engineering: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, rows: np.ndarray | slice) -> "Goal":
        """Goal of some of the lattices, or of each as often as it is named."""
        return replace(
            self,
            targets=self.targets[rows],
            weights=None if self.weights is None else self.weights[rows],
            engineering=None if self.engineering is None else self.engineering[rows],
        )

    @property
    def whole(self) -> bool:
        """Whether all 21 constants are given."""
        return self.engineering is None and (self.weights is None or bool((self.weights > 0).all()))

    def constants(self, youngs_modulus: float = 1.0) -> list[dict[str, float]]:
        """Constants that are given of each target, in the units of ``youngs_modulus``.

        >>> goal = Goal(np.ones((1, 21)), engineering=np.array([[1.0, 2] + [np.nan] * 7]))
        >>> [sorted(constants) for constants in goal.constants()]
        [['E1', 'E2']]
        """
        if self.engineering is not None:
            names = [*ENGINEERING]
            values = self.engineering * np.where(np.arange(9) < 6, youngs_modulus, 1.0)
        else:
            names = COMPONENTS
            values = youngs_modulus * self.targets
            if self.weights is not None:
                values = np.where(self.weights > 0, values, np.nan)
        return [
            {
                name: float(value)
                for name, value in zip(names, row, strict=True)
                if np.isfinite(value)
            }
            for row in values
        ]

    def error(self, stiffness: np.ndarray) -> np.ndarray:
        """Errors (n,) of stiffnesses (n, 21)."""
        return (self.residuals(stiffness)[0] ** 2).sum(-1)

    def residuals(self, stiffness: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Residuals (n, q) of stiffnesses (n, 21) and their derivatives (n, q, 21)."""
        if self.engineering is not None:
            return self._engineering(stiffness)
        weight = np.broadcast_to(MULTIPLICITY**0.5, self.targets.shape)
        if self.kind == "log_euclidean":
            value, slope = _logarithm(stiffness)
            return weight * (value - _logarithm(self.targets)[0]), weight[:, :, None] * slope
        if self.weights is not None:
            weight = weight * self.weights
        if self.kind == "compliance":
            value, slope = _compliance(stiffness)
            goal = _compliance(self.targets)[0]
            weight = weight / np.linalg.norm(goal * weight, axis=1, keepdims=True)
            return weight * (value - goal), weight[:, :, None] * slope
        weight = weight / np.linalg.norm(self.targets * weight, axis=1, keepdims=True)
        return weight * (stiffness - self.targets), weight[:, :, None] * np.eye(21)

    def _engineering(self, stiffness):
        compliance, slope = _compliance(stiffness)
        value, by_compliance = engineering_constants(compliance)
        given = np.isfinite(self.engineering)
        goal = np.where(given, self.engineering, 1.0)
        moduli = np.arange(9) < 6
        scale = np.where(moduli, 1 / value, 1.0)
        off = np.where(moduli, np.log(np.where(moduli, value / goal, 1.0)), value - goal)
        count = np.sqrt(given.sum(1, keepdims=True))
        by = (np.where(given, scale, 0) / count)[:, :, None] * by_compliance
        return np.where(given, off, 0.0) / count, by @ slope


@dataclass(frozen=True)
class Targets:
    """Targets with their names, and what is known of their source.

    Attributes
    ----------
    goal : of the n targets, base modulus 1
    names : n names, ``target_1`` … by their rows where the source has none
    faults : a sentence on each row that could not be read
    notes : sentences on what was recognised in the source or assumed
    order : order of the components as they were read, one of `trussmap.targets.orders.ORDERS`; None
        for engineering constants, which have none
    compliance : whether the source has compliances, inverted to the goal's stiffness
    labelled : whether labels of the source gave the order of the components
    unit : unit of stress of the source's numbers as read, '' where it names none
    """

    goal: Goal
    names: list[str]
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    order: str | None = None
    compliance: bool = False
    labelled: bool = False
    unit: str = ""

    def __len__(self) -> int:
        return len(self.names)

    @property
    def stiffness(self) -> np.ndarray:
        """Stiffness (n, 21) of the targets, base modulus 1."""
        return self.goal.targets


def _compliance(stiffness):
    """Inverses (n, 21) of stiffnesses (n, 21) in Voigt form, and their derivatives (n, 21, 21)."""
    s = np.linalg.inv(unpack(np.asarray(stiffness, float)))
    slope = -s[:, ROWS][:, :, ROWS] * s[:, COLUMNS][:, :, COLUMNS]
    slope -= np.where(ROWS == COLUMNS, 0, s[:, ROWS][:, :, COLUMNS] * s[:, COLUMNS][:, :, ROWS])
    return pack(s), slope


def _logarithm(stiffness):
    """Logarithms (n, 21) of stiffnesses (n, 21) in Mandel form, and their derivatives (n, 21, 21).

    By the divided differences of the logarithm at the eigenvalues (Daleckii & Krein 1965).
    """
    value, mode = np.linalg.eigh(mandel(stiffness))
    value = np.maximum(value, _SMALLEST_MODE * value[:, -1:])
    log = np.log(value)
    gap = value[:, :, None] - value[:, None, :]
    near = np.abs(gap) < 1e-7 * value[:, :, None]
    middle = 2 / (value[:, :, None] + value[:, None, :])
    divided = np.where(near, middle, (log[:, :, None] - log[:, None, :]) / np.where(near, 1.0, gap))
    # Change of each constant, in the modes: the symmetric pair of entries that it fills.
    first = mode[:, ROWS]
    second = mode[:, COLUMNS]
    change = (
        first[:, :, :, None] * second[:, :, None, :] + second[:, :, :, None] * first[:, :, None, :]
    )
    change *= (MANDEL_WEIGHT * np.where(ROWS == COLUMNS, 0.5, 1.0))[:, None, None]
    turned = mode[:, None] @ (divided[:, None] * change) @ mode.swapaxes(1, 2)[:, None]
    return pack((mode * log[:, None]) @ mode.swapaxes(1, 2)), pack(turned).swapaxes(1, 2)
