"""Stiffness tensors: notations, rotations, distances, constants and symmetry."""
