"""Forward and inverse networks.

`registry` lists the architectures, each a package here; `models` trains and loads their networks;
`interfaces` names what other code may expect of a forward and an inverse model.
"""

import os

from trussmap.learning.interfaces import ForwardModel, InverseModel

__all__ = ["ForwardModel", "InverseModel"]

# Torch reads this when it loads OpenMP. Threads that spin while they wait take ten times as long
# where another process is busy.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
