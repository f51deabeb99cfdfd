"""Effective stiffness of periodic beam lattices."""
