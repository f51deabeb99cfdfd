"""trussmap: from a stiffness tensor to a truss lattice that has it."""

from importlib.metadata import version

__version__ = version("trussmap")
