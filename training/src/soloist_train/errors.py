"""The one exception that the command line prints as a plain sentence."""


class TrainingError(Exception):
    """Input that cannot be used; the message says what was found and what to do."""
