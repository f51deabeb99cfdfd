"""How far stiffnesses lie apart, and how well many of them are predicted."""

import numpy as np

from trussmap.base.streams import stream
from trussmap.tensors.rotation import Array
from trussmap.tensors.stiffness import MULTIPLICITY, directional_modulus, hencky, tensor_norm

#: What `errors` measures, those for a reader first, with the words of a table.
MEASURES = {
    "relative_error": "‖ΔC‖/‖C‖",
    "modulus_error_median": "E(n) off by, median over directions",
    "modulus_error_largest": "E(n) off by, largest over directions",
    "log_euclidean": "log-Euclidean distance",
    "nmse_frobenius": "NMSE (Frobenius)",
    "nmse_componentwise": "NMSE (componentwise, Eq. 8 as printed)",
    "nmse_published_code": "NMSE (as the published code selects)",
}

_DIAGONAL = np.flatnonzero(MULTIPLICITY == 1)


def half_sphere(count: int) -> np.ndarray:
    """Unit vectors (count, 3) spread evenly over the upper half of the sphere, on a Fibonacci
    spiral.

    >>> half_sphere(2).round(3)[:, 2]
    array([0.25, 0.75])
    """
    k = np.arange(count) + 0.5
    height = k / count
    turn = np.pi * (1 + 5**0.5) * k
    across = np.sqrt(1 - height**2)
    return np.stack([across * np.cos(turn), across * np.sin(turn), height], -1)


#: Directions (1000, 3) at which E(n) is compared.
DIRECTIONS = half_sphere(1000)
_AT_ONCE = 1000  # stiffnesses, which bounds the memory


def nmse_frobenius(prediction: Array, target: Array) -> Array:
    """‖ΔC‖²_F / ‖C‖²_F over the 6×6 matrix, for (..., 21) each; arrays or tensors.

    >>> c = np.linspace(1, 2, 21)
    >>> float(nmse_frobenius(1.1 * c, c).round(9))  # a squared error: 10 % off everywhere
    0.01
    """
    weight = MULTIPLICITY if isinstance(target, np.ndarray) else target.new_tensor(MULTIPLICITY)
    return (weight * (prediction - target) ** 2).sum(-1) / (weight * target**2).sum(-1)


def nmse_componentwise(prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Σ_ij (ΔC_ij)² / (C_ij)² over the 6×6 matrix (paper, Eq. 8), for (..., 21) each; inf where a
    C_ij is 0.

    >>> c = np.linspace(1, 2, 21)
    >>> float(nmse_componentwise(1.1 * c, c).round(9))  # a sum over 36 entries
    0.36
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.nan_to_num((prediction - target) ** 2 / target**2, nan=0.0, posinf=np.inf)
    return (MULTIPLICITY * ratio).sum(-1)


def nmse_published_code(prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Σ (ΔC)² / Σ C² over C11 … C16 and C22, the first seven of (..., 21): what the published code
    selects by.

    >>> c = np.linspace(1, 2, 21)
    >>> c[7:] *= 2  # of the others it sees nothing
    >>> float(nmse_published_code(np.r_[1.1 * c[:7], c[7:]], c).round(9))
    0.01
    """
    part = slice(0, 7)
    return ((prediction - target)[..., part] ** 2).sum(-1) / (target[..., part] ** 2).sum(-1)


def relative_error(prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
    """‖ΔC‖ / ‖C‖ of the tensors, the same in every frame, for (..., 21) each.

    >>> c = np.linspace(1, 2, 21)
    >>> float(relative_error(1.1 * c, c).round(9))
    0.1
    """
    return tensor_norm(prediction - target) / tensor_norm(target)


def log_euclidean(prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
    """‖log C − log C'‖ of the tensors in Mandel form, for (..., 21) each (Arsigny et al. 2006).

    It is the same for the compliances, in every frame and in every unit, and counts a soft mode
    like a stiff one: one mode that is e times too stiff adds 1. A mode that is not positive counts
    as 1e-12 of the largest.

    >>> c = np.array([1.0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 1, 0, 1e-6])
    >>> float(log_euclidean(np.where(c == 1e-6, 1e-7, c), c).round(3))  # a soft mode ten times too soft: log 10
    2.303
    """
    logarithms = [hencky(c / tensor_norm(c)[..., None], 1e-12) for c in (prediction, target)]
    # A common factor s of all modes is log(s) times the identity, whose norm is √6.
    scale = np.log(tensor_norm(prediction) / tensor_norm(target))
    difference = logarithms[0] - logarithms[1]
    difference[..., _DIAGONAL] += scale[..., None]
    return np.sqrt((MULTIPLICITY * difference**2).sum(-1))


def modulus_error(prediction: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Median and largest |E'(n)/E(n) − 1| (...,) over 1,000 directions n, for (..., 21) each.

    >>> from trussmap.tensors.stiffness import isotropic, pack
    >>> [float(value.round(9)) for value in modulus_error(pack(isotropic(1.1)), pack(isotropic()))]
    [0.1, 0.1]
    """
    shape = np.broadcast_shapes(np.shape(prediction), np.shape(target))
    rows = [np.broadcast_to(c, shape).reshape(-1, 21) for c in (prediction, target)]
    middle, largest = np.empty((2, len(rows[0])))
    for start in range(0, len(rows[0]), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        own, wanted = (directional_modulus(c[part], DIRECTIONS) for c in rows)
        off = np.abs(own / wanted - 1)
        middle[part] = np.median(off, -1)
        largest[part] = off.max(-1)
    return middle.reshape(shape[:-1]), largest.reshape(shape[:-1])


def errors(prediction: np.ndarray, target: np.ndarray) -> dict[str, np.ndarray]:
    """All ``MEASURES`` (n,) of stiffnesses (n, 21)."""
    middle, largest = modulus_error(prediction, target)
    return {
        "relative_error": relative_error(prediction, target),
        "modulus_error_median": middle,
        "modulus_error_largest": largest,
        "log_euclidean": log_euclidean(prediction, target),
        "nmse_frobenius": nmse_frobenius(prediction, target),
        "nmse_componentwise": nmse_componentwise(prediction, target),
        "nmse_published_code": nmse_published_code(prediction, target),
    }


def r_squared(
    truth: np.ndarray, predicted: np.ndarray, weight: np.ndarray | None = None
) -> np.ndarray:
    """Coefficients of determination (..., k) of predictions (n, k), with optional row weights (...,
    n).

    >>> r_squared(np.array([[1.0], [2.0], [3.0]]), np.array([[1.0], [2.0], [2.0]]))
    array([0.5])
    """
    weight = np.ones(len(truth)) if weight is None else weight
    total = weight.sum(-1)[..., None]
    residual = weight @ (predicted - truth) ** 2
    shifted = truth - truth.mean(
        0
    )  # around the common mean first, so that the two sums below do not cancel
    variance = weight @ shifted**2 - (weight @ shifted) ** 2 / total
    return 1 - residual / variance


def bootstrap_interval(
    truth: np.ndarray, predicted: np.ndarray, resamples: int, seed: int
) -> np.ndarray:
    """95 % bootstrap interval (2, k) of R² over designs, by the percentiles of ``resamples``
    resamplings.
    """
    generator = np.random.default_rng(stream(seed, "bootstrap"))
    n = len(truth)
    values = [
        r_squared(
            truth, predicted, np.bincount(generator.integers(n, size=n), minlength=n).astype(float)
        )
        for _ in range(resamples)
    ]
    return np.quantile(values, [0.025, 0.975], axis=0)
