"""Numbers as text for a reader, and their place in a tree."""

from collections.abc import Iterator
from typing import Any

from trussmap.learning.registry import architectures

DASH = "–"
#: Keys of relative errors whose name does not say so.
_RELATIVE = {"control_point_error", "phase_error"}
#: Keys of squared errors whose name does not say so.
_SQUARED = {"path_error", "path_error_max", "end_error"}


def name_of(architecture: str) -> str:
    """Return the label of an architecture, or its key if it is unknown."""
    known = architectures()
    return known[architecture].label if architecture in known else architecture


def find(tree: Any, key: str) -> Any:
    """Return the value at a dotted key of a tree, or None.

    >>> find({"forward": {"polar": 1}}, "forward.polar")
    1
    """
    for name in key.split("."):
        if not isinstance(tree, dict) or name not in tree:
            return None
        tree = tree[name]
    return tree


def flatten(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the leaves of nested dictionaries as (dotted key, value).

    >>> dict(flatten({"forward": {"polar": 1}, "designs": 2}))
    {'forward.polar': 1, 'designs': 2}
    """
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def value_text(key: str, value: Any) -> str:
    """Return a number as text, in the unit that its key names.

    >>> value_text("same_topology_share", 0.0141), value_text("nmse_frobenius", 3.1e-3)
    ('1.41 %', '0.0031')
    """
    if value is None:
        return DASH
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        last = key.rsplit(".", 1)[-1]
        if (
            "share" in last
            or last in _RELATIVE
            or "relative_error" in last
            or "modulus_error" in last
        ):
            return percent(value)
        if "nmse" in last or last in _SQUARED:
            return squared(value)
        if "log_euclidean" in last:
            return f"{value:.3g}" if value >= 1e-6 else "< 0.000001"
        if key.startswith("r2."):
            return f"{value:.4f}"
        if "seconds" in last and "per_second" not in last:
            return duration(value)
    return plain(value)


def squared(value: float) -> str:
    """Return a squared error with two digits, or a bound.

    A constant of the target that is 0 up to rounding can make the componentwise error arbitrarily
    large, so numbers above the bound have no meaning.
    """
    if value >= 1e6:
        return "> 10⁶"
    if value < 1e-12:
        return "< 10⁻¹²"
    return f"{value:.2g}" if value < 100 else f"{float(f'{value:.2g}'):,.0f}"


def percent(value: float) -> str:
    """Return a share in %, with three significant figures.

    >>> percent(0.01234), percent(1e-9)
    ('1.23 %', '< 0.0001 %')
    """
    if 0 < value < 1e-6:  # This is rounding: no one can measure or make it.
        return "< 0.0001 %"
    return f"{100 * value:.3g} %" if abs(value) < 10 else f"{100 * value:,.0f} %"


def plain(value: Any, digits: int = 4) -> str:
    """Return a number with ``digits`` significant figures.

    Whole numbers are written in full, lists with commas, and words as they are.

    >>> plain(1234567), plain(0.123456), plain([1, 2.5])
    ('1,234,567', '0.1235', '1, 2.5')
    """
    if isinstance(value, list):
        return ", ".join(plain(item, digits) for item in value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, int) or (float(value).is_integer() and abs(value) < 1e15):
        return f"{int(value):,}"
    return f"{value:.{digits}g}"


def count(value: int | None) -> str:
    """Return a whole number as text, or a dash for None.

    >>> count(1000000), count(None)
    ('1,000,000', '–')
    """
    return DASH if value is None else f"{value:,}"


def duration(seconds: float) -> str:
    """Return seconds as text, in s, min or h.

    >>> duration(5.25), duration(600), duration(9000)
    ('5.25 s', '10.0 min', '2.5 h')
    """
    if seconds < 90:
        return f"{seconds:.3g} s"
    if seconds < 5400:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h"


def size(bytes_: float) -> str:
    """Return bytes as text, in B, kB, MB or GB.

    >>> size(2_500_000)
    '2.5 MB'
    """
    for unit in ("B", "kB", "MB"):
        if bytes_ < 1000:
            return f"{bytes_:.3g} {unit}"
        bytes_ /= 1000
    return f"{bytes_:.3g} GB"
