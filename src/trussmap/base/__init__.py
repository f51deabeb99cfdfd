"""Errors, files, caches, random numbers: what everything else stands on."""
