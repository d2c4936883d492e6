"""The command ``genesys-certs``: what Genesys Cloud presents, what the watcher would change, and how it is doing."""

from rotation_watcher import __version__

__all__ = ["PROGRAM", "__version__"]

PROGRAM = "genesys-certs"
