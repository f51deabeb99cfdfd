"""Lattices: the seven elementary ones, their compounds, their symmetry and the design descriptor."""
