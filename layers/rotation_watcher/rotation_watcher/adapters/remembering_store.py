"""A store for one run that asks for what has changed: the folders are listed once, with the ETags of what lies there.

What an earlier run of the same container has read, and what its ETag says is still the same, is not asked for again. So
a run in which nothing is new costs one listing and the few objects outside of these folders, however many sources and
targets there are. The listing begins at the first folder and goes to the bucket's end: a call lists a thousand keys,
whatever lies between the folders is little, and a call for each folder would be most of what a small stack pays S3.
"""

from collections.abc import Mapping, Sequence

from rotation_watcher.ports import ForwardingStore, ObjectStore, StoredObject

_MOST = 64 * 1024 * 1024
"""The most bytes that are remembered; a record has some kilobytes."""


class Memory:
    """What a container has read, by key. ``refresh`` keeps what the last run asked for."""

    def __init__(self) -> None:
        self.known: dict[str, StoredObject] = {}
        self.asked: set[str] = set()

    def begin(self) -> None:
        """A new run: what the last one did not ask for is forgotten."""
        if self.asked:
            self.known = {key: one for key, one in self.known.items() if key in self.asked}
        self.asked = set()

    def keep(self, key: str, stored: StoredObject) -> None:
        """Remember one object, if there is room."""
        if sum(len(one.body) for one in self.known.values()) + len(stored.body) <= _MOST:
            self.known[key] = stored


class RememberingStore(ForwardingStore):
    """``ports.ObjectStore`` for one run, over a store that lists ETags; ``folders`` are what it lists.

    It writes outside of them. What begins with ``skip`` it is not asked for.
    """

    def __init__(self, store: ObjectStore, memory: Memory, folders: Sequence[str], *, skip: str = "") -> None:
        super().__init__(store)
        self._memory = memory
        self._skip = skip
        self._folders = tuple(folders)
        self._listed: Mapping[str, str] | None = None
        memory.begin()

    def get(self, key: str, *, version: str | None = None) -> StoredObject | None:
        """See ``ports.ObjectStore``. Below a listed folder: as it was when that was listed, or newer."""
        skipped = bool(self._skip) and key.startswith(self._skip)
        if version is not None or skipped or not key.startswith(self._folders):
            return self._store.get(key, version=version)
        etag = self._etags().get(key)
        if etag is None:
            return None
        self._memory.asked.add(key)
        known = self._memory.known.get(key)
        if known is not None and known.etag == etag:
            return known
        stored = self._store.get(key)
        if stored is not None:
            self._memory.keep(key, stored)
        return stored

    def list(self, prefix: str) -> Sequence[str]:
        """See ``ports.ObjectStore``."""
        if not prefix.startswith(self._folders):
            return self._store.list(prefix)
        return sorted(key for key in self._etags() if key.startswith(prefix))

    def _etags(self) -> Mapping[str, str]:
        if self._listed is None:
            self._listed = self._store.etags("", after=min(self._folders), skip=self._skip)
        return self._listed
