"""Forward and inverse networks."""
