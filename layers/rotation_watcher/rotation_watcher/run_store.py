"""The store of one run of publish: what its targets share is read once, and no more is asked than can have changed.

What publish reads and never writes (``SHARED``) is read once, so all targets of a run are judged by the same histories,
anchors and lists: a snapshot that is never older than ``KNOWN_FOR``, nor than the run. Of the state of its targets
(``STATE``) a run that serves several asks for a listing, which says by ETag what an earlier run of the same container
still knows, and what does not exist. That answers the first time that an object is asked for, and no later one. It
can be wrong by then, as any read can: every write of state is conditional on the ETag that was read.
"""

from datetime import timedelta

from rotation_watcher import keys
from rotation_watcher.former_key import digest
from rotation_watcher.once_store import OnceStore
from rotation_watcher.ports import ForwardingStore, ObjectStore, StoredObject, Written
from rotation_watcher.reach import Reach
from rotation_watcher.remembered import Remembered

SHARED = ("sources/", "anchors/", "approvals/", "extra/", "crls/")
"""What publish never writes."""
STATE = ("targets/", "bundles/.")
"""What a run writes for single targets: records and what they load; what was added to them, and what they showed."""
KNOWN_FOR = timedelta(minutes=1)
"""How long a run goes by what it has read once: then it is read anew."""
_REMEMBERED = ".json"


type Place = tuple[str, Reach]
"""A service, and from where it is asked."""


class Memory(Remembered):
    """The state that a container has read or written last."""

    swept = False
    """Whether a sweep of this container has come to its end."""

    def __init__(self) -> None:
        super().__init__()
        self.silent: set[Place] = set()
        """Where the last target that was asked gave no answer."""

    def keep(self, key: str, stored: StoredObject) -> None:
        """Remember it, if it is of the state, and nobody asks for its version: an ETag says nothing of that."""
        if key.endswith(_REMEMBERED) and key.startswith(STATE) and not key.endswith(f"/{keys.FILTERS}"):
            super().keep(key, stored)


class RunStore(ForwardingStore):
    """``ports.ObjectStore`` for one run, over another one; ``memory`` is the container's."""

    def __init__(self, store: ObjectStore, memory: Memory) -> None:
        super().__init__(store)
        self._memory = memory
        self._shared = OnceStore(store)
        self._listed: dict[str, str] | None = None
        self._asked: set[str] = set()
        self._digests = True
        self._put: dict[tuple[str, str], StoredObject] = {}

    def list_state(self) -> None:
        """Ask for the listing of the state: for a run that serves several targets. Raises StoreError."""
        listed = self._store.listed("", after=min(STATE))  # a call lists a thousand keys: little lies between
        self._listed = {key: one.etag for key, one in listed.items() if key.startswith(STATE)}
        self._asked.clear()

    def forget(self) -> None:
        """Read anew what the targets share, and list the state again where that was done. Raises StoreError."""
        self._shared = OnceStore(self._store)
        if self._listed is not None:
            self.list_state()

    def holds(self, key: str, body: bytes) -> bool | None:
        """Whether the newest object there holds these bytes, by the listing alone; None where that is not known.

        An ETag is the digest of the bytes unless a KMS key encrypts them: once an object was seen that has another
        ETag, a difference says nothing.
        """
        if self._listed is None or key in self._asked or not key.startswith(STATE):
            return None
        etag = self._listed.get(key)
        if etag is None or etag == digest(body):
            return etag is not None
        return False if self._digests else None

    def get(self, key: str, *, version: str | None = None) -> StoredObject | None:
        """See ``ports.ObjectStore``. A version that this run has put is not read: no version ever changes."""
        if key.startswith(SHARED):
            return self._shared.get(key, version=version)
        if version is not None:
            return self._put.get((key, version)) or self._store.get(key, version=version)
        if self._listed is not None and key.startswith(STATE) and key not in self._asked:
            self._asked.add(key)
            etag = self._listed.get(key)
            if etag is None:
                return None
            if known := self._memory.get(key, etag):
                return self._seen(known)
        stored = self._store.get(key)
        if stored is not None:
            self._memory.keep(key, self._seen(stored))
        return stored

    def put(self, key: str, body: bytes, *, content_type: str) -> Written:
        """See ``ports.ObjectStore``."""
        return self._kept(key, body, self._store.put(key, body, content_type=content_type))

    def put_if(self, key: str, body: bytes, *, etag: str | None, content_type: str) -> Written:
        """See ``ports.ObjectStore``."""
        self._asked.add(key)
        return self._kept(key, body, self._store.put_if(key, body, etag=etag, content_type=content_type))

    def _kept(self, key: str, body: bytes, written: Written) -> Written:
        self._asked.add(key)
        stored = self._seen(StoredObject(body, written.etag, written.version))
        self._memory.keep(key, stored)
        if written.version is not None and key.startswith("targets/") and not key.endswith(_REMEMBERED):
            self._put = {(key, written.version): stored}
        return written

    def _seen(self, stored: StoredObject) -> StoredObject:
        self._digests = self._digests and stored.etag == digest(stored.body)
        return stored


def holds(store: ObjectStore, key: str, body: bytes) -> bool | None:
    """See ``RunStore.holds``; None for a store that knows no listing."""
    return store.holds(key, body) if isinstance(store, RunStore) else None
