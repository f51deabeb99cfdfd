"""Regions filled with lattice, as printable files."""
