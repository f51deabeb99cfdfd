"""Engineering constants of compliances, and their derivatives."""

import numpy as np

from trussmap.tensors.stiffness import unpack

#: Engineering constants of a stiffness with compliance S: E1 = 1/S11, G23 = 1/S44, nu12 = −S12/S11
#: …
ENGINEERING = ("E1", "E2", "E3", "G23", "G13", "G12", "nu12", "nu13", "nu23")
_POISSON = ((0, 1), (0, 2), (1, 2))


def engineering_constants(compliance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``ENGINEERING`` constants (n, 9) of compliances (n, 21), and their derivatives (n, 9, 21)."""
    s = unpack(compliance)
    place = unpack(np.arange(21))
    value = np.empty((len(compliance), 9))
    slope = np.zeros((len(compliance), 9, 21))
    for k in range(6):
        value[:, k] = 1 / s[:, k, k]
        slope[:, k, place[k, k]] = -(value[:, k] ** 2)
    for k, (i, j) in enumerate(_POISSON, 6):
        value[:, k] = -s[:, i, j] / s[:, i, i]
        slope[:, k, place[i, j]] = -1 / s[:, i, i]
        slope[:, k, place[i, i]] = s[:, i, j] / s[:, i, i] ** 2
    return value, slope
