"""A cache for objects that never change.

Certificates below ``seen/`` are written once and named by fingerprint, and publish asks for the index of a revocation
list by its version. A snapshot of a target reads those of every accepted leaf. A warm container has them in memory,
which saves most calls of a run that changes nothing. Readers still compare each with its fingerprint or digest.
"""

from rotation_watcher.ports import ForwardingStore, ObjectStore, StoredObject

_MAX_OBJECTS = 1000
"""The most objects that are cached; a certificate is about 2 KB."""
_MAX_INDEX = 32 * 1024
"""The longest index that is cached, in bytes: some thousand entries."""


class CachingStore(ForwardingStore):
    """``ports.ObjectStore`` over another one, from which it reads each object below ``seen/`` once.

    With ``indexes`` also each version of an index: not for a reader that has to notice that one was deleted.
    """

    def __init__(self, store: ObjectStore, *, indexes: bool = False) -> None:
        super().__init__(store)
        self._indexes = indexes
        self._known: dict[tuple[str, str | None], StoredObject] = {}

    def get(self, key: str, *, version: str | None = None) -> StoredObject | None:
        """See ``ports.ObjectStore``. Absence is not cached: the object may be written later."""
        of_index = self._indexes and key.endswith("/index.bin") and version is not None
        if not of_index and ("/seen/" not in key or version is not None):
            return self._store.get(key, version=version)
        known = self._known.get((key, version)) or self._store.get(key, version=version)
        if known is not None and len(self._known) < _MAX_OBJECTS and not (of_index and len(known.body) > _MAX_INDEX):
            self._known[key, version] = known
        return known
