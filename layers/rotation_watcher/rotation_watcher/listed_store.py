"""The store of one run of collect: what its container still knows of histories and anchors is not read again.

Two listings say by ETag whether it is still what lies there, and what does not exist. Nothing else is ever taken from
memory: an object whose ETag is another one is read, and one that is not listed is not there, as to a read. A listing is
made in the run that goes by it, and S3 lists what was written before (strong consistency, S3 user guide). It can be
over a moment later, as any read can: each write of a history has the ETag of what was read as its condition, and a
history is answered for once, so that whoever lost a race reads past the listing. Anchors no function writes.

After ``KNOWN_FOR`` the container reads everything anew: then a permission that it lost is missed, too.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from rotation_watcher.ports import ForwardingStore, Listed, ObjectStore, StoredObject, Written
from rotation_watcher.remembered import Remembered

_ANCHORS = "anchors/"
FOLDERS = (_ANCHORS, "sources/")
_MOST = 1000
"""The most objects of a folder that are listed: of more the SDK would read a listing for longer than what it spares."""
KNOWN_FOR = timedelta(hours=1)
"""How long a container goes by what it has read."""


class Memory(Remembered):
    """What a container has read of histories and anchors, and since when."""

    _since: datetime | None = None

    def begin(self, now: datetime) -> None:
        """A run begins: forget all of it where it is old."""
        if self._since is None or not timedelta(0) <= now - self._since < KNOWN_FOR:
            self.forget()
            self._since = now


class ListedStore(ForwardingStore):
    """``ports.ObjectStore`` for one run, over another one. ``memory`` is the container's; only ``keys`` go by it."""

    def __init__(self, store: ObjectStore, memory: Memory, keys: Collection[str]) -> None:
        super().__init__(store)
        self._memory = memory
        self._keys = frozenset(key for key in keys if key.startswith(FOLDERS))
        self._listed: dict[str, Listed] | None = None
        self._asked: set[str] = set()

    def begin(self, now: datetime, worth: int) -> None:
        """List the folders, if the container knows so many of the keys. Raises nothing: what is not listed is read."""
        self._memory.begin(now)
        if sum(self._memory.has(self._named(key)) for key in self._keys) < worth:
            return
        listed: dict[str, Listed] = {}
        try:
            for folder in FOLDERS:
                listed |= self._store.listed(folder, most=_MOST)
        except Exception:  # noqa: BLE001  # whatever it is: what it says of a source is said where that is read
            return
        self._listed = listed

    def get(self, key: str, *, version: str | None = None) -> StoredObject | None:
        """See ``ports.ObjectStore``. Of a history the first answer is that of the listing, of anchors each one is."""
        if version is not None or key not in self._keys:
            return self._store.get(key, version=version)
        if self._listed is not None and key not in self._asked:
            if not key.startswith(_ANCHORS):
                self._asked.add(key)
            listed = self._listed.get(key)
            if listed is None:
                return None
            if known := self._memory.get(self._named(key), listed.etag):
                return known
        stored = self._store.get(key)
        if stored is not None:
            self._memory.keep(self._named(key), stored)
        return stored

    def put(self, key: str, body: bytes, *, content_type: str) -> Written:
        """See ``ports.ObjectStore``."""
        self._asked.add(key)
        return self._kept(key, body, self._store.put(key, body, content_type=content_type))

    def put_if(self, key: str, body: bytes, *, etag: str | None, content_type: str) -> Written:
        """See ``ports.ObjectStore``."""
        self._asked.add(key)
        return self._kept(key, body, self._store.put_if(key, body, etag=etag, content_type=content_type))

    def _kept(self, key: str, body: bytes, written: Written) -> Written:
        if key in self._keys:
            self._memory.keep(self._named(key), StoredObject(body, written.etag, written.version))
        return written

    def _named(self, key: str) -> str:
        return f"{self.bucket}/{key}"
