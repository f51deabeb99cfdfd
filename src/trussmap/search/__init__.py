"""From targets to ranked and refined lattices."""
