"""Forward and inverse networks. `registry` lists the architectures, each a package here; `models` trains and loads."""

import os

# Before torch loads OpenMP: threads that spin while they wait cost a factor of ten where another process is busy.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
