"""Forward and inverse networks."""

import os

# Before torch loads OpenMP: threads that spin while they wait cost a factor of ten where another process is busy.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from trussmap.learning.models import load_forward, load_inverse, pretrained, train_model

__all__ = ["load_forward", "load_inverse", "pretrained", "train_model"]
