"""What a container has read or written last, by key. An object counts only where an ETag confirms it."""

from rotation_watcher.ports import StoredObject

MOST = 16 * 1024 * 1024
"""The most bytes that a container remembers; a history or a record has some kilobytes."""


class Remembered:
    """Objects by key, ``MOST`` bytes of them at most."""

    def __init__(self) -> None:
        self._held: dict[str, StoredObject] = {}
        self._size = 0

    def get(self, key: str, etag: str) -> StoredObject | None:
        """What was read there, if it is what has this ETag."""
        found = self._held.get(key)
        return found if found is not None and found.etag == etag else None

    def has(self, key: str) -> bool:
        """Whether anything is known of it, old or new."""
        return key in self._held

    def keep(self, key: str, stored: StoredObject) -> None:
        """Remember it. Where there is no more room, all else is forgotten."""
        self._size += len(stored.body) - len(before.body if (before := self._held.get(key)) else b"")
        self._held[key] = stored
        if self._size > MOST:
            self._held, self._size = {key: stored}, len(stored.body)

    def forget(self) -> None:
        """Know nothing."""
        self._held, self._size = {}, 0
