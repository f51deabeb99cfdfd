"""One module per figure of the paper; the shared look is in ``style``."""
