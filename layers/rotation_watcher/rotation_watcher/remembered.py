"""What a container has read or written last, by key. An object counts only where an ETag confirms it."""

from rotation_watcher.packed import Packed
from rotation_watcher.ports import StoredObject

MOST = 16 * 1024 * 1024
"""The most bytes that a container remembers, as packed; a history or a record has some kilobytes."""


class Remembered:
    """Objects by key, ``MOST`` bytes of them at most."""

    def __init__(self) -> None:
        self.held = Packed(MOST)

    def get(self, key: str, etag: str) -> StoredObject | None:
        """What was read there, if it is what has this ETag."""
        return self.held.get(key, etag)

    def has(self, key: str) -> bool:
        """Whether anything is known of it, old or new."""
        return key in self.held

    def keep(self, key: str, stored: StoredObject) -> None:
        """Remember it. Where there is no more room, all else is forgotten."""
        if not self.held.keep(key, stored):
            self.held.clear()
            self.held.keep(key, stored)

    def forget(self) -> None:
        """Know nothing."""
        self.held.clear()
