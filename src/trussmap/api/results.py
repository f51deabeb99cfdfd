"""Lattices with their stiffness and what else is known of them."""

from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Unpack, overload

import numpy as np
import pandas as pd

from trussmap.api.checks import FileName, with_ending
from trussmap.api.lattice import Lattice, PartRegion
from trussmap.tensors.stiffness import unpack

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from trussmap.parts.fill import Part


class Results(Sequence[Lattice]):
    """Lattices and what is known of them: a sequence of `Lattice`, with a row each in a table.

    Attributes
    ----------
    youngs_modulus : of the base material, in whose units the results are
    """

    def __init__(
        self,
        table: pd.DataFrame,
        lattice_of: Callable[[int], Lattice],
        youngs_modulus: float,
        stiffness: np.ndarray,
        targets: Sequence[Mapping[str, float]] = (),
    ) -> None:
        """Hold n results.

        Parameters
        ----------
        table : n rows, in the units of ``youngs_modulus``
        lattice_of : the lattice of a row
        stiffness : (n, 21), base modulus 1
        targets : constants of each row's target, where there are targets
        """
        self._table = table
        self._lattice_of = lattice_of
        self._stiffness = stiffness
        self._targets = targets
        self.youngs_modulus = youngs_modulus

    def __len__(self) -> int:
        return len(self._table)

    @overload
    def __getitem__(self, index: int) -> Lattice: ...
    @overload
    def __getitem__(self, index: slice) -> list[Lattice]: ...
    def __getitem__(self, index: int | slice) -> Lattice | list[Lattice]:
        if isinstance(index, slice):
            return [self._lattice_of(row) for row in range(len(self))[index]]
        return self._lattice_of(range(len(self))[index])

    def __repr__(self) -> str:
        return repr(self._table)

    def _repr_html_(self) -> str:
        return self._table._repr_html_()  # type: ignore[operator]  # pandas, for notebooks

    @property
    def stiffness(self) -> np.ndarray:
        """Effective stiffness by finite elements, (n, 6, 6) in Voigt form.

        It is in the units of ``youngs_modulus``.
        """
        return self.youngs_modulus * unpack(self._stiffness)

    def to_frame(self) -> pd.DataFrame:
        """Table with a row for each lattice, stiffness in the units of ``youngs_modulus``."""
        return self._table.copy()

    def plot(self, path: FileName | None = None, which: int = 0) -> "Figure":
        """Draw the cell of one of the lattices beside its directional Young's modulus.

        The figure is also written to ``path`` (PNG).
        """
        from trussmap.figures.cell import plot

        lattice = self[which]
        picture = path and with_ending(path, ".png")
        return plot(lattice.graph, lattice.relative_density, self._stiffness[which], picture)

    def to_html(
        self,
        path: FileName | None = None,
        which: int = 0,
        cell_size_mm: float | None = None,
        unit: str = "",
        **region: Unpack[PartRegion],
    ) -> str:
        """Return one self-contained page of one of the lattices, beside its target if it has one.

        Also written to ``path``. With a ``cell_size_mm`` lengths are in mm and a part is shown,
        ``region`` as of `Lattice.part`. ``unit`` is the name of the units of ``youngs_modulus``.

        >>> import trussmap as tm
        >>> octet = tm.Lattice.from_elementary("octet", relative_density=0.05)
        >>> results = tm.homogenize(octet, youngs_modulus=114_000)
        >>> "pore size" in results.to_html(cell_size_mm=2, unit="MPa")
        True
        """
        from trussmap.base.io import atomic_path
        from trussmap.designs.table import sizes_mm
        from trussmap.report.design import design_page

        which = range(len(self))[which]
        lattice = self[which]
        picture = BytesIO()
        self.plot(which=which).savefig(picture, dpi=200, format="png")
        row = self._row(which)
        part = None
        if cell_size_mm is not None:
            part = lattice.part(cell_size_mm, **region)
            row |= sizes_mm(lattice.graph, lattice.relative_density, cell_size_mm)
        page = design_page(
            row,
            self._targets[which] if self._targets else None,
            origin={"Young's modulus of the base material": self.youngs_modulus},
            unit=unit,
            cell_size_mm=cell_size_mm,
            graph=lattice.graph,
            part=part,
            picture=picture,
        )
        if path is not None:
            with atomic_path(path) as temporary:
                temporary.write_text(page, encoding="utf-8")
        return page

    def _row(self, which: int) -> dict[str, object]:
        """Row of the table with all that is derived of its stiffness."""
        from trussmap.designs.table import DERIVED, in_users_units

        row = self._table.iloc[[which]]
        if not {*DERIVED} <= {*row}:
            row = in_users_units(row, 1.0)
        return {str(name): value for name, value in row.iloc[0].to_dict().items()}

    def to_stl(
        self, path: FileName, cell_size_mm: float, which: int = 0, **region: Unpack[PartRegion]
    ) -> "Part":
        """Write one of the lattices as `Lattice.to_stl` does."""
        return self[which].to_stl(path, cell_size_mm, **region)
