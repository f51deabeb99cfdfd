"""Forward and inverse networks."""

from trussmap.learning.models import load_forward, load_inverse, train_model

__all__ = ["load_forward", "load_inverse", "train_model"]
