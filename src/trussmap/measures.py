"""How far stiffnesses lie apart, and how well many of them are predicted."""

import numpy as np

from trussmap.stiffness import MULTIPLICITY
from trussmap.streams import stream


def nmse_frobenius(prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
    """‖ΔC‖²_F / ‖C‖²_F over the 6×6 matrix, for (..., 21) each; arrays or tensors.

    >>> c = np.linspace(1, 2, 21)
    >>> float(nmse_frobenius(1.1 * c, c).round(9))  # a squared error: 10 % off everywhere
    0.01
    """
    weight = MULTIPLICITY if isinstance(target, np.ndarray) else target.new_tensor(MULTIPLICITY)
    return (weight * (prediction - target) ** 2).sum(-1) / (weight * target**2).sum(-1)


def nmse_componentwise(prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Σ_ij (ΔC_ij)² / (C_ij)² over the 6×6 matrix (paper, Eq. 8), for (..., 21) each; inf where a C_ij is 0.

    >>> c = np.linspace(1, 2, 21)
    >>> float(nmse_componentwise(1.1 * c, c).round(9))  # a sum over 36 entries
    0.36
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.nan_to_num((prediction - target) ** 2 / target**2, nan=0.0, posinf=np.inf)
    return (MULTIPLICITY * ratio).sum(-1)


def r_squared(truth: np.ndarray, predicted: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
    """Coefficients of determination (..., k) of predictions (n, k), with optional row weights (..., n).

    >>> r_squared(np.array([[1.0], [2.0], [3.0]]), np.array([[1.0], [2.0], [2.0]]))
    array([0.5])
    """
    weight = np.ones(len(truth)) if weight is None else weight
    total = weight.sum(-1)[..., None]
    residual = weight @ (predicted - truth) ** 2
    shifted = truth - truth.mean(0)  # around the common mean first, so that the two sums below do not cancel
    variance = weight @ shifted**2 - (weight @ shifted) ** 2 / total
    return 1 - residual / variance


def bootstrap_interval(truth: np.ndarray, predicted: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """95 % bootstrap interval (2, k) of R² over designs, by the percentiles of ``resamples`` resamplings."""
    generator = np.random.default_rng(stream(seed, "bootstrap"))
    n = len(truth)
    values = [
        r_squared(truth, predicted, np.bincount(generator.integers(n, size=n), minlength=n).astype(float))
        for _ in range(resamples)
    ]
    return np.quantile(values, [0.025, 0.975], axis=0)
