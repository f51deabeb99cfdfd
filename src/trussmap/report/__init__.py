"""A study on one self-contained HTML page.

It has the figures, tables of published numbers beside those computed here, and links to all files.
"""

from trussmap.report.page import write_report

__all__ = ["write_report"]
