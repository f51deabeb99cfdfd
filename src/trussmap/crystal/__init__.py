"""Crystal networks: the catalogue in text form, space groups, and a generated catalogue of our own."""
