"""A store that asks for each object once: for a part of a run that reads the same ones again and again."""

from rotation_watcher.ports import ForwardingStore, ObjectStore, StoredObject

_LARGE = 256 * 1024
"""What is larger, in bytes, is not kept: a revocation list may have fifty megabytes."""


class OnceStore(ForwardingStore):
    """``ports.ObjectStore`` over another one, whose objects nobody writes through this one meanwhile.

    Absence is an answer like any other; what could not be read is asked for again.
    """

    def __init__(self, store: ObjectStore) -> None:
        super().__init__(store)
        self._read: dict[tuple[str, str | None], StoredObject | None] = {}

    def get(self, key: str, *, version: str | None = None) -> StoredObject | None:
        """See ``ports.ObjectStore``."""
        if (key, version) in self._read:
            return self._read[key, version]
        stored = self._store.get(key, version=version)
        if stored is None or len(stored.body) <= _LARGE:
            self._read[key, version] = stored
        return stored
