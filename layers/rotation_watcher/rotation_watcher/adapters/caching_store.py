"""A cache for objects that never change: certificates below ``seen/`` are written once and named by fingerprint.

A snapshot of a target reads the certificates of every accepted leaf. A warm container has them in memory, which saves
most calls of a run that changes nothing. Readers still compare each certificate with its fingerprint.
"""

from collections.abc import Sequence

from rotation_watcher.ports import ObjectStore, StoredObject, Written

_MAX_OBJECTS = 1000
"""The most objects that are cached; one is about 2 KB."""


class CachingStore:
    """``ports.ObjectStore`` over another one, from which it reads each object below ``seen/`` once."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._known: dict[str, StoredObject] = {}

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self._store.bucket

    @property
    def region(self) -> str:
        """The AWS region of the bucket."""
        return self._store.region

    def get(self, key: str, *, version: str | None = None) -> StoredObject | None:
        """See ``ports.ObjectStore``. Absence is not cached: the object may be written later."""
        if "/seen/" not in key or version is not None:
            return self._store.get(key, version=version)
        known = self._known.get(key) or self._store.get(key)
        if known is not None and len(self._known) < _MAX_OBJECTS:
            self._known[key] = known
        return known

    def put(self, key: str, body: bytes, *, content_type: str) -> Written:
        """See ``ports.ObjectStore``."""
        return self._store.put(key, body, content_type=content_type)

    def put_if(self, key: str, body: bytes, *, etag: str | None, content_type: str) -> Written:
        """See ``ports.ObjectStore``."""
        return self._store.put_if(key, body, etag=etag, content_type=content_type)

    def list(self, prefix: str) -> Sequence[str]:
        """See ``ports.ObjectStore``."""
        return self._store.list(prefix)
