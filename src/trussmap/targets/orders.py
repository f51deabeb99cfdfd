"""Orders of the components of a stiffness, and their notation."""

from dataclasses import dataclass

import numpy as np

from trussmap.base.errors import InputError

#: Each order with the places of 11, 22, 33, 23, 13, 12 in it, and the factor of its shears.
NOTATIONS = {
    "voigt": ((0, 1, 2, 3, 4, 5), 1.0),
    "abaqus": ((0, 1, 2, 5, 4, 3), 1.0),
    "ansys": ((0, 1, 2, 4, 5, 3), 1.0),
    "mandel": ((0, 1, 2, 3, 4, 5), 2**0.5),
    "vasp": ((0, 1, 2, 4, 5, 3), 1.0),
}
#: Orders of the components, in words. All but ``mandel`` are of stress and engineering shear
#: strain.
ORDERS = {
    "voigt": "11, 22, 33, 23, 13, 12",
    "abaqus": "11, 22, 33, 12, 13, 23",
    "ansys": "11, 22, 33, 12, 23, 13 (VTK, LS-DYNA and VASP too)",
    "mandel": "11, 22, 33, √2·23, √2·13, √2·12 (Kelvin's)",
    "vasp": "11, 22, 33, 12, 23, 13 (its XX YY ZZ XY YZ ZX)",
}


@dataclass(frozen=True)
class Layout:
    """How a source holds constants.

    Attributes
    ----------
    order : of the components, one of ``ORDERS``
    compliance : whether matrices and constants are compliances S, per unit of Young's modulus, with
        engineering shear strains (S44 = 1/G23), in the order ``mandel`` as that notation has them
    worksheet : of a workbook; the first that holds constants by default

    Raises InputError for an order that is not known.
    """

    order: str = "voigt"
    compliance: bool = False
    worksheet: str = ""

    def __post_init__(self) -> None:
        if self.order not in ORDERS:
            raise InputError(f"order {self.order}: expected {', '.join(ORDERS)}.")

    @property
    def letter(self) -> str:
        """Letter of the constants' names."""
        return "S" if self.compliance else "C"


VOIGT = Layout()


def in_voigt_order(matrix: np.ndarray, order: str) -> np.ndarray:
    """Convert matrices (..., 6, 6) in one of ``ORDERS`` to Voigt notation.

    >>> in_voigt_order(np.diag([1, 2, 3, 12, 13, 23.0]), "abaqus").diagonal()
    array([ 1.,  2.,  3., 23., 13., 12.])
    """
    place, shear = NOTATIONS[order]
    scale = np.array([1, 1, 1, shear, shear, shear])
    matrix = np.asarray(matrix)
    return matrix[..., place, :][..., :, place] / (scale[:, None] * scale)


def in_order(matrix: np.ndarray, order: str) -> np.ndarray:
    """Convert matrices (..., 6, 6) in Voigt notation to one of ``ORDERS``.

    The inverse of `in_voigt_order`.

    >>> in_order(np.diag([1, 2, 3, 23, 13, 12.0]), "abaqus").diagonal()
    array([ 1.,  2.,  3., 12., 13., 23.])
    """
    place, shear = NOTATIONS[order]
    scale = np.array([1, 1, 1, shear, shear, shear])
    back = np.argsort(place)
    written = np.asarray(matrix) * scale[:, None] * scale
    return written[..., back, :][..., :, back]
