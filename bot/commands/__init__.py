"""The command line's edges: each file reads arguments, calls the core and prints. No rule lives here."""
