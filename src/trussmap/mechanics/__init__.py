"""Beams and solids: effective stiffness, strength and errors of a printer."""
