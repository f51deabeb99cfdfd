"""Data sets of designs, tables of users, and the closest known design."""
