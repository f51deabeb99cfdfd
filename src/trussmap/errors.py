"""The one exception for what a user can mend."""


class InputError(ValueError):
    """Bad input; the message is one sentence that names file, row and column and says what would be right."""
