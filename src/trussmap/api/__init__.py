"""Lattices, their stiffness, and lattices that have a given stiffness, from Python: ``import
trussmap as tm``.

>>> import trussmap as tm
>>> octet = tm.Lattice.from_elementary("octet", relative_density=0.05)
>>> found = tm.homogenize(octet)
>>> found.stiffness[0, :3, :3].round(4)  # Voigt order 11, 22, 33, 23, 13, 12, over the base material's modulus
array([[0.0084, 0.0041, 0.0041],
       [0.0041, 0.0084, 0.0041],
       [0.0041, 0.0041, 0.0084]])
>>> found.stiffness[0].diagonal()[3:].round(4)  # engineering shear strains
array([0.0042, 0.0042, 0.0042])

And back, in MPa for a titanium alloy, with no octet truss allowed:

>>> designs = tm.design(114_000 * found.stiffness[0], youngs_modulus=114_000, topologies=[0, 2, 11], keep=1)
>>> bool(designs.to_frame()["topology"].isin([0, 2, 11]).all())
True

What both return, `Results`, draws itself (``plot``), prints itself (``to_stl``), is a page to turn
and to read (``to_html``) and a table (``to_frame``). Whatever cannot be used ends in `InputError`,
in one sentence that says what would be right.
"""

# Names that are handed on; `trussmap.__all__` lists them once.
from trussmap.api.functions import design as design
from trussmap.api.functions import differentiable_stiffness as differentiable_stiffness
from trussmap.api.functions import homogenize as homogenize
from trussmap.api.lattice import ELEMENTARY as ELEMENTARY
from trussmap.api.lattice import Lattice as Lattice
from trussmap.api.results import Results as Results
from trussmap.base.errors import InputError as InputError
from trussmap.lattice.graph import PeriodicGraph as PeriodicGraph
