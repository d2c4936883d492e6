"""Service models that a process reads once: botocore searches 400 folders and reads some MB for each session.

moto opens a session for every service when it is imported, and the watcher one for every container.
"""

from typing import Any

from botocore.loaders import Loader

_read: dict[tuple[str, ...], dict[Any, Any]] = {}
"""What was read, by the folders that are searched for it."""


def share() -> None:
    """Let all sessions of this process share what they read, from now on."""

    def read(loader: Loader) -> dict[Any, Any]:
        return _read.setdefault(tuple(loader.search_paths), {})

    known: Any = Loader
    known._cache = property(read, lambda _loader, _empty: None)  # noqa: SLF001  # botocore's own: one for each session
