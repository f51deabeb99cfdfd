"""How what a network misses, 1 − R², falls with the compute of its training, and what that says of larger trainings."""

import numpy as np
from scipy.optimize import least_squares

from trussmap.streams import stream

#: Times the target; trainings that miss more are too short for a power law, which would go on to more than 1.
LARGEST = 10
#: The share of the resamples in an interval.
_INTERVAL = 0.9


def fit_trend(compute: np.ndarray, missing: np.ndarray, target: float, resamples: int, seed: int = 0) -> dict:
    """Fit 1 − R² = floor + a·C^(−b), with and without the floor, and say where it comes down to a ``target``.

    Parameters
    ----------
    compute : (n,) operations of the trainings
    missing : (n,) 1 − R² that they reached
    target : 1 − R² that is asked for; points far from it should be left out, see ``LARGEST``
    resamples : of the residuals, for the intervals

    Returns
    -------
    dict with ``points`` and ``levels`` of compute, and for ``power`` (no floor, three levels or more) and ``floor``
    (four or more) each: ``factor`` a (at C in units of the geometric mean of ``compute``, ``unit``), ``exponent`` b
    and ``floor``; ``deviation``, the standard deviation of the logarithm around the fit; ``compute``, at which the
    target is reached, None where it is not; and ``exponent_interval``, ``floor_interval`` and ``compute_interval``,
    of 90 % of the fits to resampled residuals, None for infinity. ``floor_by_chance`` is the share of the trends
    resampled around the fit *without* a floor in which one is found that is at least as high.
    """
    compute, missing = np.asarray(compute, float), np.asarray(missing, float)
    unit = float(np.exp(np.log(compute).mean())) if len(compute) else 1.0
    levels = len(np.unique(compute.round(-9)))
    x, y = np.log(compute / unit), np.log(missing)
    out = {"points": len(x), "levels": levels, "unit": unit}
    generator = np.random.default_rng(stream(seed, "trend"))
    for name, parameters in (("power", 2), ("floor", 3)):
        if levels <= parameters:
            continue
        best = _fit(x, y, parameters)
        residuals = y - _line(x, *best)
        spread = np.sqrt(len(x) / (len(x) - parameters))
        again = np.array(
            [
                _fit(x, _line(x, *best) + spread * generator.choice(residuals, len(x)), parameters)
                for _ in range(resamples)
            ]
        )
        reached = unit * _reached(again, target)
        out[name] = {
            "factor": float(np.exp(best[0])),
            "exponent": float(best[1]),
            "floor": float(best[2]),
            "deviation": float(np.sqrt((residuals**2).sum() / (len(x) - parameters))),
            "compute": _finite(unit * _reached(best[None], target)[0]),
            "exponent_interval": _interval(again[:, 1]),
            "floor_interval": _interval(again[:, 2]),
            "compute_interval": _interval(reached),
        }
        if name == "power":
            without, noise = best, spread * residuals
    if "floor" in out:
        drawn = [_line(x, *without) + generator.choice(noise, len(x)) for _ in range(resamples)]
        by_chance = [_fit(x, values, 3)[2] >= out["floor"]["floor"] for values in drawn]
        out["floor_by_chance"] = float(np.mean(by_chance))
    return out


def trend_at(fit: dict, compute: np.ndarray) -> np.ndarray:
    """1 − R² of a fit, ``power`` or ``floor`` of `fit_trend` with its ``unit``, at some compute (n,)."""
    return fit["floor"] + fit["factor"] * (np.asarray(compute, float) / fit["unit"]) ** -fit["exponent"]


def _line(x, log_factor, exponent, floor):
    """log(floor + a·exp(−b·x))."""
    return np.log(floor + np.exp(log_factor - exponent * x))


def _fit(x, y, parameters):
    """log a, b and floor (3,) of the least squares of the logarithm; ``parameters`` 2 holds the floor at 0."""
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


def _reached(parameters, target):
    """Compute (n,) in the fit's unit at which trends (n, 3) come down to a target; infinite where they never do."""
    log_factor, exponent, floor = parameters.T
    above = np.maximum(target - floor, 0)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        return np.where((above > 0) & (exponent > 0), np.exp((log_factor - np.log(above)) / exponent), np.inf)


def _interval(values):
    edges = np.quantile(values, [(1 - _INTERVAL) / 2, (1 + _INTERVAL) / 2], method="nearest")
    return [_finite(edge) for edge in edges]


def _finite(value):
    return float(value) if np.isfinite(value) else None
