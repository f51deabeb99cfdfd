"""Trend of a network's 1 − R² with the compute of its training.

The fitted trend says how much compute a larger training needs to reach a target.
"""

from collections.abc import Mapping
from typing import Any, Literal, TypedDict

import numpy as np
from scipy.optimize import least_squares

from trussmap.base.streams import stream

#: Largest 1 − R² to fit, in multiples of the target. Trainings that miss more are too short for a
#: power law, which would continue to values above 1.
LARGEST = 10
# Share of the resamples in an interval.
_INTERVAL = 0.9

#: Names of the two fits, with the number of their parameters.
FITS: dict[Literal["power", "floor"], int] = {"power": 2, "floor": 3}


class Fit(TypedDict):
    """Parameters of a fit and their intervals; None stands for infinity."""

    factor: float
    exponent: float
    floor: float
    deviation: float
    compute: float | None
    exponent_interval: list[float | None]
    floor_interval: list[float | None]
    compute_interval: list[float | None]


class Trend(TypedDict, total=False):
    """Fits of `fit_trend`, as far as there are enough levels of compute."""

    points: int
    levels: int
    unit: float
    power: Fit
    floor: Fit
    floor_by_chance: float


def fit_trend(
    compute: np.ndarray, missing: np.ndarray, target: float, resamples: int, seed: int = 0
) -> Trend:
    """Fit 1 − R² = floor + a·C^(−b), with and without the floor.

    Parameters
    ----------
    compute : (n,) operations of the trainings
    missing : (n,) their 1 − R²
    target : 1 − R² to reach; points far from it should be left out, see ``LARGEST``
    resamples : of the residuals, for the intervals

    Returns
    -------
    dict with ``points`` and ``levels`` of compute, and for ``power`` (no floor, three levels or
    more) and ``floor`` (four or more) each: ``factor`` a (at C in units of the geometric mean of
    ``compute``, ``unit``), ``exponent`` b and ``floor``; ``deviation``, the standard deviation of
    the logarithm around the fit; ``compute``, at which the target is reached, None where it is not;
    and ``exponent_interval``, ``floor_interval`` and ``compute_interval``, of 90 % of the fits to
    resampled residuals, None for infinity. ``floor_by_chance`` is the share of the trends resampled
    around the fit *without* a floor whose fitted floor is at least as high.
    """
    compute = np.asarray(compute, float)
    missing = np.asarray(missing, float)
    unit = float(np.exp(np.log(compute).mean())) if len(compute) else 1.0
    levels = len(np.unique(compute.round(-9)))
    x = np.log(compute / unit)
    y = np.log(missing)
    trend: Trend = {"points": len(x), "levels": levels, "unit": unit}

    generator = np.random.default_rng(stream(seed, "trend"))
    simulated: list[np.ndarray] = []  # the fit without a floor, and its residuals
    for name, parameters in FITS.items():
        if levels <= parameters:
            continue
        best = _fit(x, y, parameters)
        line = _line(x, *best)
        residuals = y - line
        spread = np.sqrt(len(x) / (len(x) - parameters))
        resampled = np.array(
            [
                _fit(x, line + spread * generator.choice(residuals, len(x)), parameters)
                for _ in range(resamples)
            ]
        )
        trend[name] = _described(best, residuals, resampled, parameters, unit, target)
        if name == "power":
            simulated = [line, spread * residuals]

    if "floor" in trend:
        line, noise = simulated
        drawn = [line + generator.choice(noise, len(x)) for _ in range(resamples)]
        by_chance = [_fit(x, values, 3)[2] >= trend["floor"]["floor"] for values in drawn]
        trend["floor_by_chance"] = float(np.mean(by_chance))
    return trend


def trend_at(fit: Mapping[str, Any], compute: np.ndarray) -> np.ndarray:
    """Evaluate a fit of `fit_trend` at some compute (n,).

    ``fit`` is ``power`` or ``floor`` of a trend, with the trend's ``unit`` among its keys. The
    result (n,) is 1 − R².
    """
    relative = np.asarray(compute, float) / fit["unit"]
    return fit["floor"] + fit["factor"] * relative ** -fit["exponent"]


def _described(
    best: np.ndarray,
    residuals: np.ndarray,
    resampled: np.ndarray,
    parameters: int,
    unit: float,
    target: float,
) -> Fit:
    """Describe best parameters (3,) by resampled ones (resamples, 3)."""
    freedom = len(residuals) - parameters
    return {
        "factor": float(np.exp(best[0])),
        "exponent": float(best[1]),
        "floor": float(best[2]),
        "deviation": float(np.sqrt((residuals**2).sum() / freedom)),
        "compute": _finite(unit * _compute_for(best[None], target)[0]),
        "exponent_interval": _interval(resampled[:, 1]),
        "floor_interval": _interval(resampled[:, 2]),
        "compute_interval": _interval(unit * _compute_for(resampled, target)),
    }


def _line(x: np.ndarray, log_factor: float, exponent: float, floor: float) -> np.ndarray:
    """Compute log(floor + a·exp(−b·x)) (n,)."""
    return np.log(floor + np.exp(log_factor - exponent * x))


def _fit(x: np.ndarray, y: np.ndarray, parameters: int) -> np.ndarray:
    """Fit log a, b and floor (3,) by least squares of the logarithm.

    With two ``parameters`` the floor is 0.
    """
    slope, start = np.polyfit(x, y, 1)
    if parameters == 2:
        return np.array([start, -slope, 0.0])

    top = np.exp(y.min())
    fits = [
        least_squares(
            lambda p: _line(x, p[0], p[1], p[2] * top) - y,
            [start, max(-slope, 0.05) * (1 + share), share],
            bounds=([-np.inf, 0, 0], [np.inf, 10, 2]),
        )
        for share in (0.0, 0.5, 0.9)
    ]
    best = min(fits, key=lambda fit: fit.cost).x
    return np.array([best[0], best[1], best[2] * top])


def _compute_for(parameters: np.ndarray, target: float) -> np.ndarray:
    """Compute (n,) in the fit's unit at which trends (n, 3) reach a target.

    It is infinite where they never do.
    """
    log_factor, exponent, floor = parameters.T
    above = np.maximum(target - floor, 0)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        compute = np.exp((log_factor - np.log(above)) / exponent)
        return np.where((above > 0) & (exponent > 0), compute, np.inf)


def _interval(values: np.ndarray) -> list[float | None]:
    """Edges of the interval that holds ``_INTERVAL`` of the values."""
    shares = [(1 - _INTERVAL) / 2, (1 + _INTERVAL) / 2]
    edges = np.quantile(values, shares, method="nearest")
    return [_finite(edge) for edge in edges]


def _finite(value: float) -> float | None:
    """Convert a number for JSON: None stands for what is not finite."""
    return float(value) if np.isfinite(value) else None
