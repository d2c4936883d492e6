"""A store for one run that asks for what has changed: the folders are listed once, with the ETags of what lies there.

What an earlier run of the same container has read, and what its ETag says is still the same, is not asked for again. So
a run in which nothing is new costs one listing and the few objects outside of these folders, however many sources and
targets there are. The listing begins at the first folder and goes to the bucket's end: a call lists a thousand keys,
whatever lies between the folders is little, and a call for each folder would be most of what a small stack pays S3.
Of a folder that grows with time, and of which the newest are wanted (``Lately``), the oldest are not asked for.

What a run writes itself below these folders it remembers as written; what somebody else was faster to write is read
past the listing from then on.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from rotation_watcher.errors import Conflict
from rotation_watcher.packed import Packed
from rotation_watcher.ports import ForwardingStore, Listed, ObjectStore, StoredObject, Written

_MOST = 64 * 1024 * 1024
"""The most bytes that are remembered, as packed; a record has some kilobytes."""


_PAGE = 1000
"""The keys that S3 gives in one answer."""


class Lately(NamedTuple):
    """Of ``folder``, whose keys sort by time, all behind the first of ``since`` is wanted, and the newest ``least``.

    Where there are fewer, what lies behind the next one of ``since`` is asked for too, and so on.
    """

    folder: str
    since: Sequence[str]
    least: int


class Memory:
    """What a container has read, by key. ``refresh`` keeps what the last run asked for."""

    def __init__(self) -> None:
        self.known = Packed(_MOST)
        self.asked: set[str] = set()

    def begin(self) -> None:
        """A new run: what the last one did not ask for is forgotten."""
        if self.asked:
            self.known.only(self.asked)
        self.asked = set()

    def keep(self, key: str, stored: StoredObject) -> None:
        """Remember one object, if there is room."""
        self.asked.add(key)
        self.known.keep(key, stored)


class RememberingStore(ForwardingStore):
    """``ports.ObjectStore`` for one run, over a store that lists ETags; ``folders`` are what it lists.

    What begins with ``skip`` it is not asked for. ``lately``: the folder of which not all is wanted.
    """

    def __init__(
        self,
        store: ObjectStore,
        memory: Memory,
        folders: Sequence[str],
        *,
        skip: str = "",
        lately: Lately | None = None,
    ) -> None:
        super().__init__(store)
        self._memory = memory
        self._skip = skip
        self._lately = lately
        self._begin = ""
        """Behind which that folder was listed; empty: all of it."""
        self._folders = tuple(folders)
        self._listed: Mapping[str, Listed] | None = None
        self._written: dict[str, str | None] = {}
        """The ETags of what this run wrote; None: somebody else was faster, and nobody knows it."""
        memory.begin()

    def get(self, key: str, *, version: str | None = None) -> StoredObject | None:
        """See ``ports.ObjectStore``. Below a listed folder: as it was when that was listed, or newer."""
        skipped = bool(self._skip) and key.startswith(self._skip)
        if version is not None or skipped or not key.startswith(self._folders):
            return self._store.get(key, version=version)
        if key in self._written:
            etag = self._written[key]
        else:
            listed = self._all().get(key)
            if listed is None:
                return self._store.get(key) if self._is_earlier(key) else None
            etag = listed.etag
        self._memory.asked.add(key)
        if known := self._memory.known.get(key, etag):
            return known
        stored = self._store.get(key)
        if stored is not None:
            self._memory.keep(key, stored)
        return stored

    def put(self, key: str, body: bytes, *, content_type: str) -> Written:
        """See ``ports.ObjectStore``."""
        return self._remember(key, body, self._store.put(key, body, content_type=content_type))

    def put_if(self, key: str, body: bytes, *, etag: str | None, content_type: str) -> Written:
        """See ``ports.ObjectStore``."""
        try:
            written = self._store.put_if(key, body, etag=etag, content_type=content_type)
        except Conflict:
            self._written[key] = None
            raise
        return self._remember(key, body, written)

    def list(self, prefix: str) -> Sequence[str]:
        """See ``ports.ObjectStore``."""
        if not prefix.startswith(self._folders):
            return self._store.list(prefix)
        return sorted(self.listed(prefix))

    def listed(
        self, prefix: str, *, after: str = "", skip: Sequence[tuple[str, str]] = (), most: int | None = None
    ) -> Mapping[str, Listed]:
        """See ``ports.ObjectStore``. Behind the first of the folders: as it was when all was listed, however many."""
        if prefix < min(self._folders):
            return self._store.listed(prefix, after=after, skip=skip, most=most)
        return {key: one for key, one in self._all().items() if key.startswith(prefix) and key > after}

    def _remember(self, key: str, body: bytes, written: Written) -> Written:
        if key.startswith(self._folders):
            self._written[key] = written.etag
            self._memory.keep(key, StoredObject(body, written.etag, written.version))
        return written

    def _all(self) -> Mapping[str, Listed]:
        if self._listed is None:
            skip = [(self._skip, f"{self._skip[:-1]}{chr(ord(self._skip[-1]) + 1)}")] if self._skip else []
            if self._lately is not None:
                skip.append((self._lately.folder, self._lately.since[0]))
            found = self._store.listed("", after=min(self._folders), skip=skip)
            self._listed = found if self._lately is None else self._without_earlier(found, self._lately)
        return self._listed

    def _without_earlier(self, found: Mapping[str, Listed], lately: Lately) -> Mapping[str, Listed]:
        """The same without a gap in that folder: if its oldest fill an answer, what follows them was passed over."""
        folder, since, least = lately
        inside = {key: one for key, one in found.items() if key.startswith(folder)}
        wanted: Mapping[str, Listed] = {key: one for key, one in inside.items() if key > since[0]}
        if len(inside) - len(wanted) < _PAGE:
            return found
        self._begin = since[0]
        for earlier in (*since[1:], folder):
            if len(wanted) >= least:
                break
            self._begin = earlier
            wanted = self._store.listed(folder, after=earlier)
        return {**wanted, **{key: one for key, one in found.items() if key not in inside}}

    def _is_earlier(self, key: str) -> bool:
        return self._lately is not None and key.startswith(self._lately.folder) and key <= self._begin
