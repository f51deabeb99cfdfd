"""How far stiffnesses lie apart, and how well many of them are predicted."""

import numpy as np

from trussmap.stiffness import MULTIPLICITY
from trussmap.streams import stream


def nmse_frobenius(prediction, target):
    """‖ΔC‖²_F / ‖C‖²_F over the 6×6 matrix, for (..., 21) each; arrays or tensors."""
    weight = MULTIPLICITY if isinstance(target, np.ndarray) else target.new_tensor(MULTIPLICITY)
    return (weight * (prediction - target) ** 2).sum(-1) / (weight * target**2).sum(-1)


def nmse_componentwise(prediction, target):
    """Σ_ij (ΔC_ij)² / (C_ij)² over the 6×6 matrix (paper, Eq. 8), for (..., 21) each; inf where a C_ij is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.nan_to_num((prediction - target) ** 2 / target**2, nan=0.0, posinf=np.inf)
    return (MULTIPLICITY * ratio).sum(-1)


def r_squared(truth, predicted, weight=None):
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


def bootstrap_interval(truth, predicted, resamples, seed=0, level=0.95):
    """Bootstrap interval (2, k) of R² over designs, by the percentiles of ``resamples`` resamplings."""
    generator = np.random.default_rng(stream(seed, "bootstrap"))
    n = len(truth)
    values = [
        r_squared(truth, predicted, np.bincount(generator.integers(n, size=n), minlength=n).astype(float))
        for _ in range(resamples)
    ]
    return np.quantile(values, [(1 - level) / 2, (1 + level) / 2], axis=0)
