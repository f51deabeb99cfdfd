"""Stiffness targets as people have them, read, checked and weighed."""
