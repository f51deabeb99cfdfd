"""Crystal networks: periodic lattices that are no compound of the elementary ones."""
