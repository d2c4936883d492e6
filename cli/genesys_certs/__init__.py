"""The command ``genesys-certs``: what Genesys Cloud presents, what the watcher would change, and how it is doing."""

__version__ = "0.1.0"
PROGRAM = "genesys-certs"
