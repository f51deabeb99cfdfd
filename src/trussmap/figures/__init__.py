"""Figures, a module each.

``style`` has their common look, and ``draw`` draws trusses and surfaces.
"""
