"""The study on one self-contained HTML page: figures, tables of published-versus-here, links to every intermediate."""

from trussmap.report.page import write_report

__all__ = ["write_report"]
