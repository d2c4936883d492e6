"""Remember what never changes: certificates below ``seen/`` are written once and named by their fingerprint.

A look at a target reads the certificates of every accepted leaf. In a warm Lambda they are all known already, which
spares most of the calls of a quiet run. Whoever reads one still holds it against its fingerprint.
"""

from collections.abc import Sequence

from rotation_watcher.ports import ObjectStore, StoredObject, Written

_MOST = 1000
"""Objects kept; one is some 2 KB."""


class CachingStore:
    """``ports.ObjectStore`` over another one, asking it only once for each object below ``seen/``."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._known: dict[str, StoredObject] = {}

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self._store.bucket

    @property
    def region(self) -> str:
        """The region that the bucket lies in."""
        return self._store.region

    def get(self, key: str, *, version: str | None = None) -> StoredObject | None:
        """See ``ports.ObjectStore``. Absence is not remembered: the object may be written in a moment."""
        if "/seen/" not in key or version is not None:
            return self._store.get(key, version=version)
        known = self._known.get(key) or self._store.get(key)
        if known is not None and len(self._known) < _MOST:
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
