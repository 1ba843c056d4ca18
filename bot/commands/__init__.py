"""The command line's edges: each file reads arguments, calls the core and prints. No rule lives here."""


class CommandFailed(Exception):
    """The command couldn't do it; the message says why and what to do. Ends with exit code 1."""
