"""A bucket that may be read and is never written: what is put stays in this process's memory."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from rotation_watcher.errors import Conflict
from rotation_watcher.former_key import digest
from rotation_watcher.ports import Listed, ObjectStore, StoredObject, Version, Written

_NO_TIME = datetime.min.replace(tzinfo=UTC)


class OverlayStore:
    """``ports.ObjectStore`` over another one (or none): reads fall through, writes stay here.

    With it collect and publish run wholly, on the real state, and leave no trace.
    """

    def __init__(self, below: ObjectStore | None, bucket: str = "nowhere") -> None:
        self._below = below
        self._bucket = below.bucket if below else bucket
        self._held: dict[str, bytes] = {}

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self._bucket

    @property
    def region(self) -> str:
        """The region that the bucket lies in."""
        return self._below.region if self._below else ""

    def get(self, key: str, *, version: str | None = None) -> StoredObject | None:
        """What was put here, else what lies below. A version is always one of those below."""
        if key in self._held and version is None:
            return StoredObject(self._held[key], digest(self._held[key]), None)
        return self._below.get(key, version=version) if self._below else None

    def put(self, key: str, body: bytes, *, content_type: str) -> Written:
        """Keep it in memory."""
        del content_type
        self._held[key] = body
        return Written(digest(body), None)

    def put_if(self, key: str, body: bytes, *, etag: str | None, content_type: str) -> Written:
        """As ``put``; raises Conflict as a real store would."""
        known = self.get(key)
        if (known.etag if known else None) != etag:
            raise Conflict(key)
        return self.put(key, body, content_type=content_type)

    def list(self, prefix: str) -> Sequence[str]:
        """The keys of both."""
        below = self._below.list(prefix) if self._below else ()
        return sorted({*below, *(key for key in self._held if key.startswith(prefix))})

    def listed(
        self, prefix: str, *, after: str = "", skip: Sequence[tuple[str, str]] = (), most: int | None = None
    ) -> Mapping[str, Listed]:
        """The same with ETags and when each was written; of what was put here, no time."""
        below = self._below.listed(prefix, after=after, skip=skip, most=most) if self._below else {}
        held = {key: Listed(digest(body), _NO_TIME) for key, body in self._held.items() if key.startswith(prefix)}
        return {**below, **{key: one for key, one in held.items() if key > after}}

    def versions_of(self, key: str, *, until: datetime | None = None) -> Sequence[Version]:
        """Those below."""
        return self._below.versions_of(key, until=until) if self._below else ()

    def deleted(self, key: str) -> bool:
        """What was put here is there."""
        return self._below.deleted(key) if self._below and key not in self._held else False

    def under_former_key(self, key: str, version: str) -> bool:
        """What was put here lies under no key."""
        return self._below.under_former_key(key, version) if self._below and key not in self._held else False
