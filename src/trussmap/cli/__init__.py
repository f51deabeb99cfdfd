"""`trussmap …`: homogenize lattices and design new ones without running a study.

Bad input ends in one sentence on stderr and exit code 2, and leaves no file behind. Modules that
take long to load are imported inside the commands, so that `trussmap --help` answers at once.
"""

from trussmap.cli import design, grading, homogenize, parts, study
from trussmap.cli.commands import app, main

__all__ = ["app", "design", "grading", "homogenize", "main", "parts", "study"]
